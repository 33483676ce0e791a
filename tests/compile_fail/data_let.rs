use hierarch::prelude::*;

model! {
    pub Reads {
        data let center = mean(theta);
        data let scale = sd(ages);
        data let shift = last + 1.0;
        param last: f64 = 1.0;
        global theta ~ Normal(0.0, 1.0);
        plate rows(1..=10) {
            given age: f64;
            data let inside = mean(age);
            observe y ~ Normal(theta + age, 1.0);
        }
    }
}

fn main() {}
