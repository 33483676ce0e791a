use hierarch::prelude::*;

model! {
    pub Loose {
        global mean ~ Flat;
        plate events(1..=10) {
            observe x ~ Normal(mean, 1.0);
        }
    }
}

model! {
    pub Survey {
        global mean ~ Normal(0.0, 1.0);
        plate answers(1..=10) {
            given weight: f64;
            observe x ~ Weighted(Normal(mean, 1.0), weight);
        }
    }
}

fn main() {
    let _ = Loose::default().simulate(3).run();
    let _ = Loose::default().npe();
    let _ = Survey::default().simulate(3);
}
