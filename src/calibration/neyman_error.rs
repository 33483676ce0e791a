//! Errors of confidence sets.

use std::error::Error;

use crate::model::UnknownName;
use crate::shards::ShardError;
use crate::simulate::SimulateError;

/// The fewest simulations from which critical values are learned.
pub(super) const FEWEST: usize = 200;

/// Why confidence sets cannot be computed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum NeymanError {
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// Shards of a construction are missing, or of other work.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// No scalar global has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The nuisance parameter is also the parameter of interest.
    #[error("`{0}` cannot be both the parameter of interest and the nuisance parameter")]
    Both(String),
    /// The prior of another global depends on the parameter of interest.
    #[error(
        "the prior of `{other}` depends on `{name}`, which is not drawn but set: write `{other}` as a `let` of globals \
             that do not"
    )]
    Depends {
        /// The parameter.
        name: String,
        /// The global whose prior depends on it.
        other: String,
    },
    /// The range is empty.
    #[error("the range {low} to {high} of `{name}` is empty or not finite")]
    Range {
        /// The parameter.
        name: String,
        /// The low end.
        low: f64,
        /// The high end.
        high: f64,
    },
    /// A confidence level is not between 0 and 1.
    #[error("the confidence level {0} must lie between 0 and 1")]
    Level(f64),
    /// Too few simulations.
    #[error("{0} simulations are too few to learn critical values from: {FEWEST} at least, and 10,000 to trust them")]
    Few(usize),
    /// The number of data sets for the coverage is zero.
    #[error("the coverage cannot be estimated from 0 data sets: use 1000, say")]
    NoSets,
    /// A value outside the range for which critical values were learned.
    #[error("there are no critical values at `{name}` = {value}: they were learned from {low} to {high}")]
    Outside {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The low end of the range.
        low: f64,
        /// The high end.
        high: f64,
    },
    /// The test statistic failed.
    #[error("the test statistic at `{name}` = {value} failed: {error}")]
    Statistic {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The error that the statistic returned.
        error: Box<dyn Error + Send + Sync>,
    },
    /// The test statistic is not finite.
    #[error("the test statistic at `{name}` = {value} is {statistic}, but must be finite")]
    NotFinite {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The statistic.
        statistic: f64,
    },
    /// The estimate of the nuisance parameter is not finite.
    #[error("the estimate of the nuisance parameter at `{name}` = {value} is {estimate}, but must be finite")]
    Estimate {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The estimate.
        estimate: f64,
    },
    /// The quantiles could not be found.
    #[error(
        "the critical values at level {0} could not be found: the statistic may range over too many orders of magnitude"
    )]
    Quantile(f64),
}

hierarch_core::debug_as_message!(NeymanError);
