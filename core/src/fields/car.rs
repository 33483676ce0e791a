//! Conditional autoregression with a proper density.

use std::sync::OnceLock;

use rand::Rng;

use super::graph::{Banded, Graph};
use super::icar::check_map;
use super::{Field, LN_SQRT_2_PI, State, all_known};
use crate::distributions::{Draw, Normal, ParameterError, is_positive, require};
use crate::linear::eigenvalues;

/// A map with the precision matrix tau (D - alpha W): W is one between neighbours, and D has their number on its diagonal. Given its
/// neighbours, x_i has the mean alpha times theirs, and the precision tau times their number. Each element needs a neighbour.
///
/// The eigenvalues of D^(-1/2) W D^(-1/2) are worked out once, so that the determinant takes as many operations as there are
/// elements (Jin, Carlin and Banerjee 2005).
///
/// ```
/// use hierarch_core::distributions::{Distribution, MvNormal};
/// use hierarch_core::fields::{Car, Field};
///
/// // The precision is 2 [[1, -0.5], [-0.5, 1]].
/// let covariance = [[2.0 / 3.0, 1.0 / 3.0], [1.0 / 3.0, 2.0 / 3.0]];
/// let expected = MvNormal::new([0.0; 2], covariance).log_density([0.3, 0.8]);
/// assert!((Car::new(&[(0, 1)], 2).log_density(&[0.5, 2.0], &[0.3, 0.8]) - expected).abs() < 1e-12);
/// ```
#[derive(Debug)]
pub struct Car {
    graph: Graph,
    eigenvalues: OnceLock<Vec<f64>>,
}

impl Car {
    /// Creates the map of `elements` elements from pairs of neighbours.
    pub fn new(edges: &[(usize, usize)], elements: usize) -> Self {
        let mut graph = Graph::new(edges, elements);
        if let Some(i) = graph.neighbours.iter().position(Vec::is_empty) {
            graph.misfit.get_or_insert(format!(
                "element {i} has no neighbour, and `Car` needs one of each: join it to another, or write `ScaledIcar`"
            ));
        }
        Self { graph, eigenvalues: OnceLock::new() }
    }

    fn degree(&self, i: usize) -> f64 {
        self.graph.neighbours[i].len() as f64
    }

    fn eigenvalues(&self) -> &[f64] {
        self.eigenvalues.get_or_init(|| {
            let n = self.graph.neighbours.len();
            let mut a = vec![0.0; n * n];
            for (i, j) in self.graph.edges() {
                let entry = (self.degree(i) * self.degree(j)).sqrt().recip();
                (a[i * n + j], a[j * n + i]) = (entry, entry);
            }
            eigenvalues(a, n).unwrap_or_else(|| vec![f64::NAN; n])
        })
    }

    /// Returns the sums over elements of D x^2, and over pairs of neighbours of the product.
    fn sums(&self, x: &[f64]) -> [f64; 2] {
        let own = x.iter().enumerate().map(|(i, x)| self.degree(i) * x * x).sum();
        [own, self.graph.edges().map(|(i, j)| x[i] * x[j]).sum()]
    }
}

impl Field for Car {
    fn misfit(&self) -> Option<&str> {
        self.graph.misfit.as_deref()
    }

    fn check(&self, arguments: &[f64]) -> Result<(), ParameterError> {
        check_map("Car", &self.graph)?;
        require(arguments[0].abs() < 1.0, "Car", "alpha", arguments[0], "between -1 and 1")?;
        require(is_positive(arguments[1]), "Car", "tau", arguments[1], "positive and finite")
    }

    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError> {
        self.check(arguments)?;
        let elements = self.graph.neighbours.len();
        if let Some(known) = all_known("Car", known, elements)? {
            return Ok(known);
        }
        let (one, mut x, [alpha, tau]) =
            (Normal::new(0.0, 1.0), vec![f64::NAN; elements], [arguments[0], arguments[1]]);
        for part in &self.graph.parts {
            let root = Banded::new(&self.graph, part, part.len(), |i| tau * self.degree(i), -tau * alpha);
            if let Some(root) = root {
                let mut of: Vec<f64> = part.iter().map(|_| one.draw(rng)).collect();
                root.backward(&mut of);
                part.iter().zip(of).for_each(|(i, of)| x[*i] = of);
            }
        }
        Ok(x)
    }

    fn log_density(&self, arguments: &[f64], values: &[f64]) -> f64 {
        let (alpha, tau, n) = (arguments[0], arguments[1], values.len() as f64);
        let [own, beside] = self.sums(values);
        let degrees: f64 = (0..values.len()).map(|i| self.degree(i).ln()).sum();
        let log_determinant: f64 = self.eigenvalues().iter().map(|x| (-alpha * x).ln_1p()).sum();
        0.5 * (degrees + n * tau.ln() + log_determinant) - n * LN_SQRT_2_PI - 0.5 * tau * (own - 2.0 * alpha * beside)
    }

    fn backward(&self, arguments: &[f64], state: State<'_>, by_free: &mut [f64], by_arguments: &mut [f64]) {
        let (alpha, tau, x) = (arguments[0], arguments[1], state.values);
        for (i, by) in by_free.iter_mut().enumerate() {
            let near: f64 = self.graph.neighbours[i].iter().map(|j| x[*j]).sum();
            *by += state.adjoint[i] - tau * (self.degree(i) * x[i] - alpha * near);
        }
        let [own, beside] = self.sums(x);
        let slope: f64 = self.eigenvalues().iter().map(|x| x / (1.0 - alpha * x)).sum();
        by_arguments[0] += tau * beside - 0.5 * slope;
        by_arguments[1] += 0.5 * (x.len() as f64 / tau - (own - 2.0 * alpha * beside));
    }
}
