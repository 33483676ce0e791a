//! The multivariate normal distribution, by its covariance S or the lower triangular factor L of it, S = L L'.
//!
//! Density exp(-z'z / 2) / ((2 pi)^(N / 2) L_11 ... L_NN) with z = L^-1 (x - mean).

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::normal::LN_SQRT_2_PI;
use super::numeric::cholesky;
use super::{Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// N numbers with a joint normal distribution.
///
/// ```
/// use hierarch_core::distributions::{Distribution, MvNormal};
///
/// // The determinant is 4. At the mean the density is 1 / (2 pi sqrt(determinant)).
/// let position = MvNormal::new([1.0_f64, 0.0], [[4.0, 2.0], [2.0, 2.0]]);
/// let expected = 1.0 / (4.0 * std::f64::consts::PI);
/// assert!((position.log_density([1.0, 0.0]).exp() - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MvNormal<T, const N: usize> {
    mean: [T; N],
    covariance: [[T; N]; N],
}

impl<T: Real, const N: usize> MvNormal<T, N> {
    /// Creates MvNormal(mean, covariance), with a symmetric and positive definite matrix, of which the lower triangle
    /// is used; [`diag`](crate::autodiff::diag) makes a diagonal one.
    #[inline(always)]
    pub fn new(mean: [T; N], covariance: impl Into<[[T; N]; N]>) -> Self {
        Self { mean, covariance: covariance.into() }
    }

    #[inline(always)]
    fn factored(&self) -> MvNormalCholesky<T, N> {
        MvNormalCholesky { mean: self.mean, factor: cholesky(&self.covariance) }
    }
}

impl<T: Real, const N: usize> Distribution<T> for MvNormal<T, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        self.factored().log_density(x)
    }
}

impl<const N: usize> Draw for MvNormal<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        self.factored().draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "MvNormal";
        require(self.mean.iter().all(|m| m.is_finite()), name, "the mean", self.mean, "of finite numbers")?;
        require_definite(&self.covariance, name, "the covariance")
    }
}

/// Returns an error unless a matrix is symmetric and positive definite.
pub(crate) fn require_definite<const N: usize>(
    s: &[[f64; N]; N],
    distribution: &'static str,
    parameter: &'static str,
) -> Result<(), ParameterError> {
    let symmetric = (0..N).all(|i| (0..i).all(|j| (s[i][j] - s[j][i]).abs() <= 1e-8 * (s[i][i] * s[j][j]).sqrt()));
    require(symmetric, distribution, parameter, s, "symmetric")?;
    let definite = cholesky(s).iter().enumerate().all(|(i, row)| is_positive(row[i]));
    require(definite, distribution, parameter, s, "positive definite and finite")
}

/// Returns z'z with z = L^-1 (x - mean) and the logarithm of the determinant of L, for a lower triangular L.
#[inline(always)]
pub(crate) fn distance<T: Real, const N: usize>(x: [T; N], mean: &[T; N], factor: &[[T; N]; N]) -> (T, T) {
    let mut z = [T::from(0.0); N];
    let (mut square, mut log_determinant) = (T::from(0.0), T::from(0.0));
    for i in 0..N {
        let mut rest = x[i] - mean[i];
        for (&l, &z) in factor[i].iter().zip(&z).take(i) {
            rest -= l * z;
        }
        z[i] = rest / factor[i][i];
        square += z[i].square();
        log_determinant += factor[i][i].ln();
    }
    (square, log_determinant)
}

/// N numbers with a joint normal distribution, by the lower factor of their covariance.
///
/// ```
/// use hierarch_core::distributions::{Distribution, MvNormal, MvNormalCholesky};
///
/// // Factor times its transpose is [[4, 2], [2, 2]].
/// let by_factor = MvNormalCholesky::new([1.0_f64, 0.0], [[2.0, 0.0], [1.0, 1.0]]);
/// let by_covariance = MvNormal::new([1.0_f64, 0.0], [[4.0, 2.0], [2.0, 2.0]]);
/// let x = [2.0, -0.5];
/// assert!((by_factor.log_density(x) - by_covariance.log_density(x)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MvNormalCholesky<T, const N: usize> {
    mean: [T; N],
    factor: [[T; N]; N],
}

impl<T: Real, const N: usize> MvNormalCholesky<T, N> {
    /// Creates MvNormalCholesky(mean, factor), with a lower triangular matrix with a positive diagonal; the part above
    /// it is not read. [`diag`](crate::autodiff::diag) makes a diagonal one.
    #[inline(always)]
    pub fn new(mean: [T; N], factor: impl Into<[[T; N]; N]>) -> Self {
        Self { mean, factor: factor.into() }
    }
}

impl<T: Real, const N: usize> Distribution<T> for MvNormalCholesky<T, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        let (square, log_determinant) = distance(x, &self.mean, &self.factor);
        square * -0.5 - log_determinant - LN_SQRT_2_PI * N as f64
    }
}

impl<const N: usize> Draw for MvNormalCholesky<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        let z: [f64; N] = std::array::from_fn(|_| StandardNormal.sample(rng));
        std::array::from_fn(|i| self.mean[i] + (0..=i).map(|j| self.factor[i][j] * z[j]).sum::<f64>())
    }

    fn check(&self) -> Result<(), ParameterError> {
        let (name, factor) = ("MvNormalCholesky", &self.factor);
        require(self.mean.iter().all(|m| m.is_finite()), name, "the mean", self.mean, "of finite numbers")?;
        let finite = (0..N).all(|i| factor[i][..=i].iter().all(|x| x.is_finite()));
        require(finite, name, "the factor", factor, "of finite numbers")?;
        let positive = (0..N).all(|i| factor[i][i] > 0.0);
        require(positive, name, "the factor", factor, "positive on the diagonal")
    }
}
