use hierarch::prelude::*;

model! {
    pub Example {
        global low ~ Normal(high, 1.0);
        global high ~ Normal(0.0, 1.0);
        plate events(10) {
            observe x ~ Normal(low, 1.0);
        }
    }
}

fn main() {}
