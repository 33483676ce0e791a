use hierarch::prelude::*;

model! {
    pub Example {
        global mu ~ Normal(0.0);
        plate events(10) {
            observe x ~ Truncated(Cauchy(mu), 0.0, 1.0);
        }
    }
}

fn main() {}
