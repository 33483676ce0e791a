//! The normal distribution.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// ln(sqrt(2 pi)).
pub(crate) const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_8;

/// The normal distribution with a mean and a standard deviation.
#[derive(Clone, Copy, Debug)]
pub struct Normal<T> {
    mean: T,
    sd: T,
}

impl<T: Real> Normal<T> {
    /// Normal(mean, sd), with sd > 0.
    #[inline(always)]
    pub fn new(mean: T, sd: T) -> Self {
        Self { mean, sd }
    }
}

impl<T: Real> Distribution<T> for Normal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        ((x - self.mean) / self.sd).square() * -0.5 - self.sd.ln() - LN_SQRT_2_PI
    }
}

impl<T: Real> Cdf<T> for Normal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        ((x - self.mean) / self.sd).normal_cdf()
    }
}

impl Draw for Normal<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        self.mean + self.sd * z
    }

    #[inline(always)]
    fn check(&self) -> Result<(), ParameterError> {
        require(self.mean.is_finite(), "Normal", "the mean", self.mean, "finite")?;
        require(is_positive(self.sd), "Normal", "the standard deviation", self.sd, "positive and finite")
    }
}
