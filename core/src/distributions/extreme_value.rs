//! Distributions of the largest of many numbers. Each has the cumulative distribution exp(-t) with a t that decreases with x.
//!
//! | | t | density |
//! | --- | --- | --- |
//! | Gumbel | exp(-z) | t exp(-t) / scale |
//! | generalized extreme value | (1 + shape z)^(-1 / shape) | t^(1 + shape) exp(-t) / scale |
//! | Frechet | (x / scale)^-shape | shape t exp(-t) / x |
//!
//! with z = (x - location) / scale.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{
    is_unbounded_above, is_unbounded_below, log_complement, log_difference, lost, shaped_log, standard,
};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// What the cumulative distribution exp(-t) makes.
trait Extreme<T: Real> {
    /// Returns the logarithm of t at `x`.
    fn log_t(&self, x: T) -> T;

    /// Returns exp(-t) at `x`.
    #[inline(always)]
    fn below(&self, x: T) -> T {
        (-self.log_t(x).exp()).exp()
    }

    /// Returns ln(exp(-b) - exp(-a)) with a and b the t at `low` and `high`.
    #[inline(always)]
    fn log_within(&self, low: T, high: T) -> T {
        match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => T::from(0.0),
            (true, false) => -self.log_t(high).exp(),
            (false, true) => log_complement(self.log_t(low)),
            (false, false) => {
                let log_b = self.log_t(high);
                log_complement(log_difference(self.log_t(low), log_b)) - log_b.exp()
            }
        }
    }
}

macro_rules! cdf {
    ($($name:ident),*) => {$(
        impl<T: Real> Cdf<T> for $name<T> {
            #[inline(always)]
            fn cdf(&self, x: T) -> T {
                self.below(x)
            }

            #[inline(always)]
            fn log_between(&self, low: T, high: T) -> T {
                self.log_within(low, high)
            }
        }
    )*};
}
cdf!(Gumbel, GeneralizedExtremeValue, Frechet);

/// The Gumbel distribution with a location, its mode, and a scale.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Gumbel};
///
/// // At the location, the probability below is 1 / e.
/// let flood = Gumbel::new(5.0_f64, 2.0);
/// assert!((flood.cdf(5.0) - (-1.0_f64).exp()).abs() < 1e-12);
/// assert!((flood.log_density(5.0).exp() - (-1.0_f64).exp() / 2.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Gumbel<T> {
    location: T,
    scale: T,
}

impl<T: Real> Gumbel<T> {
    /// Creates Gumbel(location, scale), with scale > 0.
    #[inline(always)]
    pub fn new(location: T, scale: T) -> Self {
        Self { location, scale }
    }
}

impl<T: Real> Extreme<T> for Gumbel<T> {
    #[inline(always)]
    fn log_t(&self, x: T) -> T {
        -standard(x, self.location, self.scale)
    }
}

impl<T: Real> Distribution<T> for Gumbel<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log_t = self.log_t(x);
        log_t - log_t.exp() - self.scale.ln()
    }
}

impl Draw for Gumbel<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let t: f64 = Exp1.sample(rng);
        self.location - self.scale * t.ln()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.location.is_finite(), "Gumbel", "the location", self.location, "finite")?;
        require(is_positive(self.scale), "Gumbel", "the scale", self.scale, "positive and finite")
    }
}

/// The generalized extreme value distribution with a location, a scale and a shape.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, GeneralizedExtremeValue, Gumbel};
///
/// // With a shape of 1 the probability below x is exp(-1 / (1 + z)), and with one of 0 it is the Gumbel distribution.
/// let rain = GeneralizedExtremeValue::new(5.0_f64, 2.0, 1.0);
/// assert!((rain.cdf(7.0) - (-0.5_f64).exp()).abs() < 1e-12);
/// let (limit, gumbel) = (GeneralizedExtremeValue::new(5.0_f64, 2.0, 0.0), Gumbel::new(5.0_f64, 2.0));
/// assert!((limit.log_density(7.0) - gumbel.log_density(7.0)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GeneralizedExtremeValue<T> {
    location: T,
    scale: T,
    shape: T,
}

