//! Gaussian processes.

use rand::Rng;

use super::dense::{factorise, invert, symmetric_product};
use super::kernel::{CHUNK, Kernel};
use super::{Field, LN_SQRT_2_PI, State, log_normal};
use crate::distributions::{Draw, Normal, ParameterError, is_positive, require};

/// What is added to each variance, in units of it, so that elements at nearly the same place have a Cholesky factor.
const NUGGET: f64 = 1e-9;

/// Normal numbers with the mean zero whose covariances are a function of the distance of their places. To each variance 1e-9 of it is
/// added, so that elements may be at one place.
///
/// The free numbers z are standard normal, and the values are L z, with the Cholesky factor L of the covariances: where the data say
/// little of each element, that is what a sampler is good at. One evaluation with its gradient takes some n^3 operations, the
/// derivatives with respect to all arguments among them.
///
/// ```
/// use hierarch_core::distributions::{Distribution, MvNormal};
/// use hierarch_core::fields::{Field, GaussianProcess, Kernel};
///
/// let process = GaussianProcess::new(&[[0.0], [1.5]], Kernel::matern12());
/// let covariance = 4.0 * (-1.5_f64 / 2.0).exp();
/// let expected = MvNormal::new([0.0; 2], [[4.0, covariance], [covariance, 4.0]]).log_density([0.3, -1.0]);
/// assert!((process.log_density(&[2.0, 2.0], &[0.3, -1.0]) - expected).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct GaussianProcess {
    kernel: Kernel,
    /// The distances of each element from those before it, and zero.
    distances: Vec<f64>,
    elements: usize,
}

/// The parts of a buffer.
struct Parts<'a> {
    table: &'a mut [f64],
    covariances: &'a mut [f64],
    l: &'a mut [f64],
    inverse: &'a mut [f64],
    product: &'a mut [f64],
    w: &'a mut [f64],
    sum: &'a mut [f64],
}

impl GaussianProcess {
    /// Creates the process at some places.
    pub fn new<const D: usize>(places: &[[f64; D]], kernel: Kernel) -> Self {
        let n = places.len();
        let mut distances = Vec::with_capacity((n * n.saturating_sub(1) / 2 + 1).next_multiple_of(CHUNK));
        for (i, a) in places.iter().enumerate() {
            let of = |b: &[f64; D]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            distances.extend(places[..i].iter().map(of));
        }
        distances.push(0.0);
        distances.resize(distances.len().next_multiple_of(CHUNK), 0.0);
        Self { kernel, distances, elements: n }
    }

    fn pairs(&self) -> usize {
        self.elements * self.elements.saturating_sub(1) / 2
    }

    fn parts<'a>(&self, buffer: &'a mut [f64]) -> Parts<'a> {
        let (rows, n) = (self.distances.len(), self.elements);
        let (table, rest) = buffer.split_at_mut(self.kernel.columns() * rows);
        let (covariances, rest) = rest.split_at_mut(rows);
        let (l, rest) = rest.split_at_mut(n * n);
        let (inverse, rest) = rest.split_at_mut(n * n);
        let (product, rest) = rest.split_at_mut(n * n);
        let (w, sum) = rest.split_at_mut(n);
        Parts { table, covariances, l, inverse, product, w, sum }
    }

    /// Fills the table and the Cholesky factor; returns whether there is one.
    fn prepare(&self, arguments: &[f64], parts: &mut Parts<'_>) -> bool {
        self.kernel.fill(arguments, &self.distances, parts.table);
        self.kernel.covariances(parts.table, parts.covariances);
        let (n, mut at) = (self.elements, 0);
        for i in 0..n {
            parts.l[i * n..][..i].copy_from_slice(&parts.covariances[at..][..i]);
            parts.l[i * n + i] = parts.covariances[self.pairs()] * (1.0 + NUGGET);
            at += i;
        }
        factorise(parts.l, n)
    }

    /// Returns the Cholesky factor in a buffer; `None` if there is none.
    fn factor(&self, arguments: &[f64]) -> Option<Vec<f64>> {
        let mut buffer = vec![0.0; self.buffer()];
        let mut parts = self.parts(&mut buffer);
        self.prepare(arguments, &mut parts).then(|| parts.l.to_vec())
    }

    fn times(&self, l: &[f64], z: &[f64], values: &mut [f64]) {
        for (i, value) in values.iter_mut().enumerate() {
            *value = l[i * self.elements..][..=i].iter().zip(z).map(|(l, z)| l * z).sum();
        }
    }

    /// Writes the first of the free numbers, from the first of the values.
    fn solve(&self, l: &[f64], values: &[f64], z: &mut [f64]) {
        for (i, value) in values.iter().enumerate() {
            let row = &l[i * self.elements..][..=i];
            let known: f64 = row[..i].iter().zip(&*z).map(|(l, z)| l * z).sum();
            z[i] = (value - known) / row[i];
        }
    }

    fn log_diagonal(&self, l: &[f64]) -> f64 {
        (0..self.elements).map(|i| l[i * self.elements + i].ln()).sum()
    }
}

