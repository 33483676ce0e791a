//! Intrinsic conditional autoregression: a smooth map.

use std::sync::OnceLock;

use rand::Rng;

use super::graph::{Banded, Graph};
use super::zero_sum::{centre, mean, sums_to_zero};
use super::{Field, LN_SQRT_2_PI, State, all_known};
use crate::distributions::{Draw, Normal, ParameterError};

/// A map on which the differences x_i - x_j of neighbours are normal, with the density proportional to exp(-1/2 sum (x_i - x_j)^2)
/// over all pairs of neighbours, given that the numbers of each connected part sum to zero (Besag, York and Mollie 1991). Without that
/// it were improper; with it, it is normalised on the planes of such maps.
///
/// How far the numbers of a map spread depends on its shape. A scaled one is multiplied by a number for each part such that the
/// geometric mean of the variances in it is one (Riebler and others 2016; Freni-Sterrantino and others 2018): in
/// `sd * (rho.sqrt() * x + (1.0 - rho).sqrt() * theta)` with standard normal `theta`, the model BYM2, `sd` and `rho` then mean the
/// same on any map. An element without neighbours is zero, and standard normal in a scaled map.
///
/// The mean of a part's free numbers times the square root of their count is standard normal, and nothing depends on it.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal};
/// use hierarch_core::fields::{Field, Icar};
///
/// // Two neighbours, x and -x: sqrt(2) x, along the line of such maps, has the precision 2.
/// let expected = Normal::new(0.0, 0.5_f64.sqrt()).log_density(2.0_f64.sqrt() * 0.3);
/// assert!((Icar::new(&[(0, 1)], 2).log_density(&[], &[0.3, -0.3]) - expected).abs() < 1e-12);
/// ```
#[derive(Debug)]
pub struct Icar {
    graph: Graph,
    scaled: bool,
    moments: OnceLock<Vec<Moments>>,
}

/// What is worked out once of a connected part.
#[derive(Clone, Copy, Debug)]
struct Moments {
    /// By what the squares of differences are multiplied: one, or the geometric mean of the variances without.
    precision: f64,
    /// The log density where all numbers are zero.
    log_peak: f64,
}

impl Icar {
    /// Creates the map of `elements` elements from pairs of neighbours.
    pub fn new(edges: &[(usize, usize)], elements: usize) -> Self {
        Self { graph: Graph::new(edges, elements), scaled: false, moments: OnceLock::new() }
    }

    /// Creates the scaled map.
    pub fn scaled(edges: &[(usize, usize)], elements: usize) -> Self {
        Self { scaled: true, ..Self::new(edges, elements) }
    }

    /// Returns the root of the precisions of a part where its last element is zero.
    fn grounded(&self, part: &[usize]) -> Option<Banded> {
        let degree = |i: usize| self.graph.neighbours[i].len() as f64;
        Banded::new(&self.graph, part, part.len() - 1, degree, -1.0)
    }

    fn moments(&self) -> &[Moments] {
        self.moments.get_or_init(|| self.graph.parts.iter().map(|part| self.moments_of(part)).collect())
    }

    fn moments_of(&self, part: &[usize]) -> Moments {
        let m = part.len();
        if m == 1 {
            return Moments { precision: 1.0, log_peak: if self.scaled { -LN_SQRT_2_PI } else { 0.0 } };
        }
        let Some(root) = self.grounded(part) else { return Moments { precision: f64::NAN, log_peak: f64::NAN } };
        let precision = if self.scaled { geometric_mean(&variances(&root, m)) } else { 1.0 };
        // The product of the eigenvalues that are not zero is m times the determinant without an element.
        let log_determinant = (m as f64).ln() + root.log_determinant();
        let free = m as f64 - 1.0;
        Moments { precision, log_peak: 0.5 * (log_determinant + free * precision.ln()) - free * LN_SQRT_2_PI }
    }

    /// Tells whether the numbers of a part sum to zero.
    fn is_centred(&self, part: &[usize]) -> bool {
        part.len() > 1 || !self.scaled
    }
}

/// Returns the variances of the `m` elements of a part, of which the last is zero for `root`, less their mean.
fn variances(root: &Banded, m: usize) -> Vec<f64> {
    let (mut variances, mut column) = (vec![0.0; m], vec![0.0; m - 1]);
    for i in 0..m - 1 {
        column.fill(0.0);
        column[i] = 1.0;
        root.forward(&mut column, i);
        variances[i] = column[i..].iter().map(|x| x * x).sum();
    }
    let mut sums = vec![1.0; m - 1];
    root.forward(&mut sums, 0);
    root.backward(&mut sums);
    sums.push(0.0);
    let all = mean(&sums) / m as f64;
    variances.iter().zip(&sums).map(|(variance, sum)| variance - 2.0 * sum / m as f64 + all).collect()
}

fn geometric_mean(x: &[f64]) -> f64 {
    (x.iter().map(|x| x.ln()).sum::<f64>() / x.len() as f64).exp()
}

/// Returns the numbers of the elements of a part.
fn of_part(x: &[f64], part: &[usize]) -> Vec<f64> {
    part.iter().map(|i| x[*i]).collect()
}

