//! What a model needs in scope: `use hierarch::prelude::*;`.

pub use crate::assert_calibrated;
pub use crate::autodiff::{Real, diag, dot, matvec};
pub use crate::calibration::{Neyman, PredictiveCheck};
pub use crate::draws::{Draws, Inferred, Prediction};
#[cfg(feature = "neural")]
pub use crate::estimators::{
    Bank, DataSummary, ElementNetworks, EstimatorExt, InferenceError, JointEstimator, JointPosterior, NetworkConfig,
    Posterior, PosteriorEstimator, RatioEstimator, RatioPosterior, TestStatistic, Trainable, TrainingConfig,
};
pub use crate::external::{External, external};
#[cfg(feature = "zarr")]
pub use crate::io::{InferenceData, SaveExt};
pub use crate::model;
pub use crate::model::{DataError, DataSet, Generative, Likelihood, Model, Name, Simulable};
#[cfg(feature = "neural")]
pub use crate::nn::{Budget, Encoder, Family};
#[cfg(feature = "plot")]
pub use crate::report::Report;
pub use crate::sampling::{Chains, FitError, ProfileLikelihood, Refined, SampleError, SamplingExt, WeightedDraws};
pub use crate::shards::Shard;
pub use crate::simulate::{SimulateExt, Simulated, Simulation, Stream};
pub use crate::solve::{Tolerance, integral, ode, ode_stiff, root};
#[cfg(not(feature = "neural"))]
pub use crate::without_neural::EstimatorExt;
#[cfg(not(feature = "zarr"))]
pub use crate::without_zarr::{SaveExt, StoreExt};
