//! The Pareto distribution: density shape / x (minimum / x)^shape for x >= minimum.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{is_unbounded_above, log_difference, lost};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The Pareto distribution with a minimum and a shape, the power with which the probability above x decreases.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Pareto};
///
/// // A minimum of 2, and a probability above x of (2 / x)^3.
/// let energy = Pareto::new(2.0_f64, 3.0);
/// assert!((energy.log_density(4.0).exp() - 3.0 / 4.0 * 0.5_f64.powi(3)).abs() < 1e-12);
/// assert!((energy.cdf(4.0) - (1.0 - 0.5_f64.powi(3))).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pareto<T> {
    minimum: T,
    shape: T,
}

impl<T: Real> Pareto<T> {
    /// Creates Pareto(minimum, shape), with minimum > 0 and shape > 0.
    #[inline(always)]
    pub fn new(minimum: T, shape: T) -> Self {
        Self { minimum, shape }
    }

    /// Returns the logarithm of the probability above `x`.
    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        -self.shape * (x.max(self.minimum) / self.minimum).ln()
    }
}

impl<T: Real> Distribution<T> for Pareto<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(self.minimum)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = self.shape.ln() + self.shape * self.minimum.ln() - (self.shape + 1.0) * x.ln();
        x.if_lt(self.minimum, lost(), log)
    }
}

impl<T: Real> Cdf<T> for Pareto<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        -self.log_above(x).exp_m1()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let log_above = self.log_above(low);
        if is_unbounded_above(high) { log_above } else { log_difference(log_above, self.log_above(high)) }
    }
}

impl Draw for Pareto<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let x: f64 = Exp1.sample(rng);
        self.minimum * (x / self.shape).exp()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.minimum), "Pareto", "the minimum", self.minimum, "positive and finite")?;
        require(is_positive(self.shape), "Pareto", "the shape", self.shape, "positive and finite")
    }
}
