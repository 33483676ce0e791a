use hierarch::prelude::*;

model! {
    pub Example {
        global on ~ Bernoulli(0.5);
        plate days(5) {
            local rainy ~ Bernoulli(if is_first() { 0.5 } else if prev(rainy) { 0.8 } else { 0.2 });
            observe y ~ Normal(if rainy { 1.0 } else { 0.0 }, if on { 1.0 } else { 2.0 });
        }
    }
}

fn main() {}
