//! Errors of simulations.

use std::path::PathBuf;

use super::{DataError, UnknownName};
use crate::distributions::ParameterError;

/// Why a model could not be simulated.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::simulate::SimulateError;
///
/// model! {
///     pub Line {
///         global slope ~ Normal(0.0, 1.0);
///         plate points(1..=50) {
///             given x: f64;
///             observe y ~ Normal(slope * x, 0.5);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Line::default();
/// let error: SimulateError = model.simulate(1).one().unwrap_err();
/// assert!(matches!(error, SimulateError::NoCovariate { variable: "x" }));
///
/// // As the message says: take the covariate from data.
/// let data = LineData { points: LinePoints { x: vec![0.5, 2.0], y: vec![0.0, 0.0] } };
/// let set = model.simulate(1).same_design_as(&data).one()?;
/// assert_eq!(set.data.points.x, data.points.x);
/// # Ok(())
/// # }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A parameter of a distribution is not valid.
    #[error("`{variable}` cannot be drawn: {error}")]
    Parameter {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        error: ParameterError,
    },
    /// A global is fixed at a value that it cannot have.
    #[error("`{name}` is fixed at {value}, which is outside its support")]
    OutsideSupport {
        /// The global, or the component of one.
        name: String,
        /// Its value.
        value: f64,
    },
    /// A global is fixed at a vector of another length than the model's.
    #[error("`{name}` is fixed at {found} numbers, and has {expected} in the model")]
    Length {
        /// The global.
        name: &'static str,
        /// The length of the vector.
        found: usize,
        /// The length in the model.
        expected: usize,
    },
    /// A distribution of the user's drew a vector of another length than the model's.
    #[error("`{variable}` has {expected} numbers in the model, and its distribution drew {found}")]
    DrawnLength {
        /// The variable.
        variable: &'static str,
        /// The length of what was drawn.
        found: usize,
        /// The length in the model.
        expected: usize,
    },
    /// A share of missing values is no share.
    #[error("the share of missing values is {share}: give a number from 0 to 1, `.missing(0.2)`")]
    MissingShare {
        /// The share.
        share: f64,
    },
    /// No observation of the model may be missing.
    #[error("no observation of the model may be missing: write `observe y: Option ~ ..` where one may")]
    NothingMissing,
    /// A draw of a variable is infinite or NaN.
    #[error(
        "`{variable}` was drawn as {value}: its distribution reaches beyond the numbers that a computer has; choose one with \
         lighter tails, or truncate it"
    )]
    Infinite {
        /// The variable.
        variable: &'static str,
        /// What was drawn.
        value: f64,
    },
    /// A function that draws an observation returned a number that is infinite or NaN.
    #[error(
        "the function that draws `{variable}` returned {value}, at the globals {globals}: it must return finite numbers"
    )]
    Output {
        /// The variable.
        variable: &'static str,
        /// What was returned.
        value: f64,
        /// The globals of the simulation, in the order of the declaration.
        globals: String,
    },
    /// A function that draws an observation returned an error.
    #[error("`{variable}` could not be drawn at the globals {globals}: {message}")]
    Failed {
        /// The variable.
        variable: &'static str,
        /// The error of the function.
        message: String,
        /// Whether another draw may succeed.
        of_one_draw: bool,
        /// The globals of the simulation, in the order of the declaration.
        globals: String,
    },
    /// The prior is cut to where a posterior has its mass, and has none there.
    #[error(
        "of {tries} draws none is where the posterior of the round before has its mass: use fewer rounds, or train longer in each"
    )]
    Cut {
        /// How many were drawn.
        tries: usize,
    },
    /// A file of a bank cannot be read any more.
    #[error("simulations of the bank cannot be read from {}: {error}; make the bank again, and train with that", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
    /// The globals alone were asked for: no error, and nobody sees it.
    #[doc(hidden)]
    #[error("only the globals were drawn")]
    OnlyGlobals {
        /// Their numbers.
        numbers: Vec<f64>,
    },
    /// A covariate has neither a distribution nor data to take it from.
    #[error(
        "the covariate `{variable}` has no distribution: take it from data with `.covariates_from(&data)` or \
         `.same_design_as(&data)`, or declare `given {variable} ~ ...`"
    )]
    NoCovariate {
        /// The covariate.
        variable: &'static str,
    },
    /// The density has a `factor`.
    #[error("nothing can be drawn, since a `factor` says what the density is, and not how anything comes about")]
    Factor,
    /// The first elements of a sequence are to be drawn, and nothing says what it begins with.
    #[error(
        "`{variable}` cannot be drawn: it depends on values {steps} elements before, and nothing says what those of the first are; \
         give `prev` a third argument, as in `prev({variable}, {steps}, 0.0)`"
    )]
    NoBeginning {
        /// The variable that is read before.
        variable: &'static str,
        /// How many elements before it is read.
        steps: usize,
    },
    /// Covariates are to be taken from two data sets.
    #[error(
        "covariates cannot be both taken unchanged, by `.same_design_as(&data)` or `.replicate(&data)`, and drawn from \
         rows, by `.covariates_from(&data)`: remove one of the two calls"
    )]
    TwoCovariates,
    /// An index into a plate without elements.
    #[error("`{variable}` cannot be drawn: the plate that it names an element of is empty")]
    EmptyIndex {
        /// The covariate.
        variable: &'static str,
    },
    /// There is nothing to train with: the simulations have no elements.
    #[error("the plate `{plate}` had no element in any of many simulations in a row: give it a larger `size`")]
    NoElements {
        /// The plate.
        plate: String,
    },
    /// No alternative to a hypothesis lies within the support.
    #[error(
        "no value of `{variable}` that is to be tested, and none at the given distances from it, is within the support: \
         choose other hypotheses or smaller distances"
    )]
    NoAlternative {
        /// The global.
        variable: String,
    },
    /// An array is read at a position that it does not have.
    #[error("{0}")]
    Position(DataError),
    /// The model has no plate of that name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A plate cannot have that size.
    #[error("the plate `{plate}` cannot have {size} elements: the model allows {low} to {high}")]
    PlateSize {
        /// The plate.
        plate: &'static str,
        /// The size.
        size: usize,
        /// The smallest size.
        low: usize,
        /// The largest size.
        high: usize,
    },
    /// The data from which covariates are taken do not fit the model.
    #[error("the data that covariates are taken from: {0}")]
    Covariates(#[from] DataError),
}

hierarch_core::debug_as_message!(SimulateError);

impl SimulateError {
    /// Returns how often a simulation is drawn at most before the error is returned: once if no other draw will succeed.
    ///
    /// A prior of which a hundredth cannot be simulated meets the error of a distribution once in 10^8 simulations. That of a
    /// function is an answer, and one in 20 elements fails in most data sets of 50.
    pub(crate) fn attempts(&self) -> usize {
        match self {
            Self::Parameter { .. } | Self::Infinite { .. } | Self::Output { .. } => 4,
            Self::Failed { of_one_draw: true, .. } => 200,
            _ => 1,
        }
    }
}
