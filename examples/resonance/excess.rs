//! How far an amortized posterior of the fraction is from the exact one, in nats.

use hierarch::prelude::*;
use rayon::prelude::*;

use crate::common::Result;
use crate::exact::Exact;
use crate::model::Resonance;

/// The mean over data sets from the prior.
pub struct Excess {
    /// ln p - ln q at the true fraction.
    pub mean: f64,
    /// The standard deviation of that mean.
    pub sd: f64,
    /// The divergence KL(p || q): what `mean` tends to, with less noise.
    pub kl: f64,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4} +- {:.4} nats (mean KL divergence {:.4})", self.mean, self.sd, self.kl)
    }
}

/// The fraction's posterior against the exact one, on data sets of a size, or of any.
pub fn excess(
    estimator: &PosteriorEstimator<Resonance>,
    sets: usize,
    events: Option<usize>,
    seed: u64,
) -> Result<Excess> {
    let model = estimator.model();
    // Not those of the training, nor those that are shown.
    let simulate = model.simulate(sets).seed(seed ^ 0x6578_6163_7400);
    let drawn = match events {
        Some(events) => simulate.size("events", events).run()?,
        None => simulate.run()?,
    };
    let compare = |s: &Simulation<Resonance>| -> std::result::Result<(f64, f64), InferenceError> {
        let exact = Exact::of_x(&s.data.events.x, model.width, s.globals.fraction);
        let posterior = estimator.condition(&s.data)?;
        let log_q = |fraction| posterior.log_density_of("fraction", fraction).unwrap_or(f64::NAN);
        let n = exact.log_density.len() as f64;
        let likely = exact.points().filter(|(_, log_p)| *log_p > -30.0);
        let kl = likely.map(|(x, log_p)| log_p.exp() * (log_p - log_q(x)) / n).sum();
        Ok((exact.at_truth - log_q(s.globals.fraction), kl))
    };
    let each = drawn.par_iter().map(compare).collect::<std::result::Result<Vec<_>, _>>()?;
    let n = each.len() as f64;
    let mean = each.iter().map(|(excess, _)| excess).sum::<f64>() / n;
    let variance = each.iter().map(|(excess, _)| (excess - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Ok(Excess { mean, sd: (variance / n).sqrt(), kl: each.iter().map(|(_, kl)| kl).sum::<f64>() / n })
}
