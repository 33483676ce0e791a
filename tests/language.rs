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
    let globals = ResonanceGlobals { fraction: 0.2, mass: 1.0 };
    let sets = m.simulate(1).at(&globals).size("events", 100).seed(1).run().unwrap();
    let chains = m.nuts(&sets[0].data).chains(2).draws(5000).run().unwrap();
    println!("{chains}");
    println!("{:?}", chains.time());
    let f = chains.get("fraction").unwrap();
    println!("ess/s {}", hierarch::sampling::diagnostics::ess_bulk(f) / chains.time().as_secs_f64());
}
