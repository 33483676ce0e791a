use hierarch::prelude::*;

fn blur(x: f64, _: &mut hierarch::simulate::Stream) -> f64 {
    x
}

model! {
    pub Example {
        global mu: f64 ~ blur(0.0);
        observe y ~ Normal(mu, 1.0);
    }
}

fn main() {}
