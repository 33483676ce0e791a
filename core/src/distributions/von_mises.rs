//! The von Mises distribution: density exp(concentration cos(x - mean)) / (2 pi I0(concentration)) on (-pi, pi], with I0 the modified
//! Bessel function.

use std::f64::consts::{FRAC_PI_2, PI};

use rand::{Rng, RngExt};
use rand_distr::Exp1;

use super::numeric::{LN_2, LN_PI, from_zero, outside, unless};
use super::{Distribution, Draw, ParameterError, Support, TruncatedNormal, require};
use crate::autodiff::Real;

/// An angle in radians around a mean.
///
/// ```
/// use hierarch_core::distributions::{Distribution, VonMises};
///
/// // Opposite to the mean, the density is exp(-2 concentration) of that at it; and minus pi is as likely as pi.
/// let angle = VonMises::new(0.0_f64, 3.0);
/// assert!((angle.log_density(0.0) - angle.log_density(std::f64::consts::PI) - 6.0).abs() < 1e-12);
/// // Without a concentration all angles are alike.
/// let any = VonMises::new(1.0_f64, 0.0);
/// assert!((any.log_density(2.0).exp() - 0.5 / std::f64::consts::PI).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VonMises<T> {
    mean: T,
    concentration: T,
}

impl<T: Real> VonMises<T> {
    /// Creates VonMises(mean, concentration), with any angle as mean and concentration >= 0; a large one is about 1 / variance.
    #[inline(always)]
    pub fn new(mean: T, concentration: T) -> Self {
        Self { mean, concentration }
    }
}

impl<T: Real> Distribution<T> for VonMises<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(T::from(-PI), T::from(PI))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        // cos(d) - 1 = -2 sin(d / 2)^2, which does not cancel where the concentration is large.
        let sine = ((x - self.mean) * 0.5).sin();
        let log = self.concentration * sine.square() * -2.0 - self.concentration.ln_i0e() - (LN_2 + LN_PI);
        unless(outside(x, T::from(-PI), T::from(PI)), from_zero(self.concentration, log))
    }
}

impl Draw for VonMises<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let k = self.concentration;
        if !(self.mean.is_finite() && k.is_finite() && k >= 0.0) {
            return f64::NAN;
        }
        // By rejection: from a uniform number, or, since |sin(d / 2)| >= |d| / pi, from a normal one, of which 64 % are accepted.
        let near = TruncatedNormal::new(0.0, FRAC_PI_2 / k.sqrt(), -PI, PI);
        let distance = loop {
            let (d, bound) = if k < 1.0 {
                (PI * (2.0 * rng.random::<f64>() - 1.0), 0.0)
            } else {
                let d = near.draw(rng);
                (d, (d / PI).powi(2))
            };
            if rng.sample::<f64, _>(Exp1) >= 2.0 * k * ((0.5 * d).sin().powi(2) - bound) {
                break d;
            }
        };
        let x = self.mean + distance;
        (x - 2.0 * PI * ((x - PI) / (2.0 * PI)).ceil()).clamp(-PI, PI)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let k = self.concentration;
        require(self.mean.is_finite(), "VonMises", "the mean", self.mean, "finite")?;
        require(k >= 0.0 && k.is_finite(), "VonMises", "the concentration", k, "zero or more and finite")
    }
}
