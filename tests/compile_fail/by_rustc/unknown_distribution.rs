use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normall(0.0, 1.0);
        observe y ~ Normal(mu, 1.0);
    }
}

fn main() {}
