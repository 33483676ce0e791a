//! CSV in and out.

use std::path::Path;

use super::{DataError, DataSet};

/// Reads.
pub fn read_csv<D: DataSet>(_model: &D::Model, _path: &Path, _columns: &[(&str, &str)]) -> Result<D, DataError> {
    todo!()
}

/// Writes.
pub fn write_csv<D: DataSet>(_data: &D, _path: &Path) -> Result<(), DataError> {
    todo!()
}

/// One column of numbers of a CSV file, by its name.
pub fn read_column(path: impl AsRef<Path>, column: &str) -> Result<Vec<f64>, DataError> {
    let mut reader = ::csv::Reader::from_path(path.as_ref()).unwrap();
    let at = reader.headers().unwrap().iter().position(|h| h == column).unwrap();
    Ok(reader.records().map(|r| r.unwrap()[at].parse().unwrap()).collect())
}
