//! What a sampler says of each of its draws.

use serde::{Deserialize, Serialize};

/// What NUTS says of each draw, by the names of ArviZ: one number for each draw, chain after chain. It is empty for draws of other
/// methods, and for chains that an earlier version of this library began.
///
/// ```
/// use hierarch::draws::SampleStats;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         observe count ~ Poisson(rate);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (model, data) = (Flux::default(), FluxData { count: 7 });
/// let chains = model.nuts(&data).chains(2).draws(500).run()?;
/// let stats: &SampleStats = chains.sample_stats();
/// assert_eq!(stats.diverging.iter().filter(|yes| **yes).count(), chains.divergences());
/// assert_eq!(stats.step_size.len(), 1000);
/// let mean = stats.acceptance_rate.iter().sum::<f64>() / 1000.0;
/// assert!((mean - 0.8).abs() < 0.15); // what the step size aims at
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleStats {
    /// Whether the trajectory diverged.
    pub diverging: Vec<bool>,
    /// The energy at the start of the trajectory: minus the log density, plus that of the momentum.
    pub energy: Vec<f64>,
    /// The log density of the draw in unconstrained space.
    pub lp: Vec<f64>,
    /// How often the trajectory doubled.
    pub tree_depth: Vec<u64>,
    /// The number of leapfrog steps, each an evaluation of the gradient.
    pub n_steps: Vec<u64>,
    /// The length of a leapfrog step.
    pub step_size: Vec<f64>,
    /// The mean probability of accepting a step, over the points of the trajectory.
    pub acceptance_rate: Vec<f64>,
}

impl SampleStats {
    /// Returns the number of draws.
    pub(crate) fn len(&self) -> usize {
        self.lp.len()
    }

    /// Returns whether all have numbers of that many draws.
    pub(crate) fn are_of(&self, draws: usize) -> bool {
        let Self { diverging, energy, lp, tree_depth, n_steps, step_size, acceptance_rate } = self;
        let real = [energy.len(), lp.len(), step_size.len(), acceptance_rate.len()];
        real.iter().chain(&[diverging.len(), tree_depth.len(), n_steps.len()]).all(|found| *found == draws)
    }

    /// Appends those of the next chain.
    pub(crate) fn append(&mut self, mut next: Self) {
        self.diverging.append(&mut next.diverging);
        self.energy.append(&mut next.energy);
        self.lp.append(&mut next.lp);
        self.tree_depth.append(&mut next.tree_depth);
        self.n_steps.append(&mut next.n_steps);
        self.step_size.append(&mut next.step_size);
        self.acceptance_rate.append(&mut next.acceptance_rate);
    }
}
