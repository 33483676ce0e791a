use hierarch::prelude::*;

model! {
    pub Coins {
        global bias ~ Beta(1.0, 1.0);
        plate tosses(1..=100) {
            observe heads ~ Bernoulli(bias);
        }
    }
}

fn main() {
    let _ = Coins::default().simulate(1).size(Coins::TOSES, 10);
}
