use hierarch::prelude::*;

fn double<T: Real>(x: T) -> T {
    2 * x
}

model! {
    pub Example {
        global mean ~ Normal(0.0, 1.0);
        let twice = double(mean);
        observe x ~ Normal(twice + double(2), 1.0);
    }
}

fn main() {}