impl Field for GaussianProcess {
    fn check(&self, arguments: &[f64]) -> Result<(), ParameterError> {
        let wrong = arguments.iter().find(|x| !is_positive(**x));
        wrong.map_or(Ok(()), |x| {
            require(false, "GaussianProcess", "each argument of the kernel", x, "positive and finite")
        })
    }

    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError> {
        self.check(arguments)?;
        if known.len() == self.elements {
            return Ok(known.to_vec());
        }
        let Some(l) = self.factor(arguments) else {
            require(
                false,
                "GaussianProcess",
                "the arguments",
                arguments,
                "such that the covariance is positive definite",
            )?;
            return Ok(Vec::new());
        };
        // Given the first values, the free numbers of the others are what they were.
        let (one, mut z) = (Normal::new(0.0, 1.0), vec![0.0; self.elements]);
        self.solve(&l, known, &mut z);
        z[known.len()..].iter_mut().for_each(|z| *z = one.draw(rng));
        let mut values = vec![0.0; self.elements];
        self.times(&l, &z, &mut values);
        values[..known.len()].copy_from_slice(known);
        Ok(values)
    }

    fn log_density(&self, arguments: &[f64], values: &[f64]) -> f64 {
        let Some(l) = self.factor(arguments) else { return f64::NAN };
        let mut z = vec![0.0; self.elements];
        self.solve(&l, values, &mut z);
        log_normal(z.len() as f64, z.iter().map(|z| z * z).sum(), 1.0) - self.log_diagonal(&l)
    }

    fn constrain(&self, arguments: &[f64], free: &[f64], values: &mut [f64]) -> f64 {
        let Some(l) = self.factor(arguments) else {
            values.fill(f64::NAN);
            return f64::NAN;
        };
        self.times(&l, free, values);
        self.log_diagonal(&l)
    }

    fn unconstrain(&self, arguments: &[f64], values: &[f64], free: &mut [f64]) {
        match self.factor(arguments) {
            Some(l) => self.solve(&l, values, free),
            None => free.fill(f64::NAN),
        }
    }

    fn buffer(&self) -> usize {
        (self.kernel.columns() + 1) * self.distances.len() + 3 * self.elements * self.elements + 2 * self.elements
    }

    fn forward(&self, arguments: &[f64], free: &[f64], values: &mut [f64], buffer: &mut [f64]) -> f64 {
        let mut parts = self.parts(buffer);
        if !self.prepare(arguments, &mut parts) {
            values.fill(f64::NAN);
            return f64::NAN;
        }
        self.times(parts.l, free, values);
        -0.5 * free.iter().map(|z| z * z).sum::<f64>() - free.len() as f64 * LN_SQRT_2_PI
    }

    /// The derivative of values L z with respect to the covariances K: with w = L' a, of the adjoint a, and P the lower triangle of
    /// w z' with half of its diagonal, it is L'^-1 P L^-1 (Murray 2016, "Differentiation of the Cholesky decomposition").
    fn backward(&self, _: &[f64], state: State<'_>, by_free: &mut [f64], by_arguments: &mut [f64]) {
        let (n, z) = (self.elements, state.free);
        let Parts { table, covariances, l, inverse, product, w, sum } = self.parts(state.buffer);
        w.fill(0.0);
        for (row, a) in l.chunks_exact(n.max(1)).zip(state.adjoint) {
            w.iter_mut().zip(row).for_each(|(w, l)| *w += l * a);
        }
        by_free.iter_mut().zip(&*w).zip(z).for_each(|((by, w), z)| *by += w - z);
        invert(l, inverse, n);
        sum.fill(0.0);
        for i in 0..n {
            let (row, product) = (&inverse[i * n..][..=i], &mut product[i * n..][..=i]);
            for ((p, x), sum) in product.iter_mut().zip(row).zip(&mut *sum) {
                *p = w[i] * (*sum + 0.5 * z[i] * x);
                *sum += z[i] * x;
            }
        }
        let adjoint = covariances;
        adjoint.fill(0.0);
        let on_diagonal = symmetric_product(inverse, product, &mut adjoint[..self.pairs()], n);
        adjoint[self.pairs()] = 0.5 * on_diagonal * (1.0 + NUGGET);
        self.kernel.carry(table, adjoint, by_arguments);
    }
}
