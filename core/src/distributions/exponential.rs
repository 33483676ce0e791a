//! The exponential distribution, and the exponential distribution on an interval.
//!
//! Density rate exp(-rate x) for x >= 0; proportional to exp(-rate x) on [low, high], where the rate may also be zero
//! or negative.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{from_zero, is_unbounded_above, log_difference, lost, outside, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The exponential distribution with a rate; its mean is 1 / rate.
#[derive(Clone, Copy, Debug)]
pub struct Exponential<T> {
    rate: T,
}

impl<T: Real> Exponential<T> {
    /// Creates Exponential(rate), with rate > 0.
    #[inline(always)]
    pub fn new(rate: T) -> Self {
        Self { rate }
    }
}

impl<T: Real> Distribution<T> for Exponential<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        from_zero(x, self.rate.ln() - self.rate * x)
    }
}

impl<T: Real> Cdf<T> for Exponential<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        -(-self.rate * x.max(T::from(0.0))).exp_m1()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let log_above = -self.rate * low.max(T::from(0.0));
        if is_unbounded_above(high) { log_above } else { log_difference(log_above, -self.rate * high) }
    }
}

impl Draw for Exponential<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let x: f64 = Exp1.sample(rng);
        x / self.rate
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.rate), "Exponential", "the rate", self.rate, "positive and finite")
    }
}

/// The distribution on an interval whose density decreases (or, for a negative rate, increases) exponentially.
///
/// ```
/// use hierarch_core::distributions::{Distribution, TruncatedExponential};
///
/// // exp(-x) from 2 to 5.
/// let time = TruncatedExponential::new(1.0_f64, 2.0, 5.0);
/// let integral = (-2.0_f64).exp() - (-5.0_f64).exp();
/// assert!((time.log_density(3.0).exp() - (-3.0_f64).exp() / integral).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TruncatedExponential<T> {
    rate: T,
    low: T,
    high: T,
}

impl<T: Real> TruncatedExponential<T> {
    /// Creates TruncatedExponential(rate, low, high), with low < high and any rate; for rate zero it is uniform.
    #[inline(always)]
    pub fn new(rate: T, low: T, high: T) -> Self {
        Self { rate, low, high }
    }
}

impl<T: Real> Distribution<T> for TruncatedExponential<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(self.low, self.high)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        // The normalisation: the mean of exp(-rate (t - low)) over the interval, times its width.
        let width = self.high - self.low;
        let log = self.rate * (self.low - x) - width.ln() - (-self.rate * width).log_mean_exp();
        unless(outside(x, self.low, self.high), log)
    }
}

impl<T: Real> Cdf<T> for TruncatedExponential<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let (part, width) = (x.max(self.low).min(self.high) - self.low, self.high - self.low);
        part / width * ((-self.rate * part).log_mean_exp() - (-self.rate * width).log_mean_exp()).exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let (a, b) = (low.max(self.low), high.min(self.high));
        log_exponential_between(-self.rate, a - self.low, b - a, self.high - self.low)
    }
}

/// Returns the logarithm of the share that t from `offset` to `offset + width` has of the integral of exp(slope t) over t
/// from 0 to `whole`.
#[inline(always)]
pub(crate) fn log_exponential_between<T: Real>(slope: T, offset: T, width: T, whole: T) -> T {
    let log = |width: T| T::from(0.0).if_lt(width, width.ln() + (slope * width).log_mean_exp(), lost());
    slope * offset + log(width) - log(whole)
}

/// Draws from the density proportional to exp(-steepness t) on [0, 1], by the inverse cumulative distribution.
pub(crate) fn draw_exponential_in_unit<R: Rng + ?Sized>(steepness: f64, rng: &mut R) -> f64 {
    let u: f64 = rng.random();
    let s = steepness.abs();
    // For an increasing density, the mirror image. The minimum is against rounding.
    let t = if s == 0.0 { u } else { (-(u * (-s).exp_m1()).ln_1p() / s).min(1.0) };
    if steepness < 0.0 { 1.0 - t } else { t }
}

impl Draw for TruncatedExponential<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let width = self.high - self.low;
        self.low + width * draw_exponential_in_unit(self.rate * width, rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "TruncatedExponential";
        require(self.rate.is_finite(), name, "the rate", self.rate, "finite")?;
        require(self.low.is_finite(), name, "the lower bound", self.low, "finite")?;
        require(self.high.is_finite(), name, "the upper bound", self.high, "finite")?;
        require(self.low < self.high, name, "the lower bound", self.low, "below the upper bound")
    }
}
