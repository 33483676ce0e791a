use hierarch::prelude::*;

pub struct Line<T> {
    slope: T,
}

fn line<T: Real>(slope: T) -> Line<T> {
    Line { slope }
}

model! {
    pub Example {
        global slope ~ Normal(0.0, 1.0);
        let own = line(slope);
        plate events(10) {
            observe y ~ Cauchy(own.slope, 1.0);
        }
    }
}

fn main() {}
