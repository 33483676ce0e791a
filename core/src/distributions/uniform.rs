//! Uniform distributions, of a number and of its logarithm.
//!
//! Density 1 / (high - low), and 1 / (x ln(high / low)), on [low, high].

use rand::{Rng, RngExt};

use super::numeric::{ln_width, outside, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The uniform distribution between two bounds.
#[derive(Clone, Copy, Debug)]
pub struct Uniform<T> {
    low: T,
    high: T,
}

impl<T: Real> Uniform<T> {
    /// Creates Uniform(low, high), with low < high.
    #[inline(always)]
    pub fn new(low: T, high: T) -> Self {
        Self { low, high }
    }
}

impl<T: Real> Distribution<T> for Uniform<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(self.low, self.high)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        unless(outside(x, self.low, self.high), -(self.high - self.low).ln())
    }
}

impl<T: Real> Cdf<T> for Uniform<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        (x.max(self.low).min(self.high) - self.low) / (self.high - self.low)
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        ln_width(high.min(self.high) - low.max(self.low)) - (self.high - self.low).ln()
    }
}

impl Draw for Uniform<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.low + (self.high - self.low) * rng.random::<f64>()
    }

    #[inline(always)]
    fn check(&self) -> Result<(), ParameterError> {
        require(self.low.is_finite(), "Uniform", "the lower bound", self.low, "finite")?;
        require(self.high.is_finite(), "Uniform", "the upper bound", self.high, "finite")?;
        require(self.low < self.high, "Uniform", "the lower bound", self.low, "below the upper bound")
    }
}

/// The distribution whose logarithm is uniform between the logarithms of two bounds.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, LogUniform};
///
/// // Half of the probability in each of two decades.
/// let rate = LogUniform::new(1.0_f64, 100.0);
/// assert!((rate.cdf(10.0) - 0.5).abs() < 1e-12);
/// assert!((rate.log_density(10.0).exp() - 1.0 / (10.0 * 100.0_f64.ln())).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogUniform<T> {
    low: T,
    high: T,
}

impl<T: Real> LogUniform<T> {
    /// Creates LogUniform(low, high), with 0 < low < high.
    #[inline(always)]
    pub fn new(low: T, high: T) -> Self {
        Self { low, high }
    }
}

impl<T: Real> Distribution<T> for LogUniform<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(self.low, self.high)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        unless(outside(x, self.low, self.high), -(x * (self.high.ln() - self.low.ln())).ln())
    }
}

impl<T: Real> Cdf<T> for LogUniform<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        (x.max(self.low).min(self.high) / self.low).ln() / (self.high / self.low).ln()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        ln_width((high.min(self.high) / low.max(self.low)).ln()) - (self.high / self.low).ln().ln()
    }
}

impl Draw for LogUniform<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let log = (self.high / self.low).ln();
        // Rounding must not move it over a bound.
        (self.low * (log * rng.random::<f64>()).exp()).min(self.high)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.low), "LogUniform", "the lower bound", self.low, "positive and finite")?;
        require(is_positive(self.high), "LogUniform", "the upper bound", self.high, "positive and finite")?;
        require(self.low < self.high, "LogUniform", "the lower bound", self.low, "below the upper bound")
    }
}
