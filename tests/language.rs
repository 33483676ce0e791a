//! x
use hierarch::prelude::*;
hierarch::model! {
    /// A narrow resonance of unknown mass on a smooth background.
    pub Resonance {
        param width: f64 = 0.1;

        global fraction ~ Uniform(0.0, 1.0);
        global mass     ~ Normal(1.0, 2.0);

        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, width) } else { (0.0, 1.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}
#[test]
fn first() {
    let m = Resonance::default();
    println!("{:?}", m.specification());
}
