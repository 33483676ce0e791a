use hierarch::prelude::*;

model! {
    pub Example {
        param n: usize = 3;
        global mu[n] ~ Normal(0.0, 1.0);
        observe y ~ Normal(0.0, 1.0);
    }
}

fn main() {}
