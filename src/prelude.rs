//! What a model needs in scope: `use hierarch::prelude::*;`.

pub use crate::autodiff::Real;
pub use crate::calibration::{Neyman, PredictiveCheck};
pub use crate::distributions::*;
#[cfg(feature = "neural")]
pub use crate::estimators::{
    Bank, DataSummary, ElementNetworks, InferenceError, JointEstimator, JointPosterior, NetworkConfig, Posterior,
    PosteriorEstimator, RatioEstimator, RatioPosterior, TestStatistic, TrainingConfig,
};
pub use crate::io::{DataError, DataSet};
pub use crate::model;
pub use crate::model::{Likelihood, Model};
#[cfg(feature = "neural")]
pub use crate::nn::{Budget, Encoder, Family};
#[cfg(feature = "plot")]
pub use crate::report::Report;
pub use crate::sampling::{Chains, FitError, ProfileLikelihood, SampleError, WeightedDraws};
pub use crate::simulate::Simulation;
