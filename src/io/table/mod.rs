//! Tables with nested lists: Parquet and Arrow, which pandas, polars, DuckDB and R read.

mod draws;
mod file;
mod nested;
mod read;
mod write;

use std::path::Path;

use self::file::Format;
use crate::model::{DataError, DataSet, Model, check};

/// Writes a data set to a file of Parquet, whole or not at all. It has a column for each variable, by its name.
///
/// A row is an element of the outermost plate. What is in a plate inside it is a list, and in one inside that a list of lists; a vector
/// is a list of a fixed size. The value of a variable outside plates is repeated in each row. Of a model with several outermost plates,
/// or with none, there is one row, with the outermost plates as lists. A plate that is in the data only because of an index has a
/// column with its name, which holds the number of its elements.
///
/// ```
/// use hierarch::io::{read_parquet, write_parquet};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Radon {
///         global mu ~ Normal(0.0, 1.0);
///         plate counties(1..=100) {
///             given uranium: f64;
///             plate houses(1..=50) {
///                 given floor: bool;
///                 observe radon ~ Normal(mu, 1.0);
///             }
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("radon.parquet");
/// let houses = RadonHouses { offsets: vec![0, 2, 3], floor: vec![true, false, true], radon: vec![2.2, 2.9, 3.1] };
/// let data = RadonData { counties: RadonCounties { uranium: vec![-0.69, -0.85], houses } };
/// write_parquet(&data, &path)?; // columns `uranium`, a number, and `floor` and `radon`, lists
/// let again: RadonData = read_parquet(&Radon::default(), &path, &[])?;
/// assert_eq!(again, data);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The file cannot be written, or columns of the data differ in length.
pub fn write_parquet<D: DataSet>(data: &D, path: impl AsRef<Path>) -> Result<(), DataError> {
    file::write(path.as_ref(), Format::Parquet, &write::batch(&data.frame(), path.as_ref())?)
}

/// Writes a data set to a file of Arrow (the IPC format, which is also Feather of version 2): see [`write_parquet`].
///
/// # Errors
/// The file cannot be written, or columns of the data differ in length.
pub fn write_arrow<D: DataSet>(data: &D, path: impl AsRef<Path>) -> Result<(), DataError> {
    file::write(path.as_ref(), Format::Arrow, &write::batch(&data.frame(), path.as_ref())?)
}

/// Reads a data set from a file of Parquet, in the form of [`write_parquet`], and checks it against `model`. Lists may be of any kind, and
/// numbers of any type that holds their values.
///
/// `columns` holds pairs: the name of a variable of the model, and the name of its column in the file.
///
/// # Errors
/// The first column that cannot be read, or place that the model does not allow.
pub fn read_parquet<D: DataSet>(
    model: &D::Model,
    path: impl AsRef<Path>,
    columns: &[(&str, &str)],
) -> Result<D, DataError> {
    read_as(model, path.as_ref(), columns, Format::Parquet)
}

/// Reads a data set from a file of Arrow: see [`read_parquet`].
///
/// # Errors
/// The first column that cannot be read, or place that the model does not allow.
pub fn read_arrow<D: DataSet>(
    model: &D::Model,
    path: impl AsRef<Path>,
    columns: &[(&str, &str)],
) -> Result<D, DataError> {
    read_as(model, path.as_ref(), columns, Format::Arrow)
}

fn read_as<D: DataSet>(
    model: &D::Model,
    path: &Path,
    columns: &[(&str, &str)],
    format: Format,
) -> Result<D, DataError> {
    let batch = file::read(path, format)?;
    let data = D::from_frame(read::frame(&model.specification(), path, columns, &batch)?)?;
    check(model, &data)?;
    Ok(data)
}
