use hierarch::prelude::*;

fn double(x: f64) -> f64 {
    2.0 * x
}

model! {
    pub Example {
        global mean ~ Normal(0.0, 1.0);
        let twice = double(mean);
        plate events(10) {
            observe x ~ Cauchy(twice, double(mean));
        }
    }
}

fn main() {}
