//! Where the data sets of a training come from.

use super::batch::Batch;

/// Where data sets come from.
pub trait TrainingSource: Sync {
    /// Why a simulation can fail.
    type Error: Send;

    /// Draws `sets` data sets and their targets (sets x D, row-major, in unconstrained space).
    ///
    /// `first` is the place of the first of them among the data sets of `step`. Calls with another step or another place
    /// must be independent draws, and the same (step, first, sets) must give the same data. Steps count from 0; the two
    /// steps [`PILOT`](super::PILOT) and [`VALIDATION`](super::VALIDATION) are drawn from as well.
    ///
    /// # Errors
    /// Whatever stops the simulator; it ends the training.
    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Self::Error>;
}
