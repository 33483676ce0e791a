use hierarch::prelude::*;

model! {
    pub Example {
        global rate ~ Gamma(mean = 3.0, rate = 1.0);
        global width ~ Gamma(3.0, sd = 1.0);
        global mean ~ Normal(0.0, 1.0, variance = 1.0);
        global low ~ Normal(0.0, 1.0, 2.0, sd = 1.0);
        observe x ~ Normal(mean, width * rate * low);
    }
}

fn main() {}
