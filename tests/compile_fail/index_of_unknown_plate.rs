use hierarch::prelude::*;

model! {
    pub Example {
        plate answers(10) {
            given subject: index(people);
            observe y ~ Normal(0.0, 1.0);
        }
    }
}

fn main() {}
