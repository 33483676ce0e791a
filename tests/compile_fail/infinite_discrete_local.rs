use hierarch::prelude::*;

model! {
    pub Example {
        global rate ~ Exponential(1.0);
        plate events(10) {
            local n ~ Poisson(rate);
            observe x ~ Normal(n, 1.0);
        }
    }
}

fn main() {}
