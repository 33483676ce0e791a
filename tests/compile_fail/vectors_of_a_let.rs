use hierarch::prelude::*;

model! {
    pub Apart {
        global mu ~ Normal(0.0, 1.0);
        plate subjects(1..=4) {
            local u ~ Normal(mu, 1.0);
            let both = (u, 2.0 * u);
            let made = twice(u);
            let table = [[u, 1.0], [2.0 * u, 3.0]].map(|row| row);
        }
        plate rows(1..=9) {
            given i: index(subjects);
            observe y ~ Normal(both[i].0, 1.0);
            observe x ~ Normal(made[i][0], 1.0);
            observe z ~ Normal(table[i][0][1], 1.0);
        }
    }
}

fn twice<T: Real>(x: T) -> [T; 2] {
    [x, x + x]
}

fn main() {}
