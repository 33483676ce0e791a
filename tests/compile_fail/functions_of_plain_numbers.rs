use hierarch::prelude::*;

model! {
    pub Example {
        global mean ~ Normal(0.0, 1.0);
        let scale = f64::hypot(mean, 1.0);
        plate events(10) {
            observe x ~ Normal(mean.log10() + scale.clamp(0.0, 1.0), 1.0);
        }
    }
}

fn main() {}
