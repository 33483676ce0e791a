//! Strong gravitational lenses: deflecting masses, sources of light, and distances.
//!
//! Angles are in arcsec, masses in Msun, distances in Mpc and lengths at the lens in kpc. A position is `[x, y]`. Light
//! observed at x comes from x minus the sum of the deflections there ([`source_position`]). All deflections are for one
//! source plane: they are scaled, alpha = (D_ls / D_s) times the angle by which the ray is bent.
//!
//! A [`Camera`] makes images of lenses, also with many subhaloes, and [`poisson_noise`] adds noise.
//!
//! Profiles are plain structs, generic over the scalar `T: Real`, so that they can be used inside a `model!` of
//! hierarch: their parameters are numbers, or variables with derivatives. They compute without checking; `check`, and
//! constructors that begin with `try`, return errors for invalid numbers.
//!
//! ```
//! use hierarch_lensing::*;
//!
//! # fn main() -> Result<(), LensingError> {
//! let cosmology = Cosmology::PLANCK_2015;
//! let geometry = Geometry::new(&cosmology, 0.2, 1.0)?;
//! let galaxy = Sie { ellipse: Ellipse::along_x([0.0, 0.0], 0.8), einstein_radius: 1.5 }.check()?;
//! let concentration = sanchez_conde_prada_2014(1e10, cosmology.hubble / 100.0);
//! let halo = Nfw::try_from_m200([1.5, 0.0], 1e10, concentration, &geometry)?;
//! let source = Sersic::try_new(Ellipse::round([0.0, 0.0]), 0.4, 1.0, 1.0)?;
//!
//! let lenses: [&dyn Deflector<f64>; 2] = [&galaxy, &halo];
//! let brightness = source.brightness(source_position(&lenses, [1.2, 0.9]));
//! # assert!(brightness > 0.5);
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod arc;
mod camera;
mod cosmology;
mod ellipse;
mod error;
mod kernels;
mod nfw;
mod noise;
mod photometry;
mod psf;
mod scene;
mod sersic;
mod shear;
mod sie;

pub use camera::Camera;
pub use cosmology::{Cosmology, Geometry};
pub use ellipse::Ellipse;
pub use error::LensingError;
pub use nfw::{Nfw, sanchez_conde_prada_2014};
pub use noise::poisson_noise;
pub use photometry::Photometry;
pub use psf::GaussianPsf;
pub use scene::{Lens, Light};
pub use sersic::{Sersic, half_light_exponent};
pub use shear::Shear;
pub use sie::{Sie, Sis};

use hierarch_core::autodiff::Real;

/// Mass in the lens plane that deflects light.
pub trait Deflector<T: Real> {
    /// Returns the deflection in arcsec at `position` in arcsec: the gradient of the potential.
    ///
    /// Lens and position have one scalar, so that both may have derivatives, and lenses of several kinds may be `dyn`.
    /// A camera has lenses of plain numbers and positions of another scalar: [`Lens::deflection_at`].
    fn deflection(&self, position: [T; 2]) -> [T; 2];

    /// Returns the lensing potential in arcsec^2.
    fn potential(&self, position: [T; 2]) -> T;

    /// Returns the convergence, surface density over critical surface density: half the Laplacian of the potential.
    fn convergence(&self, position: [T; 2]) -> T;
}

/// Returns the position in the source plane from which the light observed at `position` comes: the lens equation.
#[inline(always)]
pub fn source_position<T: Real>(lenses: &[&dyn Deflector<T>], position: [T; 2]) -> [T; 2] {
    lenses.iter().fold(position, |[x, y], lens| {
        let [by_x, by_y] = lens.deflection(position);
        [x - by_x, y - by_y]
    })
}

/// Returns the square of a distance from the centre, raised so that it is not zero, by which nothing can be divided,
/// nor so small that it has no reciprocal.
#[inline(always)]
fn off_center<T: Real>(square: T) -> T {
    square.max(T::from(1e-300))
}
