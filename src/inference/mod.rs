//! Amortized inference: a network is trained once on simulations and then answers for any data set.

mod belief;
mod encode;
mod link;
mod npe;
mod posterior;

pub use belief::Belief;
pub use npe::Npe;
pub use posterior::Posterior;

use std::path::PathBuf;

use crate::io::DataError;
use crate::nn;
use crate::simulate::SimulateError;

/// Why a posterior could not be trained, used or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The network cannot be trained.
    #[error(transparent)]
    Train(Box<nn::TrainError<SimulateError>>),
    /// The network cannot be used, saved or loaded.
    #[error(transparent)]
    Network(#[from] nn::Error),
    /// There is no global of that name.
    #[error("the model has no global `{name}`; its globals are {known}")]
    UnknownGlobal {
        /// The name asked for.
        name: String,
        /// The globals there are.
        known: String,
    },
    /// The support of a global depends on another that is not inferred.
    #[error("the bounds of `{name}` depend on a global that is not among those to be inferred: name both, or all")]
    OpenSupport {
        /// The global.
        name: String,
    },
    /// The model has no global, so there is nothing to infer.
    #[error("the model has no global variable, so there is nothing to infer")]
    NothingToInfer,
    /// A file holds the posterior of another model.
    #[error(
        "{path} holds a posterior of {saved}, not of {expected}: the model or a param has changed since; train again, \
         or make the model as it was",
        path = path.display()
    )]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The name and fingerprint in the file.
        saved: String,
        /// The name and fingerprint of the model at hand.
        expected: String,
    },
    /// A network file without the record of its model.
    #[error("{path} holds a network, but not the posterior of a model: {what}", path = path.display())]
    NotAPosterior {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
}

impl From<nn::TrainError<SimulateError>> for InferenceError {
    fn from(error: nn::TrainError<SimulateError>) -> Self {
        match error {
            nn::TrainError::Source { source, .. } => Self::Simulate(source),
            other => Self::Train(Box::new(other)),
        }
    }
}
