use hierarch::prelude::*;

model! {
    pub Nested {
        global mu ~ Normal(0.0, 1.0);
        plate groups(1..=4) {
            plate rows(1..=9) {
                local u ~ Normal(mu, 1.0);
                observe y ~ Normal(u, 1.0);
            }
        }
        quantity inner = sum(i in rows, u[i]);
    }
}

fn main() {}
