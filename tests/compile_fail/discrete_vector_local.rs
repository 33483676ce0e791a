use hierarch::prelude::*;

model! {
    pub Example {
        plate events(10) {
            local on[3] ~ Bernoulli(0.5);
            observe y ~ Normal(0.0, 1.0);
        }
    }
}

fn main() {}
