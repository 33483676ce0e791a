//! From magnitudes to counts.

use std::f64::consts::LN_10;

use serde::{Deserialize, Serialize};

use super::LensingError;
use super::error::{require_finite, require_positive};
use hierarch_core::autodiff::Real;

/// The zero point and the exposure of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Photometry {
    /// The magnitude of a source with one count per second.
    pub zero_point: f64,
    /// The exposure time in seconds.
    pub exposure: f64,
}

impl Photometry {
    /// Returns the photometry if its numbers are valid.
    ///
    /// # Errors
    ///
    /// The invalid number, by its name.
    pub fn check(self) -> Result<Self, LensingError> {
        require_finite("Photometry", "zero_point", self.zero_point)?;
        require_positive("Photometry", "exposure", self.exposure)?;
        Ok(self)
    }

    /// Returns the expected counts of a source of `magnitude` in one exposure; for a magnitude per arcsec^2, the counts
    /// per arcsec^2.
    #[inline(always)]
    pub fn counts<T: Real>(&self, magnitude: T) -> T {
        ((-magnitude + self.zero_point) * (0.4 * LN_10)).exp() * self.exposure
    }
}
