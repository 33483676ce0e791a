//! What can keep a posterior from being sampled.

use crate::model::DataError;

/// How many starting points a chain tries.
pub(super) const STARTS: usize = 200;

/// Why a posterior could not be sampled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model has no continuous latent variable.
    #[error("the model has no continuous latent variable, so there is nothing to sample")]
    NothingToSample,
    /// A setting makes no sense.
    #[error("{setting} is {value}, but must be at least {least}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: usize,
        /// The least value.
        least: usize,
    },
    /// The density is not finite anywhere that a chain tried to start.
    #[error(
        "chain {chain} found no starting point: the log density was {value} at the last of {STARTS}; \
         the data may be impossible under the model, or a `let` may give NaN"
    )]
    NoStart {
        /// The chain, counted from 0.
        chain: usize,
        /// The log density at the last starting point tried.
        value: f64,
    },
    /// The threads could not be started.
    #[error("no threads could be started: {what}")]
    Threads {
        /// What the system says.
        what: String,
    },
    /// A proposal is not a distribution of all latent numbers.
    #[error(
        "the proposal says nothing of {missing}, and a posterior is refined as a whole: train one for all globals, or sample \
         with `nuts()`, which knows the locals too"
    )]
    Uncovered {
        /// The latent numbers that are missing.
        missing: String,
    },
    /// A proposal is a distribution of something else.
    #[error("the proposal is a distribution of {surplus}, which the model with these data does not have")]
    Surplus {
        /// The names of the proposal that are not the model's.
        surplus: String,
    },
    /// A proposal gives something that is no number.
    #[error(
        "draw {draw} of the proposal, {at:?} in the unconstrained space, has the log density {value}: all must be finite"
    )]
    Proposal {
        /// The draw, counted from 0.
        draw: usize,
        /// Its unconstrained numbers.
        at: Vec<f64>,
        /// Its log density under the proposal.
        value: f64,
    },
    /// No draw of a proposal is possible.
    #[error(
        "none of the {draws} draws of the proposal is possible under the model, with log densities such as {value}: the data \
         may be impossible under it, a `let` may give NaN, or the proposal be far off; `nuts()` tells"
    )]
    NoWeight {
        /// How many draws there were.
        draws: usize,
        /// The log of the ratio of the densities at the last.
        value: f64,
    },
    /// A posterior to start from is of other data.
    #[error(
        "the posterior to start from has {found} unconstrained numbers and the model with these data {dimension}: refine the \
         posterior on the same data"
    )]
    OtherStart {
        /// The numbers of the posterior.
        found: usize,
        /// The numbers of the density.
        dimension: usize,
    },
}
