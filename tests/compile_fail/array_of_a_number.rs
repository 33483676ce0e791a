use hierarch::prelude::*;

model! {
    pub Covariates {
        global b ~ Normal(0.0, 1.0);
        plate rows(1..=9) {
            given x: [f64; 2] ~ Uniform(0.0, 3.0);
            observe y: [f64; 2] ~ Normal(b * x[0], 1.0);
        }
    }
}

fn main() {}
