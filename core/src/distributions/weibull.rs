//! The Weibull distribution: density (shape / scale) (x / scale)^(shape - 1) exp(-(x / scale)^shape) for x > 0. The Rayleigh
//! distribution: density x / scale^2 exp(-(x / scale)^2 / 2) for x > 0.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{from_zero, is_unbounded_above, log_difference, lost, power_times};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The Weibull distribution with a shape and a scale.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Weibull};
///
/// // At the scale, the probability above is 1 / e, whatever the shape is.
/// let lifetime = Weibull::new(2.0_f64, 3.0);
/// assert!((lifetime.cdf(3.0) - (1.0 - (-1.0_f64).exp())).abs() < 1e-12);
/// assert!((lifetime.log_density(3.0).exp() - 2.0 / 3.0 * (-1.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Weibull<T> {
    shape: T,
    scale: T,
}

impl<T: Real> Weibull<T> {
    /// Creates Weibull(shape, scale), with shape > 0 and scale > 0.
    #[inline(always)]
    pub fn new(shape: T, scale: T) -> Self {
        Self { shape, scale }
    }

    /// Returns the logarithm of the probability above `x`.
    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        let zero = T::from(0.0);
        x.if_le(zero, zero, -((x / self.scale).ln() * self.shape).exp())
    }
}

impl<T: Real> Distribution<T> for Weibull<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = (x / self.scale).ln();
        let power = (self.shape * log).exp();
        from_zero(x, (self.shape / self.scale).ln() + power_times(self.shape - 1.0, log) - power)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        let log = self.shape * (q - self.scale.ln());
        (q.exp(), self.shape.ln() + log - log.exp())
    }
}

impl<T: Real> Cdf<T> for Weibull<T> {
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

impl Draw for Weibull<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let x: f64 = Exp1.sample(rng);
        self.support().inside(self.scale * x.powf(1.0 / self.shape))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.shape), "Weibull", "the shape", self.shape, "positive and finite")?;
        require(is_positive(self.scale), "Weibull", "the scale", self.scale, "positive and finite")
    }
}

/// The Rayleigh distribution, of the length of a vector of two normal numbers with mean zero.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Rayleigh};
///
/// let length = Rayleigh::new(2.0_f64);
/// assert!((length.cdf(4.0) - (1.0 - (-2.0_f64).exp())).abs() < 1e-12);
/// assert!((length.log_density(4.0).exp() - (-2.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rayleigh<T> {
    scale: T,
}

impl<T: Real> Rayleigh<T> {
    /// Creates Rayleigh(scale), with scale > 0 the standard deviation of each of the two numbers.
    #[inline(always)]
    pub fn new(scale: T) -> Self {
        Self { scale }
    }

    /// Returns the logarithm of the probability above `x`.
    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        (x.max(T::from(0.0)) * self.scale.recip()).square() * -0.5
    }
}

impl<T: Real> Distribution<T> for Rayleigh<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        x.if_le(T::from(0.0), lost(), x.ln() - self.scale.ln() * 2.0 + self.log_above(x))
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        let x = q.exp();
        (x, (q - self.scale.ln()) * 2.0 + self.log_above(x))
    }
}

impl<T: Real> Cdf<T> for Rayleigh<T> {
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

impl Draw for Rayleigh<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let x: f64 = Exp1.sample(rng);
        self.support().inside(self.scale * (2.0 * x).sqrt())
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.scale), "Rayleigh", "the scale", self.scale, "positive and finite")
    }
}
