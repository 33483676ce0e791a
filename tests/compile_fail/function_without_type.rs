use hierarch::prelude::*;

fn blur(x: f64, _: &mut hierarch::simulate::Stream) -> f64 {
    x
}

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        observe y ~ blur(mu);
    }
}

fn main() {}
