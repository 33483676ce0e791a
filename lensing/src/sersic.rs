//! The light of galaxies.

use std::f64::consts::PI;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{require, require_positive};
use super::{Ellipse, LensingError};
use hierarch_core::autodiff::Real;

/// The profile of Sersic (1963): brightness I(R) = I(0) exp(-b (R / r_e)^(1 / n)), an exponential disc for n = 1, the
/// law of de Vaucouleurs for n = 4, a Gaussian for n = 1/2.
///
/// R is the radius of the [`Ellipse`], so half of the light is inside the ellipse of area pi r_e^2.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sersic<T> {
    pub(super) ellipse: Ellipse<T>,
    pub(super) half_light_radius: T,
    pub(super) index: T,
    /// The exponent at the half-light radius.
    pub(super) b: T,
    /// I(0).
    pub(super) central_brightness: T,
}

impl<T: Real> Sersic<T> {
    /// Creates a source with a half-light radius r_e in arcsec, a Sersic index n and the total `flux`, in any unit.
    ///
    /// It does not check the numbers; [`Sersic::try_new`] does.
    #[inline(always)]
    pub fn new(ellipse: Ellipse<T>, half_light_radius: T, index: T, flux: T) -> Self {
        let b = half_light_exponent(index);
        // The integral of 2 pi R I(R) is 2 pi n r_e^2 b^(-2n) Gamma(2n) I(0).
        let n2 = index * 2.0;
        let area = half_light_radius * half_light_radius * n2 * PI * (n2.ln_gamma() - n2 * b.ln()).exp();
        Self { ellipse, half_light_radius, index, b, central_brightness: flux / area }
    }

    /// Returns the surface brightness at `position` in arcsec: flux per arcsec^2.
    #[inline(always)]
    pub fn brightness(&self, position: [T; 2]) -> T {
        // By exp and ln, which are vectorised where `powf` is not.
        let power = ((self.ellipse.radius(position) / self.half_light_radius).ln() / self.index).exp();
        self.central_brightness * (-self.b * power).exp()
    }
}

impl Sersic<f64> {
    /// Returns the source for positions of any scalar.
    #[inline(always)]
    pub(super) fn lift<T: Real>(&self) -> Sersic<T> {
        Sersic {
            ellipse: self.ellipse.lift(),
            half_light_radius: T::from(self.half_light_radius),
            index: T::from(self.index),
            b: T::from(self.b),
            central_brightness: T::from(self.central_brightness),
        }
    }

    /// Creates a source as [`Sersic::new`] does, with checked numbers.
    ///
    /// # Errors
    ///
    /// The first invalid number by its name; the index must be in [0.25, 20].
    pub fn try_new(ellipse: Ellipse<f64>, half_light_radius: f64, index: f64, flux: f64) -> Result<Self, LensingError> {
        ellipse.require("Sersic")?;
        require_positive("Sersic", "half_light_radius", half_light_radius)?;
        require((0.25..=20.0).contains(&index), "Sersic", "index", index, "in [0.25, 20]")?;
        require(flux >= 0.0 && flux.is_finite(), "Sersic", "flux", flux, "zero or more, and finite")?;
        Ok(Self::new(ellipse, half_light_radius, index, flux))
    }
}

impl<'de> Deserialize<'de> for Sersic<f64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Unchecked {
            ellipse: Ellipse<f64>,
            half_light_radius: f64,
            index: f64,
            central_brightness: f64,
        }
        let Unchecked { ellipse, half_light_radius, index, central_brightness } = Unchecked::deserialize(deserializer)?;
        let bright = central_brightness >= 0.0 && central_brightness.is_finite();
        require(bright, "Sersic", "central_brightness", central_brightness, "zero or more, and finite")
            .and_then(|()| Self::try_new(ellipse, half_light_radius, index, 0.0))
            .map(|dark| Self { central_brightness, ..dark })
            .map_err(D::Error::custom)
    }
}

/// b, at which the regularized incomplete gamma function P(2n, b) is one half, for n in [0.25, 20].
///
/// It starts from the series of Ciotti & Bertin (1999), which is good to 4e-4 at n = 1/2 and to 1e-6 from n = 2, and
/// uses Newton's method: exact, and with its derivative where n has one.
#[inline(always)]
pub fn half_light_exponent<T: Real>(index: T) -> T {
    let (a, inverse) = (index * 2.0, index.recip());
    let correction = [-2194697.0 / 30690717750.0, 131.0 / 1148175.0, 46.0 / 25515.0, 4.0 / 405.0];
    let mut b = a - 1.0 / 3.0 + correction.iter().fold(T::from(0.0), |sum, &c| (sum + c) * inverse);
    for _ in 0..4 {
        // P(a, b) = b^a e^-b / Gamma(a + 1) (1 + b / (a + 1) + b^2 / ((a + 1) (a + 2)) + ...), whose slope is
        // b^(a - 1) e^-b / Gamma(a).
        let (mut term, mut sum) = (T::from(1.0), T::from(1.0));
        for k in 1..64 {
            term *= b / (a + f64::from(k));
            sum += term;
        }
        let slope = ((a - 1.0) * b.ln() - b - a.ln_gamma()).exp();
        b += T::from(0.5) / slope - b / a * sum;
    }
    b
}
