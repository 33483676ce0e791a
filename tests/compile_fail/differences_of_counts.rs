use hierarch::prelude::*;

model! {
    pub Example {
        global rate ~ Exponential(1.0);
        plate matches(10) {
            local lead ~ Skellam(rate, 1.0);
            observe x ~ Normal(lead, 1.0);
            observe score: Option ~ Skellam(rate, 1.0);
            observe y ~ Normal(score, 1.0);
            observe w: u64 ~ Skellam(rate, 1.0);
            observe z ~ Hurdle(0.5, Skellam(rate, 1.0));
        }
    }
}

fn main() {}
