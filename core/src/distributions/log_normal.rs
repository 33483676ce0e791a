//! The log-normal distribution: density exp(-z^2 / 2) / (sqrt(2 pi) sigma x) with z = (ln x - mu) / sigma, for x > 0.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::numeric::{above_zero, lost};
use super::{Cdf, Distribution, Draw, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The exponential of a normal number.
#[derive(Clone, Copy, Debug)]
pub struct LogNormal<T> {
    mu: T,
    sigma: T,
}

impl<T: Real> LogNormal<T> {
    /// Creates LogNormal(mu, sigma), with mu and sigma > 0 the mean and the standard deviation of ln x.
    #[inline(always)]
    pub fn new(mu: T, sigma: T) -> Self {
        Self { mu, sigma }
    }

    #[inline(always)]
    fn logarithm(&self) -> Normal<T> {
        Normal::new(self.mu, self.sigma)
    }
}

impl<T: Real> Distribution<T> for LogNormal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = x.ln();
        above_zero(x, self.logarithm().log_density(log) - log)
    }
}

impl<T: Real> Cdf<T> for LogNormal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        x.if_le(T::from(0.0), T::from(0.0), self.logarithm().cdf(x.ln()))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let zero = T::from(0.0);
        if high <= zero {
            return lost();
        }
        let low = if low <= zero { T::from(f64::NEG_INFINITY) } else { low.ln() };
        self.logarithm().log_between(low, high.ln())
    }
}

impl Draw for LogNormal<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        (self.mu + self.sigma * z).exp()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.mu.is_finite(), "LogNormal", "mu", self.mu, "finite")?;
        require(is_positive(self.sigma), "LogNormal", "sigma", self.sigma, "positive and finite")
    }
}
