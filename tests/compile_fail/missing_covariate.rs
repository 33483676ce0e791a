use hierarch::prelude::*;

model! {
    pub Example {
        global slope ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            given x: Option<f64>;
            observe y ~ Normal(slope * x, 1.0);
        }
    }
}

fn main() {}
