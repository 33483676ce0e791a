//! The Pareto distribution: density shape / x (minimum / x)^shape for x >= minimum. The generalized one: density
//! (1 + shape z)^(-1 / shape - 1) / scale with z = (x - location) / scale, where z >= 0 and 1 + shape z > 0.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{from_zero, is_unbounded_above, log_difference, lost, shaped_log, standard};
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

/// The generalized Pareto distribution, of what exceeds a high threshold.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Exponential, GeneralizedPareto};
///
/// // With a shape of 1 the probability above x is 1 / (1 + z), and with one of 0 it is the exponential distribution.
/// let excess = GeneralizedPareto::new(10.0_f64, 2.0, 1.0);
/// assert!((excess.cdf(14.0) - 2.0 / 3.0).abs() < 1e-12);
/// let (limit, exponential) = (GeneralizedPareto::new(0.0_f64, 2.0, 0.0), Exponential::new(0.5_f64));
/// assert!((limit.log_density(3.0) - exponential.log_density(3.0)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GeneralizedPareto<T> {
    location: T,
    scale: T,
    shape: T,
}

impl<T: Real> GeneralizedPareto<T> {
    /// Creates GeneralizedPareto(location, scale, shape), with location the lower bound, scale > 0 and any shape: a positive one has a
    /// heavy tail, and a negative one the upper bound location - scale / shape.
    #[inline(always)]
    pub fn new(location: T, scale: T, shape: T) -> Self {
        Self { location, scale, shape }
    }

    /// Returns the logarithm of the probability above `x`.
    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        -shaped_log(self.shape, standard(x, self.location, self.scale).max(T::from(0.0)))
    }
}

impl<T: Real> Distribution<T> for GeneralizedPareto<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        let bound = self.location - self.scale / self.shape;
        let high = self.shape.if_lt(T::from(0.0), bound, T::from(f64::INFINITY));
        Support::between(self.location, high, false)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let z = standard(x, self.location, self.scale);
        let log = (self.shape + 1.0) * self.log_above(x) - self.scale.ln();
        (self.shape * z + 1.0).if_le(T::from(0.0), lost(), from_zero(z, log))
    }
}

impl<T: Real> Cdf<T> for GeneralizedPareto<T> {
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

impl Draw for GeneralizedPareto<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let y: f64 = Exp1.sample(rng);
        // (exp(shape y) - 1) / shape, also for a shape of zero. Rounding must not move it over a bound.
        let x = self.location + self.scale * y * (self.shape * y).log_mean_exp().exp();
        let (_, high, _) = self.support().bounds();
        self.support().inside(x.min(high))
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "GeneralizedPareto";
        require(self.location.is_finite(), name, "the location", self.location, "finite")?;
        require(is_positive(self.scale), name, "the scale", self.scale, "positive and finite")?;
        require(self.shape.is_finite(), name, "the shape", self.shape, "finite")
    }
}
