//! The directions in which a posterior is long or short: a correction of low rank to the scales of its numbers.
//!
//! In units of the scales, the covariance is taken to be I + U (Λ - I) U', with a few orthonormal directions U. It is the
//! matrix that minimises the Fisher divergence between the posterior, mapped by it, and a standard Normal distribution: the
//! geometric mean of the covariance of draws and the inverse of that of the gradients there (Seyboldt, Carlson and Carpenter
//! 2026, arXiv 2603.18845; the sampler nutpie). For a Normal distribution it is exact once the draws span the space. Where they
//! are too few for that, it is sought in the directions in which draws and gradients do not belong to one scale.

use std::collections::VecDeque;

use hierarch_core::linear::{Cholesky, Eigen, dot};
use serde::{Deserialize, Serialize};

/// The largest number of directions.
const DIRECTIONS: usize = 50;
/// The largest dimension in which directions are sought in the whole space, which bounds the time that it takes.
const SPACE: usize = 160;
/// The number of rounds in which it is found which directions are unlike the rest.
const ROUNDS: usize = 4;
/// A direction is kept if the variance along it is larger or smaller than 1 by this factor.
const FACTOR: f64 = 2.0;
/// What is added to both covariances, in units of the scales, so that they are positive definite where all draws are the same.
const REGULARISATION: f64 = 1e-8;

/// The square root of I + U (Λ - I) U' as a linear map: it is symmetric.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LowRank {
    /// The square roots of the variances, minus 1.
    stretch: Vec<f64>,
    /// The orthonormal directions, one after the other.
    directions: Vec<f64>,
}

/// The last draws of a warm-up, each with its gradient.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Recent {
    /// The numbers of each draw, then those of its gradient.
    draws: VecDeque<Vec<f64>>,
}

impl Recent {
    /// Adds a draw and its gradient. Of all draws, the last `most` are kept, or fewer if they are long.
    pub(super) fn add(&mut self, q: &[f64], gradient: &[f64], most: usize) {
        // More draws than that of many numbers would span a space that is too large.
        let most = if q.len() <= SPACE { most } else { most.min(SPACE / 2) };
        let mut draw = if self.draws.len() < most { None } else { self.draws.pop_front() }.unwrap_or_default();
        draw.clear();
        draw.extend(q.iter().chain(gradient));
        self.draws.push_back(draw);
    }

    /// Keeps the last `most` draws.
    pub(super) fn keep(&mut self, most: usize) {
        self.draws.drain(..self.draws.len().saturating_sub(most));
    }

    /// Returns the number of draws.
    #[cfg(test)]
    pub(super) fn draws(&self) -> usize {
        self.draws.len()
    }

    /// Tells whether all draws are of that dimension.
    pub(super) fn fits(&self, dimension: usize) -> bool {
        self.draws.iter().all(|draw| draw.len() == 2 * dimension)
    }

    /// Returns the draws minus their mean in units of the scales, and the gradients with respect to these units minus their
    /// mean.
    fn standardised(&self, scale: &[f64]) -> [Vec<Vec<f64>>; 2] {
        let count = self.draws.len() as f64;
        [false, true].map(|of_gradients| {
            let part =
                |draw: &Vec<f64>| draw[if of_gradients { scale.len()..draw.len() } else { 0..scale.len() }].to_vec();
            let mut rows: Vec<Vec<f64>> = self.draws.iter().map(part).collect();
            let mut mean = vec![0.0; scale.len()];
            for row in &rows {
                mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / count);
            }
            for row in &mut rows {
                for ((x, mean), scale) in row.iter_mut().zip(&mean).zip(scale) {
                    *x = (*x - mean) * if of_gradients { *scale } else { 1.0 / scale };
                }
            }
            rows
        })
    }
}

