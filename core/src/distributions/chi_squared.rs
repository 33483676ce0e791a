//! The chi-squared distribution with d degrees of freedom, a gamma distribution of shape d / 2 and rate 1 / 2:
//! x^(d / 2 - 1) exp(-x / 2) / (2^(d / 2) Gamma(d / 2)) for x > 0; and the distributions of 1 / x and of d scale^2 / x.

use rand::Rng;

use super::numeric::from_zero;
use super::{Cdf, Distribution, Draw, Gamma, InverseGamma, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The sum of the squares of standard normal numbers.
///
/// ```
/// use hierarch_core::distributions::{ChiSquared, Distribution};
///
/// // With two degrees of freedom it is exponential with mean 2.
/// let distance = ChiSquared::new(2.0_f64);
/// assert!((distance.log_density(3.0).exp() - 0.5 * (-1.5_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ChiSquared<T> {
    dof: T,
}

impl<T: Real> ChiSquared<T> {
    /// Creates ChiSquared(dof), with dof > 0 degrees of freedom, the mean.
    #[inline(always)]
    pub fn new(dof: T) -> Self {
        Self { dof }
    }

    #[inline(always)]
    fn gamma(&self) -> Gamma<T> {
        Gamma::new(self.dof * 0.5, T::from(0.5))
    }
}

impl<T: Real> Distribution<T> for ChiSquared<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        self.gamma().log_density(x)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        self.gamma().at_unconstrained(q)
    }
}

/// The distribution of 1 / x where x is chi-squared.
///
/// ```
/// use hierarch_core::distributions::{Distribution, InverseChiSquared};
///
/// // With two degrees of freedom: exp(-1 / (2 x)) / (2 x^2).
/// let variance = InverseChiSquared::new(2.0_f64);
/// assert!((variance.log_density(0.5).exp() - 2.0 * (-1.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InverseChiSquared<T> {
    dof: T,
}

impl<T: Real> InverseChiSquared<T> {
    /// Creates InverseChiSquared(dof), with dof > 0 degrees of freedom.
    #[inline(always)]
    pub fn new(dof: T) -> Self {
        Self { dof }
    }

    #[inline(always)]
    fn gamma(&self) -> InverseGamma<T> {
        InverseGamma::new(self.dof * 0.5, T::from(0.5))
    }
}

impl<T: Real> Distribution<T> for InverseChiSquared<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        self.gamma().log_density(x)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        self.gamma().at_unconstrained(q)
    }
}

/// The distribution of dof scale^2 / x where x is chi-squared: of a variance that is known by dof numbers with the standard deviation
/// `scale`.
///
/// ```
/// use hierarch_core::distributions::{Distribution, InverseGamma, ScaledInverseChiSquared};
///
/// let variance = ScaledInverseChiSquared::new(6.0_f64, 0.5);
/// assert!((variance.log_density(0.3) - InverseGamma::new(3.0, 0.75).log_density(0.3)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScaledInverseChiSquared<T> {
    dof: T,
    scale: T,
}

impl<T: Real> ScaledInverseChiSquared<T> {
    /// Creates ScaledInverseChiSquared(dof, scale), with dof > 0 and scale > 0.
    #[inline(always)]
    pub fn new(dof: T, scale: T) -> Self {
        Self { dof, scale }
    }

    #[inline(always)]
    fn gamma(&self) -> InverseGamma<T> {
        InverseGamma::new(self.dof * 0.5, self.dof * self.scale.square() * 0.5)
    }
}

impl<T: Real> Distribution<T> for ScaledInverseChiSquared<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        from_zero(self.scale, self.gamma().log_density(x))
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        let (x, log) = self.gamma().at_unconstrained(q);
        (x, from_zero(self.scale, log))
    }
}

macro_rules! of_the_gamma_distribution {
    ($($name:ident)*) => {$(
        impl<T: Real> Cdf<T> for $name<T> {
            #[inline(always)]
            fn cdf(&self, x: T) -> T {
                self.gamma().cdf(x)
            }

            #[inline(always)]
            fn log_between(&self, low: T, high: T) -> T {
                self.gamma().log_between(low, high)
            }
        }
    )*};
}
of_the_gamma_distribution!(ChiSquared InverseChiSquared ScaledInverseChiSquared);

fn check_dof(dof: f64, name: &'static str) -> Result<(), ParameterError> {
    require(is_positive(dof), name, "the number of degrees of freedom", dof, "positive and finite")
}

impl Draw for ChiSquared<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.gamma().draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        check_dof(self.dof, "ChiSquared")
    }
}

impl Draw for InverseChiSquared<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.gamma().draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        check_dof(self.dof, "InverseChiSquared")
    }
}

impl Draw for ScaledInverseChiSquared<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.gamma().draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "ScaledInverseChiSquared";
        check_dof(self.dof, name)?;
        require(is_positive(self.scale), name, "the scale", self.scale, "positive and finite")
    }
}
