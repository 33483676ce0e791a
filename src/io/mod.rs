//! Data sets as tables: columns with names, plates inside plates, and the same as CSV.
//!
//! # CSV
//!
//! **One table** has a row for each element of the innermost plate and a column for each variable, vectors as `x[0]`,
//! `x[1]`, .... A plate with others inside has a column of its own name, which says to which of its elements a row
//! belongs: any text, elements in the order in which they first appear. What is known of an outer element, or of the whole
//! data set, stands in each of its rows. Other columns are ignored.
//!
//! | counties | uranium | floor | radon |
//! | --- | --- | --- | --- |
//! | Aitkin | -0.69 | 1 | 2.2 |
//! | Aitkin | -0.69 | 0 | 2.9 |
//! | Anoka | -0.85 | 0 | 3.1 |
//!
//! **A folder** has `<plate>.csv` for each plate and `outside.csv`, of one row, for what is outside plates. A plate with
//! others inside has, for each of these, a column of that name with the number of elements there; the rows of the inner
//! plate follow in that order. So a folder holds plates side by side, and elements with nothing inside.
//!
//! An index names an element by its position, counted from 0. Where a column that is named as the plate says what its
//! elements are called, it names them by that. A plate without variables in the data has no table of its own: its size is
//! what a column (in a folder, of `outside.csv`) that is named as the plate says, and without one, its fixed size or the
//! largest index and one; its elements may also be named by any text, and are numbered as they first appear.

pub mod array;
pub mod arrays;
mod csv;
pub mod image;
pub mod images;

pub use crate::model::{Column, ColumnType, DataError, DataSet, Frame, LocalSet, Values};
pub use csv::{read_column, read_csv, write_csv};
