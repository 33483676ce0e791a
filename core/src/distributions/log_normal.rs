//! The log-normal distribution: density exp(-z^2 / 2) / (sqrt(2 pi) sigma x) with z = (ln x - mu) / sigma, for x > 0.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::numeric::lost;
use super::{Cdf, Distribution, Draw, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The exponential of a normal number.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, LogNormal};
///
/// // The median is exp(mu).
/// let (median, sigma) = (2.0_f64.exp(), 0.5_f64);
/// let radius = LogNormal::new(2.0, sigma);
/// assert!((radius.cdf(median) - 0.5).abs() < 1e-12);
/// let expected = 1.0 / ((2.0 * std::f64::consts::PI).sqrt() * sigma * median);
/// assert!((radius.log_density(median).exp() - expected).abs() < 1e-12);
/// ```
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
        x.if_le(T::from(0.0), lost(), self.logarithm().log_density(log) - log)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        (q.exp(), self.logarithm().log_density(q))
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
