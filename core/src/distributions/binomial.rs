//! The binomial distribution, by its probability or the logit of it: n! / (k! (n - k)!) p^k (1 - p)^(n - k) for
//! k = 0, ..., n.

use rand::Rng;
use rand_distr::Distribution as _;

use super::numeric::{count_times, is_count, log_between_tails, log_probability, lost, not_whole, unless};
use super::{Cdf, Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// The number of successes in n independent trials.
///
/// ```
/// use hierarch_core::distributions::{Binomial, Distribution};
///
/// // Two heads in four tosses of a coin.
/// let heads = Binomial::new(4.0_f64, 0.5);
/// assert!((heads.log_density(2.0).exp() - 6.0 / 16.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Binomial<T> {
    n: T,
    probability: T,
}

impl<T: Real> Binomial<T> {
    /// Creates Binomial(n, probability), with n = 0, 1, ... and 0 <= probability <= 1.
    #[inline(always)]
    pub fn new(n: T, probability: T) -> Self {
        Self { n, probability }
    }
}

/// Returns ln(n! / (k! (n - k)!)), for numbers that are data.
#[inline(always)]
pub(crate) fn log_choose<T: Real>(n: T, k: T) -> T {
    n.ln_factorial() - k.ln_factorial() - (n - k).ln_factorial()
}

/// Returns n + 1; zero or more whatever `n` is.
#[inline(always)]
pub(crate) fn count_values<T: Real>(n: T) -> usize {
    n.value() as usize + 1
}

impl<T: Real> Distribution<T> for Binomial<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let p = self.probability;
        let log = count_times(k, p.ln()) + count_times(self.n - k, (-p).ln_1p());
        unless(not_whole(k, self.n), log_probability(log) + log_choose(self.n, k))
    }
}

impl<T: Real> Finite<T> for Binomial<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        count_values(self.n)
    }
}

/// Returns the logarithms of the probabilities of a count not above `k`, and of one above it: a beta number of shapes k + 1 and n - k
/// is above the probability, or below it.
#[inline(always)]
fn log_tails<T: Real>(n: T, logit: T, k: T) -> (T, T) {
    let (zero, one, k) = (T::from(0.0), T::from(1.0), k.floor());
    let (above, up_to) = (k.max(zero) + 1.0).ln_incomplete_beta((n - k).max(one), logit);
    (k.if_lt(zero, lost(), n.if_le(k, zero, up_to)), k.if_lt(zero, zero, n.if_le(k, lost(), above)))
}

impl<T: Real> Cdf<T> for Binomial<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        log_tails(self.n, self.probability.logit(), k).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let logit = self.probability.logit();
        log_between_tails(log_tails(self.n, logit, low), log_tails(self.n, logit, high))
    }
}

pub(crate) fn draw<R: Rng + ?Sized>(n: f64, probability: f64, rng: &mut R) -> f64 {
    if !is_count(n) {
        return f64::NAN;
    }
    rand_distr::Binomial::new(n as u64, probability).map_or(f64::NAN, |binomial| binomial.sample(rng) as f64)
}

impl Draw for Binomial<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        draw(self.n, self.probability, rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let p = self.probability;
        require(is_count(self.n), "Binomial", "n", self.n, "a whole number, zero or more")?;
        require((0.0..=1.0).contains(&p), "Binomial", "the probability", p, "between 0 and 1")
    }
}

/// The number of successes in n independent trials, by the logit of the success probability.
///
/// ```
/// use hierarch_core::distributions::{BinomialLogit, Distribution};
///
/// // The logit ln(3) is a probability of 3/4.
/// let successes = BinomialLogit::new(4.0, 3.0_f64.ln());
/// assert!((successes.log_density(4.0).exp() - 0.75_f64.powi(4)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BinomialLogit<T> {
    n: T,
    logit: T,
}

impl<T: Real> BinomialLogit<T> {
    /// Creates BinomialLogit(n, logit), with n = 0, 1, ... and any real logit.
    #[inline(always)]
    pub fn new(n: T, logit: T) -> Self {
        Self { n, logit }
    }
}

impl<T: Real> Distribution<T> for BinomialLogit<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let log = -k * (-self.logit).softplus() - (self.n - k) * self.logit.softplus();
        unless(not_whole(k, self.n), log + log_choose(self.n, k))
    }
}

impl<T: Real> Finite<T> for BinomialLogit<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        count_values(self.n)
    }
}

impl<T: Real> Cdf<T> for BinomialLogit<T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        log_tails(self.n, self.logit, k).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(log_tails(self.n, self.logit, low), log_tails(self.n, self.logit, high))
    }
}

impl Draw for BinomialLogit<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        draw(self.n, self.logit.sigmoid(), rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_count(self.n), "BinomialLogit", "n", self.n, "a whole number, zero or more")?;
        require(self.logit.is_finite(), "BinomialLogit", "the logit", self.logit, "finite")
    }
}
