//! The discrete uniform distribution: 1 / (high - low + 1) for k = low, low + 1, ..., high.

use rand::{Rng, RngExt};

use super::binomial::count_values;
use super::numeric::{is_count, ln_width, outside, unless};
use super::{Cdf, Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// A whole number between two bounds, both included.
///
/// ```
/// use hierarch_core::distributions::{Cdf, DiscreteUniform, Distribution};
///
/// let die = DiscreteUniform::new(1.0_f64, 6.0);
/// assert!((die.log_density(6.0).exp() - 1.0 / 6.0).abs() < 1e-12);
/// assert!((die.cdf(2.0) - 2.0 / 6.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DiscreteUniform<T> {
    low: T,
    high: T,
}

impl<T: Real> DiscreteUniform<T> {
    /// Creates DiscreteUniform(low, high), with whole numbers 0 <= low <= high.
    #[inline(always)]
    pub fn new(low: T, high: T) -> Self {
        Self { low, high }
    }

    #[inline(always)]
    fn size(&self) -> T {
        self.high - self.low + 1.0
    }
}

impl<T: Real> Distribution<T> for DiscreteUniform<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(self.low, self.high)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let (no, yes) = (T::from(0.0), T::from(1.0));
        let mut bad = self.low.if_lt(no, yes, outside(k, self.low, self.high));
        for number in [k, self.low, self.high] {
            bad = number.floor().if_lt(number, yes, bad);
        }
        unless(bad, -self.size().ln())
    }
}

impl<T: Real> Finite<T> for DiscreteUniform<T> {
    /// Returns high + 1: those below the lower bound count, with the probability zero.
    #[inline(always)]
    fn categories(&self) -> usize {
        count_values(self.high)
    }
}

impl<T: Real> Cdf<T> for DiscreteUniform<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        (k.floor().max(self.low - 1.0).min(self.high) - self.low + 1.0) / self.size()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        ln_width(high.floor().min(self.high) - low.floor().max(self.low - 1.0)) - self.size().ln()
    }
}

impl Draw for DiscreteUniform<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if self.check().is_err() {
            return f64::NAN;
        }
        rng.random_range(self.low as u64..=self.high as u64) as f64
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "DiscreteUniform";
        require(is_count(self.low), name, "the lower bound", self.low, "a whole number, zero or more")?;
        require(is_count(self.high), name, "the upper bound", self.high, "a whole number, zero or more")?;
        require(self.low <= self.high, name, "the lower bound", self.low, "not above the upper bound")
    }
}