impl LowRank {
    /// Finds the directions from draws, in units of the `scale` of each number. All scales are multiplied by one factor, so
    /// that they are right for what is left without these directions. `None` if there is no direction, or if the draws are
    /// degenerate.
    pub(super) fn new(recent: &Recent, scale: &mut [f64]) -> Option<Self> {
        let dimension = scale.len();
        let [mut draws, mut gradients] = recent.standardised(scale);
        let traces = [&draws, &gradients].map(|rows| rows.iter().map(|x| dot(x, x)).sum::<f64>() / rows.len() as f64);
        // Where the draws are too few to show all directions, those are taken that differ from the rest.
        let basis = (dimension + dimension / 4 > draws.len()).then(|| unlike_the_rest(&draws, &gradients));
        if let Some(basis) = &basis {
            let coordinates = |x: &mut Vec<f64>| *x = basis.iter().map(|b| dot(b, x)).collect();
            draws.iter_mut().chain(&mut gradients).for_each(coordinates);
        }
        let size = basis.as_ref().map_or(dimension, Vec::len);
        if size == 0 {
            return None;
        }
        let shape = geometric_mean(covariance(&draws, size), covariance(&gradients, size), size)?;
        let Eigen { values, vectors } = Eigen::new(shape, size)?;
        let vector = |k: usize| &vectors[k * size..][..size];
        let along = [&draws, &gradients].map(|rows| {
            let mean_square = |k| rows.iter().map(|x| dot(x, vector(k)).powi(2)).sum::<f64>() / rows.len() as f64;
            (0..size).map(mean_square).collect::<Vec<f64>>()
        });
        // Which directions are unlike the rest depends on the rest, and the rest on these directions. Its variance is the
        // square root of that of the draws over that of the gradients; where all directions are unlike it, that of the median.
        let (mut rest, mut kept) = (1.0, Vec::new());
        for _ in 0..ROUNDS {
            let [draws, gradients] = [0, 1].map(|i| traces[i] - kept.iter().map(|&k: &usize| along[i][k]).sum::<f64>());
            if kept.len() == dimension {
                let mut sorted = values.clone();
                sorted.sort_by(f64::total_cmp);
                rest = sorted[size / 2];
            } else if draws > 0.0 && gradients > 0.0 {
                rest = (draws / gradients).sqrt();
            }
            let unlike = |k: usize| (values[k] / rest).ln().abs();
            kept = (0..size).filter(|&k| unlike(k).is_finite() && unlike(k) > FACTOR.ln()).collect();
            kept.sort_by(|&a, &b| unlike(b).total_cmp(&unlike(a)));
            kept.truncate(DIRECTIONS);
        }
        if kept.is_empty() {
            return None;
        }
        scale.iter_mut().for_each(|scale| *scale *= rest.sqrt());
        let mut directions = vec![0.0; kept.len() * dimension];
        for (direction, &k) in directions.chunks_exact_mut(dimension).zip(&kept) {
            match &basis {
                None => direction.copy_from_slice(vector(k)),
                Some(basis) => basis.iter().zip(vector(k)).for_each(|(basis, x)| add_times(direction, *x, basis)),
            }
        }
        Some(Self { stretch: kept.iter().map(|&k| (values[k] / rest).sqrt() - 1.0).collect(), directions })
    }

    /// Tells whether the directions are of that dimension.
    pub(super) fn fits(&self, dimension: usize) -> bool {
        self.directions.len() == self.stretch.len() * dimension && self.stretch.iter().all(|x| x.is_finite())
    }

    /// Replaces `x` by its image.
    pub(super) fn apply(&self, x: &mut [f64]) {
        if x.is_empty() {
            return;
        }
        // The directions are orthogonal, so that one after the other is the same as all at once.
        for (stretch, direction) in self.stretch.iter().zip(self.directions.chunks_exact(x.len())) {
            let along = stretch * dot(direction, x);
            add_times(x, along, direction);
        }
    }
}

/// Adds `factor` times `other` to `x`.
fn add_times(x: &mut [f64], factor: f64, other: &[f64]) {
    x.iter_mut().zip(other).for_each(|(x, other)| *x += factor * other);
}

