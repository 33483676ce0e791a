use hierarch::prelude::*;

model! {
    pub Example {
        plate events(10) {
            local wide ~ Bernoulli(0.5);
            local x ~ Uniform(0.0, if wide { 5.0 } else { 1.0 });
            observe y ~ Normal(x, 1.0);
        }
    }
}

fn main() {}
