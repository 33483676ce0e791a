//! Draws by name, which every method of inference returns, and their diagnostics.

#[cfg(feature = "zarr")]
mod arrays;
mod at_draw;
mod columns;
mod comparison;
pub mod diagnostics;
mod discrete;
mod elpd;
mod groups;
mod inferred;
#[cfg(feature = "zarr")]
mod layout;
mod log_likelihood;
mod pointwise;
mod power_scaling;
mod predict;
mod sample_stats;
mod smoothing;
mod states;
mod student;
mod summary;
#[cfg(feature = "zarr")]
mod unconstrained;

#[cfg(feature = "zarr")]
pub use arrays::NameTwice;
#[cfg(feature = "zarr")]
pub(crate) use arrays::{Plates, by_draw, of_data, of_draws, of_stats, said};
pub use columns::Draws;
pub(crate) use columns::{cumulative, pick};
pub use comparison::{CompareError, ComparedModel, Comparison, compare};
pub(crate) use discrete::{Choice, discrete, fill_discrete_globals, has_discrete_global};
pub use discrete::{DiscreteDraws, DiscreteError};
pub use elpd::{Elpd, ElpdMethod};
pub(crate) use groups::group_log_likelihood;
pub use inferred::Inferred;
#[cfg(feature = "zarr")]
pub(crate) use layout::{Layout, Placed};
pub use log_likelihood::{LogLikelihood, LogLikelihoodError};
#[cfg(feature = "zarr")]
pub(crate) use pointwise::frames_below;
pub(crate) use pointwise::{free_rows, log_likelihood};
pub(crate) use power_scaling::power_scaling;
pub use power_scaling::{PowerScaling, Sensitivity};
pub use predict::{PredictError, Prediction};
pub use sample_stats::SampleStats;
pub(crate) use smoothing::smooth;
pub(crate) use student::StudentT;
pub(crate) use summary::to_scale;
pub use summary::{Summary, SummaryRow};
#[cfg(feature = "zarr")]
pub(crate) use unconstrained::unconstrained;
