use hierarch::prelude::*;

model! {
    pub Example {
        global effect ~ Normal(0.0, 1.0);
        observe once: Option ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            local kind ~ Bernoulli(0.3);
            observe smoker: Option ~ Bernoulli(0.3);
            observe place[2]: Option ~ Normal(once, 1.0);
            observe time: Option ~ Censored(Exponential(1.0), 0.0, 5.0);
            observe share: Option ~ Uniform(0.0, if kind { 1.0 } else { 2.0 });
            observe y ~ Normal(if smoker { effect } else { place[0] + time + share }, 1.0);
        }
    }
}

fn main() {}
