//! The beta-binomial distribution: n! / (k! (n - k)!) B(k + alpha, n - k + beta) / B(alpha, beta) for k = 0, ..., n.

use rand::Rng;

use super::binomial::{self, count_values, log_choose};
use super::numeric::{is_count, ln_gamma_ratio, not_whole, unless};
use super::{Beta, Distribution, Draw, Finite, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The number of successes in n trials whose common probability has a beta distribution: a count with a larger variance than a
/// binomial one.
///
/// ```
/// use hierarch_core::distributions::{BetaBinomial, Distribution};
///
/// // With a uniform probability all counts are alike.
/// let successes = BetaBinomial::new(4.0_f64, 1.0, 1.0);
/// assert!((successes.log_density(3.0).exp() - 0.2).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BetaBinomial<T> {
    n: T,
    alpha: T,
    beta: T,
}

impl<T: Real> BetaBinomial<T> {
    /// Creates BetaBinomial(n, alpha, beta), with n = 0, 1, ..., alpha > 0 and beta > 0; the mean is n alpha / (alpha + beta).
    #[inline(always)]
    pub fn new(n: T, alpha: T, beta: T) -> Self {
        Self { n, alpha, beta }
    }
}

impl<T: Real> Distribution<T> for BetaBinomial<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let log = ln_gamma_ratio(self.alpha, k) + ln_gamma_ratio(self.beta, self.n - k)
            - ln_gamma_ratio(self.alpha + self.beta, self.n);
        unless(not_whole(k, self.n), log + log_choose(self.n, k))
    }
}

impl<T: Real> Finite<T> for BetaBinomial<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        count_values(self.n)
    }
}

impl Draw for BetaBinomial<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        binomial::draw(self.n, Beta::new(self.alpha, self.beta).draw(rng), rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_count(self.n), "BetaBinomial", "n", self.n, "a whole number, zero or more")?;
        require(is_positive(self.alpha), "BetaBinomial", "alpha", self.alpha, "positive and finite")?;
        require(is_positive(self.beta), "BetaBinomial", "beta", self.beta, "positive and finite")
    }
}
