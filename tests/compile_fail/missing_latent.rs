use hierarch::prelude::*;

model! {
    pub Example {
        global slope: Option ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            observe y ~ Normal(slope, 1.0);
        }
    }
}

fn main() {}
