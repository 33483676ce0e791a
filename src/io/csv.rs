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
