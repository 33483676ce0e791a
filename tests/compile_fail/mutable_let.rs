use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        let mut twice = 2.0 * mu;
        observe y ~ Normal(twice, 1.0);
    }
}

fn main() {}
