//! Any distribution whose values are recorded to the nearest multiple of a step: probability P(x - step / 2 < X <= x + step / 2).

use rand::Rng;

use super::numeric::unless;
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// A distribution whose values are recorded to the nearest multiple of a step, the lower one of two that are equally near: weights in
/// whole kilograms, or times in minutes of seconds that are not known.
///
/// A recorded number has a probability, not a density, and one that is no multiple of the step has none. Where the step is small
/// against the width of the distribution, the probability is the density times the step, and nothing is gained.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Exponential, Rounded};
///
/// // Ages of rate 1/2 to the nearest whole number: 2 stands for all from 1.5 to 2.5.
/// let age = Rounded::new(Exponential::new(0.5_f64), 1.0);
/// let probability = (-0.75_f64).exp() - (-1.25_f64).exp();
/// assert!((age.log_density(2.0) - probability.ln()).abs() < 1e-12);
/// assert_eq!(age.log_density(2.2), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rounded<D, T> {
    inner: D,
    step: T,
}

impl<D, T: Real> Rounded<D, T> {
    /// Creates Rounded(inner, step), with step > 0.
    #[inline(always)]
    pub fn new(inner: D, step: T) -> Self {
        Self { inner, step }
    }

    /// Returns what a value is recorded as.
    #[inline(always)]
    fn recorded(&self, x: T) -> T {
        -(-x / self.step + 0.5).floor() * self.step
    }
}

/// The part of a step by which a recorded number may miss a multiple: no more than decimals do, which are no exact numbers.
const TOLERANCE: f64 = 1e-6;

impl<T: Real, D: Cdf<T>> Distribution<T> for Rounded<D, T> {
    type Value = T;

    /// Returns the interval from the lowest number that is recorded to the highest.
    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (low, high, _) = self.inner.support().bounds();
        Support::between(self.recorded(low), self.recorded(high), false)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let half = self.step * 0.5;
        let off = (x - self.recorded(x)).abs() / self.step;
        let bad = T::from(TOLERANCE).if_lt(off, T::from(1.0), T::from(0.0));
        unless(bad, self.inner.log_between(x - half, x + half))
    }
}

impl<D: Draw + Cdf<f64>> Draw for Rounded<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // Adding zero removes the sign of a zero.
        self.recorded(self.inner.draw(rng)) + 0.0
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        require(is_positive(self.step), "Rounded", "the step", self.step, "positive and finite")
    }
}
