//! Student's t distribution: density Gamma((d + 1) / 2) / (Gamma(d / 2) sqrt(pi d) scale) (1 + z^2 / d)^(-(d + 1) / 2)
//! with z = (x - location) / scale and d degrees of freedom; and twice that for x >= 0 with location zero.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::numeric::{LN_2, LN_PI, from_zero, ln_gamma_ratio, log_between_tails, lost, standard};
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

    /// Returns the logarithm of the density at the location, times the scale.
    #[inline(always)]
    fn log_peak(&self) -> T {
        ln_gamma_ratio(self.dof * 0.5, T::from(0.5)) - (self.dof.ln() + LN_PI) * 0.5
    }

    /// Returns the logarithms of the probabilities below and above `x`.
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        let (zero, half) = (T::from(0.0), T::from(0.5));
        let z = standard(x, self.location, self.scale);
        // d / (d + z^2) has a beta distribution; half of what is below it is beyond |z| on each side.
        let logit = self.dof.ln() - z.square().ln();
        let beyond = (self.dof * 0.5).ln_incomplete_beta(half, logit).0 - LN_2;
        let rest = (-beyond.exp()).ln_1p();
        // At the location the logit is infinite. Near it the density is that at its peak, to twelve digits.
        let step = z * self.log_peak().exp() * 2.0;
        let near = z.square() * (self.dof.recip() + 1.0);
        let side =
            |outer: T, inner: T, step: T| near.if_lt(T::from(1e-12), step.ln_1p() - LN_2, z.if_lt(zero, outer, inner));
        (side(beyond, rest, step), side(rest, beyond, -step))
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
        self.log_peak() - self.scale.ln() - (self.dof * 0.5 + 0.5) * (z.square() / self.dof).ln_1p()
    }
}

impl<T: Real> Cdf<T> for StudentT<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_tails(x).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
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

    /// Returns the logarithms of the probabilities below and above `x`.
    #[inline(always)]
    fn log_tails(&self, x: T) -> (T, T) {
        let zero = T::from(0.0);
        let logit = self.dof.ln() - (x / self.scale).square().ln();
        let (above, below) = (self.dof * 0.5).ln_incomplete_beta(T::from(0.5), logit);
        (zero.if_lt(x, below, lost()), zero.if_lt(x, above, zero))
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

impl<T: Real> Cdf<T> for HalfStudentT<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_tails(x).0.exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        log_between_tails(self.log_tails(low), self.log_tails(high))
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
