use hierarch::prelude::*;

model! {
    pub Example {
        global n ~ Normal(5.0, 1.0);
        plate spots(1..=n) {
            observe x ~ Normal(0.0, 1.0);
        }
    }
}

fn main() {}