/// Returns an orthonormal basis of directions in which the posterior may be unlike most of the space: at most half the number
/// of draws.
///
/// Where a covariance is that of the rest, a draw plus the gradient times the variance of the rest is zero, exactly so for a
/// Normal distribution. So these sums lie in the directions that are sought, and their principal components are taken.
fn unlike_the_rest(draws: &[Vec<f64>], gradients: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let median = |rows| {
        let mut values = principal(rows)?.values;
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let rest = match (median(draws), median(gradients)) {
        (Some(draws), Some(gradients)) if draws > 0.0 && gradients > 0.0 => (draws / gradients).sqrt(),
        _ => return Vec::new(),
    };
    let mut sums = draws.to_vec();
    sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| add_times(sum, rest, gradient));
    let Some(Eigen { values, vectors }) = principal(&sums) else { return Vec::new() };
    // The mean square of such a sum along a direction of variance v, in units of the rest.
    let least = (FACTOR - 2.0 + 1.0 / FACTOR) * rest * sums.len() as f64;
    let mut order: Vec<usize> = (0..sums.len()).filter(|&k| values[k] > least).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut basis = Vec::new();
    for k in order.into_iter().take((sums.len() / 2).min(DIRECTIONS)) {
        let mut direction = vec![0.0; sums[0].len()];
        sums.iter().zip(&vectors[k * sums.len()..]).for_each(|(row, x)| add_times(&mut direction, *x, row));
        add_orthonormal(&mut basis, direction);
    }
    basis
}

/// Decomposes the products of rows with each other, whose eigenvalues are those of their covariance times their number. `None`
/// if they are not finite.
fn principal(rows: &[Vec<f64>]) -> Option<Eigen> {
    let count = rows.len();
    let mut products = vec![0.0; count * count];
    for i in 0..count {
        for j in 0..=i {
            products[i * count + j] = dot(&rows[i], &rows[j]);
            products[j * count + i] = products[i * count + j];
        }
    }
    Eigen::new(products, count)
}

/// Adds what is new in a vector to an orthonormal basis, by the Gram-Schmidt process, twice.
fn add_orthonormal(basis: &mut Vec<Vec<f64>>, mut vector: Vec<f64>) {
    let before = dot(&vector, &vector).sqrt();
    for _ in 0..2 {
        for b in &*basis {
            let along = dot(b, &vector);
            add_times(&mut vector, -along, b);
        }
    }
    let length = dot(&vector, &vector).sqrt();
    if length > 1e-6 * before {
        vector.iter_mut().for_each(|x| *x /= length);
        basis.push(vector);
    }
}

/// Returns the regularised covariance of rows of mean zero.
fn covariance(rows: &[Vec<f64>], size: usize) -> Vec<f64> {
    let mut covariance = vec![0.0; size * size];
    for row in rows {
        for (into, x) in covariance.chunks_exact_mut(size).zip(row) {
            add_times(into, x / rows.len() as f64, row);
        }
    }
    (0..size).for_each(|i| covariance[i * size + i] += REGULARISATION);
    covariance
}

