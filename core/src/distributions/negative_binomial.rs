//! The negative binomial distribution by its mean and shape (Stan's `neg_binomial_2`): a Poisson count whose rate has a
//! gamma distribution of that mean and that shape. For k = 0, 1, ...
//!
//! Gamma(k + shape) / (k! Gamma(shape)) (mean / (mean + shape))^k (shape / (mean + shape))^shape.
//!
//! Its variance is mean + mean^2 / shape; as the shape grows it becomes the Poisson distribution.

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
