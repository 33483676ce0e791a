use hierarch::prelude::*;

model! {
    pub Example {
        plate events(10) {
            given name: String;
            observe y ~ Normal(0.0, 1.0);
        }
    }
}

fn main() {}
