//! Data sets as tables with named columns and nested plates, in memory and as CSV.
//!
//! # CSV
//!
//! **One table** has a row for each element of the innermost plate and a column for each variable; a vector has the
//! columns `x[0]`, `x[1]`, .... A plate with others inside it has a column with the plate's name, which labels the
//! element that a row belongs to: any text, with elements in the order in which they first appear. The values of an
//! outer element, or of the whole data set, are repeated in each of its rows. Other columns are ignored.
//!
//! | counties | uranium | floor | radon |
//! | --- | --- | --- | --- |
//! | Aitkin | -0.69 | 1 | 2.2 |
//! | Aitkin | -0.69 | 0 | 2.9 |
//! | Anoka | -0.85 | 0 | 3.1 |
//!
//! **A folder** has `<plate>.csv` for each plate and `outside.csv`, with one row, for the variables outside plates. A
//! plate with others inside it has, for each of these, a column with the inner plate's name, which holds the number of
//! inner elements; the rows of the inner plate are in that order. A folder can therefore hold plates side by side, and
//! elements with nothing inside.

pub mod array;
pub mod arrays;
mod csv;
pub mod image;
pub mod images;

pub use crate::model::{Column, ColumnType, DataError, DataSet, Frame, LocalSet, Values};
pub use csv::{read_column, read_csv, write_csv};
