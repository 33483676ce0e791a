//! The power law on an interval: density proportional to x^slope on [low, high].
//!
//! ln x has a density proportional to exp((slope + 1) ln x) on an interval, so that slope = -1 is not a special case:
//! the normalisation is a smooth function of the slope there, too.

use rand::Rng;

use super::exponential::{draw_exponential_in_unit, log_exponential_between};
use super::numeric::{outside, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The power law with a slope between two positive bounds.
///
/// ```
/// use hierarch_core::distributions::{Distribution, PowerLaw};
///
/// // 1 / x^2, whose integral from 1 to 4 is 3/4.
/// let mass = PowerLaw::new(-2.0_f64, 1.0, 4.0);
/// assert!((mass.log_density(2.0).exp() - 0.25 / 0.75).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PowerLaw<T> {
    slope: T,
    low: T,
    high: T,
}

impl<T: Real> PowerLaw<T> {
    /// Creates PowerLaw(slope, low, high), with 0 < low < high and any slope: the exponent itself, -2 for 1 / x^2.
    #[inline(always)]
    pub fn new(slope: T, low: T, high: T) -> Self {
        Self { slope, low, high }
    }
}

impl<T: Real> Distribution<T> for PowerLaw<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(self.low, self.high)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let (log, log_width) = ((x / self.low).ln(), (self.high / self.low).ln());
        let density = self.slope * log - (self.low * log_width).ln() - ((self.slope + 1.0) * log_width).log_mean_exp();
        unless(outside(x, self.low, self.high), density)
    }
}

impl<T: Real> Cdf<T> for PowerLaw<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let (part, width) = ((x.max(self.low).min(self.high) / self.low).ln(), (self.high / self.low).ln());
        let power = self.slope + 1.0;
        part / width * ((power * part).log_mean_exp() - (power * width).log_mean_exp()).exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let (a, b) = (low.max(self.low), high.min(self.high));
        let (offset, width, whole) = ((a / self.low).ln(), (b / a).ln(), (self.high / self.low).ln());
        log_exponential_between(self.slope + 1.0, offset, width, whole)
    }
}

impl Draw for PowerLaw<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let width = (self.high / self.low).ln();
        // Rounding must not move it over a bound.
        (self.low * (width * draw_exponential_in_unit(-(self.slope + 1.0) * width, rng)).exp()).min(self.high)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.slope.is_finite(), "PowerLaw", "the slope", self.slope, "finite")?;
        require(is_positive(self.low), "PowerLaw", "the lower bound", self.low, "positive and finite")?;
        require(is_positive(self.high), "PowerLaw", "the upper bound", self.high, "positive and finite")?;
        require(self.low < self.high, "PowerLaw", "the lower bound", self.low, "below the upper bound")
    }
}
