//! What can be wrong with data.

use std::path::PathBuf;

/// What is wrong with data, where it is, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no table.
    #[error("{path}: {what}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with the line.
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
        /// The columns there are.
        found: String,
        /// Which of them may be meant.
        hint: String,
    },
    /// An entry is not what its column holds.
    #[error("{path}, line {line}: `{value}` in the column `{column}` is not {expected}", path = path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The line in it, counted from 1.
        line: u64,
        /// The column.
        column: String,
        /// The entry.
        value: String,
        /// What the column holds.
        expected: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("{place} is {value}: data must be finite; leave the element out or mend it")]
    NotFinite {
        /// The variable and the element.
        place: String,
        /// The number.
        value: f64,
    },
    /// A number is where its distribution has no density.
    #[error("{place} is {value}, which its distribution cannot give: {support}")]
    OutsideSupport {
        /// The variable and the element.
        place: String,
        /// The number.
        value: f64,
        /// What the distribution can give.
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
        /// How many elements it has.
        size: usize,
        /// For a plate inside another, which element of that.
        element: String,
        /// What the model allows.
        allowed: String,
    },
    /// An index names no element of its plate.
    #[error("{place} is {index}, but there are {size} to choose from, counted from 0")]
    Index {
        /// The covariate and the element.
        place: String,
        /// The index.
        index: usize,
        /// How many elements there are.
        size: usize,
    },
}
