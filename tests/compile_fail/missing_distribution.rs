use hierarch::prelude::*;

model! {
    pub Example {
        global mu;
        observe y ~ Normal(mu, 1.0);
    }
}

fn main() {}
