use hierarch::prelude::*;

model! {
    pub Example {
        global effect ~ Normal(0.0, 1.0);
        observe once: Option ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            local kind ~ Bernoulli(0.3);
            observe words: Option ~ Poisson(5.0);
            observe pair[2]: Option ~ Bernoulli(0.3);
            observe place[2]: Option ~ Dirichlet([1.0, 1.0]);
            observe time: Option ~ Censored(Exponential(1.0), 0.0, 5.0);
            observe share: Option ~ Uniform(0.0, if kind { 1.0 } else { 2.0 });
            observe y ~ Normal(if pair[0] { words * effect * once } else { place[0] + time + share }, 1.0);
        }
    }
}

model! {
    pub Sequences {
        plate days(1..=10) {
            observe before: Option ~ Bernoulli(if prev(before, 2, false) { 0.9 } else { 0.2 });
            observe x ~ Normal(if before { 1.0 } else { 0.0 }, 1.0);
        }
        plate weeks(1..=10) {
            observe u ~ Normal(0.0, 1.0);
            observe late: Option ~ Bernoulli(if prev(u) > 0.0 { 0.3 } else { 0.7 });
            observe y ~ Normal(if late { 1.0 } else { 0.0 }, 1.0);
        }
        plate months(1..=10) {
            observe v[2]: Option ~ Normal(0.5 * prev(v, 1, [0.0, 0.0])[0], 1.0);
        }
        plate hours(1..=10) {
            observe state: Option ~ Bernoulli(if prev(state, 1, false) { 0.9 } else { 0.2 });
            observe other: Option ~ Bernoulli(0.5);
            observe z ~ Normal(if state && other { 1.0 } else { 0.0 }, 1.0);
        }
    }
}

model! {
    pub Elsewhere {
        plate people(1..=10) {
            observe smoker: Option ~ Bernoulli(0.3);
        }
        plate visits(1..=10) {
            given person: index(people);
            observe y ~ Normal(if smoker[person] { 1.0 } else { 0.0 }, 1.0);
        }
    }
}

fn main() {}