impl<T: Real> GeneralizedExtremeValue<T> {
    /// Creates GeneralizedExtremeValue(location, scale, shape), with scale > 0 and any shape. A positive shape has a heavy upper tail
    /// and a lower bound, a negative one an upper bound, location - scale / shape; scipy's `genextreme` has the opposite sign.
    #[inline(always)]
    pub fn new(location: T, scale: T, shape: T) -> Self {
        Self { location, scale, shape }
    }
}

impl<T: Real> Extreme<T> for GeneralizedExtremeValue<T> {
    #[inline(always)]
    fn log_t(&self, x: T) -> T {
        -shaped_log(self.shape, standard(x, self.location, self.scale))
    }
}

impl<T: Real> Distribution<T> for GeneralizedExtremeValue<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (zero, bound) = (T::from(0.0), self.location - self.scale / self.shape);
        let low = zero.if_lt(self.shape, bound, T::from(f64::NEG_INFINITY));
        let high = self.shape.if_lt(zero, bound, T::from(f64::INFINITY));
        Support::between(low, high, false)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log_t = self.log_t(x);
        let log = (self.shape + 1.0) * log_t - log_t.exp() - self.scale.ln();
        let inside = self.shape * standard(x, self.location, self.scale) + 1.0;
        inside.if_le(T::from(0.0), lost(), log)
    }
}

impl Draw for GeneralizedExtremeValue<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let t: f64 = Exp1.sample(rng);
        let y = -t.ln();
        // (exp(shape y) - 1) / shape, also for a shape of zero. Rounding must not move it over a bound.
        let x = self.location + self.scale * y * (self.shape * y).log_mean_exp().exp();
        let (low, high, _) = self.support().bounds();
        self.support().inside(x.max(low).min(high))
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "GeneralizedExtremeValue";
        require(self.location.is_finite(), name, "the location", self.location, "finite")?;
        require(is_positive(self.scale), name, "the scale", self.scale, "positive and finite")?;
        require(self.shape.is_finite(), name, "the shape", self.shape, "finite")
    }
}

/// The Frechet (inverse Weibull) distribution with a shape and a scale.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Frechet};
///
/// // At the scale, the probability below is 1 / e, whatever the shape is.
/// let largest = Frechet::new(2.0_f64, 3.0);
/// assert!((largest.cdf(3.0) - (-1.0_f64).exp()).abs() < 1e-12);
/// assert!((largest.log_density(3.0).exp() - 2.0 / 3.0 * (-1.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Frechet<T> {
    shape: T,
    scale: T,
}

impl<T: Real> Frechet<T> {
    /// Creates Frechet(shape, scale), with shape > 0, the power with which the probability above x decreases, and scale > 0.
    #[inline(always)]
    pub fn new(shape: T, scale: T) -> Self {
        Self { shape, scale }
    }
}

impl<T: Real> Extreme<T> for Frechet<T> {
    #[inline(always)]
    fn log_t(&self, x: T) -> T {
        x.if_le(T::from(0.0), T::from(f64::INFINITY), (x / self.scale).ln() * -self.shape)
    }
}

impl<T: Real> Distribution<T> for Frechet<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log_t = self.log_t(x);
        x.if_le(T::from(0.0), lost(), self.shape.ln() + log_t - log_t.exp() - x.ln())
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        let log_t = (self.scale.ln() - q) * self.shape;
        (q.exp(), self.shape.ln() + log_t - log_t.exp())
    }
}

impl Draw for Frechet<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let t: f64 = Exp1.sample(rng);
        self.support().inside((self.scale * t.powf(-1.0 / self.shape)).min(f64::MAX))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.shape), "Frechet", "the shape", self.shape, "positive and finite")?;
        require(is_positive(self.scale), "Frechet", "the scale", self.scale, "positive and finite")
    }
}
