use hierarch::prelude::*;

model! {
    pub Example {
        plate images(10) {
            local n ~ Normal(5.0, 1.0);
            plate spots(n) {
                observe x ~ Normal(0.0, 1.0);
            }
        }
    }
}

fn main() {}
