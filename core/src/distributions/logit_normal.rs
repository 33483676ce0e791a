//! The logit-normal distribution: density exp(-z^2 / 2) / (sqrt(2 pi) sigma x (1 - x)) with z = (ln(x / (1 - x)) - mu) / sigma, on
//! (0, 1).

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::numeric::lost;
use super::{Cdf, Distribution, Draw, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// A number between 0 and 1 whose logit is normal.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, LogitNormal};
///
/// // The median is 1 / (1 + exp(-mu)).
/// let share = LogitNormal::new(0.0_f64, 2.0);
/// assert!((share.cdf(0.5) - 0.5).abs() < 1e-12);
/// let expected = 4.0 / ((2.0 * std::f64::consts::PI).sqrt() * 2.0);
/// assert!((share.log_density(0.5).exp() - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogitNormal<T> {
    mu: T,
    sigma: T,
}

impl<T: Real> LogitNormal<T> {
    /// Creates LogitNormal(mu, sigma), with mu and sigma > 0 the mean and the standard deviation of ln(x / (1 - x)).
    #[inline(always)]
    pub fn new(mu: T, sigma: T) -> Self {
        Self { mu, sigma }
    }

    #[inline(always)]
    fn logit(&self) -> Normal<T> {
        Normal::new(self.mu, self.sigma)
    }
}

impl<T: Real> Distribution<T> for LogitNormal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let (log, log_rest) = (x.ln(), (-x).ln_1p());
        let inside = self.logit().log_density(log - log_rest) - log - log_rest;
        x.if_le(T::from(0.0), lost(), T::from(1.0).if_le(x, lost(), inside))
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        (q.sigmoid(), self.logit().log_density(q))
    }
}

impl<T: Real> Cdf<T> for LogitNormal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        x.if_le(zero, zero, one.if_le(x, one, self.logit().cdf(x.logit())))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        if high <= zero || low >= one {
            return lost();
        }
        let low = if low <= zero { T::from(f64::NEG_INFINITY) } else { low.logit() };
        let high = if high >= one { T::from(f64::INFINITY) } else { high.logit() };
        self.logit().log_between(low, high)
    }
}

impl Draw for LogitNormal<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        self.support().inside((self.mu + self.sigma * z).sigmoid())
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.mu.is_finite(), "LogitNormal", "mu", self.mu, "finite")?;
        require(is_positive(self.sigma), "LogitNormal", "sigma", self.sigma, "positive and finite")
    }
}
