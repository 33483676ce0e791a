use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            observe x ~ Normal(mu, 1.0);
            missing x ~ Bernoulli(0.2);
        }
    }
}

model! {
    pub Other {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            observe x: Option ~ Normal(mu, 1.0);
            missing y ~ Bernoulli(0.2);
        }
    }
}

fn main() {}
