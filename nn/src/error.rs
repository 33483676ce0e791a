//! What can go wrong in the network, its training, and its files.

use std::path::PathBuf;

use super::settings::Settings;
use super::step::phase;

/// An error of the network itself: its data, its memory, its file.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data do not have the shape that the network was built for.
    #[error("data of the wrong shape: {0}")]
    Shape(String),

    /// A number in the data is NaN or infinite.
    #[error("data set {set}, {place}, holds {value}: every number given to a network must be finite")]
    NotFinite {
        /// The data set within its batch.
        set: usize,
        /// The table of the data set in which the number stands, its row, and its column.
        place: String,
        /// The number.
        value: f32,
    },

    /// A network was asked for sums, and reads rows in a way for which there are none.
    #[error(
        "a network that reads rows by attention cannot summarize data in parts: what it makes of a row depends on the others. \
         Condition on all of the data at once, or train a deep set (`Encoder::DeepSet`)"
    )]
    NoSums,

    /// A prediction after each row was asked of a network that does not read rows in their order.
    #[error(
        "only a network that reads rows in their order says what is believed after each of them: train one with \
         `architecture.encoder = Encoder::CAUSAL`"
    )]
    NoPrefixes,

    /// A network was asked for what it does not say.
    #[error("the network says {says}, where {asked} was asked for: train one for that")]
    Says {
        /// What it says.
        says: &'static str,
        /// What was asked for.
        asked: &'static str,
    },

    /// dfdx could not get the memory for a tensor.
    #[error("the tape could not allocate a tensor: {0}")]
    Tape(dfdx::tensor::CpuError),

    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `"read"` or `"write"`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A file is not a network, is damaged, or was written by an incompatible version.
    #[error(
        "{} does not hold a usable network: {reason}. Copy the file again, or train and save the network anew",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

hierarch_core::debug_as_message!(Error);

impl Error {
    /// Returns the same error about data sets that come after `first` others: it names the data set by its place among all.
    pub fn after(mut self, first: usize) -> Self {
        if let Error::NotFinite { set, .. } = &mut self {
            *set += first;
        }
        self
    }
}

impl From<dfdx::tensor::CpuError> for Error {
    fn from(error: dfdx::tensor::CpuError) -> Self {
        Error::Tape(error)
    }
}

/// An error of a training run; `E` is the error of the simulator behind [`TrainingSource`](super::TrainingSource).
///
/// ```
/// use hierarch_nn::{Batch, Budget, PILOT, Settings, Shape, TrainError, TrainingSource, train};
///
/// /// A simulator that does not run.
/// struct Broken;
///
/// impl TrainingSource for Broken {
///     type Error = &'static str;
///
///     fn draw(&self, _step: u64, _first: usize, _sets: usize) -> Result<(Batch, Vec<f32>), &'static str> {
///         Err("no licence")
///     }
/// }
///
/// let shape = Shape { width: 1, targets: 1, ..Shape::default() };
/// let settings = Settings::new(Budget::simulations(1_000));
/// let failed = train(&shape, &Broken, &settings, |_| ());
/// assert!(matches!(failed, Err(TrainError::Source { step: PILOT, first: 0, source: "no licence" })));
/// let settings = Settings { batch_size: 0, ..settings };
/// let unusable = train(&shape, &Broken, &settings, |_| ());
/// assert!(matches!(unusable, Err(TrainError::Settings(_))));
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrainError<E> {
    /// The settings cannot be used.
    #[error("cannot train: {0}")]
    Settings(String),

    /// A training cannot be resumed from its file, or the file cannot be written.
    #[error("the checkpoint of the training: {0}")]
    Checkpoint(Error),

    /// A training cannot be resumed with other settings.
    #[error(
        "{} holds a training with other settings ({saved:?}) than those asked for ({asked:?}): delete it to begin anew, or \
         write to another file",
        path.display()
    )]
    OtherSettings {
        /// The file.
        path: PathBuf,
        /// Its settings.
        saved: Box<Settings>,
        /// The settings asked for.
        asked: Box<Settings>,
    },

    /// The simulator failed.
    #[error("the simulator failed in {}, data sets from {first} on: {source}", phase(*step))]
    Source {
        /// The step, as [`TrainingSource::draw`](super::TrainingSource::draw) got it.
        step: u64,
        /// The place of the first data set, as [`TrainingSource::draw`](super::TrainingSource::draw) got it.
        first: usize,
        /// Its error.
        source: E,
    },

    /// The loss of one data set is NaN or infinite, though its data are finite: the weights have diverged.
    #[error("the loss of data set {set} in {} is {loss}: training has diverged; lower the learning rate", phase(*step))]
    NotFinite {
        /// The step, as [`TrainingSource::draw`](super::TrainingSource::draw) got it.
        step: u64,
        /// The data set within the step.
        set: usize,
        /// Its loss.
        loss: f32,
    },

    /// The gradient of a step is NaN or infinite, though each loss is finite. The weights, and a checkpoint, are those of the
    /// step before.
    #[error("the gradient in {} is not finite: training has diverged; lower the learning rate", phase(*step))]
    Gradient {
        /// The step.
        step: u64,
    },

    /// The data do not fit the network, or the network ran out of memory.
    #[error("in {}, data sets from {first} on: {source}", phase(*step))]
    Network {
        /// The step, as [`TrainingSource::draw`](super::TrainingSource::draw) got it.
        step: u64,
        /// The place of the first data set, as [`TrainingSource::draw`](super::TrainingSource::draw) got it.
        first: usize,
        /// Its error.
        source: Error,
    },
}

/// Prints the message: see [`debug_as_message`](hierarch_core::debug_as_message).
impl<E: std::fmt::Display> std::fmt::Debug for TrainError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl<E> TrainError<E> {
    /// Returns an error about the data sets of a step from place `first` on: it names the data set by its place in the step.
    pub(super) fn network(step: u64, first: usize, source: Error) -> Self {
        TrainError::Network { step, first, source: source.after(first) }
    }
}
