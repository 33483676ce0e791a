//! Whether predictions are calibrated on data sets that were not trained on.

use hierarch_core::autodiff::Real;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use statrs::function::erf::erfc_inv;

use crate::batch::Batch;
use crate::error::Error;
use crate::network::Network;
use crate::prediction::Prediction;

/// The number of draws of each prediction.
const DRAWS: usize = 63;

/// How one target lies among the draws of its predictions, as normal scores of its ranks: their mean is 0 and their
/// standard deviation 1 if the predictions are calibrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOut {
    /// The mean: the predictions are too low by this many of their standard deviations.
    pub offset: f64,
    /// The standard deviation: above 1, predictions are too narrow by this factor; below 1, they are too wide.
    pub spread: f64,
    /// The probability that calibrated predictions are as far off, in either of the two.
    pub p: f64,
}

impl Network {
    /// Checks the calibration of each target on some data sets with their targets (sets x targets). Empty where the network
    /// predicts no densities.
    ///
    /// # Errors
    /// The data sets are not of the network's shape.
    pub fn check_held_out(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<HeldOut>, Error> {
        if !self.architecture.output.is_posterior() || batch.sets == 0 {
            return Ok(Vec::new());
        }
        let predictions = self.predict(&batch.slice(0..batch.sets.min(HeldOut::SETS)))?;
        Ok(HeldOut::of(&predictions, targets))
    }
}

impl HeldOut {
    /// The number of data sets that predictions are checked on.
    pub const SETS: usize = 512;

    /// Checks the calibration of each target of the predictions for some data sets, whose targets begin `targets` (sets x
    /// targets).
    pub fn of(predictions: &[Prediction], targets: &[f32]) -> Vec<HeldOut> {
        let dims = predictions.first().map_or(0, Prediction::dims);
        let scores = |(set, (prediction, targets)): (usize, (&Prediction, &[f32]))| -> Vec<f64> {
            let points = prediction.sample(DRAWS, &mut Xoshiro256PlusPlus::seed_from_u64(set as u64));
            let below =
                |dim: usize| points.iter().skip(dim).step_by(dims).filter(|z| **z < f64::from(targets[dim])).count();
            (0..dims).map(|dim| score(below(dim))).collect()
        };
        let sets = predictions.par_iter().zip(targets.par_chunks_exact(dims.max(1)));
        let scores: Vec<Vec<f64>> = sets.enumerate().map(scores).collect();
        // The scores of uniform ranks have a variance a little below 1.
        let variance = (0..=DRAWS).map(|rank| score(rank).powi(2)).sum::<f64>() / (DRAWS + 1) as f64;
        let n = scores.len() as f64;
        let summary = |dim: usize| {
            let of = || scores.iter().map(|scores| scores[dim] / variance.sqrt());
            let (offset, square) = (of().sum::<f64>() / n, of().map(|s| s * s).sum::<f64>() / n);
            let z = (offset.abs() * n.sqrt()).max((square - 1.0).abs() * (n / 2.0).sqrt());
            HeldOut { offset, spread: square.sqrt(), p: (4.0 * (-z).normal_cdf()).min(1.0) }
        };
        (0..dims).map(summary).collect()
    }
}

/// Returns the normal score of a target that is above `rank` of the draws.
fn score(rank: usize) -> f64 {
    let p = (rank as f64 + 0.5) / (DRAWS + 1) as f64;
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}
