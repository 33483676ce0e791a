//! How the pixels of images are read.

use serde::{Deserialize, Serialize};

use crate::architecture::Stretch;
use crate::checks::{finite, positive};

/// How the pixels of images are read: the function that is applied to each, and the units after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ImageFeatures {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(super) stretch: Stretch,
    /// Mean and standard deviation of all stretched pixels.
    pub(super) mean: f32,
    pub(super) sd: f32,
}

impl ImageFeatures {
    /// Fits to the pixels of the images of a pilot sample.
    pub(super) fn fit(pixels: &[f32], (height, width): (usize, usize), stretch: Stretch) -> ImageFeatures {
        let values = || pixels.iter().map(|pixel| f64::from(stretch.of(*pixel)));
        let count = pixels.len().max(1) as f64;
        let mean = values().sum::<f64>() / count;
        let sd = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt() as f32;
        ImageFeatures {
            height,
            width,
            stretch,
            mean: mean as f32,
            sd: if sd > 0.0 && sd.is_finite() { sd } else { 1.0 },
        }
    }

    /// Checks the numbers of a file; `place` is where they stand.
    pub(super) fn check(&self, place: &str) -> Result<(), String> {
        finite(&format!("{place}.image.mean"), &[self.mean])?;
        positive(&format!("{place}.image.sd"), self.sd)
    }

    /// Returns standardised pixels.
    pub(super) fn read(&self, pixels: &[f32]) -> Vec<f32> {
        pixels.iter().map(|pixel| (self.stretch.of(*pixel) - self.mean) / self.sd).collect()
    }
}
