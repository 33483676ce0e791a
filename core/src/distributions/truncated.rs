//! Any distribution on an interval: density f(x) / P(low <= x <= high) there, and zero elsewhere.

use rand::{Rng, RngExt};

use super::numeric::{larger, lost, outside, smaller, unless};
use super::{Cdf, Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// A distribution, given that the number is in an interval, including its ends.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Poisson, Truncated};
///
/// // Counts of which zero is never recorded.
/// let counts = Truncated::new(Poisson::new(2.0_f64), 1.0, f64::INFINITY);
/// let none = (-2.0_f64).exp();
/// assert!((counts.log_density(1.0).exp() - 2.0 * none / (1.0 - none)).abs() < 1e-12);
/// assert_eq!(counts.log_density(0.0), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Truncated<D, T> {
    inner: D,
    low: T,
    high: T,
}

impl<D, T: Real> Truncated<D, T> {
    /// Creates Truncated(inner, low, high), with low < high, either of which may be infinite.
    #[inline(always)]
    pub fn new(inner: D, low: T, high: T) -> Self {
        Self { inner, low, high }
    }
}

impl<T: Real, D: Cdf<T>> Truncated<D, T> {
    /// Returns the bound that a value must exceed: for whole numbers the last one that is too low.
    #[inline(always)]
    fn below(&self) -> T {
        if let Support::Whole(..) = self.inner.support() { -(-self.low).floor() - 1.0 } else { self.low }
    }

    /// Returns the logarithm of the probability of the interval before truncation.
    #[inline(always)]
    fn log_mass(&self) -> T {
        self.inner.log_between(self.below(), self.high)
    }
}

impl<T: Real, D: Cdf<T>> Distribution<T> for Truncated<D, T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (low, high, whole) = self.inner.support().bounds();
        let (first, last) = if whole { (self.below() + 1.0, self.high.floor()) } else { (self.low, self.high) };
        Support::between(larger(low, first), smaller(high, last), whole)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let mass = self.log_mass();
        // If the interval has no probability (its bounds may be the wrong way round) there is no density either.
        let bad = lost::<T>().if_lt(mass, outside(x, self.low, self.high), T::from(1.0));
        unless(bad, self.inner.log_density(x) - mass)
    }
}

impl<T: Real, D: Cdf<T>> Cdf<T> for Truncated<D, T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let below = self.below();
        let log = self.inner.log_between(below, x) - self.log_mass();
        x.if_le(below, T::from(0.0), self.high.if_le(x, T::from(1.0), log.exp()))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let (low, high) = (low.max(self.below()), high.min(self.high));
        high.if_le(low, lost(), self.inner.log_between(low, high)) - self.log_mass()
    }
}

/// Counts up to a bound; those below the lower bound have no probability. Without a bound there are no values.
impl<T: Real, D: Cdf<T>> Finite<T> for Truncated<D, T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        let (_, largest, _) = self.inner.support().bounds();
        let largest = largest.value().min(self.high.value());
        if (0.0..f64::INFINITY).contains(&largest) { largest as usize + 1 } else { 0 }
    }

    #[inline(always)]
    fn log_total(&self) -> T {
        // Without a probability of the interval there is no density either.
        let mass = self.log_mass();
        lost::<T>().if_lt(mass, mass, -lost::<T>())
    }

    #[inline(always)]
    fn log_term(&self, value: T) -> T {
        unless(outside(value, self.low, self.high), self.inner.log_density(value))
    }
}

impl<D: Draw + Cdf<f64>> Truncated<D, f64> {
    /// Returns the number below which the probability is `u`, by bisection.
    fn quantile(&self, u: f64) -> f64 {
        let (low, high, whole) = self.support().bounds();
        let (below, mass) = (self.below(), self.log_mass());
        // Counted from a finite end, so that a tail far out is a small number and not nearly one.
        let reached = |x: f64| {
            if below.is_finite() {
                (self.inner.log_between(below, x) - mass).exp() >= u
            } else {
                (self.inner.log_between(x, self.high) - mass).exp() <= 1.0 - u
            }
        };
        let (mut a, mut b) = (if whole { low - 1.0 } else { low }, high);
        let mut step = 1.0;
        while b == f64::INFINITY {
            let next = if a.is_finite() { a + step } else { step };
            if reached(next) {
                b = next;
            } else {
                a = next;
            }
            step *= 2.0;
        }
        while a == f64::NEG_INFINITY {
            let next = b - step;
            if reached(next) {
                b = next;
            } else {
                a = next;
            }
            step *= 2.0;
        }
        loop {
            let middle = 0.5 * a + 0.5 * b;
            let middle = if whole { middle.floor() } else { middle };
            if !(a < middle && middle < b) {
                return b;
            }
            if reached(middle) {
                b = middle;
            } else {
                a = middle;
            }
        }
    }
}

impl<D: Draw + Cdf<f64>> Draw for Truncated<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let mass = self.log_mass();
        if mass.is_nan() || mass == f64::NEG_INFINITY {
            return f64::NAN;
        }
        // Where at least one draw in fifty is inside, the expected tries cost less than a bisection.
        if mass > -4.0 {
            for _ in 0..2000 {
                let x = self.inner.draw(rng);
                if self.low <= x && x <= self.high {
                    return x;
                }
            }
        }
        self.quantile(rng.random())
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        require(self.low < self.high, "Truncated", "the lower bound", self.low, "below the upper bound")?;
        let mass = self.log_mass();
        require(mass > f64::NEG_INFINITY, "Truncated", "ln P(low <= x <= high)", mass, "finite")
    }
}
