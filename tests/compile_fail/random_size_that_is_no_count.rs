use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normal(0.0, 1.0);
        plate events(n ~ Normal(mu, 1.0)) {
            observe y ~ Normal(mu, 1.0);
        }
    }
}

fn main() {}
