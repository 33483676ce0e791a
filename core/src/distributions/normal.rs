//! The normal distribution: density exp(-z^2 / 2) / (sqrt(2 pi) sd) with z = (x - mean) / sd.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::numeric::{is_unbounded_above, is_unbounded_below, log_difference, standard};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// ln(sqrt(2 pi)).
pub const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_8;

/// The normal distribution with a mean and a standard deviation.
#[derive(Clone, Copy, Debug)]
pub struct Normal<T> {
    mean: T,
    sd: T,
}

impl<T: Real> Normal<T> {
    /// Creates Normal(mean, sd), with sd > 0.
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
        standard(x, self.mean, self.sd).square() * -0.5 - self.sd.ln() - LN_SQRT_2_PI
    }
}

impl<T: Real> Cdf<T> for Normal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        ((x - self.mean) / self.sd).normal_cdf()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let z = |x: T| (x - self.mean) / self.sd;
        match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => T::from(0.0),
            (true, false) => z(high).ln_normal_cdf(),
            (false, true) => (-z(low)).ln_normal_cdf(),
            (false, false) => {
                // An interval above the mean is mirrored below it: the lower tail does not cancel.
                let (a, b) = (z(low), z(high));
                let flip = a + b;
                let zero = T::from(0.0);
                let lower = zero.if_lt(flip, -b, a);
                let upper = zero.if_lt(flip, -a, b);
                log_difference(upper.ln_normal_cdf(), lower.ln_normal_cdf())
            }
        }
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

/// Returns the logarithm of Mills' ratio (1 - Phi(w)) / phi(w), which changes slowly where both become tiny: from 30 on by Laplace's
/// continued fraction.
#[inline(always)]
pub(crate) fn log_mills_ratio<T: Real>(w: T) -> T {
    let near = (-w).ln_normal_cdf() + w.square() * 0.5 + LN_SQRT_2_PI;
    let mut inverse = w;
    for n in (1..=8).rev() {
        inverse = w + T::from(f64::from(n)) / inverse;
    }
    w.if_lt(T::from(30.0), near, -inverse.ln())
}
