use hierarch::prelude::*;

model! {
    pub Example {
        global mean ~ Normal(mean = 0.0, mean = 1.0);
        global width ~ Gamma(2.0, shape = 3.0, rate = 1.0);
        observe x ~ Normal(mean, width);
    }
}

fn main() {}
