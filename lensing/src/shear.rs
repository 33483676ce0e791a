//! The tidal field of masses beside the line of sight.

use super::error::require_finite;
use super::{Deflector, LensingError};
use hierarch_core::autodiff::Real;

/// External shear: the potential gamma1 (x^2 - y^2) / 2 + gamma2 x y, without mass of its own.
///
/// It is zero at the origin. About another point it differs by a constant deflection, which cannot be distinguished
/// from a shift of the source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shear<T> {
    /// The stretch along x if positive, along y if negative.
    pub gamma1: T,
    /// The stretch along the diagonals.
    pub gamma2: T,
}

impl<T: Real> Deflector<T> for Shear<T> {
    #[inline(always)]
    fn deflection(&self, [x, y]: [T; 2]) -> [T; 2] {
        [self.gamma1 * x + self.gamma2 * y, self.gamma2 * x - self.gamma1 * y]
    }

    #[inline(always)]
    fn potential(&self, [x, y]: [T; 2]) -> T {
        self.gamma1 * (x * x - y * y) * 0.5 + self.gamma2 * x * y
    }

    #[inline(always)]
    fn convergence(&self, _: [T; 2]) -> T {
        T::from(0.0)
    }
}

impl Shear<f64> {
    /// Returns the shear if its numbers are finite.
    ///
    /// # Errors
    ///
    /// The number that is not finite, by its name.
    pub fn check(self) -> Result<Self, LensingError> {
        require_finite("Shear", "gamma1", self.gamma1)?;
        require_finite("Shear", "gamma2", self.gamma2)?;
        Ok(self)
    }
}
