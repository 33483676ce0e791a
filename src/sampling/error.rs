//! Errors of sampling.

use std::path::PathBuf;

use crate::draws::LogLikelihoodError;
use crate::model::DataError;

/// The number of starting points that a chain tries.
pub(super) const STARTS: usize = 200;
/// What is said of a density that is not finite where no statement alone shows why.
pub(super) const UNKNOWN: &str = "; the data may be impossible under the model, a parameter may be invalid (an sd below zero, say), or a `let` may give NaN";
/// What is said of a density that is finite where its derivatives are not.
pub(super) const STEEP: &str = " and finite, but its gradient was not: a number overflows on the way, as the exponential in `1 / (1 + (-x).exp())` does, \
     which is `x.sigmoid()`; write what depends on latent variables so that none does, or bring covariates to a scale of about one";

/// Why a posterior could not be sampled.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The draws are not those of the model with these data.
    #[error(transparent)]
    Draws(#[from] LogLikelihoodError),
    /// The model has no continuous latent variable.
    #[error("the model has no continuous latent variable, so there is nothing to sample")]
    NothingToSample,
    /// A setting is too small.
    #[error("{setting} is {value}, but must be at least {least}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: usize,
        /// The smallest value that is allowed.
        least: usize,
    },
    /// A k-hat that no weights have, or at which they say nothing.
    #[error(
        "k_hat is {value}, but must be above 0 and at most 0.7, above which weights cannot be trusted; 0.5 is strict"
    )]
    KHat {
        /// Its value.
        value: f64,
    },
    /// A flat prior, which is known up to a factor alone.
    #[error(
        "the prior of `{name}` is flat, so the evidence is defined up to a factor alone: give it a proper prior to compare models"
    )]
    NoEvidence {
        /// The global.
        name: String,
    },
    /// There are too few draws, or none of them is possible.
    #[error(
        "the evidence cannot be found: of {draws} draws {usable} have a finite density, and at least {least} are needed; the draws          may be of other data"
    )]
    FewDraws {
        /// The number of draws.
        draws: usize,
        /// The number of those whose density is finite.
        usable: usize,
        /// The number that is needed.
        least: usize,
    },
    /// A probability of acceptance that no chain can have, or that takes steps too short to be of use.
    #[error(
        "target_accept is {value}, but must be from 0.05 to 0.999; 0.8 is usual, 0.95 and more against divergences"
    )]
    TargetAccept {
        /// Its value.
        value: f64,
    },
    /// The density is not finite anywhere that a chain tried to start.
    #[error("chain {chain} found no starting point: the log density was {value} at the last of {STARTS}{of}")]
    NoStart {
        /// The chain, counted from 0.
        chain: usize,
        /// The log density at the last starting point tried.
        value: f64,
        /// The first variable there whose own log density is not finite, with its value and why, and why a solver gave up there; what
        /// may be wrong if there is none.
        of: String,
    },
    /// A flat prior that no observation touches.
    #[error(
        "the posterior is improper: the prior of `{name}` is flat, and these data say nothing of it; give it a proper prior, or \
         leave it out"
    )]
    Improper {
        /// The global, or the component of one.
        name: String,
    },
    /// The file of a checkpoint cannot be used.
    #[error("the checkpoint of the chains, {}: {what}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// Ctrl-C has ended chains whose state is in a file.
    #[error("interrupted; the draws so far are in {}: run the program again to go on", path.display())]
    Interrupted {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The threads could not be started.
    #[error("no threads could be started: {what}")]
    Threads {
        /// The error of the system.
        what: String,
    },
    /// The proposal lacks some latent numbers of the model.
    #[error(
        "the proposal lacks {missing}, but importance sampling needs all latent variables: train a posterior of all of \
         them, or sample with `nuts()`, which includes the locals"
    )]
    Uncovered {
        /// The latent numbers that are missing.
        missing: String,
    },
    /// The proposal has numbers that the model does not have.
    #[error("the proposal is a distribution of {surplus}, which the model with these data does not have")]
    Surplus {
        /// The names of the proposal that are not the model's.
        surplus: String,
    },
    /// The proposal gives a number that is not finite.
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
    /// No draw of the proposal is possible under the model.
    #[error(
        "none of the {draws} draws of the proposal is possible under the model, with log weights such as {value}: the data \
         may be impossible under it, a `let` may give NaN, or the proposal may be far off; to find out, sample with `nuts()`"
    )]
    NoWeight {
        /// The number of draws.
        draws: usize,
        /// The log of the ratio of the densities at the last draw.
        value: f64,
    },
    /// The posterior to start from is not for these data.
    #[error(
        "the posterior to start from has {found} unconstrained numbers and the model with these data {dimension}: take a \
         posterior of the same data"
    )]
    OtherStart {
        /// The number of unconstrained numbers of the posterior.
        found: usize,
        /// The number of unconstrained numbers of the density.
        dimension: usize,
    },
}

hierarch_core::debug_as_message!(SampleError);
