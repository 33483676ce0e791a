//! Reading and writing CSV; the parent module describes the format.

mod labels;
mod numbers;
mod options;
mod placed;
mod read;
mod sizes;
mod table;
mod write;

use std::path::Path;

pub use self::options::CsvOptions;
pub use self::sizes::read_csv_of_any_size;
use crate::model::check;
use crate::model::{DataError, DataSet, Model};

impl CsvOptions {
    /// As [`read_csv`].
    ///
    /// # Errors
    /// As [`read_csv`].
    pub fn read_csv<D: DataSet>(
        &self,
        model: &D::Model,
        path: impl AsRef<Path>,
        columns: &[(&str, &str)],
    ) -> Result<D, DataError> {
        let columns = sizes::one_by_one(columns);
        let columns: Vec<(&str, &str)> = columns.iter().map(|(name, column)| (name.as_str(), *column)).collect();
        let data = D::from_frame(read::frame(&model.specification(), path.as_ref(), &columns, self)?)?;
        check(model, &data)?;
        Ok(data)
    }

    /// As [`read_column`].
    ///
    /// # Errors
    /// As [`read_column`].
    pub fn read_column(&self, path: impl AsRef<Path>, column: &str) -> Result<Vec<f64>, DataError> {
        let table = table::Table::read(path.as_ref(), self)?;
        let column = table.column(column)?;
        (0..table.len()).map(|row| table.entry(row, column, |text| self.real(text))).collect()
    }
}

/// Reads a data set from the file or folder `path`, in the format of [`write_csv`], and checks it against `model`.
///
/// `columns` holds pairs: the name of a variable or plate of the model, and the name of its column in the file. A
/// vector's name stands for all of its columns, `x[0]` for the first of them; given several times, `("x", "age"), ("x", "sex")`, it
/// names them one after the other. [`CsvOptions`] reads files that are written
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
