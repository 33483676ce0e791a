use hierarch::prelude::*;

model! {
    pub Example {
        global mass ~ Normal(0.0, 1.0);
        plate events(10) {
            let mass = 2.0;
            observe x ~ Normal(mass, 1.0);
        }
    }
}

fn main() {}
