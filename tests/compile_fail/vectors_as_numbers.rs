use hierarch::prelude::*;

model! {
    pub Slopes {
        global mu[2] ~ Normal([0.0, 1.0], 1.0);
        global s ~ HalfNormal(1.0);
        plate rows(1..=9) {
            given x[2] ~ Normal(0.0, 1.0);
            local slope[2] ~ Normal(mu, s);
            observe y ~ Normal(x * slope, 1.0);
            observe w ~ Normal(s^2, 1.0);
            observe z ~ Truncated(Poisson((1.0 + 2.0 * slope).exp()), 1.0, 9.0);
        }
    }
}

fn main() {}
