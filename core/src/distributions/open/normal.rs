//! Correlated normal numbers.

use rand::Rng;
use rand_distr::{Beta, Distribution as _, StandardNormal};

use crate::autodiff::{Matrix, Real};
use crate::distributions::normal::LN_SQRT_2_PI;
use crate::distributions::numeric::LN_PI;
use crate::distributions::{Distribution, Draw, ParameterError, Support, is_positive, require};

/// See [`MvNormalCholesky`](crate::distributions::MvNormalCholesky).
#[derive(Clone, Debug)]
pub struct MvNormalCholesky<T> {
    mean: Vec<T>,
    factor: Matrix<T>,
}

impl<T: Real> MvNormalCholesky<T> {
    /// Creates MvNormalCholesky(mean, factor), with a lower triangular factor of the covariance.
    pub fn new(mean: impl AsRef<[T]>, factor: impl AsRef<Matrix<T>>) -> Self {
        Self { mean: mean.as_ref().to_vec(), factor: factor.as_ref().clone() }
    }
}

impl<T: Real> MvNormalCholesky<T> {
    /// Returns z'z with z = L^-1 (x - mean) and the logarithm of the determinant of the factor L.
    fn distance(&self, x: &[T]) -> (T, T) {
        let mut z: Vec<T> = Vec::with_capacity(x.len());
        let mut log_determinant = T::from(0.0);
        for (i, (&x, &mean)) in x.iter().zip(&self.mean).enumerate() {
            let row = &self.factor[i];
            z.push((x - mean - T::inner(&row[..i], &z)) / row[i]);
            log_determinant += row[i].ln();
        }
        (T::inner(&z, &z), log_determinant)
    }
}

impl<T: Real> Distribution<T> for MvNormalCholesky<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Real
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let (square, log_determinant) = self.distance(&x);
        square * -0.5 - log_determinant - LN_SQRT_2_PI * x.len() as f64
    }
}

impl Draw for MvNormalCholesky<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let z: Vec<f64> = self.mean.iter().map(|_| StandardNormal.sample(rng)).collect();
        let x = |(i, mean): (usize, &f64)| mean + f64::inner(&self.factor[i][..=i], &z);
        self.mean.iter().enumerate().map(x).collect()
    }

    fn check(&self) -> Result<(), ParameterError> {
        let (name, factor, n) = ("MvNormalCholesky", &self.factor, self.mean.len());
        require(self.mean.iter().all(|m| m.is_finite()), name, "the mean", &self.mean, "of finite numbers")?;
        require(
            factor.rows() == n,
            name,
            "the number of rows of the factor",
            factor.rows(),
            "that of the numbers of the mean",
        )?;
        let finite = (0..n).all(|i| factor[i][..=i].iter().all(|x| x.is_finite()));
        require(finite, name, "the factor", factor, "of finite numbers")?;
        let positive = (0..n).all(|i| factor[i][i] > 0.0);
        require(positive, name, "the factor", factor, "positive on the diagonal")
    }
}

/// See [`MvNormal`](crate::distributions::MvNormal).
#[derive(Clone, Debug)]
pub struct MvNormal<T> {
    factored: MvNormalCholesky<T>,
}

impl<T: Real> MvNormal<T> {
    /// Creates MvNormal(mean, covariance), with a symmetric and positive definite covariance, of which the lower triangle is used.
    pub fn new(mean: impl AsRef<[T]>, covariance: impl AsRef<Matrix<T>>) -> Self {
        let covariance = covariance.as_ref();
        let n = covariance.rows();
        let mut factor = vec![T::from(0.0); n * n];
        for i in 0..n {
            for j in 0..=i {
                let (a, b) = (&factor[i * n..i * n + j], &factor[j * n..j * n + j]);
                let rest = covariance[i][j] - T::inner(a, b);
                factor[i * n + j] = if i == j { rest.sqrt() } else { rest / factor[j * n + j] };
            }
        }
        Self { factored: MvNormalCholesky { mean: mean.as_ref().to_vec(), factor: Matrix::new(n, factor) } }
    }
}

impl<T: Real> MvNormal<T> {
    /// Returns (x - mean)' S^-1 (x - mean) and half the logarithm of the determinant of the covariance S.
    pub(super) fn distance(&self, x: &[T]) -> (T, T) {
        self.factored.distance(x)
    }
}

impl<T: Real> Distribution<T> for MvNormal<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Real
    }

    fn log_density(&self, x: Vec<T>) -> T {
        self.factored.log_density(x)
    }
}

impl Draw for MvNormal<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        self.factored.draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.factored.check()
    }
}

/// See [`LkjCholesky`](crate::distributions::LkjCholesky). A matrix is the vector of its numbers, row by row.
#[derive(Clone, Debug)]
pub struct LkjCholesky<T> {
    eta: T,
    rows: usize,
}

impl<T: Real> LkjCholesky<T> {
    /// Creates LkjCholesky(eta) of `len` numbers, those of a square.
    pub fn new(eta: T, len: usize) -> Self {
        Self { eta, rows: len.isqrt() }
    }
}

impl<T: Real> Distribution<T> for LkjCholesky<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::CorrelationFactor
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let n = self.rows;
        let mut log = T::from(0.0);
        if n > 1 {
            log += (self.eta + 0.5 * (n - 1) as f64).ln_gamma() * (n - 1) as f64;
        }
        for i in 1..n {
            let below = (n - 1 - i) as f64;
            log -= (self.eta + 0.5 * below).ln_gamma() + 0.5 * LN_PI * i as f64;
            log += ((self.eta - 1.0) * 2.0 + below) * x[i * n + i].ln();
        }
        log
    }
}

impl Draw for LkjCholesky<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let n = self.rows;
        let mut x = vec![0.0; n * n];
        for (i, row) in x.chunks_mut(n.max(1)).enumerate() {
            row[i] = 1.0;
            if i == 0 {
                continue;
            }
            let Ok(beta) = Beta::new(0.5 * i as f64, self.eta + 0.5 * (n - 1 - i) as f64) else {
                row.fill(f64::NAN);
                continue;
            };
            let square: f64 = beta.sample(rng);
            row[..i].iter_mut().for_each(|x| *x = StandardNormal.sample(rng));
            let length = row[..i].iter().map(|x| x * x).sum::<f64>().sqrt();
            row[..i].iter_mut().for_each(|x| *x *= square.sqrt() / length);
            // A factor without a number on its diagonal is of no matrix with an inverse.
            row[i] = (1.0 - square).sqrt().max(f64::MIN_POSITIVE);
        }
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.eta), "LkjCholesky", "eta", self.eta, "positive and finite")
    }
}
