//! Exact posteriors from a model's density: Markov chains and importance sampling, with diagnostics; and maximum
//! likelihood.

mod adaptation;
mod adaptive;
mod bridge;
mod bump;
mod chains;
mod checkpoint;
mod elements;
mod error;
mod evidence;
mod extension;
mod fit_error;
mod importance;
mod improper;
mod laplace;
mod likelihood_ratio;
mod low_rank;
mod metric;
mod minimise;
mod mixture;
mod newton;
mod nuts;
mod refine;
mod search;
mod start;
#[cfg(feature = "zarr")]
mod store;
mod target;
mod threads;
mod trajectory;

pub(crate) use chains::AnyChains;
pub use chains::Chains;
pub use error::SampleError;
pub use evidence::{BayesFactor, Evidence};
pub use extension::SamplingExt;
pub use fit_error::FitError;
pub(crate) use importance::AnyWeightedDraws;
pub use importance::{Proposal, WeightedDraws, importance_sample};
pub use likelihood_ratio::{Maximum, ProfileLikelihood};
pub use metric::Metric;
pub(crate) use minimise::minimise;
pub use nuts::Nuts;
pub use refine::{Refined, Road, refine_until};
