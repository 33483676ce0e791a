use hierarch::prelude::*;

model! {
    pub Example {
        plate subjects(5) {
            local ability ~ Normal(0.0, 1.0);
        }
        plate answers(10) {
            given subject: index(subjects);
            observe y ~ Normal(ability, 1.0);
        }
    }
}

fn main() {}
