use hierarch::prelude::*;

model! {
    pub Example {
        global mass ~ Normal(0.0, 1.0);
        plate events(10) {
            observe x ~ Normal(mass, noise);
        }
    }
}

fn main() {}
