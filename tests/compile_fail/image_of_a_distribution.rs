use hierarch::prelude::*;

model! {
    pub Example {
        plate events(10) {
            observe table: [[f64; 3]; 2] ~ Normal(0.0, 1.0);
        }
    }
}

fn main() {}
