//! Training: simulate, differentiate, update.
//!
//! A step draws data sets in a fixed number of chunks. Chunks are shared among the threads of rayon's current pool. Each is
//! simulated, then passed forward and back on a tape of its own, and the contributions to the gradient are summed in the order
//! of the chunks. So the result is the same to the bit, whatever the number of threads. If every data set is fresh there is
//! nothing to overfit to, and so by default there is no weight decay and no early stopping.
//!
//! The learning rate warms up and then falls as half a cosine. Predictions use the exponential moving average of the
//! weights.

mod chunk;
mod simulator;
mod state;
mod trainer;

use crate::error::TrainError;
use crate::network::Network;
use crate::progress::TrainingProgress;
use crate::settings::Settings;
use crate::shape::Shape;
use crate::source::TrainingSource;

pub(super) use state::State;
pub use trainer::Trainer;

/// Trains a network for data of `shape` on data sets from `source`; `progress` is called after every step.
///
/// # Errors
/// If the settings cannot be used; if the source fails, or draws data of another shape or numbers that are not finite; and
/// if the loss diverges. Each error names step, chunk and data set, if there is one.
pub fn train<S: TrainingSource>(
    shape: &Shape,
    source: &S,
    settings: &Settings,
    mut progress: impl FnMut(&TrainingProgress),
) -> Result<Network, TrainError<S::Error>> {
    let mut trainer = Trainer::new(shape, source, settings)?;
    while !trainer.done() {
        progress(&trainer.step()?);
    }
    Ok(trainer.finish())
}
