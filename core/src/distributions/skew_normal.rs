//! The skew normal distribution: density 2 phi(z) Phi(slant z) / scale with z = (x - location) / scale, and phi and Phi the density
//! and the cumulative distribution of a standard normal number.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::numeric::{LN_2, standard};
use super::{Distribution, Draw, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// A normal distribution that leans to one side (Azzalini, *Scandinavian Journal of Statistics* 12 (1985) 171).
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal, SkewNormal};
///
/// // At its location it has the density of the normal distribution, and far out on its side twice that.
/// let (skew, normal) = (SkewNormal::new(1.0_f64, 2.0, 3.0), Normal::new(1.0_f64, 2.0));
/// assert!((skew.log_density(1.0) - normal.log_density(1.0)).abs() < 1e-12);
/// assert!((skew.log_density(9.0).exp() - 2.0 * normal.log_density(9.0).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SkewNormal<T> {
    location: T,
    scale: T,
    slant: T,
}

impl<T: Real> SkewNormal<T> {
    /// Creates SkewNormal(location, scale, slant), with scale > 0 and any slant: above zero the upper tail is the longer one, and for
    /// zero it is the normal distribution.
    #[inline(always)]
    pub fn new(location: T, scale: T, slant: T) -> Self {
        Self { location, scale, slant }
    }
}

impl<T: Real> Distribution<T> for SkewNormal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let z = standard(x, self.location, self.scale);
        Normal::new(self.location, self.scale).log_density(x) + (self.slant * z).ln_normal_cdf() + LN_2
    }
}

impl Draw for SkewNormal<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // The sum of a normal number and the absolute value of another, with squared weights in the ratio 1 : slant^2.
        let (a, b): (f64, f64) = (StandardNormal.sample(rng), StandardNormal.sample(rng));
        let norm = self.slant.hypot(1.0);
        self.location + self.scale * (self.slant / norm * a.abs() + b / norm)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "SkewNormal";
        require(self.location.is_finite(), name, "the location", self.location, "finite")?;
        require(is_positive(self.scale), name, "the scale", self.scale, "positive and finite")?;
        require(self.slant.is_finite(), name, "the slant", self.slant, "finite")
    }
}