/// Returns the geometric mean of a and the inverse of b, which are positive definite: the x such that x b x = a. With
/// b = l l', it is l'^-1 (l' a l)^(1/2) l^-1. `None` if one is not positive definite.
fn geometric_mean(mut a: Vec<f64>, b: Vec<f64>, size: usize) -> Option<Vec<f64>> {
    let factor = Cholesky::new(b, size)?;
    for _ in 0..2 {
        a.chunks_exact_mut(size).for_each(|row| factor.transposed_times(row));
        for i in 0..size {
            (0..i).for_each(|j| a.swap(i * size + j, j * size + i));
        }
    }
    let Eigen { values, mut vectors } = Eigen::new(a, size)?;
    let mut mean = vec![0.0; size * size];
    for (vector, value) in vectors.chunks_exact_mut(size).zip(values) {
        factor.backward(vector);
        let root = value.max(0.0).sqrt();
        for (into, x) in mean.chunks_exact_mut(size).zip(&*vector) {
            add_times(into, root * x, vector);
        }
    }
    Some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::{seed, within};
    use rand::RngExt;
    use rand_distr::StandardNormal;

    #[test]
    fn a_geometric_mean_is_between_its_matrices() {
        let (a, b) = (vec![4.0, 1.0, 1.0, 3.0], vec![2.0, -0.5, -0.5, 1.0]);
        let x = geometric_mean(a.clone(), b.clone(), 2).unwrap();
        let times = |a: &[f64], b: &[f64]| -> Vec<f64> {
            (0..4).map(|at| (0..2).map(|k| a[at / 2 * 2 + k] * b[k * 2 + at % 2]).sum()).collect()
        };
        let again = times(&times(&x, &b), &x);
        assert!(again.iter().zip(&a).all(|(x, a)| (x - a).abs() < 1e-12), "{again:?}");
        assert!(geometric_mean(a, vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
    }

    /// A Normal distribution whose covariance is of the form that is sought: exact from few draws, in few dimensions and in
    /// many.
    #[test]
    fn few_draws_of_a_normal_distribution_show_its_directions() {
        for (dimension, count) in [(6, 12), (2000, 24)] {
            let mut rng = stream(seed(1), 0);
            // The sum of all numbers is long; the difference of the first two is short.
            let long = vec![(dimension as f64).sqrt().recip(); dimension];
            let mut short = vec![0.0; dimension];
            (short[0], short[1]) = (0.5_f64.sqrt(), -(0.5_f64.sqrt()));
            let shape = LowRank { stretch: vec![99.0, -0.9], directions: [long.clone(), short.clone()].concat() };
            let back = LowRank { stretch: vec![-0.99, 9.0], ..shape.clone() };
            let mut scale: Vec<f64> = (0..dimension).map(|i| 1.0 + i as f64).collect();
            let mut recent = Recent::default();
            for _ in 0..count {
                let mut q: Vec<f64> = (0..dimension).map(|_| rng.sample(StandardNormal)).collect();
                let mut gradient: Vec<f64> = q.iter().map(|z| -z).collect();
                shape.apply(&mut q);
                back.apply(&mut gradient);
                q.iter_mut().zip(&scale).for_each(|(q, scale)| *q = 5.0 + *q * scale);
                gradient.iter_mut().zip(&scale).for_each(|(g, scale)| *g /= scale);
                recent.add(&q, &gradient, count);
            }
            let found = LowRank::new(&recent, &mut scale).unwrap();
            within!((scale[5] / 6.0).ln().abs(), 0.1);
            assert!(found.fits(dimension) && recent.fits(dimension));
            let image = |map: &LowRank, x: &[f64]| {
                let mut image = x.to_vec();
                map.apply(&mut image);
                image
            };
            let size = |x: &[f64]| dot(x, x).sqrt();
            let off = |x: &[f64]| {
                let [found, exact] = [&found, &shape].map(|map| image(map, x));
                size(&found.iter().zip(&exact).map(|(a, b)| a - b).collect::<Vec<_>>()) / size(&exact)
            };
            if dimension == 6 {
                assert_eq!(found.stretch.len(), 2);
                assert!(off(&long) < 1e-2 && off(&short) < 1e-2, "{found:?}");
            } else {
                // From so few draws its length is within a factor of three; by the scales alone, it is 1.
                within!((size(&image(&found, &long)) / 100.0).ln().abs(), 3.0_f64.ln(), "{:?}", found.stretch);
                assert!(found.stretch.len() < 12, "{:?}", found.stretch);
            }
        }
    }

    #[test]
    fn independent_or_degenerate_draws_have_no_directions() {
        let mut rng = stream(seed(2), 0);
        let (mut independent, mut same) = (Recent::default(), Recent::default());
        for _ in 0..40 {
            let q: Vec<f64> = (0..10).map(|_| rng.sample(StandardNormal)).collect();
            let gradient: Vec<f64> = q.iter().map(|q| -q).collect();
            independent.add(&q, &gradient, 20);
            same.add(&[1.0; 10], &[0.0; 10], 20);
        }
        assert_eq!(independent.draws.len(), 20);
        independent.keep(15);
        assert_eq!(independent.draws.len(), 15);
        assert!(LowRank::new(&independent, &mut [1.0; 10]).is_none());
        assert!(LowRank::new(&same, &mut [1.0; 10]).is_none());
        assert!(LowRank::new(&Recent::default(), &mut [1.0; 10]).is_none());
        // More numbers than the draws span.
        let mut one = Recent::default();
        one.add(&[1.0; 10], &[2.0; 10], 20);
        assert!(LowRank::new(&one, &mut [1.0; 10]).is_none());
    }
}
