//! The negative binomial distribution by its mean and shape (Stan's `neg_binomial_2`): a Poisson count whose rate has a
//! gamma distribution of that mean and that shape. For k = 0, 1, ...
//!
//! Gamma(k + shape) / (k! Gamma(shape)) (mean / (mean + shape))^k (shape / (mean + shape))^shape.
//!
//! Its variance is mean + mean^2 / shape; as the shape grows it becomes the Poisson distribution. Also by the logarithm of its mean
//! (`neg_binomial_2_log`).

use rand::Rng;
use rand_distr::Distribution as _;

use super::numeric::{
    count_times, from_zero, ln_gamma_ratio, log_between_tails, log_probability, lost, not_whole, unless,
};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, poisson, require};
use crate::autodiff::Real;

/// A count with a larger variance than a Poisson count.
///
/// ```
/// use hierarch_core::distributions::{Distribution, NegativeBinomial};
///
/// // With a shape of 1 and a mean of 3, each count has three quarters of the probability of the one before.
/// let count = NegativeBinomial::new(3.0_f64, 1.0);
/// assert!((count.log_density(2.0).exp() - 0.25 * 0.75_f64.powi(2)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NegativeBinomial<T> {
    mean: T,
    shape: T,
}

impl<T: Real> NegativeBinomial<T> {
    /// Creates NegativeBinomial(mean, shape), with mean >= 0 and shape > 0.
    #[inline(always)]
    pub fn new(mean: T, shape: T) -> Self {
        Self { mean, shape }
    }

    /// Returns the log density at a count `k` without its term -ln k!, which no parameter changes: densities of many elements add
    /// that once for a data set.
    #[doc(hidden)]
    #[inline(always)]
    pub fn log_kernel(&self, k: T) -> T {
        let log = count_times(k, (self.mean / (self.mean + self.shape)).ln())
            - self.shape * (self.mean / self.shape).ln_1p()
            + ln_gamma_ratio(self.shape, k);
        from_zero(self.mean, from_zero(self.shape, log))
    }

    /// Returns the logarithms of the probabilities of a count not above `k`, and of one above it: a beta number of shapes k + 1 and
    /// `shape` is above mean / (mean + shape), or below it.
    #[inline(always)]
    fn log_tails(&self, k: T) -> (T, T) {
        let (zero, k) = (T::from(0.0), k.floor());
        let (above, up_to) = (k.max(zero) + 1.0).ln_incomplete_beta(self.shape, self.mean.ln() - self.shape.ln());
        (k.if_lt(zero, lost(), up_to), k.if_lt(zero, zero, above))
    }
}

impl<T: Real> Distribution<T> for NegativeBinomial<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(f64::INFINITY))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let log = count_times(k, (self.mean / (self.mean + self.shape)).ln())
            - self.shape * (self.mean / self.shape).ln_1p()
            + ln_gamma_ratio(self.shape, k)
            - k.ln_factorial();
        unless(not_whole(k, T::from(f64::MAX)), log_probability(log))
    }
}

impl<T: Real> Cdf<T> for NegativeBinomial<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        self.log_tails(k).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

impl Draw for NegativeBinomial<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let Ok(gamma) = rand_distr::Gamma::new(self.shape, 1.0) else { return f64::NAN };
        poisson::draw(gamma.sample(rng) * (self.mean / self.shape), rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let mean = self.mean;
        require(mean >= 0.0 && mean.is_finite(), "NegativeBinomial", "the mean", mean, "zero or more and finite")?;
        require(is_positive(self.shape), "NegativeBinomial", "the shape", self.shape, "positive and finite")
    }
}

/// A count with a larger variance than a Poisson count, by the logarithm of its mean.
///
/// ```
/// use hierarch_core::distributions::{Distribution, NegativeBinomial, NegativeBinomialLog};
///
/// let (by_log, by_mean) = (NegativeBinomialLog::new(3.0_f64.ln(), 2.0), NegativeBinomial::new(3.0_f64, 2.0));
/// assert!((by_log.log_density(4.0) - by_mean.log_density(4.0)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NegativeBinomialLog<T> {
    log_mean: T,
    shape: T,
}

impl<T: Real> NegativeBinomialLog<T> {
    /// Creates NegativeBinomialLog(log_mean, shape), with any real log_mean and shape > 0.
    #[inline(always)]
    pub fn new(log_mean: T, shape: T) -> Self {
        Self { log_mean, shape }
    }

    /// Returns the log density at a count `k` without its term -ln k!, which no parameter changes: densities of many elements add
    /// that once for a data set.
    #[doc(hidden)]
    #[inline(always)]
    pub fn log_kernel(&self, k: T) -> T {
        // The logarithm of mean / shape.
        let log = self.log_mean - self.shape.ln();
        ln_gamma_ratio(self.shape, k) - count_times(k, (-log).softplus()) - self.shape * log.softplus()
    }

    #[inline(always)]
    fn by_mean(&self) -> NegativeBinomial<T> {
        NegativeBinomial::new(self.log_mean.exp(), self.shape)
    }
}

impl<T: Real> Distribution<T> for NegativeBinomialLog<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(f64::INFINITY))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        unless(not_whole(k, T::from(f64::MAX)), self.log_kernel(k) - k.ln_factorial())
    }
}

impl<T: Real> Cdf<T> for NegativeBinomialLog<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        self.by_mean().cdf(k)
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        self.by_mean().log_between(low, high)
    }
}

impl Draw for NegativeBinomialLog<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.by_mean().draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let (name, log_mean) = ("NegativeBinomialLog", self.log_mean);
        let finite = log_mean.is_finite() && log_mean.exp() < f64::INFINITY;
        require(finite, name, "the logarithm of the mean", log_mean, "finite and below 709.78")?;
        require(is_positive(self.shape), name, "the shape", self.shape, "positive and finite")
    }
}
