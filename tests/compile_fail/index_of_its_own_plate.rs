use hierarch::prelude::*;

model! {
    pub Example {
        plate people(10) {
            local a ~ Normal(0.0, 1.0);
            plate rounds(5) {
                given partner: index(people);
                observe d ~ Normal(a - a[partner], 1.0);
            }
        }
    }
}

fn main() {}
