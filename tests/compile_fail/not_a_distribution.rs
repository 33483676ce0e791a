use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ 3.0;
        observe y ~ Normal(mu, 1.0);
    }
}

fn main() {}
