use hierarch::prelude::*;

model! {
    pub Example {
        plate subjects(5) {
            local able ~ Bernoulli(0.5);
        }
        plate answers(10) {
            given subject: index(subjects);
            observe y ~ Normal(if able[subject] { 1.0 } else { 0.0 }, 1.0);
        }
    }
}

fn main() {}
