//! The half-normal distribution: density sqrt(2 / pi) exp(-(x / sd)^2 / 2) / sd for x >= 0.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::normal::LN_SQRT_2_PI;
use super::numeric::{LN_2, from_zero};
use super::{Cdf, Distribution, Draw, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The absolute value of a normal number with mean zero.
#[derive(Clone, Copy, Debug)]
pub struct HalfNormal<T> {
    sd: T,
}

impl<T: Real> HalfNormal<T> {
    /// Creates HalfNormal(sd), with sd > 0 the standard deviation of the normal before its absolute value is taken.
    #[inline(always)]
    pub fn new(sd: T) -> Self {
        Self { sd }
    }
}

impl<T: Real> Distribution<T> for HalfNormal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        from_zero(x, (x * self.sd.recip()).square() * -0.5 - self.sd.ln() + (LN_2 - LN_SQRT_2_PI))
    }
}

impl<T: Real> Cdf<T> for HalfNormal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        (x.max(T::from(0.0)) / (self.sd * std::f64::consts::SQRT_2)).erf()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        Normal::new(T::from(0.0), self.sd).log_between(low.max(T::from(0.0)), high) + LN_2
    }
}

impl Draw for HalfNormal<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        self.sd * z.abs()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.sd), "HalfNormal", "the standard deviation", self.sd, "positive and finite")
    }
}
