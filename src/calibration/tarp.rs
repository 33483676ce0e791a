//! TARP: Lemos, Coogan, Hezaveh & Perreault-Levasseur, *Sampling-based accuracy testing of posterior estimators* (ICML
//! 2023, arXiv 2302.03026).

use rand::RngExt;
use rayon::prelude::*;

use super::ranks::rank;
use super::{Calibration, CalibrationTrial, Ranks};
use crate::simulate::stream;

/// Separates references from simulations with the same seed.
const APART: u64 = 0x7265_6665_7265_6e63;

impl Calibration {
    /// Returns the ranks of TARP, a test of all parameters together: for each simulation, how many draws are nearer to
    /// a random reference point than the true values are (f of algorithm 2 of the paper, times `draws`). Where the
    /// posterior is right all ranks are equally likely; [`Ranks::p_value`] and [`Ranks::ecdf`] test it, and
    /// [`Ranks::lowest_coverage`] is the paper's expected coverage.
    ///
    /// The reference is a draw from the prior, chosen by `seed`: the true values or a draw of another simulation.
    /// Distances are Euclidean. Each parameter is in units of the geometric mean of its posterior and prior sd, so that
    /// none dominates: the reference is as far as the prior is wide, and the draws differ by the width of the
    /// posterior.
    pub fn tarp(&self, seed: u64) -> Ranks {
        let prior: Vec<f64> = (0..self.names.len()).map(|p| self.prior_sd(p)).collect();
        let of = |i: usize| self.tarp_rank(i, &prior, seed);
        let ranks: Vec<usize> = (0..self.judged.len()).into_par_iter().filter_map(of).collect();
        Ranks { name: "TARP".to_owned(), ranks, draws: self.draws }
    }

    fn tarp_rank(&self, simulation: usize, prior: &[f64], seed: u64) -> Option<usize> {
        let one = &self.judged[simulation];
        let mut rng = stream(seed ^ APART, simulation as u64);
        let other = (simulation + rng.random_range(1..self.judged.len())) % self.judged.len();
        let which = rng.random_range(0..=self.draws);
        // Any of the draws or the true values of the other simulation, so that its own rank stays independent.
        let reference = |p: usize| self.judged[other].value(p, which);
        let known: Vec<(usize, f64, f64)> = (0..prior.len())
            .filter(|p| !one.truth[*p].is_nan())
            .filter_map(|p| Some((p, reference(p)?, 1.0 / (one.spread(p).1 * prior[p]))))
            .collect();
        let distance = |value: &dyn Fn(usize) -> f64| -> f64 {
            known.iter().map(|(p, reference, scale)| (value(*p) - reference).powi(2) * scale).sum()
        };
        let truth = distance(&|p| one.truth[p]);
        let draws = (0..self.draws).map(|i| distance(&|p| one.draws[p][i]));
        (!known.is_empty()).then(|| rank(simulation, truth, draws))
    }

    /// The standard deviation of a parameter over all simulations, true values and draws alike.
    fn prior_sd(&self, parameter: usize) -> f64 {
        let told = self.judged.iter().filter(|one| !one.truth[parameter].is_nan());
        let (mut n, mut mean, mut square) = (0.0, 0.0, 0.0);
        for one in told {
            let (m, sd) = one.spread(parameter);
            n += 1.0;
            let step = m - mean;
            mean += step / n;
            square += sd * sd + step * (m - mean);
        }
        positive((square / n).sqrt())
    }
}

impl CalibrationTrial {
    /// Returns draw `which` of a parameter, or its true value if `which` is the number of draws.
    fn value(&self, parameter: usize, which: usize) -> Option<f64> {
        let truth = self.truth[parameter];
        (!truth.is_nan()).then(|| self.draws[parameter].get(which).copied().unwrap_or(truth))
    }

    /// Mean and standard deviation of a parameter over its draws and its true value. They do not depend on which of
    /// these is the true value, so that ranks stay exact in these units. The sd is never zero.
    pub(super) fn spread(&self, parameter: usize) -> (f64, f64) {
        let all = || self.draws[parameter].iter().chain([&self.truth[parameter]]);
        let n = (self.draws[parameter].len() + 1) as f64;
        let mean = all().sum::<f64>() / n;
        (mean, positive((all().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()))
    }
}

/// Replaces an sd of zero, which cannot be a unit.
fn positive(sd: f64) -> f64 {
    if sd > 0.0 && sd.is_finite() { sd } else { 1.0 }
}
