use hierarch::prelude::*;

model! {
    pub Example {
        global mean ~ Normal(mean = 0.0, 1.0);
        plate events(10) {
            observe x ~ if mean > 0.0 { Normal(sd = 1.0, mean) } else { Cauchy(mean, scale = 1.0) };
        }
    }
}

fn main() {}
