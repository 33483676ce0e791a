use hierarch::prelude::*;

model! {
    pub Counts {
        global rate ~ Gamma(2.0, 1.0);
        global level ~ Normal(Uniform(0.0, 1.0), 1.0);
        plate days(1..=9) {
            observe n ~ ZeroInflated(Poisson(rate), 0.3);
            observe t ~ Censored(rate, 0.0, 2.0);
        }
    }
}

fn main() {}
