use hierarch::prelude::*;

model! {
    pub Example {
        global mu[2][3] ~ Normal(0.0, 1.0);
        observe y ~ Normal(0.0, 1.0);
    }
}

fn main() {}
