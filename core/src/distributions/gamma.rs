//! The gamma distribution and the inverse gamma distribution.
//!
//! Gamma(shape a, rate b): density b^a / Gamma(a) x^(a - 1) exp(-b x) for x > 0. InverseGamma(shape a, scale b):
//! b^a / Gamma(a) x^(-a - 1) exp(-b / x).

use rand::Rng;
use rand_distr::Distribution as _;
use statrs::function::gamma::{checked_gamma_lr, checked_gamma_ur};

use super::numeric::{from_zero, ln_width, lost, power_times};
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

/// Returns the lower regularised incomplete gamma function.
fn lower(shape: f64, x: f64) -> f64 {
    match x {
        _ if x <= 0.0 => 0.0,
        f64::INFINITY => 1.0,
        _ => checked_gamma_lr(shape, x).unwrap_or(f64::NAN),
    }
}

/// Returns the upper regularised incomplete gamma function.
fn upper(shape: f64, x: f64) -> f64 {
    match x {
        _ if x <= 0.0 => 1.0,
        f64::INFINITY => 0.0,
        _ => checked_gamma_ur(shape, x).unwrap_or(f64::NAN),
    }
}

/// Returns the logarithm of the probability between two numbers of a gamma distribution of rate one.
fn log_between(shape: f64, low: f64, high: f64) -> f64 {
    // In the upper tail, from the function that is small there.
    ln_width(if low < shape { lower(shape, high) - lower(shape, low) } else { upper(shape, low) - upper(shape, high) })
}

impl Cdf<f64> for Gamma<f64> {
    fn cdf(&self, x: f64) -> f64 {
        lower(self.shape, self.rate * x)
    }

    fn log_between(&self, low: f64, high: f64) -> f64 {
        log_between(self.shape, self.rate * low, self.rate * high)
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

impl Cdf<f64> for InverseGamma<f64> {
    fn cdf(&self, x: f64) -> f64 {
        upper(self.shape, self.scale / x.max(0.0))
    }

    fn log_between(&self, low: f64, high: f64) -> f64 {
        log_between(self.shape, self.scale / high.max(0.0), self.scale / low.max(0.0))
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
