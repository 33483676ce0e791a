//! The geometric distribution: (1 - p)^k p for k = 0, 1, ..., the number of failures before the first success.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{count_times, is_unbounded_above, log_difference, log_probability, not_whole, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// The number of failures before the first success.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Geometric};
///
/// // Two failures and then a success, which has the probability 1/4.
/// let failures = Geometric::new(0.25_f64);
/// assert!((failures.log_density(2.0).exp() - 0.75_f64.powi(2) * 0.25).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Geometric<T> {
    probability: T,
}

impl<T: Real> Geometric<T> {
    /// Creates Geometric(probability), with 0 < probability <= 1 that of a success.
    #[inline(always)]
    pub fn new(probability: T) -> Self {
        Self { probability }
    }

    /// Returns the logarithm of the probability of a count above `k`.
    #[inline(always)]
    fn log_above(&self, k: T) -> T {
        count_times(k.floor() + 1.0, (-self.probability).ln_1p())
    }
}

impl<T: Real> Distribution<T> for Geometric<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(f64::INFINITY))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let p = self.probability;
        let log = p.ln() + count_times(k, (-p).ln_1p());
        unless(not_whole(k, T::from(f64::MAX)), log_probability(log))
    }
}

impl<T: Real> Cdf<T> for Geometric<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        -self.log_above(k).exp_m1()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let log_above = self.log_above(low);
        if is_unbounded_above(high) { log_above } else { log_difference(log_above, self.log_above(high)) }
    }
}

impl Draw for Geometric<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let x: f64 = Exp1.sample(rng);
        // A geometric number is an exponential number, rounded down. Adding zero removes the sign of a zero.
        (x / -(-self.probability).ln_1p()).floor() + 0.0
    }

    fn check(&self) -> Result<(), ParameterError> {
        let p = self.probability;
        require(p > 0.0 && p <= 1.0, "Geometric", "the probability", p, "above 0 and not above 1")
    }
}
