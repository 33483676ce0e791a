//! Reading and writing CSV; the parent module describes the format.

mod labels;
mod options;
mod placed;
mod read;
mod table;
mod write;

use std::path::Path;

pub use self::options::CsvOptions;
use crate::model::{DataError, DataSet};

/// Reads a data set from the file or folder `path`, in the format of [`write_csv`], and checks it against `model`.
///
/// `columns` holds pairs: the name of a variable or plate of the model, and the name of its column in the file. A
/// vector's name stands for all of its columns, `x[0]` for the first of them. [`CsvOptions`] reads files that are written
/// otherwise.
///
/// # Errors
/// The first place that cannot be read, or that the model does not allow.
pub fn read_csv<D: DataSet>(model: &D::Model, path: &Path, columns: &[(&str, &str)]) -> Result<D, DataError> {
    CsvOptions::default().read_csv(model, path, columns)
}

/// Writes a data set: as one table if `path` ends in `.csv`, else as a folder. It is written whole or not at all.
///
/// # Errors
/// A file cannot be written, or one table cannot hold the data set.
pub fn write_csv<D: DataSet>(data: &D, path: &Path) -> Result<(), DataError> {
    write::write(&data.frame(), path)
}

/// Reads the column `column` of a CSV file: finite numbers.
///
/// # Errors
/// The file cannot be read, or a line is wrong (the first is reported).
pub fn read_column(path: impl AsRef<Path>, column: &str) -> Result<Vec<f64>, DataError> {
    CsvOptions::default().read_column(path, column)
}

/// Returns a name of the model as it is written in a file, without `r#`.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

/// The file of the variables outside plates.
const OUTSIDE: &str = "outside.csv";
