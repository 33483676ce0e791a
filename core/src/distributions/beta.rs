//! The beta distribution: density x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta) on (0, 1).

use rand::Rng;
use rand_distr::Distribution as _;
use statrs::function::beta::checked_beta_reg;

use super::numeric::{lost, unless};
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
        let outside = x.if_le(zero, one, one.if_le(x, one, zero));
        let (a, b) = (self.alpha, self.beta);
        let log = (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p();
        unless(outside, log + ((a + b).ln_gamma() - a.ln_gamma() - b.ln_gamma()))
    }
}

impl Cdf<f64> for Beta<f64> {
    fn cdf(&self, x: f64) -> f64 {
        checked_beta_reg(self.alpha, self.beta, x.clamp(0.0, 1.0)).unwrap_or(f64::NAN)
    }

    fn log_between(&self, low: f64, high: f64) -> f64 {
        if low > high {
            return lost();
        }
        // From the side of the interval with less probability below (or above) it.
        let (low, high) = (low.max(0.0), high.min(1.0));
        let (below, up_to) = (self.cdf(low), self.cdf(high));
        if below < 0.5 {
            (up_to - below).ln()
        } else {
            let other = Self { alpha: self.beta, beta: self.alpha };
            (other.cdf(1.0 - low) - other.cdf(1.0 - high)).ln()
        }
    }
}

impl Draw for Beta<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        rand_distr::Beta::new(self.alpha, self.beta).map_or(f64::NAN, |beta| beta.sample(rng))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.alpha), "Beta", "alpha", self.alpha, "positive and finite")?;
        require(is_positive(self.beta), "Beta", "beta", self.beta, "positive and finite")
    }
}
