use hierarch::prelude::*;

model! {
    pub Example {
        global heads[3] ~ Bernoulli(0.5);
        nuisance count ~ Poisson(3.0);
        observe y ~ Normal(if heads[0] { 1.0 } else { count }, 1.0);
    }
}

fn main() {}