impl Field for Icar {
    fn misfit(&self) -> Option<&str> {
        self.graph.misfit.as_deref()
    }

    fn check(&self, _: &[f64]) -> Result<(), ParameterError> {
        check_map("Icar", &self.graph)
    }

    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError> {
        self.check(arguments)?;
        let elements = self.graph.neighbours.len();
        if let Some(known) = all_known("Icar", known, elements)? {
            return Ok(known);
        }
        let (one, mut x) = (Normal::new(0.0, 1.0), vec![0.0; elements]);
        for (part, moments) in self.graph.parts.iter().zip(self.moments()) {
            if !self.is_centred(part) {
                x[part[0]] = one.draw(rng);
            } else if let Some(root) = self.grounded(part) {
                let mut of: Vec<f64> = (1..part.len()).map(|_| one.draw(rng)).collect();
                root.backward(&mut of);
                of.push(0.0);
                let (mean, scale) = (mean(&of), moments.precision.sqrt().recip());
                part.iter().zip(of).for_each(|(i, of)| x[*i] = (of - mean) * scale);
            }
        }
        Ok(x)
    }

    fn log_density(&self, _: &[f64], values: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (part, moments) in self.graph.parts.iter().zip(self.moments()) {
            if !self.is_centred(part) {
                sum += moments.log_peak - 0.5 * values[part[0]].powi(2);
            } else if sums_to_zero(&of_part(values, part)) {
                let later = |i: usize| self.graph.neighbours[i].iter().filter(move |j| **j > i);
                let squares: f64 = part.iter().flat_map(|i| later(*i).map(|j| (values[*i] - values[*j]).powi(2))).sum();
                sum += moments.log_peak - 0.5 * moments.precision * squares;
            } else {
                return f64::NEG_INFINITY;
            }
        }
        sum
    }

    fn constrain(&self, _: &[f64], free: &[f64], values: &mut [f64]) -> f64 {
        let mut log_slope = 0.0;
        for part in &self.graph.parts {
            let mut of = of_part(free, part);
            if self.is_centred(part) {
                log_slope += centre(&of.clone(), &mut of);
            }
            part.iter().zip(of).for_each(|(i, x)| values[*i] = x);
        }
        log_slope
    }

    fn backward(&self, _: &[f64], state: State<'_>, by_free: &mut [f64], _: &mut [f64]) {
        let x = state.values;
        for (part, moments) in self.graph.parts.iter().zip(self.moments()) {
            if !self.is_centred(part) {
                by_free[part[0]] += state.adjoint[part[0]] - x[part[0]];
                continue;
            }
            let average = |of: &[f64]| part.iter().map(|i| of[*i]).sum::<f64>() / part.len() as f64;
            let (lost, adjoint) = (average(state.free), average(state.adjoint));
            for &i in part {
                let pull: f64 = self.graph.neighbours[i].iter().map(|j| x[i] - x[*j]).sum();
                by_free[i] += state.adjoint[i] - adjoint - moments.precision * pull - lost;
            }
        }
    }
}

/// Checks that a map fits the elements.
pub fn check_map(field: &'static str, graph: &Graph) -> Result<(), ParameterError> {
    match &graph.misfit {
        None => Ok(()),
        Some(misfit) => Err(ParameterError {
            distribution: field,
            parameter: "the map of neighbours",
            value: format!("not one of the plate's elements, since {misfit}"),
            requirement: "one that fits them",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::Eigen;

    /// The normalised density and the variances, by the eigenvectors of the precision.
    #[test]
    fn moments_are_those_of_the_eigenvectors() {
        // A cycle of four with a tail, a triangle, an island.
        let edges = [(0, 1), (1, 2), (2, 3), (3, 0), (3, 4), (5, 6), (6, 7), (5, 7), (7, 6)];
        let map = Icar::new(&edges, 9);
        let scaled = Icar::scaled(&edges, 9);
        assert_eq!(map.graph.edges().count(), 8);
        assert_eq!(map.graph.parts.len(), 3);
        let mut q = vec![0.0; 81];
        for (i, j) in map.graph.edges() {
            (q[i * 9 + i], q[j * 9 + j]) = (q[i * 9 + i] + 1.0, q[j * 9 + j] + 1.0);
            (q[i * 9 + j], q[j * 9 + i]) = (-1.0, -1.0);
        }
        let Eigen { values, vectors } = Eigen::new(q, 9).unwrap();
        let log_determinant: f64 = values.iter().filter(|x| **x > 1e-10).map(|x| x.ln()).sum();
        let expected = 0.5 * log_determinant - 6.0 * LN_SQRT_2_PI;
        assert!((map.log_density(&[], &[0.0; 9]) - expected).abs() < 1e-12);
        let variance = |i: usize| -> f64 {
            (0..9).filter(|k| values[*k] > 1e-10).map(|k| vectors[k * 9 + i].powi(2) / values[k]).sum()
        };
        for (part, moments) in scaled.graph.parts.iter().zip(scaled.moments()) {
            if part.len() > 1 {
                let expected = geometric_mean(&part.iter().map(|i| variance(*i)).collect::<Vec<_>>());
                assert!((moments.precision - expected).abs() < 1e-12);
            }
        }
    }
}
