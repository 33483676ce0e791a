//! The metric of chains: what a user chooses, and the covariance of weighted draws as a linear map. In the space that it maps
//! from, a posterior with that covariance has the identity as its covariance.

use serde::{Deserialize, Serialize};

/// What the chains learn of the posterior's shape during their warm-up.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::sampling::Metric;
///
/// model! {
///     pub Line {
///         global intercept ~ Normal(0.0, 10.0);
///         global slope ~ Normal(0.0, 10.0);
///         plate points(1..=50) {
///             given x: f64 ~ Uniform(90.0, 110.0);
///             observe y ~ Normal(intercept + slope * x, 1.0);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Line::default();
/// let data = model.simulate(1).seed(1).one()?.data;
/// // The covariate is far from zero, so intercept and slope are strongly correlated.
/// let chains = model.nuts(&data).metric(Metric::LowRank).draws(200).run()?;
/// assert_eq!(chains.divergences(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Metric {
    /// The scale of each unconstrained number. The best choice where they are not strongly correlated.
    #[default]
    Diagonal,
    /// The scale of each unconstrained number, and up to 50 directions in which the posterior, in units of these scales, is
    /// much longer or much shorter than in the others: far fewer gradients for each effective draw where numbers are
    /// strongly correlated. The directions come from draws and gradients of the warm-up, as in the sampler nutpie (Seyboldt,
    /// Carlson and Carpenter 2026, arXiv 2603.18845). A step then takes a time that grows as the number of unknowns times
    /// that of directions; the warm-up holds up to 80 draws of all unknowns and their gradients. A chain that comes into a region of
    /// another shape takes longer to leave it than a diagonal one, which is why that is the default: look at R-hat.
    LowRank,
}

/// The largest dimension of a full matrix, beyond which it would take longer than the density; and the effective number
/// of draws that a full matrix needs for each dimension.
const FULL: usize = 100;
const DRAWS_EACH: f64 = 10.0;

/// The map q = centre + L y, where L L' is the covariance of the draws, or its diagonal.
#[derive(Clone, Debug)]
pub(super) struct LinearMap {
    centre: Vec<f64>,
    /// The diagonal of L.
    scale: Vec<f64>,
    /// The elements of L below the diagonal, row by row; empty if L is diagonal.
    below: Vec<f64>,
}

impl LinearMap {
    /// Makes the map from draws `q` (draws x dimension) and their `weights`, which sum to 1. L is full if there are
    /// enough draws for the dimension, else diagonal.
    pub(super) fn new(q: &[f64], weights: &[f64]) -> Self {
        let dimension = q.len() / weights.len();
        let mut centre = vec![0.0; dimension];
        for (q, w) in q.chunks_exact(dimension).zip(weights) {
            centre.iter_mut().zip(q).for_each(|(centre, q)| *centre += w * q);
        }
        let size = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let full = dimension <= FULL && size >= DRAWS_EACH * dimension as f64;
        // The covariance's lower triangle, row by row.
        let mut covariance = vec![0.0; dimension * (dimension + 1) / 2];
        let mut deviations = vec![0.0; dimension];
        for (q, w) in q.chunks_exact(dimension).zip(weights).filter(|(_, w)| **w > 0.0) {
            deviations.iter_mut().zip(q).zip(&centre).for_each(|((deviation, q), centre)| *deviation = q - centre);
            for i in 0..dimension {
                let from = if full { 0 } else { i };
                let row = &mut covariance[i * (i + 1) / 2..][..=i];
                row[from..].iter_mut().zip(&deviations[from..]).for_each(|(c, d)| *c += w * deviations[i] * d);
            }
        }
        let scale = |i: usize| {
            let variance: f64 = covariance[i * (i + 1) / 2 + i];
            // The variance of a number that is always the same is only rounding error.
            let varies = variance.is_finite() && variance > (1e-12 * centre[i]).powi(2);
            if varies { variance.sqrt() } else { 1.0 }
        };
        let scale = (0..dimension).map(scale).collect();
        match full.then(|| cholesky(covariance, dimension)).flatten() {
            Some((scale, below)) => Self { centre, scale, below },
            None => Self { centre, scale, below: Vec::new() },
        }
    }

    /// Returns row `i` of L below the diagonal.
    fn row(&self, i: usize) -> &[f64] {
        if self.below.is_empty() { &[] } else { &self.below[i * i.saturating_sub(1) / 2..][..i] }
    }

