//! Isothermal lenses: density decreasing with the square of the distance, like that of galaxies near the Einstein
//! radius.

use super::arc;
use super::error::require_positive;
use super::{Deflector, Ellipse, LensingError, off_center};
use hierarch_core::autodiff::Real;

/// The singular isothermal ellipsoid (Kormann, Schneider & Bartelmann 1994).
///
/// Along the major and minor axis, with R^2 = q x^2 + y^2 / q:
///
/// - convergence theta_E / (2 R),
/// - deflection theta_E sqrt(q) / sqrt(1 - q^2) (arctan(sqrt(1 - q^2) x / psi), artanh(sqrt(1 - q^2) y / psi)) with
///   psi^2 = q^2 x^2 + y^2,
/// - potential: the scalar product of position and deflection.
///
/// theta_E is that of Kormann et al. and of lenstronomy's `SIE` and `EPL`: the ellipse R = theta_E, whose area is pi
/// theta_E^2 at any q, holds a mean convergence of one, and is the critical curve. Codes after Keeton (2001), with a
/// factor q in place of sqrt(q) in the deflection, take the semi-major axis of that ellipse instead: theta_E / sqrt(q).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sie<T> {
    /// Centre, axis ratio and position angle.
    pub ellipse: Ellipse<T>,
    /// The Einstein radius theta_E in arcsec.
    pub einstein_radius: T,
}

impl<T: Real> Deflector<T> for Sie<T> {
    /// Returns the deflection in arcsec. It has no direction at the centre, where it is set to zero.
    #[inline(always)]
    fn deflection(&self, position: [T; 2]) -> [T; 2] {
        let q = self.ellipse.axis_ratio;
        let [x, y] = self.ellipse.to_axes(position);
        let r2 = off_center(x * x + y * y);
        let psi2 = off_center(q * q * x * x + y * y);
        // (arctan(e x / psi), artanh(e y / psi)) / e with e^2 = 1 - q^2: in this form q = 1 is not a special case.
        let c2 = r2 / psi2;
        let scale = self.einstein_radius * (q / psi2).sqrt();
        self.ellipse.from_axes([scale * x * arc::above(c2), scale * y * arc::below(q * q * c2)])
    }

    /// Returns the potential in arcsec^2.
    #[inline(always)]
    fn potential(&self, position: [T; 2]) -> T {
        let [x, y] = [position[0] - self.ellipse.center[0], position[1] - self.ellipse.center[1]];
        let [along_x, along_y] = self.deflection(position);
        x * along_x + y * along_y
    }

    /// Returns the convergence, which diverges at the centre.
    #[inline(always)]
    fn convergence(&self, position: [T; 2]) -> T {
        self.einstein_radius * 0.5 / self.ellipse.radius(position)
    }
}

impl Sie<f64> {
    /// Returns the lens if its numbers are valid.
    ///
    /// # Errors
    ///
    /// The first invalid number, by its name.
    pub fn check(self) -> Result<Self, LensingError> {
        self.ellipse.require("Sie")?;
        require_positive("Sie", "einstein_radius", self.einstein_radius)?;
        Ok(self)
    }
}

/// The singular isothermal sphere: [`Sie`] with an axis ratio of one.
///
/// ```
/// use hierarch_lensing::*;
///
/// // A point right behind the centre is seen as a ring at the Einstein radius.
/// let galaxy = Sis { center: [0.0, 0.0], einstein_radius: 1.5 }.check()?;
/// let lenses: [&dyn Deflector<f64>; 1] = [&galaxy];
/// let [x, y] = source_position(&lenses, [0.9, 1.2]);
/// assert!(x.abs() < 1e-12 && y.abs() < 1e-12);
/// # Ok::<(), LensingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sis<T> {
    /// The centre, (x, y) in arcsec.
    pub center: [T; 2],
    /// The Einstein radius in arcsec: 4 pi (velocity dispersion / c)^2 D_ls / D_s, in radians.
    pub einstein_radius: T,
}

impl<T: Real> Sis<T> {
    /// Returns the offset from the centre, and its length.
    #[inline(always)]
    fn offset(&self, position: [T; 2]) -> ([T; 2], T) {
        let [x, y] = [position[0] - self.center[0], position[1] - self.center[1]];
        ([x, y], off_center(x * x + y * y).sqrt())
    }
}

impl<T: Real> Deflector<T> for Sis<T> {
    /// Returns the deflection: the Einstein radius in arcsec, away from the centre everywhere; set to zero at the
    /// centre.
    #[inline(always)]
    fn deflection(&self, position: [T; 2]) -> [T; 2] {
        let ([x, y], r) = self.offset(position);
        let scale = self.einstein_radius / r;
        [scale * x, scale * y]
    }

    /// Returns the potential theta_E r in arcsec^2.
    #[inline(always)]
    fn potential(&self, position: [T; 2]) -> T {
        self.einstein_radius * self.offset(position).1
    }

    /// Returns the convergence theta_E / (2 r), which diverges at the centre.
    #[inline(always)]
    fn convergence(&self, position: [T; 2]) -> T {
        self.einstein_radius * 0.5 / self.offset(position).1
    }
}

impl Sis<f64> {
    /// Returns the lens if its numbers are valid.
    ///
    /// # Errors
    ///
    /// The first invalid number, by its name.
    pub fn check(self) -> Result<Self, LensingError> {
        Ellipse::round(self.center).require("Sis")?;
        require_positive("Sis", "einstein_radius", self.einstein_radius)?;
        Ok(self)
    }
}
