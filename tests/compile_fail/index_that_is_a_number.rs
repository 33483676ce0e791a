use hierarch::prelude::*;

model! {
    pub Example {
        param table: [f64; 3] = [0.0, 1.0, 2.0];
        global mean ~ Normal(0.0, 1.0);
        plate events(10) {
            given k: u64;
            observe x ~ Normal(mean * table[k], 1.0);
            observe y ~ Normal(mean * table[k as usize], 1.0);
        }
    }
}

fn main() {}
