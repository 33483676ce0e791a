//! The Cauchy distribution and the half-Cauchy distribution.
//!
//! Density 1 / (pi scale (1 + z^2)) with z = (x - location) / scale; twice that for x >= 0 with location zero. In
//! particle physics, a (non-relativistic) Breit-Wigner of mass `location` and half width at half maximum `scale`.

use rand::{Rng, RngExt};

use super::numeric::{LN_2, LN_PI, from_zero, is_unbounded_above, is_unbounded_below, ln_width};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, FRAC_PI_2, PI};

/// The Cauchy distribution with a location and a scale, the half width at half maximum.
///
/// ```
/// use hierarch_core::distributions::{Cauchy, Cdf, Distribution};
///
/// // One scale from the location there is half of the density at it, and three quarters of the probability are below.
/// let mass = Cauchy::new(90.0_f64, 2.0);
/// assert!((mass.log_density(92.0).exp() - 0.5 * mass.log_density(90.0).exp()).abs() < 1e-12);
/// assert!((mass.cdf(92.0) - 0.75).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cauchy<T> {
    location: T,
    scale: T,
}

impl<T: Real> Cauchy<T> {
    /// Creates Cauchy(location, scale), with scale > 0.
    #[inline(always)]
    pub fn new(location: T, scale: T) -> Self {
        Self { location, scale }
    }
}

impl<T: Real> Distribution<T> for Cauchy<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let distance = x - self.location;
        -((self.scale + distance.square() / self.scale) * PI).ln()
    }
}

impl<T: Real> Cdf<T> for Cauchy<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        // The angle is pi at minus infinity and 0 at infinity, and small numbers are exact at both ends.
        self.scale.atan2(self.location - x) * FRAC_1_PI
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let z = |x: T| (x - self.location) / self.scale;
        let angle = match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => return T::from(0.0),
            (true, false) => T::from(1.0).atan2(-z(high)),
            (false, true) => T::from(1.0).atan2(z(low)),
            // atan(b) - atan(a), as one angle: no cancellation, however close or far out they are.
            (false, false) => {
                let (a, b) = (z(low), z(high));
                (b - a).atan2(a * b + 1.0)
            }
        };
        ln_width(angle) - LN_PI
    }
}

impl Draw for Cauchy<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.location + self.scale * (PI * (rng.random::<f64>() - 0.5)).tan()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.location.is_finite(), "Cauchy", "the location", self.location, "finite")?;
        require(is_positive(self.scale), "Cauchy", "the scale", self.scale, "positive and finite")
    }
}

/// The absolute value of a Cauchy number with location zero.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, HalfCauchy};
///
/// // The scale is the median.
/// let sd = HalfCauchy::new(2.0_f64);
/// assert!((sd.cdf(2.0) - 0.5).abs() < 1e-12);
/// assert!((sd.log_density(0.0).exp() - 2.0 / (std::f64::consts::PI * 2.0)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HalfCauchy<T> {
    scale: T,
}

impl<T: Real> HalfCauchy<T> {
    /// Creates HalfCauchy(scale), with scale > 0 the median.
    #[inline(always)]
    pub fn new(scale: T) -> Self {
        Self { scale }
    }
}

impl<T: Real> Distribution<T> for HalfCauchy<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        from_zero(x, -((self.scale + x.square() / self.scale) * FRAC_PI_2).ln())
    }
}

impl<T: Real> Cdf<T> for HalfCauchy<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        x.max(T::from(0.0)).atan2(self.scale) * FRAC_2_PI
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        Cauchy::new(T::from(0.0), self.scale).log_between(low.max(T::from(0.0)), high) + LN_2
    }
}

impl Draw for HalfCauchy<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.scale * (FRAC_PI_2 * rng.random::<f64>()).tan()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.scale), "HalfCauchy", "the scale", self.scale, "positive and finite")
    }
}