    /// Sets `q` to the image of `y`.
    pub(super) fn forward(&self, y: &[f64], q: &mut [f64]) {
        for (i, q) in q.iter_mut().enumerate() {
            *q = self.centre[i] + self.scale[i] * y[i] + self.row(i).iter().zip(y).map(|(l, y)| l * y).sum::<f64>();
        }
    }

    /// Returns the y that is mapped to `q`.
    pub(super) fn inverse(&self, q: &[f64]) -> Vec<f64> {
        let mut y: Vec<f64> = Vec::with_capacity(q.len());
        for (i, q) in q.iter().enumerate() {
            let known: f64 = self.row(i).iter().zip(&y).map(|(l, y)| l * y).sum();
            y.push((q - self.centre[i] - known) / self.scale[i]);
        }
        y
    }

    /// Computes the gradient with respect to y from that with respect to q: L' times the latter.
    pub(super) fn pull(&self, by_q: &[f64], by_y: &mut [f64]) {
        by_y.iter_mut().zip(by_q).zip(&self.scale).for_each(|((y, q), scale)| *y = scale * q);
        for (i, q) in by_q.iter().enumerate() {
            self.row(i).iter().zip(&mut *by_y).for_each(|(l, y)| *y += l * q);
        }
    }
}

/// Returns the diagonal of the Cholesky factor of a matrix that is given by its lower triangle, and the elements below
/// it. `None` if the matrix is not positive definite.
fn cholesky(mut a: Vec<f64>, dimension: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
    for i in 0..dimension {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| a[at(i, k)] * a[at(j, k)]).sum();
            let rest = a[at(i, j)] - known;
            if i == j && (rest.is_nan() || rest <= 1e-12 * a[at(i, i)]) {
                return None;
            }
            a[at(i, j)] = if i == j { rest.sqrt() } else { rest / a[at(j, j)] };
        }
    }
    let diagonal = (0..dimension).map(|i| a[at(i, i)]).collect();
    let below = (0..dimension).flat_map(|i| (0..i).map(move |j| at(i, j))).map(|at| a[at]).collect();
    Some((diagonal, below))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws of three correlated numbers: a matrix times independent ones that have mean 0 and variance 1.
    fn draws() -> Vec<f64> {
        let corner = |bits: usize| [0, 1, 2].map(|i| if bits >> i & 1 == 1 { 1.0 } else { -1.0 });
        (0..80).map(|i| corner(i % 8)).flat_map(|[a, b, c]| [2.0 + 3.0 * a, 0.5 * a + b, a - b + 0.1 * c]).collect()
    }

    #[test]
    fn there_and_back_with_the_covariance() {
        let metric = LinearMap::new(&draws(), &[1.0 / 80.0; 80]);
        assert!(metric.scale.iter().zip([3.0, 1.0, 0.1]).all(|(a, b)| (a - b).abs() < 1e-12), "{metric:?}");
        assert!(metric.below.iter().zip([0.5, 1.0, -1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{metric:?}");
        let (y, mut q) = ([0.3, -0.7, 1.1], [0.0; 3]);
        metric.forward(&y, &mut q);
        assert!(q.iter().zip([2.9, -0.55, 1.11]).all(|(a, b)| (a - b).abs() < 1e-12), "{q:?}");
        assert!(metric.inverse(&q).iter().zip(y).all(|(a, b)| (a - b).abs() < 1e-12));
        // The gradient of g . q with respect to y.
        let (g, mut by_y) = ([1.0, 2.0, -3.0], [0.0; 3]);
        metric.pull(&g, &mut by_y);
        assert!(by_y.iter().zip([3.0 + 1.0 - 3.0, 2.0 + 3.0, -0.3]).all(|(a, b)| (a - b).abs() < 1e-12), "{by_y:?}");
    }

    #[test]
    fn diagonal_where_the_draws_are_few_or_degenerate() {
        let mut weights = [0.0; 80];
        weights[..8].fill(1.0 / 8.0);
        let few = LinearMap::new(&draws(), &weights);
        assert!(few.below.is_empty() && (few.scale[1] - 1.25_f64.sqrt()).abs() < 1e-12, "{few:?}");
        let same: Vec<f64> = draws().chunks(3).flat_map(|q| [q[0], q[0], 7.0]).collect();
        let same = LinearMap::new(&same, &[1.0 / 80.0; 80]);
        assert!(same.below.is_empty() && same.scale.iter().zip([3.0, 3.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
