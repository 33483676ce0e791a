//! How far the true values are from the centre of the draws, all parameters together: a substitute for regions of
//! highest density where the density is not known.

use rayon::prelude::*;

use super::ranks::rank;
use super::{Calibration, CalibrationTrial, Ranks};
use crate::linear::Cholesky;

/// Keeps a correlation matrix positive definite where two parameters are equivalent.
const RIDGE: f64 = 1e-9;

impl Calibration {
    /// Returns, for each simulation, how many draws are farther from the centre than the true values, by the
    /// Mahalanobis distance. Like those of the log density, the ranks are low where the posterior is too narrow, but
    /// they need no density. [`Ranks::highest_coverage`] is then how often ellipsoids contain the true values.
    ///
    /// Centre and covariance are computed from the draws and the true values together, which keeps the ranks exact.
    /// There should be several times as many draws as parameters.
    pub fn ellipsoid_ranks(&self) -> Ranks {
        let of = |(i, one): (usize, &CalibrationTrial)| one.ellipsoid_rank(i);
        let ranks = self.judged.par_iter().enumerate().filter_map(of).collect();
        Ranks { name: "ellipsoids".to_owned(), ranks, draws: self.draws }
    }
}

impl CalibrationTrial {
    fn ellipsoid_rank(&self, simulation: usize) -> Option<usize> {
        let known: Vec<usize> = (0..self.truth.len()).filter(|p| !self.truth[*p].is_nan()).collect();
        let (size, count) = (known.len(), self.draws[*known.first()?].len());
        // Standardised rows: the draws, followed by the true values.
        let mut rows = vec![0.0; (count + 1) * size];
        for (column, p) in known.iter().enumerate() {
            let (mean, sd) = self.spread(*p);
            let values = self.draws[*p].iter().chain([&self.truth[*p]]);
            rows[column..].iter_mut().step_by(size).zip(values).for_each(|(row, x)| *row = (x - mean) / sd);
        }
        let mut correlation = vec![0.0; size * size];
        for row in rows.chunks_exact(size) {
            for (i, x) in row.iter().enumerate() {
                correlation[i * size..][..=i].iter_mut().zip(row).for_each(|(c, y)| *c += x * y / (count + 1) as f64);
            }
        }
        (0..size).for_each(|i| correlation[i * size + i] += RIDGE);
        let cholesky = Cholesky::new(correlation, size)?;
        let mut nearness = rows.chunks_exact_mut(size).map(|row| {
            cholesky.forward(row);
            -row.iter().map(|x| x * x).sum::<f64>()
        });
        let draws: Vec<f64> = nearness.by_ref().take(count).collect();
        Some(rank(simulation, nearness.next()?, draws))
    }
}
