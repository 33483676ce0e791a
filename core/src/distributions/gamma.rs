//! The gamma distribution and the inverse gamma distribution.
//!
//! Gamma(shape a, rate b): density b^a / Gamma(a) x^(a - 1) exp(-b x) for x > 0. InverseGamma(shape a, scale b):
//! b^a / Gamma(a) x^(-a - 1) exp(-b / x).

use rand::Rng;
use rand_distr::Distribution as _;

use super::numeric::{from_zero, log_between_tails, lost, power_times};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The gamma distribution with a shape and a rate; its mean is shape / rate.
#[derive(Clone, Copy, Debug)]
pub struct Gamma<T> {
    shape: T,
    rate: T,
}

impl<T: Real> Gamma<T> {
    /// Creates Gamma(shape, rate), with shape > 0 and rate > 0.
    #[inline(always)]
    pub fn new(shape: T, rate: T) -> Self {
        Self { shape, rate }
    }
}

impl<T: Real> Distribution<T> for Gamma<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = self.shape * self.rate.ln() + power_times(self.shape - 1.0, x.ln()) - self.rate * x;
        from_zero(x, log - self.shape.ln_gamma())
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        let x = q.exp();
        (x, self.shape * (self.rate.ln() + q) - self.rate * x - self.shape.ln_gamma())
    }
}

impl<T: Real> Gamma<T> {
    /// Returns the logarithms of the probabilities below and above `x`.
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        self.shape.ln_incomplete_gamma(self.rate * x.max(T::from(0.0)))
    }
}

impl<T: Real> Cdf<T> for Gamma<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_tails(x).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

impl Draw for Gamma<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        rand_distr::Gamma::new(self.shape, 1.0)
            .map_or(f64::NAN, |gamma| self.support().inside(gamma.sample(rng) / self.rate))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.shape), "Gamma", "the shape", self.shape, "positive and finite")?;
        require(is_positive(self.rate), "Gamma", "the rate", self.rate, "positive and finite")
    }
}

/// The distribution of 1 / x where x has a gamma distribution.
///
/// ```
/// use hierarch_core::distributions::{Distribution, InverseGamma};
///
/// // Shape 3 and scale 2 at x = 1: 2^3 / Gamma(3) exp(-2).
/// let variance = InverseGamma::new(3.0_f64, 2.0);
/// assert!((variance.log_density(1.0).exp() - 8.0 / 2.0 * (-2.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InverseGamma<T> {
    shape: T,
    scale: T,
}

impl<T: Real> InverseGamma<T> {
    /// Creates InverseGamma(shape, scale), with shape > 0 and scale > 0: 1 / x has the distribution Gamma(shape, rate =
    /// scale).
    #[inline(always)]
    pub fn new(shape: T, scale: T) -> Self {
        Self { shape, scale }
    }
}

impl<T: Real> Distribution<T> for InverseGamma<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = self.shape * self.scale.ln() - (self.shape + 1.0) * x.ln() - self.scale / x;
        x.if_le(T::from(0.0), lost(), log - self.shape.ln_gamma())
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        (q.exp(), self.shape * (self.scale.ln() - q) - self.scale * (-q).exp() - self.shape.ln_gamma())
    }
}

impl<T: Real> InverseGamma<T> {
    /// Returns the logarithms of the probabilities below and above `x`.
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        let (below, above) = self.shape.ln_incomplete_gamma(self.scale / x.max(T::from(0.0)));
        (above, below)
    }
}

impl<T: Real> Cdf<T> for InverseGamma<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_tails(x).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

impl Draw for InverseGamma<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        rand_distr::Gamma::new(self.shape, 1.0)
            .map_or(f64::NAN, |gamma| self.support().inside((self.scale / gamma.sample(rng)).min(f64::MAX)))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.shape), "InverseGamma", "the shape", self.shape, "positive and finite")?;
        require(is_positive(self.scale), "InverseGamma", "the scale", self.scale, "positive and finite")
    }
}
