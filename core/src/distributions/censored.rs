//! Any distribution whose values are recorded between two limits: density f(x) between them, P(X <= low) at the lower limit and
//! P(X >= high) at the upper one.

use rand::Rng;

use super::numeric::{larger, lost, smaller};
use super::{Cdf, Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// A distribution of which a value at or below `low` is recorded as `low`, and one at or above `high` as `high`: the time of an event
/// that a study of that length may not see, or a concentration below what an instrument detects.
///
/// At a limit the density is the probability of all values that are recorded there; for whole numbers that of the limit itself is
/// among them. Either limit may be infinite, and both may be data of each element. Where values beyond a limit leave no record at all,
/// the distribution is [`Truncated`](super::Truncated).
///
/// ```
/// use hierarch_core::distributions::{Censored, Distribution, Exponential};
///
/// // Lifetimes of rate 2, in a study that ends at time 3.
/// let time = Censored::new(Exponential::new(2.0_f64), 0.0, 3.0);
/// assert!((time.log_density(1.5) - (2.0_f64.ln() - 2.0 * 1.5)).abs() < 1e-12);
/// assert!((time.log_density(3.0) - (-2.0 * 3.0)).abs() < 1e-12); // still alive
/// assert_eq!(time.log_density(3.1), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Censored<D, T> {
    inner: D,
    low: T,
    high: T,
}

impl<D, T: Real> Censored<D, T> {
    /// Creates Censored(inner, low, high), with low < high, either of which may be infinite; whole ones for whole numbers.
    #[inline(always)]
    pub fn new(inner: D, low: T, high: T) -> Self {
        Self { inner, low, high }
    }
}

impl<T: Real, D: Cdf<T>> Distribution<T> for Censored<D, T> {
    type Value = T;

    /// Returns the interval from the lowest number that is recorded to the highest.
    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (low, high, whole) = self.inner.support().bounds();
        let recorded = |x: T| smaller(larger(x, self.low), self.high);
        Support::between(recorded(low), recorded(high), whole)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        // The last value that is not recorded as the upper limit: of whole numbers the one before it.
        let last = if let Support::Whole(..) = self.inner.support() { -(-self.high).floor() - 1.0 } else { self.high };
        let at_low = self.inner.log_between(lost(), self.low);
        let at_high = self.inner.log_between(last, T::from(f64::INFINITY));
        let inside = self.inner.log_density(x);
        let log = x.if_le(self.low, at_low, self.high.if_le(x, at_high, inside));
        // Of parameters without sense a density is no number, but the probability of a tail may look like one.
        let log = inside.if_le(T::from(f64::INFINITY), log, inside);
        // No number is recorded between limits that are not known or the wrong way round.
        self.low.if_le(x, x.if_le(self.high, log, lost()), lost())
    }
}

impl<D: Draw + Cdf<f64>> Draw for Censored<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // What is no number stays so.
        match self.inner.draw(rng) {
            x if x < self.low => self.low,
            x if x > self.high => self.high,
            x => x,
        }
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        let (low, high) = (self.low, self.high);
        require(low < high, "Censored", "the lower limit", low, "below the upper limit")?;
        let whole = matches!(self.inner.support(), Support::Whole(..));
        let recorded = |x: f64| !whole || x.is_infinite() || x.fract() == 0.0;
        require(recorded(low), "Censored", "the lower limit", low, "whole or infinite, as the values are whole")?;
        require(recorded(high), "Censored", "the upper limit", high, "whole or infinite, as the values are whole")
    }
}
