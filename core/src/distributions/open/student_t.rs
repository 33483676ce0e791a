//! Correlated numbers with heavy tails.

use rand::Rng;
use rand_distr::Distribution as _;

use super::MvNormal;
use crate::autodiff::{Matrix, Real};
use crate::distributions::numeric::{LN_PI, ln_gamma_ratio};
use crate::distributions::{Distribution, Draw, ParameterError, Support, is_positive, require};

/// See [`MvStudentT`](crate::distributions::MvStudentT).
#[derive(Clone, Debug)]
pub struct MvStudentT<T> {
    dof: T,
    mean: Vec<T>,
    /// The normal distribution around zero of which the scale matrix is the covariance.
    normal: MvNormal<T>,
}

impl<T: Real> MvStudentT<T> {
    /// Creates MvStudentT(dof, mean, scale_matrix), with dof > 0 and a symmetric and positive definite matrix, of which the lower
    /// triangle is used.
    pub fn new(dof: T, mean: impl AsRef<[T]>, scale_matrix: impl AsRef<Matrix<T>>) -> Self {
        let mean = mean.as_ref().to_vec();
        Self { dof, normal: MvNormal::new(vec![T::from(0.0); mean.len()], scale_matrix), mean }
    }
}

impl<T: Real> Distribution<T> for MvStudentT<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Real
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let centred: Vec<T> = x.iter().zip(&self.mean).map(|(&x, &mean)| x - mean).collect();
        let (square, log_determinant) = self.normal.distance(&centred);
        let (half, numbers) = (self.dof * 0.5, 0.5 * x.len() as f64);
        ln_gamma_ratio(half, T::from(numbers))
            - (self.dof.ln() + LN_PI) * numbers
            - log_determinant
            - (half + numbers) * (square / self.dof).ln_1p()
    }
}

impl Draw for MvStudentT<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let Ok(gamma) = rand_distr::Gamma::new(0.5 * self.dof, 1.0) else { return vec![f64::NAN; self.mean.len()] };
        let stretch = (0.5 * self.dof / gamma.sample(rng)).sqrt();
        let normal = self.normal.draw(rng);
        self.mean.iter().zip(normal).map(|(mean, normal)| mean + stretch * normal).collect()
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "MvStudentT";
        require(is_positive(self.dof), name, "the number of degrees of freedom", self.dof, "positive and finite")?;
        require(self.mean.iter().all(|m| m.is_finite()), name, "the mean", &self.mean, "of finite numbers")?;
        self.normal.check().map_err(|error| ParameterError {
            distribution: name,
            parameter: "the factor of the scale matrix",
            ..error
        })
    }
}
