//! Errors of maximum likelihood.

use super::SampleError;
use crate::model::{DataError, UnknownName};

/// Why a likelihood could not be maximized.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model has locals that are not summed out.
    #[error(
        "the model has continuous locals ({locals} numbers with these data), or missing values like them, which a likelihood of the \
         globals has to be integrated over: sample them with `nuts()`"
    )]
    Locals {
        /// How many numbers they have.
        locals: usize,
    },
    /// There is no global of that name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A hypothesis has the wrong number of values.
    #[error("the hypothesis has {found} values, but fixes {expected}: {names}")]
    Values {
        /// The number of values that were given.
        found: usize,
        /// The number of values that are needed.
        expected: usize,
        /// The names of the numbers.
        names: String,
    },
    /// A value of a hypothesis is outside its support.
    #[error("`{name}` = {value} lies outside its support")]
    OutsideSupport {
        /// The number.
        name: String,
        /// Its value.
        value: f64,
    },
    /// The support of a fixed global depends on a global that is not fixed.
    #[error("the bounds of `{name}` depend on a global that is not fixed with it: fix both")]
    OpenSupport {
        /// The global.
        name: String,
    },
    /// A global that is to be fixed is summed out.
    #[error(
        "`{name}` is discrete, and summed out of the likelihood: fix it by a `param`, one model for each of its values"
    )]
    Discrete {
        /// The global.
        name: String,
    },
    /// The likelihood is zero or undefined at all starting points.
    #[error("the log likelihood is not finite at any of {tried} points from the prior, and {value} at the last{of}")]
    NoStart {
        /// The number of points that were tried.
        tried: usize,
        /// The log likelihood at the last point.
        value: f64,
        /// The first variable there whose own log density is not finite, with its value and why; what may be wrong if there is none.
        of: String,
    },
    /// No maximum of the likelihood was found.
    #[error(
        "the likelihood still rises where the search ended, most as `{name}` passes {value}: it may grow without bound, as \
         where an sd of zero makes one observation certain"
    )]
    NoMaximum {
        /// The number along which it rises most.
        name: String,
        /// Its last value.
        value: f64,
    },
    /// A search for the maximum ended at a point that is none.
    #[error(
        "the search for the maximum of the likelihood did not converge: it ended where `{name}` is {value}, which is no maximum; the \
         likelihood may have a wall or a ridge there, or grow without bound: bring the data to numbers near 1 around 0, or \
         sample with `nuts()`"
    )]
    NotConverged {
        /// The number along which the likelihood rises most.
        name: String,
        /// Its last value.
        value: f64,
    },
    /// The likelihood tends to its largest value at infinity.
    #[error(
        "the likelihood has no maximum: it never falls again as `{name}` goes on past {value}, as where a line separates \
         zeros from ones, or where all counts are zero; choose a prior, and sample with `nuts()`"
    )]
    AtInfinity {
        /// The number that goes to infinity.
        name: String,
        /// Where the search ended.
        value: f64,
    },
    /// Other values of the globals have the same likelihood.
    #[error(
        "the likelihood has no single maximum: it does not change with `{name}`, or not if other globals change with it, so that the data \
         do not say what it is; fix it by a `param`, give more data, or choose a prior and sample with `nuts()`"
    )]
    NotUnique {
        /// The number that changes most.
        name: String,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Threads(#[from] SampleError),
}

hierarch_core::debug_as_message!(FitError);
