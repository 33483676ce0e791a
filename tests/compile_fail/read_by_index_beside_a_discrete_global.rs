use hierarch::prelude::*;

model! {
    pub Example {
        global on ~ Bernoulli(0.5);
        plate subjects(5) {
            local ability ~ Normal(0.0, 1.0);
            observe score ~ Normal(ability, if on { 1.0 } else { 2.0 });
        }
        plate trials(10) {
            given subject: index(subjects);
            observe y ~ Normal(ability[subject], 1.0);
        }
    }
}

fn main() {}
