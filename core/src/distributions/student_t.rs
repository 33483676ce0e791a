//! Student's t distribution: density Gamma((d + 1) / 2) / (Gamma(d / 2) sqrt(pi d) scale) (1 + z^2 / d)^(-(d + 1) / 2)
//! with z = (x - location) / scale and d degrees of freedom; and twice that for x >= 0 with location zero.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};
use statrs::function::beta::checked_beta_reg;

use super::numeric::{LN_2, LN_PI, from_zero, ln_gamma_ratio, log_between_tails, standard};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// Student's t distribution with degrees of freedom, a location and a scale.
///
/// ```
/// use hierarch_core::distributions::{Distribution, StudentT};
///
/// // Three degrees of freedom, location 1 and scale 2: at the location Gamma(2) / (Gamma(3/2) sqrt(3 pi) 2).
/// let x = StudentT::new(3.0_f64, 1.0, 2.0);
/// assert!((x.log_density(1.0).exp() - 1.0 / (3.0_f64.sqrt() * std::f64::consts::PI)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StudentT<T> {
    dof: T,
    location: T,
    scale: T,
}

impl<T: Real> StudentT<T> {
    /// Creates StudentT(dof, location, scale), with dof > 0 and scale > 0.
    #[inline(always)]
    pub fn new(dof: T, location: T, scale: T) -> Self {
        Self { dof, location, scale }
    }
}

impl<T: Real> Distribution<T> for StudentT<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let z = standard(x, self.location, self.scale);
        let half = self.dof * 0.5;
        ln_gamma_ratio(half, T::from(0.5))
            - (self.dof.ln() + LN_PI) * 0.5
            - self.scale.ln()
            - (half + 0.5) * (z.square() / self.dof).ln_1p()
    }
}

/// Returns the probability beyond |z| on both sides, by whichever argument of the incomplete beta function is small.
fn beyond(dof: f64, z: f64) -> f64 {
    let square = z * z;
    let probability = if square < dof {
        checked_beta_reg(0.5, 0.5 * dof, square / (dof + square)).map(|p| 1.0 - p)
    } else {
        checked_beta_reg(0.5 * dof, 0.5, 1.0 / (1.0 + square / dof))
    };
    probability.unwrap_or(f64::NAN)
}

impl Cdf<f64> for StudentT<f64> {
    fn cdf(&self, x: f64) -> f64 {
        let z = standard(x, self.location, self.scale);
        let tail = 0.5 * beyond(self.dof, z);
        if z < 0.0 { tail } else { 1.0 - tail }
    }

    fn log_between(&self, low: f64, high: f64) -> f64 {
        // The distribution is the same on both sides of its location.
        let above = |x: f64| self.cdf(2.0 * self.location - x);
        log_between_tails(low, high, |x| self.cdf(x), above)
    }
}

impl Draw for StudentT<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        let Ok(gamma) = rand_distr::Gamma::new(0.5 * self.dof, 1.0) else { return f64::NAN };
        self.location + self.scale * z * (0.5 * self.dof / gamma.sample(rng)).sqrt()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(
            is_positive(self.dof),
            "StudentT",
            "the number of degrees of freedom",
            self.dof,
            "positive and finite",
        )?;
        require(self.location.is_finite(), "StudentT", "the location", self.location, "finite")?;
        require(is_positive(self.scale), "StudentT", "the scale", self.scale, "positive and finite")
    }
}

/// The absolute value of a number with Student's t distribution and location zero.
///
/// ```
/// use hierarch_core::distributions::{Distribution, HalfStudentT};
///
/// // Three degrees of freedom and scale 2: at zero 2 Gamma(2) / (Gamma(3/2) sqrt(3 pi) 2).
/// let sd = HalfStudentT::new(3.0_f64, 2.0);
/// assert!((sd.log_density(0.0).exp() - 2.0 / (3.0_f64.sqrt() * std::f64::consts::PI)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HalfStudentT<T> {
    dof: T,
    scale: T,
}

impl<T: Real> HalfStudentT<T> {
    /// Creates HalfStudentT(dof, scale), with dof > 0 and scale > 0.
    #[inline(always)]
    pub fn new(dof: T, scale: T) -> Self {
        Self { dof, scale }
    }

    /// Returns the distribution before the absolute value is taken.
    #[inline(always)]
    fn whole(&self) -> StudentT<T> {
        StudentT::new(self.dof, T::from(0.0), self.scale)
    }
}

impl<T: Real> Distribution<T> for HalfStudentT<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        from_zero(x, self.whole().log_density(x) + LN_2)
    }
}

impl Cdf<f64> for HalfStudentT<f64> {
    fn cdf(&self, x: f64) -> f64 {
        1.0 - beyond(self.dof, x.max(0.0) / self.scale)
    }

    fn log_between(&self, low: f64, high: f64) -> f64 {
        let above = |x: f64| beyond(self.dof, x.max(0.0) / self.scale);
        log_between_tails(low, high, |x| self.cdf(x), above)
    }
}

impl Draw for HalfStudentT<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.whole().draw(rng).abs()
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "HalfStudentT";
        require(is_positive(self.dof), name, "the number of degrees of freedom", self.dof, "positive and finite")?;
        require(is_positive(self.scale), name, "the scale", self.scale, "positive and finite")
    }
}
