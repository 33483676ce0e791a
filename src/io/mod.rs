//! Data sets as tables: columns with names, plates inside plates, CSV.

pub mod array;
pub mod arrays;
mod csv;
mod error;
mod frame;

pub use csv::{read_column, read_csv, write_csv};
pub use error::DataError;
pub use frame::{Column, ColumnType, DataSet, Frame, Values};
