//! The model: a narrow resonance of unknown mass on a smooth background.

use hierarch::prelude::*;

model! {
    /// A narrow resonance of unknown mass on a smooth background.
    pub Resonance {
        /// The standard deviation of the resonance; that of the background is 1.
        param width: f64 = 0.1;

        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);

        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, width) } else { (0.0, 1.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}
