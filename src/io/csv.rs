//! CSV in and out; the format is described in the module above.

mod read;
mod table;
mod write;

use std::path::Path;

use super::{DataError, DataSet};
use crate::model::check;

/// Reads a data set from a file or a folder, as [`write_csv`] writes it, and checks it against the model.
///
/// `columns` holds pairs: a variable of the model, or a plate, and what its column is called in the file. A vector's name
/// stands for all of its columns, `x[0]` for the first of them.
///
/// # Errors
/// The first place that cannot be read, or that the model does not allow.
pub fn read_csv<D: DataSet>(model: &D::Model, path: &Path, columns: &[(&str, &str)]) -> Result<D, DataError> {
    let data = D::from_frame(read::frame(&crate::model::Model::specification(model), path, columns)?)?;
    check(model, &data)?;
    Ok(data)
}

/// Writes a data set: as one table to a path that ends in `.csv`, as a folder to any other. Whole or not at all.
///
/// # Errors
/// The file that cannot be written; for one table, what it cannot hold.
pub fn write_csv<D: DataSet>(data: &D, path: &Path) -> Result<(), DataError> {
    write::write(&data.frame(), path)
}

/// One column of finite numbers of a CSV file, by its name.
///
/// # Errors
/// The file that cannot be read, or the first line of it that is wrong.
pub fn read_column(path: impl AsRef<Path>, column: &str) -> Result<Vec<f64>, DataError> {
    let table = table::Table::read(path.as_ref())?;
    let column = table.column(column)?;
    (0..table.len()).map(|row| table.entry(row, column, table::real)).collect()
}

/// A name of the model as it stands in a file.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

/// The file of what is outside plates.
const OUTSIDE: &str = "outside.csv";
