//! Why nothing is saved for ArviZ.

use std::path::PathBuf;

use crate::draws::{LogLikelihoodError, NameTwice, PredictError};
use crate::model::{DataError, SimulateError, UnknownName};

/// Why draws cannot be saved for ArviZ.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// A file cannot be written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no log likelihood of the rows.
    #[error("{0}; `.without_log_likelihood()` saves the rest")]
    LogLikelihood(#[from] LogLikelihoodError),
    /// Nothing can be predicted.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// There is no plate of that name in the data.
    #[error(transparent)]
    Plate(#[from] UnknownName),
    /// There are not as many labels as elements.
    #[error("the plate `{plate}` has {elements} elements, and {labels} labels: give one to each")]
    Labels {
        /// The plate.
        plate: String,
        /// How many elements it has in the data.
        elements: usize,
        /// How many labels were given.
        labels: usize,
    },
    /// Two things of a group have the same name.
    #[error(transparent)]
    Name(#[from] NameTwice),
    /// There are no draws.
    #[error("there are no draws to save")]
    NoDraws,
}

hierarch_core::debug_as_message!(SaveError);
