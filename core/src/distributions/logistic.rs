//! The logistic distribution: density exp(-z) / (scale (1 + exp(-z))^2) with z = (x - location) / scale. The log-logistic one:
//! (shape / scale) r^(shape - 1) / (1 + r^shape)^2 with r = x / scale, for x > 0.

use rand::{Rng, RngExt};
use rand_distr::Open01;

use super::numeric::{from_zero, is_unbounded_above, is_unbounded_below, ln_width, lost, power_times, standard};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The logistic distribution with a location and a scale; its standard deviation is pi / sqrt(3) scales.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Logistic};
///
/// let x = Logistic::new(1.0_f64, 2.0);
/// assert!((x.log_density(1.0).exp() - 1.0 / (4.0 * 2.0)).abs() < 1e-12);
/// assert!((x.cdf(3.0) - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Logistic<T> {
    location: T,
    scale: T,
}

impl<T: Real> Logistic<T> {
    /// Creates Logistic(location, scale), with scale > 0.
    #[inline(always)]
    pub fn new(location: T, scale: T) -> Self {
        Self { location, scale }
    }
}

impl<T: Real> Distribution<T> for Logistic<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        // Even in z, so that exp of a negative number suffices.
        let a = -standard(x, self.location, self.scale).abs();
        a - a.exp().ln_1p() * 2.0 - self.scale.ln()
    }
}

impl<T: Real> Cdf<T> for Logistic<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        ((x - self.location) / self.scale).sigmoid()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let z = |x: T| (x - self.location) / self.scale;
        match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => T::from(0.0),
            (true, false) => -(-z(high)).softplus(),
            (false, true) => -z(low).softplus(),
            // F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)).
            (false, false) => {
                let (a, b) = (z(low), z(high));
                let width = b - a;
                ln_width(width) + (-width).log_mean_exp() - (-b).softplus() - a.softplus()
            }
        }
    }
}

impl Draw for Logistic<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let u: f64 = rng.sample(Open01);
        self.location + self.scale * (u / (1.0 - u)).ln()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.location.is_finite(), "Logistic", "the location", self.location, "finite")?;
        require(is_positive(self.scale), "Logistic", "the scale", self.scale, "positive and finite")
    }
}

/// The exponential of a logistic number: a survival time (scipy's `fisk`).
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, LogLogistic};
///
/// // The odds to be below x are (x / scale)^shape.
/// let time = LogLogistic::new(3.0_f64, 2.0);
/// assert!((time.cdf(4.0) - 8.0 / 9.0).abs() < 1e-12);
/// assert!((time.log_density(2.0).exp() - 3.0 / (2.0 * 4.0)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogLogistic<T> {
    shape: T,
    scale: T,
}

impl<T: Real> LogLogistic<T> {
    /// Creates LogLogistic(shape, scale), with shape > 0 and scale > 0, the median.
    #[inline(always)]
    pub fn new(shape: T, scale: T) -> Self {
        Self { shape, scale }
    }

    #[inline(always)]
    fn logarithm(&self) -> Logistic<T> {
        Logistic::new(self.scale.ln(), self.shape.recip())
    }
}

impl<T: Real> Distribution<T> for LogLogistic<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = (x / self.scale).ln();
        let powers = power_times(self.shape - 1.0, log) - (self.shape * log).softplus() * 2.0;
        from_zero(x, (self.shape / self.scale).ln() + powers)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        (q.exp(), self.logarithm().log_density(q))
    }
}

impl<T: Real> Cdf<T> for LogLogistic<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let zero = T::from(0.0);
        x.if_le(zero, zero, self.logarithm().cdf(x.ln()))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let zero = T::from(0.0);
        if high <= zero {
            return lost();
        }
        let low = if low <= zero { T::from(f64::NEG_INFINITY) } else { low.ln() };
        self.logarithm().log_between(low, high.ln())
    }
}

impl Draw for LogLogistic<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let u: f64 = rng.sample(Open01);
        self.support().inside((self.scale * (u / (1.0 - u)).powf(1.0 / self.shape)).min(f64::MAX))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.shape), "LogLogistic", "the shape", self.shape, "positive and finite")?;
        require(is_positive(self.scale), "LogLogistic", "the scale", self.scale, "positive and finite")
    }
}
