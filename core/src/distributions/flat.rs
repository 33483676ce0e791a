//! The improper prior whose density is one everywhere, or everywhere in an interval.

use rand::Rng;

use super::numeric::{outside, unless};
use super::{Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// A density of one between two bounds, either of which may be infinite: no distribution, but a prior that leaves the posterior
/// to the likelihood. In a model `Flat` stands for that over all numbers, `Flat(0.0..)` for that above zero, and `Flat(a, b)`
/// for that between two bounds.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Flat};
///
/// let positive = Flat::new(0.0_f64, f64::INFINITY);
/// assert_eq!(positive.log_density(1e9), 0.0);
/// assert_eq!(positive.log_density(-1.0), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Flat<T> {
    low: T,
    high: T,
}

impl<T: Real> Flat<T> {
    /// Creates Flat(low, high), with low < high.
    #[inline(always)]
    pub fn new(low: T, high: T) -> Self {
        Self { low, high }
    }
}

impl<T: Real> Distribution<T> for Flat<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::between(self.low, self.high, false)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        unless(outside(x, self.low, self.high), T::from(0.0))
    }
}

impl Draw for Flat<f64> {
    /// Returns NaN: there is nothing to draw from.
    fn draw<R: Rng + ?Sized>(&self, _: &mut R) -> f64 {
        f64::NAN
    }

    /// Returns an error, always.
    fn check(&self) -> Result<(), ParameterError> {
        require(self.low < self.high, "Flat", "the lower bound", self.low, "below the upper bound")?;
        let integral = self.high - self.low;
        require(
            false,
            "Flat",
            "the integral of the density",
            integral,
            "one to be drawn from: give the value, as `.at(&globals)` does",
        )
    }

    fn check_density(&self) -> Result<(), ParameterError> {
        require(self.low < self.high, "Flat", "the lower bound", self.low, "below the upper bound")
    }
}
