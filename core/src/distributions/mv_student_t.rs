//! The multivariate Student's t distribution of d degrees of freedom, by a scale matrix S = L L'.
//!
//! Density Gamma((d + N) / 2) / (Gamma(d / 2) (pi d)^(N / 2) L_11 ... L_NN) (1 + z'z / d)^(-(d + N) / 2) with z = L^-1 (x - mean).

use rand::Rng;
use rand_distr::Distribution as _;

use super::mv_normal::{distance, require_definite};
use super::numeric::{LN_PI, cholesky, ln_gamma_ratio};
use super::{Distribution, Draw, MvNormalCholesky, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// N numbers with a joint Student's t distribution: a multivariate normal distribution with heavier tails.
///
/// ```
/// use hierarch_core::distributions::{Distribution, MvStudentT};
///
/// // Of two numbers, the density at the mean is 1 / (2 pi sqrt(determinant)), whatever the degrees of freedom are.
/// let position = MvStudentT::new(5.0_f64, [1.0, 0.0], [[4.0, 2.0], [2.0, 2.0]]);
/// let expected = 1.0 / (4.0 * std::f64::consts::PI);
/// assert!((position.log_density([1.0, 0.0]).exp() - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MvStudentT<T, const N: usize> {
    dof: T,
    mean: [T; N],
    scale_matrix: [[T; N]; N],
}

impl<T: Real, const N: usize> MvStudentT<T, N> {
    /// Creates MvStudentT(dof, mean, scale_matrix), with dof > 0 and a symmetric and positive definite matrix, of which the lower
    /// triangle is used; the covariance is that matrix times dof / (dof - 2).
    /// [`diag`](crate::autodiff::diag) makes a diagonal one.
    #[inline(always)]
    pub fn new(dof: T, mean: [T; N], scale_matrix: impl Into<[[T; N]; N]>) -> Self {
        Self { dof, mean, scale_matrix: scale_matrix.into() }
    }
}

impl<T: Real, const N: usize> Distribution<T> for MvStudentT<T, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        let (square, log_determinant) = distance(x, &self.mean, &cholesky(&self.scale_matrix));
        let (half, numbers) = (self.dof * 0.5, 0.5 * N as f64);
        ln_gamma_ratio(half, T::from(numbers))
            - (self.dof.ln() + LN_PI) * numbers
            - log_determinant
            - (half + numbers) * (square / self.dof).ln_1p()
    }
}

impl<const N: usize> Draw for MvStudentT<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        let Ok(gamma) = rand_distr::Gamma::new(0.5 * self.dof, 1.0) else { return [f64::NAN; N] };
        let stretch = (0.5 * self.dof / gamma.sample(rng)).sqrt();
        let normal = MvNormalCholesky::new([0.0; N], cholesky(&self.scale_matrix)).draw(rng);
        std::array::from_fn(|i| self.mean[i] + stretch * normal[i])
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "MvStudentT";
        require(is_positive(self.dof), name, "the number of degrees of freedom", self.dof, "positive and finite")?;
        require(self.mean.iter().all(|m| m.is_finite()), name, "the mean", self.mean, "of finite numbers")?;
        require_definite(&self.scale_matrix, name, "the scale matrix")
    }
}
