use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        plate events(10) {
            given x;
            observe y ~ Normal(mu * x, 1.0);
        }
    }
}

fn main() {}
