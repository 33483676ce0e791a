//! Errors in data.

use std::path::PathBuf;

/// An error in data: what is wrong, where, and what to do about it.
///
/// ```
/// use hierarch::model::check;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() {
/// let data = FluxData { events: FluxEvents { energy: vec![0.7, -0.1] } };
/// let error: DataError = check(&Flux::default(), &data).unwrap_err();
/// println!("{error}"); // what is wrong, in words
/// let DataError::OutsideSupport { place, value, .. } = error else { panic!("not the error that was expected") };
/// assert_eq!(place, "`energy` of element 1 of the plate `events`"); // counted from 0
/// assert_eq!(value, -0.1);
/// # }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file is not a table.
    #[error("{path}: {what}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        what: String,
    },
    /// A file has no rows.
    #[error("{path} has no rows: a data set needs at least one", path = path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// A column is missing.
    #[error("{path} has no column `{column}`; its columns are {found}{hint}", path = path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that the model needs.
        column: String,
        /// The columns of the file.
        found: String,
        /// The column that may be meant.
        hint: String,
    },
    /// An entry is not of the type of its column.
    #[error("{path}, line {line}: `{value}` in the column `{column}` is not {expected}", path = path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The line in the file, counted from 1.
        line: u64,
        /// The column.
        column: String,
        /// The entry, as text.
        value: String,
        /// What the column should hold.
        expected: &'static str,
    },
    /// A number is NaN or infinite.
    #[error(
        "{place} is {value}: data must be finite; remove the element or correct it, or, if it may be missing, say so in the model, \
         `observe y: Option ~ ..`, and hand in `None`"
    )]
    NotFinite {
        /// The variable and the element.
        place: String,
        /// The number.
        value: f64,
    },
    /// Components of a vector that is one draw are missing, and others are there.
    #[error("{place} is missing in part: the components of its distribution are one draw, so give all of them or none")]
    MissingInPart {
        /// The variable and the element.
        place: String,
    },
    /// What a sequence begins with is missing.
    #[error(
        "{place} is missing, and the sequence begins with it: give it a distribution there, \
         `if is_first() {{ Normal(0.0, 1.0) }} else {{ .. }}`"
    )]
    MissingBeginning {
        /// The variable and the element.
        place: String,
    },
    /// A number is outside the support of its distribution.
    #[error("{place} is {value}, outside the support of its distribution: {support}")]
    OutsideSupport {
        /// The variable and the element.
        place: String,
        /// The number.
        value: f64,
        /// The support of the distribution.
        support: String,
    },
    /// Columns of a plate differ in length, or offsets do not fit.
    #[error("{what}")]
    Shape {
        /// What does not fit, with the numbers.
        what: String,
    },
    /// A plate has a size that the model does not allow.
    #[error("the plate `{plate}` has {size} elements{element}, but the model allows {allowed}")]
    PlateSize {
        /// The plate.
        plate: String,
        /// The number of its elements.
        size: usize,
        /// For a plate inside another, the element of the outer plate.
        element: String,
        /// The sizes that the model allows.
        allowed: String,
    },
    /// An index is not the position of an element of its plate.
    #[error("{place} is {index}, but there are {size} to choose from, counted from 0")]
    Index {
        /// The index covariate and the element that it belongs to.
        place: String,
        /// The value of the index.
        index: usize,
        /// The number of elements of the plate.
        size: usize,
    },
    /// An array is read at a position that it does not have.
    #[error(
        "{place} is out of range: `{read}` reads position {position} of `{array}`, which has {size}, counted from 0; correct it, \
         or make the array longer"
    )]
    Position {
        /// The variable that gives the position, and the element that it belongs to.
        place: String,
        /// What is read, as it is written in the model.
        read: &'static str,
        /// The array, as it is written in the model.
        array: &'static str,
        /// The position.
        position: isize,
        /// The length of the array.
        size: usize,
    },
}

hierarch_core::debug_as_message!(DataError);
