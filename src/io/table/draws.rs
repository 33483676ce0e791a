//! Draws as tables of Parquet and Arrow.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};

use super::file::{self, Format};
use super::nested::{Leaf, leaf};
use crate::draws::Draws;
use crate::io::draws::{DrawColumn, columns, from_columns};
use crate::model::DataError;

impl Draws {
    /// Writes a file of Parquet with the columns of [`to_csv`](Draws::to_csv), whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to_parquet(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        file::write(path.as_ref(), Format::Parquet, &batch(self, path.as_ref())?)
    }

    /// Writes a file of Arrow with the columns of [`to_csv`](Draws::to_csv), whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to_arrow(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        file::write(path.as_ref(), Format::Arrow, &batch(self, path.as_ref())?)
    }

    /// Reads what [`to_parquet`](Draws::to_parquet) writes, or any table of numbers.
    ///
    /// # Errors
    /// The file cannot be read; a column is of no numbers; chains of different lengths; a weight that is negative.
    pub fn from_parquet(path: impl AsRef<Path>) -> Result<Self, DataError> {
        of_batch(path.as_ref(), &file::read(path.as_ref(), Format::Parquet)?)
    }

    /// Reads what [`to_arrow`](Draws::to_arrow) writes, or any table of numbers.
    ///
    /// # Errors
    /// The file cannot be read; a column is of no numbers; chains of different lengths; a weight that is negative.
    pub fn from_arrow(path: impl AsRef<Path>) -> Result<Self, DataError> {
        of_batch(path.as_ref(), &file::read(path.as_ref(), Format::Arrow)?)
    }
}

fn batch(draws: &Draws, path: &Path) -> Result<RecordBatch, DataError> {
    let column = |column| -> (String, ArrayRef) {
        match column {
            DrawColumn::Position(name, at) => (name.to_owned(), Arc::new(Int64Array::from(at))),
            DrawColumn::Number(name, x) => (name.to_owned(), Arc::new(Float64Array::from(x.to_vec()))),
        }
    };
    let batch = RecordBatch::try_from_iter(columns(draws).into_iter().map(column));
    batch.map_err(|error| DataError::Table { path: path.to_owned(), what: error.to_string() })
}

fn of_batch(path: &Path, batch: &RecordBatch) -> Result<Draws, DataError> {
    let schema = batch.schema();
    let column = |(field, array): (&Arc<arrow_schema::Field>, &ArrayRef)| {
        let wrong = |what: String| DataError::Table {
            path: path.to_owned(),
            what: format!("the column `{}` {what}", field.name()),
        };
        let numbers = match leaf(array).map_err(wrong)? {
            Leaf::Real(x) => x,
            Leaf::Whole(x) => x.into_iter().map(|x| x as f64).collect(),
            Leaf::Bool(x) => x.into_iter().map(|x| f64::from(u8::from(x))).collect(),
        };
        Ok((field.name().clone(), numbers))
    };
    let columns = schema.fields().iter().zip(batch.columns()).map(column).collect::<Result<_, _>>()?;
    from_columns(path, columns)
}
