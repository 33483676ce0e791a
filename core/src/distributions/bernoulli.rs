//! The Bernoulli distribution, by its probability or what a regression is linear in.
//!
//! 1 (true) with probability p, 0 (false) with probability 1 - p; logit = ln(p / (1 - p)), probit the number below which a standard
//! normal number is with probability p, and the complementary log-log ln(-ln(1 - p)).

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{log_between_tails, log_complement, lost, not_bit, unless};
use super::{Cdf, Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// A number that is 1 with a probability, else 0.
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli<T> {
    probability: T,
}

impl<T: Real> Bernoulli<T> {
    /// Creates Bernoulli(probability), with 0 <= probability <= 1.
    #[inline(always)]
    pub fn new(probability: T) -> Self {
        Self { probability }
    }
}

impl<T: Real> Distribution<T> for Bernoulli<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let p = self.probability;
        let log = T::from(0.5).if_lt(x, p, -p + 1.0).ln();
        // The logarithm is above zero only if the probability is not between 0 and 1.
        let one = T::from(1.0);
        unless(T::from(0.0).if_lt(log, one, not_bit(x)), log)
    }
}

impl<T: Real> Finite<T> for Bernoulli<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        2
    }
}

/// Returns the logarithms of the probabilities of a bit not above `x`, and of one above it, from those of 0 and of 1.
#[inline(always)]
fn log_tails<T: Real>(x: T, log_zero: T, log_one: T) -> (T, T) {
    let (zero, one) = (T::from(0.0), T::from(1.0));
    (x.if_lt(zero, lost(), x.if_lt(one, log_zero, zero)), x.if_lt(zero, zero, x.if_lt(one, log_one, lost())))
}

impl<T: Real> Bernoulli<T> {
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        log_tails(x, (-self.probability).ln_1p(), self.probability.ln())
    }
}

impl<T: Real> Cdf<T> for Bernoulli<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        x.if_lt(zero, zero, x.if_lt(one, -self.probability + 1.0, one))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

impl Draw for Bernoulli<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        f64::from(u8::from(rng.random::<f64>() < self.probability))
    }

    #[inline(always)]
    fn check(&self) -> Result<(), ParameterError> {
        let p = self.probability;
        require((0.0..=1.0).contains(&p), "Bernoulli", "the probability", p, "between 0 and 1")
    }
}

/// A number that is 1 or 0, by the logit of the probability of 1.
///
/// ```
/// use hierarch_core::distributions::{BernoulliLogit, Distribution};
///
/// // The logit ln(3) is a probability of 3/4.
/// let detected = BernoulliLogit::new(3.0_f64.ln());
/// assert!((detected.log_density(1.0).exp() - 0.75).abs() < 1e-12);
/// assert!((detected.log_density(0.0).exp() - 0.25).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BernoulliLogit<T> {
    logit: T,
}

impl<T: Real> BernoulliLogit<T> {
    /// Creates BernoulliLogit(logit), with any real logit: 1 has the probability 1 / (1 + exp(-logit)).
    #[inline(always)]
    pub fn new(logit: T) -> Self {
        Self { logit }
    }
}

impl<T: Real> Distribution<T> for BernoulliLogit<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let against = T::from(0.5).if_lt(x, -self.logit, self.logit);
        unless(not_bit(x), -against.softplus())
    }
}

impl<T: Real> Finite<T> for BernoulliLogit<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        2
    }
}

impl<T: Real> BernoulliLogit<T> {
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        log_tails(x, -self.logit.softplus(), -(-self.logit).softplus())
    }
}

impl<T: Real> Cdf<T> for BernoulliLogit<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_tails(x).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

impl Draw for BernoulliLogit<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        f64::from(u8::from(rng.random::<f64>() < self.logit.sigmoid()))
    }

    #[inline(always)]
    fn check(&self) -> Result<(), ParameterError> {
        require(self.logit.is_finite(), "BernoulliLogit", "the logit", self.logit, "finite")
    }
}

/// A number that is 1 or 0, by the probit of the probability of 1.
///
/// ```
/// use hierarch_core::distributions::{BernoulliProbit, Cdf, Distribution, Normal};
///
/// let passed = BernoulliProbit::new(0.7_f64);
/// assert!((passed.log_density(1.0).exp() - Normal::new(0.0, 1.0).cdf(0.7)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BernoulliProbit<T> {
    probit: T,
}

impl<T: Real> BernoulliProbit<T> {
    /// Creates BernoulliProbit(probit), with any real probit: 1 has the probability that a standard normal number is below it.
    #[inline(always)]
    pub fn new(probit: T) -> Self {
        Self { probit }
    }
}

impl<T: Real> Distribution<T> for BernoulliProbit<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let towards = T::from(0.5).if_lt(x, self.probit, -self.probit);
        unless(not_bit(x), towards.ln_normal_cdf())
    }
}

impl<T: Real> Finite<T> for BernoulliProbit<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        2
    }
}

impl Draw for BernoulliProbit<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        f64::from(u8::from(rng.random::<f64>() < self.probit.normal_cdf()))
    }

    #[inline(always)]
    fn check(&self) -> Result<(), ParameterError> {
        require(self.probit.is_finite(), "BernoulliProbit", "the probit", self.probit, "finite")
    }
}

/// A number that is 1 or 0, by the complementary log-log of the probability of 1: whether there is any event where exp(eta) are
/// expected.
///
/// ```
/// use hierarch_core::distributions::{BernoulliCloglog, Distribution};
///
/// // Two are expected.
/// let any = BernoulliCloglog::new(2.0_f64.ln());
/// assert!((any.log_density(0.0).exp() - (-2.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BernoulliCloglog<T> {
    eta: T,
}

impl<T: Real> BernoulliCloglog<T> {
    /// Creates BernoulliCloglog(eta), with any real eta: 1 has the probability 1 - exp(-exp(eta)).
    #[inline(always)]
    pub fn new(eta: T) -> Self {
        Self { eta }
    }
}

impl<T: Real> Distribution<T> for BernoulliCloglog<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        unless(not_bit(x), T::from(0.5).if_lt(x, log_complement(self.eta), -self.eta.exp()))
    }
}

impl<T: Real> Finite<T> for BernoulliCloglog<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        2
    }
}

impl Draw for BernoulliCloglog<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let first: f64 = Exp1.sample(rng);
        f64::from(u8::from(first < self.eta.exp()))
    }

    #[inline(always)]
    fn check(&self) -> Result<(), ParameterError> {
        require(self.eta.is_finite(), "BernoulliCloglog", "eta", self.eta, "finite")
    }
}
