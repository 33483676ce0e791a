use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            observe x: Option ~ Normal(mu, 1.0);
            observe y: Option ~ Normal(mu, 1.0);
            observe z: Option ~ Normal(mu, 1.0);
            observe w: Option ~ Normal(mu, 1.0);
            missing x ~ Bernoulli(logit = x);
            missing y ~ Bernoulli(logit = mu);
            missing z ~ Poisson(1.0);
            missing w ~ Bernoulli(gone);
        }
    }
}

fn main() {}
