//! Dark matter haloes with the profile of Navarro, Frenk & White (1997).

use std::f64::consts::PI;

use super::arc;
use super::error::require_positive;
use super::{Deflector, Ellipse, Geometry, LensingError, off_center};
use hierarch_core::autodiff::Real;

/// A spherical halo of density rho_s / ((r / r_s) (1 + r / r_s)^2), seen in projection (Bartelmann 1996; Wright &
/// Brainerd 2000).
///
/// With x = theta / theta_s, and G = artanh(sqrt(1 - x^2)) / sqrt(1 - x^2) inside the scale radius and
/// arctan(sqrt(x^2 - 1)) / sqrt(x^2 - 1) outside, which is one analytic function:
///
/// - convergence 2 kappa_s (1 - G) / (x^2 - 1),
/// - deflection 4 kappa_s theta_s m(x) / x, where m = ln(x / 2) + G is the mass in the cylinder over 4 pi rho_s r_s^3,
/// - potential 2 kappa_s theta_s^2 (ln(x / 2)^2 + (x^2 - 1) G^2), zero at the centre.
///
/// lenstronomy's `alpha_Rs`, the deflection at the scale radius, is 4 kappa_s theta_s (1 - ln 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nfw<T> {
    /// The centre, (x, y) in arcsec.
    pub center: [T; 2],
    /// The scale radius theta_s in arcsec.
    pub scale_radius: T,
    /// kappa_s = rho_s r_s / (critical surface density).
    pub scale_convergence: T,
}

impl<T: Real> Nfw<T> {
    /// Creates a halo of a mass M200 in Msun. This is the mass inside the radius r200 = `concentration` r_s, within
    /// which the mean density is 200 times the critical density at the lens's redshift. It does not check the numbers;
    /// [`Nfw::try_from_m200`] does.
    #[inline(always)]
    pub fn from_m200(center: [T; 2], m200: T, concentration: T, geometry: &Geometry) -> Self {
        let r200_cubed = m200 * (1e9 / (4.0 / 3.0 * PI * 200.0 * geometry.critical_density));
        let scale_kpc = r200_cubed.powf(T::from(1.0 / 3.0)) / concentration;
        let in_sphere = concentration.ln_1p() - concentration / (concentration + 1.0);
        let surface_density = m200 / (scale_kpc * scale_kpc * in_sphere * (4.0 * PI));
        Self {
            center,
            scale_radius: scale_kpc / geometry.kpc_per_arcsec(),
            scale_convergence: surface_density / geometry.critical_surface_density(),
        }
    }

    /// Returns the mass in the cylinder of `radius` in arcsec, in Msun.
    #[inline(always)]
    pub fn enclosed_mass(&self, radius: T, geometry: &Geometry) -> T {
        let x = radius / self.scale_radius;
        let scale = self.scale_convergence * self.scale_radius * self.scale_radius;
        scale * Scaled::at(off_center(x * x)).mass * (4.0 * PI * geometry.critical_mass_per_square_arcsec())
    }

    /// Returns the offset from the centre, in units of the scale radius, and its square.
    #[inline(always)]
    fn scaled(&self, position: [T; 2]) -> ([T; 2], T) {
        let x = (position[0] - self.center[0]) / self.scale_radius;
        let y = (position[1] - self.center[1]) / self.scale_radius;
        ([x, y], x * x + y * y)
    }
}

impl Nfw<f64> {
    /// Creates a halo as [`Nfw::from_m200`] does, with checked numbers.
    ///
    /// # Errors
    ///
    /// The first number that is not positive or not finite, by its name.
    pub fn try_from_m200(
        center: [f64; 2],
        m200: f64,
        concentration: f64,
        geometry: &Geometry,
    ) -> Result<Self, LensingError> {
        require_positive("Nfw", "m200", m200)?;
        require_positive("Nfw", "concentration", concentration)?;
        Self::from_m200(center, m200, concentration, geometry).check()
    }

    /// Returns the halo if its numbers are valid.
    ///
    /// # Errors
    ///
    /// The first invalid number, by its name.
    pub fn check(self) -> Result<Self, LensingError> {
        Ellipse::round(self.center).require("Nfw")?;
        require_positive("Nfw", "scale_radius", self.scale_radius)?;
        require_positive("Nfw", "scale_convergence", self.scale_convergence)?;
        Ok(self)
    }
}

impl<T: Real> Deflector<T> for Nfw<T> {
    /// Returns the deflection in arcsec; zero at the centre.
    #[inline(always)]
    fn deflection(&self, position: [T; 2]) -> [T; 2] {
        let ([x, y], x2) = self.scaled(position);
        let x2 = off_center(x2);
        let scale = self.scale_convergence * self.scale_radius * 4.0 * Scaled::at(x2).mass / x2;
        [scale * x, scale * y]
    }

    /// Returns the potential in arcsec^2; zero at the centre.
    #[inline(always)]
    fn potential(&self, position: [T; 2]) -> T {
        let x2 = off_center(self.scaled(position).1);
        self.scale_convergence * self.scale_radius * self.scale_radius * 2.0 * Scaled::at(x2).potential
    }

    /// Returns the convergence, which diverges at the centre, as the logarithm does.
    #[inline(always)]
    fn convergence(&self, position: [T; 2]) -> T {
        self.scale_convergence * 2.0 * arc::defect(self.scaled(position).1)
    }
}

/// The parts that depend on x = theta / theta_s alone.
struct Scaled<T> {
    /// ln(x / 2) + G.
    mass: T,
    /// ln(x / 2)^2 + (x^2 - 1) G^2.
    potential: T,
}

impl<T: Real> Scaled<T> {
    /// Computes them at x^2.
    #[inline(always)]
    fn at(x2: T) -> Self {
        let log = (x2 * 0.25).ln() * 0.5;
        let g = arc::ratio(x2);
        // Near the centre G is almost -ln(x / 2), and the sums would be nothing but rounding. With s = sqrt(1 - x^2), G
        // is (d - ln(x / 2)) / s, and only small terms are left.
        let s = (T::from(1.0) - x2).sqrt();
        let lost = x2 / (s + 1.0);
        let d = (-lost * 0.5).ln_1p();
        let inner = x2 - 0.5;
        Self {
            mass: inner.if_lt(T::from(0.0), (d - log * lost) / s, log + g),
            potential: inner.if_lt(T::from(0.0), d * (log * 2.0 - d), log * log + (x2 - 1.0) * g * g),
        }
    }
}

/// Returns the median concentration c200 at z = 0 of a halo of mass `m200` in Msun, where the Hubble constant is 100
/// `h` km/s/Mpc (Sanchez-Conde & Prada 2014, equation 1): a polynomial in ln(h M200 / Msun), for h M200 from 1e-6 to
/// 1e15 Msun.
///
/// It holds at z = 0, and is not scaled to other redshifts here. The paper scales simulated haloes of redshift z to z =
/// 0 by c(z) = c(0) / (1 + z), which may be divided by. Haloes scatter about the median by 0.14 dex.
#[inline(always)]
pub fn sanchez_conde_prada_2014<T: Real>(m200: T, h: f64) -> T {
    const COEFFICIENTS: [f64; 6] = [37.5153, -1.5093, 1.636e-2, 3.66e-4, -2.89237e-5, 5.32e-7];
    let log = (m200 * h).ln();
    COEFFICIENTS.iter().rev().fold(T::from(0.0), |sum, &c| sum * log + c)
}
