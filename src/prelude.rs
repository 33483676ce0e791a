//! What a model needs in scope: `use hierarch::prelude::*;`.

pub use crate::autodiff::Real;
pub use crate::calibration::{Neyman, PredictiveCheck};
pub use crate::distributions::*;
#[cfg(feature = "neural")]
pub use crate::inference::{
    Bank, Belief, DataSummary, InferenceError, Joint, JointPosterior, Posterior, RatioBelief, RatioEstimator,
    RowNetworks, TestStatistic,
};
pub use crate::io::{DataError, DataSet};
pub use crate::model;
pub use crate::model::{Likelihood, Model};
#[cfg(feature = "neural")]
pub use crate::nn::{Budget, Encoder, Family};
#[cfg(feature = "plot")]
pub use crate::report::Report;
pub use crate::sampling::{Chains, FitError, ProfileLikelihood, Refined, SampleError};
pub use crate::simulate::Simulation;
