use hierarch::prelude::*;

model! {
    pub Example {
        global heads ~ Bernoulli(0.5);
        nuisance count ~ Poisson(3.0);
        observe y ~ Normal(if heads { 1.0 } else { 0.0 }, 1.0);
    }
}

fn main() {}
