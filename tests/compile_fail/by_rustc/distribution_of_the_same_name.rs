use hierarch::prelude::*;

pub struct Normal {
    pub mean: f64,
}

model! {
    pub Height {
        global mean ~ Cauchy(1.8, 0.1);
        plate people(1..=100) {
            observe height ~ Normal(mean, 0.1);
        }
    }
}

fn main() {}
