//! The Poisson distribution, by its rate or the logarithm of it: rate^k exp(-rate) / k! for k = 0, 1, ...

use rand::Rng;
use rand_distr::Distribution as _;

use super::numeric::{count_times, from_zero, log_between_tails, log_probability, lost, not_whole, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// The number of events for a rate.
#[derive(Clone, Copy, Debug)]
pub struct Poisson<T> {
    rate: T,
}

impl<T: Real> Poisson<T> {
    /// Creates Poisson(rate), with rate >= 0 the mean.
    #[inline(always)]
    pub fn new(rate: T) -> Self {
        Self { rate }
    }

    /// Returns the log density at a count `k` without its term -ln k!, which no parameter changes: densities of many elements add
    /// that once for a data set.
    #[doc(hidden)]
    #[inline(always)]
    pub fn log_kernel(&self, k: T) -> T {
        from_zero(self.rate, count_times(k, self.rate.ln()) - self.rate)
    }

    /// Returns the logarithms of the probabilities of a count not above `k`, and of one above it: a gamma number of shape k + 1 is
    /// above the rate, or below it.
    #[inline(always)]
    fn log_tails(&self, k: T) -> (T, T) {
        let (zero, k) = (T::from(0.0), k.floor());
        let (above, up_to) = (k.max(zero) + 1.0).ln_incomplete_gamma(self.rate);
        (k.if_lt(zero, lost(), up_to), k.if_lt(zero, zero, above))
    }
}

impl<T: Real> Distribution<T> for Poisson<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(f64::INFINITY))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let log = count_times(k, self.rate.ln()) - self.rate - k.ln_factorial();
        unless(not_whole(k, T::from(f64::MAX)), log_probability(log))
    }
}

impl<T: Real> Cdf<T> for Poisson<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        self.log_tails(k).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

/// Draws a count with mean `rate`.
pub(crate) fn draw<R: Rng + ?Sized>(rate: f64, rng: &mut R) -> f64 {
    if rate == 0.0 {
        return 0.0;
    }
    rand_distr::Poisson::new(rate).map_or(f64::NAN, |poisson| poisson.sample(rng))
}

/// The largest mean that can be drawn from.
pub(crate) const MAX_RATE: f64 = rand_distr::Poisson::<f64>::MAX_LAMBDA;

impl Draw for Poisson<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        draw(self.rate, rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require((0.0..=MAX_RATE).contains(&self.rate), "Poisson", "the rate", self.rate, "between 0 and 1.844e19")
    }
}

/// The number of events for a rate, by the logarithm of the rate.
///
/// ```
/// use hierarch_core::distributions::{Distribution, PoissonLog};
///
/// // Three events where two are expected.
/// let events = PoissonLog::new(2.0_f64.ln());
/// assert!((events.log_density(3.0).exp() - 8.0 / 6.0 * (-2.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PoissonLog<T> {
    log_rate: T,
}

impl<T: Real> PoissonLog<T> {
    /// Creates PoissonLog(log_rate), with any real log_rate, the logarithm of the mean.
    #[inline(always)]
    pub fn new(log_rate: T) -> Self {
        Self { log_rate }
    }

    /// Returns the log density at a count `k` without its term -ln k!, which no parameter changes: densities of many elements add
    /// that once for a data set.
    #[doc(hidden)]
    #[inline(always)]
    pub fn log_kernel(&self, k: T) -> T {
        count_times(k, self.log_rate) - self.log_rate.exp()
    }
}

impl<T: Real> Distribution<T> for PoissonLog<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(f64::INFINITY))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let log = count_times(k, self.log_rate) - self.log_rate.exp() - k.ln_factorial();
        unless(not_whole(k, T::from(f64::MAX)), log)
    }
}

impl<T: Real> Cdf<T> for PoissonLog<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        Poisson::new(self.log_rate.exp()).cdf(k)
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        Poisson::new(self.log_rate.exp()).log_between(low, high)
    }
}

impl Draw for PoissonLog<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        draw(self.log_rate.exp(), rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let log_rate = self.log_rate;
        require(log_rate.exp() <= MAX_RATE, "PoissonLog", "the logarithm of the rate", log_rate, "below 44.36")
    }
}
