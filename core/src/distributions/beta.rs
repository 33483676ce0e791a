//! The beta distribution: density x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta) on (0, 1), by alpha and beta, or by its mean
//! alpha / (alpha + beta) and its precision alpha + beta.

use rand::Rng;
use rand_distr::Distribution as _;

use super::numeric::{log_between_tails, outside, power_times, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The beta distribution; its mean is alpha / (alpha + beta).
#[derive(Clone, Copy, Debug)]
pub struct Beta<T> {
    alpha: T,
    beta: T,
}

impl<T: Real> Beta<T> {
    /// Creates Beta(alpha, beta), with alpha > 0 and beta > 0.
    #[inline(always)]
    pub fn new(alpha: T, beta: T) -> Self {
        Self { alpha, beta }
    }

    /// Returns ln(B(alpha, beta)).
    #[inline(always)]
    fn log_normalisation(&self) -> T {
        self.alpha.ln_gamma() + self.beta.ln_gamma() - (self.alpha + self.beta).ln_gamma()
    }

    /// Returns the logarithms of the probabilities below and above `x`.
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        let x = x.max(T::from(0.0)).min(T::from(1.0));
        self.alpha.ln_incomplete_beta(self.beta, x.logit())
    }
}

impl<T: Real> Distribution<T> for Beta<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let log = power_times(self.alpha - 1.0, x.ln()) + power_times(self.beta - 1.0, (-x).ln_1p());
        unless(outside(x, zero, one), log - self.log_normalisation())
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        // ln(x) = -softplus(-q) and ln(1 - x) = -softplus(q), and the Jacobian is x (1 - x).
        let log = self.alpha * (-q).softplus() + self.beta * q.softplus();
        (q.sigmoid(), -log - self.log_normalisation())
    }
}

impl<T: Real> Cdf<T> for Beta<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_tails(x).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
    }
}

impl Draw for Beta<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        rand_distr::Beta::new(self.alpha, self.beta).map_or(f64::NAN, |beta| self.support().inside(beta.sample(rng)))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.alpha), "Beta", "alpha", self.alpha, "positive and finite")?;
        require(is_positive(self.beta), "Beta", "beta", self.beta, "positive and finite")
    }
}

/// The beta distribution by its mean and its precision: the variance is mean (1 - mean) / (1 + precision).
///
/// ```
/// use hierarch_core::distributions::{Beta, BetaProportion, Distribution};
///
/// let share = BetaProportion::new(0.25_f64, 8.0);
/// assert!((share.log_density(0.3) - Beta::new(2.0_f64, 6.0).log_density(0.3)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BetaProportion<T> {
    mean: T,
    precision: T,
}

impl<T: Real> BetaProportion<T> {
    /// Creates BetaProportion(mean, precision), with 0 < mean < 1 and precision > 0.
    #[inline(always)]
    pub fn new(mean: T, precision: T) -> Self {
        Self { mean, precision }
    }

    #[inline(always)]
    fn beta(&self) -> Beta<T> {
        Beta::new(self.mean * self.precision, (-self.mean + 1.0) * self.precision)
    }
}

impl<T: Real> Distribution<T> for BetaProportion<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        self.beta().support()
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        self.beta().log_density(x)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        self.beta().at_unconstrained(q)
    }
}

impl<T: Real> Cdf<T> for BetaProportion<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.beta().cdf(x)
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        self.beta().log_between(low, high)
    }
}

impl Draw for BetaProportion<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.beta().draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let between = self.mean > 0.0 && self.mean < 1.0;
        require(between, "BetaProportion", "the mean", self.mean, "above 0 and below 1")?;
        require(is_positive(self.precision), "BetaProportion", "the precision", self.precision, "positive and finite")
    }
}
