//! Files of Parquet and Arrow, as one table.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::files::{atomic_write, local};
use crate::model::DataError;

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Parquet,
    Arrow,
}

pub(super) fn write(path: &Path, format: Format, batch: &RecordBatch) -> Result<(), DataError> {
    let failed = |what: String| DataError::Table { path: path.to_owned(), what };
    let mut bytes = Vec::new();
    match format {
        Format::Parquet => {
            let written = ArrowWriter::try_new(&mut bytes, batch.schema(), None).and_then(|mut writer| {
                writer.write(batch)?;
                writer.close()
            });
            written.map_err(|error| failed(error.to_string()))?;
        }
        Format::Arrow => {
            let written = FileWriter::try_new(&mut bytes, &batch.schema()).and_then(|mut writer| {
                writer.write(batch)?;
                writer.finish()
            });
            written.map_err(|error| failed(error.to_string()))?;
        }
    }
    atomic_write(path, &bytes).map_err(|source| DataError::File { path: path.to_owned(), source })
}

pub(super) fn read(path: &Path, format: Format) -> Result<RecordBatch, DataError> {
    let file = local(path, "tables that are read as Parquet and Arrow").and_then(|()| File::open(path));
    let file = file.map_err(|source| DataError::File { path: path.to_owned(), source })?;
    let wrong = |error: String| {
        let what = format!("it is no file of {format:?} that can be read ({error})");
        DataError::Table { path: path.to_owned(), what }
    };
    let together = |schema, batches: Result<Vec<RecordBatch>, ArrowError>| concat_batches(&schema, &batches?);
    let batch = match format {
        Format::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| wrong(error.to_string()))?;
            let schema = builder.schema().clone();
            let reader = builder.build().map_err(|error| wrong(error.to_string()))?;
            together(schema, reader.collect())
        }
        Format::Arrow => {
            let reader = FileReader::try_new(file, None).map_err(|error| wrong(error.to_string()))?;
            together(reader.schema(), reader.collect())
        }
    };
    batch.map_err(|error| wrong(error.to_string()))
}
