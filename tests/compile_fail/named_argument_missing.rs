use hierarch::prelude::*;

model! {
    pub Example {
        global mean ~ Normal(mean = 0.0);
        global width ~ StudentT(3.0, scale = 1.0);
        plate events(n ~ NegativeBinomial(mean = 3.0)) {
            observe x ~ Truncated(Cauchy(location = mean), 0.0, 1.0);
        }
    }
}

fn main() {}
