//! The log likelihood of each row of data at each draw.

use crate::model::{DataError, UnknownName};

/// The log likelihood of each row of data (an element of a plate) at each draw of a posterior: a matrix of rows times draws of
/// f64, 8 bytes each. [`Chains::log_likelihood`](crate::sampling::Chains::log_likelihood) makes it.
///
/// ```
/// use hierarch::draws::{Elpd, LogLikelihood};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Of your own: two rows, four draws of each of two chains.
/// let rows = [[-1.1, -1.0, -1.3, -1.2, -0.9, -1.1, -1.0, -1.2], [-2.0, -2.2, -1.9, -2.1, -2.0, -2.1, -2.3, -2.0]];
/// let likelihood = LogLikelihood::from_rows(rows, 2)?;
/// assert_eq!((likelihood.rows(), likelihood.draws(), likelihood.chains()), (2, 8, 2));
/// assert_eq!(likelihood.row(1)[3], -2.1);
/// let waic: Elpd = likelihood.waic();
/// assert!(waic.elpd < -3.1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct LogLikelihood {
    /// Row after row, and in each its draws, chain after chain.
    values: Vec<f64>,
    draws: usize,
    chains: usize,
    /// The error of each row's numbers; empty if they are exact.
    errors: Vec<f64>,
}

/// Why there is no log likelihood of the rows.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LogLikelihoodError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no plate of that name among those in the data.
    #[error(transparent)]
    Plate(#[from] UnknownName),
    /// The plate has no observation of its own.
    #[error(
        "the plate `{plate}` has no observation of its own{}",
        if *inside { ": take the plate inside it that has" } else { ", and so no likelihood" }
    )]
    NoObservation {
        /// The plate.
        plate: String,
        /// Whether a plate inside it has one.
        inside: bool,
    },
    /// An observation of the plate is drawn by a function.
    #[error("`{variable}` of the plate `{plate}` is drawn by a function, and so has no likelihood")]
    Implicit {
        /// The plate.
        plate: String,
        /// The observation.
        variable: String,
    },
    /// Too few points to integrate over locals, and to say how exact that is.
    #[error(
        "{0} points are too few to integrate over locals: take at least 2, and some hundreds for an error of a tenth"
    )]
    Points(usize),
    /// Elements of a plate cannot be left out with their locals, since another plate reads these.
    #[error(
        "the plate `{by}` reads elements of `{plate}` by an index, so that their locals are behind observations outside of them, \
         and are not integrated out: take the log likelihood of `{by}`"
    )]
    ReadByIndex {
        /// The plate that is read.
        plate: String,
        /// The plate with the index.
        by: String,
    },
    /// The locals of a plate are one draw, so that they are not integrated out for one element.
    #[error(
        "`{variable}` of all elements of `{plate}` is one draw, so that it is not integrated out for each of them: take the log \
         likelihood of elements given their locals, `log_likelihood(\"{plate}\")`"
    )]
    OfAPlate {
        /// The plate.
        plate: String,
        /// The local.
        variable: String,
    },
    /// There are no rows.
    #[error("there are no rows: the plate `{plate}` of the data is empty")]
    NoRows {
        /// The plate.
        plate: String,
    },
    /// The draws are not those of the data.
    #[error(
        "the draws are of other data or of another model: number {at} of a draw is {found}, and should be {needed}"
    )]
    OtherData {
        /// The position of the first number of a draw that is another one, counted from 0.
        at: usize,
        /// The name of that number in the draws, in words.
        found: String,
        /// Its name in the model with these data, in words.
        needed: String,
    },
    /// A log likelihood is NaN or infinite.
    #[error(
        "the log likelihood of row {row} is {value} at draw {draw}, both counted from 0: {}",
        if *known { "a `let` may give NaN" } else { "the draws lack the values of a latent variable" }
    )]
    NotFinite {
        /// The row, counted from 0.
        row: usize,
        /// The draw, counted from 0.
        draw: usize,
        /// The log likelihood.
        value: f64,
        /// Whether the draw has a value of every latent variable.
        known: bool,
    },
    /// The density of all data at a draw is NaN or infinite.
    #[error("the log density is {value} at draw {draw}, counted from 0: the draws lack values, or are of other data")]
    Density {
        /// The draw, counted from 0.
        draw: usize,
        /// The log density of the prior, or of the data.
        value: f64,
    },
    /// Rows do not have the same number of draws, or it is no multiple of the number of chains.
    #[error("{what}")]
    Shape {
        /// What does not fit, with the numbers.
        what: String,
    },
}

hierarch_core::debug_as_message!(LogLikelihoodError);

impl LogLikelihood {
    /// Makes the matrix from its `rows`, each with the log likelihoods of all draws: those of the first of `chains` chains,
    /// then those of the second, and so on. Independent draws are one chain.
    ///
    /// # Errors
    /// There is no row or no draw; rows differ in length; the draws are no multiple of the chains; a number is NaN or
    /// infinite.
    pub fn from_rows<R: AsRef<[f64]>>(
        rows: impl IntoIterator<Item = R>,
        chains: usize,
    ) -> Result<Self, LogLikelihoodError> {
        let (mut values, mut draws) = (Vec::new(), 0);
        for (i, row) in rows.into_iter().enumerate() {
            let row = row.as_ref();
            if i == 0 {
                draws = row.len();
            }
            if row.len() != draws {
                let what = format!("row {i} has {} draws, and row 0 has {draws}", row.len());
                return Err(LogLikelihoodError::Shape { what });
            }
            values.extend_from_slice(row);
        }
        Self::new(values, draws, chains, true)
    }

    /// Makes the matrix from its numbers, row after row; `known` says whether the draws have all latent variables.
    pub(super) fn new(values: Vec<f64>, draws: usize, chains: usize, known: bool) -> Result<Self, LogLikelihoodError> {
        let wrong = |what: String| Err(LogLikelihoodError::Shape { what });
        if values.is_empty() || draws == 0 {
            return wrong("a log likelihood needs at least one row and one draw".to_owned());
        }
        if chains == 0 || !draws.is_multiple_of(chains) {
            return wrong(format!("{draws} draws are not of {chains} chains of the same length"));
        }
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            return Err(LogLikelihoodError::NotFinite { row: at / draws, draw: at % draws, value: values[at], known });
        }
        Ok(Self { values, draws, chains, errors: Vec::new() })
    }

    pub(super) fn with_errors(self, errors: Vec<f64>) -> Self {
        Self { errors, ..self }
    }

    /// Returns the Monte Carlo standard error of each row's log likelihoods, in nats: the root of its mean square over the
    /// draws. Empty if they are exact, and not integrals over locals.
    pub fn integration_errors(&self) -> &[f64] {
        &self.errors
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.draws
    }

    /// Returns the number of draws of all chains together.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// Returns the number of chains; 1 for independent draws.
    pub fn chains(&self) -> usize {
        self.chains
    }

    /// Returns the log likelihoods of row `i`, which is less than [`rows`](LogLikelihood::rows), at each draw, chain after chain.
    ///
    /// # Panics
    /// There is no such row.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.draws..(i + 1) * self.draws]
    }

    /// Returns the log likelihoods of all rows, row after row; those of a row as [`row`](LogLikelihood::row) does.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

impl std::fmt::Debug for LogLikelihood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogLikelihood")
            .field("rows", &self.rows())
            .field("draws", &self.draws)
            .field("chains", &self.chains)
            .finish_non_exhaustive()
    }
}
