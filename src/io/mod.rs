//! Data sets and draws as files: CSV, and the formats of other tools.
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
//!
//! An index is the position of an element, counted from 0. If the plate's table has a column with the plate's name,
//! which labels its elements, an index is such a label instead. A plate without variables in the data has no table of
//! its own. Its size is the number in a column with the plate's name (in a folder, of `outside.csv`); without such a
//! column, it is the plate's fixed size, or the largest index plus one. Indices into it may also be any text: its
//! elements are then numbered in the order in which they first appear. Whole numbers of which the least is not 0 are
//! refused, unless that column says how many elements there are: programs that count from 1 would add one without data.
//!
//! Fields are separated by commas, or where the header has none, by the semicolons or tabs in it. Lines at the beginning
//! that start with `#` are comments. Numbers have a decimal point; true and false may be `T`, `yes`, `1` or `1.0` and the
//! like. [`CsvOptions`] reads a table with other separators, decimal commas, comments further down, or other words for
//! what is missing.
//!
//! ```
//! use hierarch::io::{read_column, read_csv};
//! use hierarch::prelude::*;
//!
//! model! {
//!     pub Flux {
//!         global rate ~ Gamma(2.0, 1.0);
//!         plate events(1..=100) {
//!             observe energy ~ Exponential(rate);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("events.csv");
//! let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9] } };
//! data.to_csv(&path)?;
//! assert_eq!(FluxData::from_csv(&path)?, data);
//! assert_eq!(read_column(&path, "energy")?, data.events.energy);
//!
//! // A file whose column has another name.
//! std::fs::write(&path, "run,E [GeV]\n1,0.7\n1,0.1\n2,1.9\n")?;
//! let again: FluxData = read_csv(&Flux::default(), &path, &[("energy", "E [GeV]")])?;
//! assert_eq!(again, data);
//! # Ok(())
//! # }
//! ```

#![doc = include_str!("other_tools.md")]

#[doc(hidden)]
pub mod array;
#[doc(hidden)]
pub mod arrays;
mod csv;
mod draws;
#[doc(hidden)]
pub mod image;
#[doc(hidden)]
pub mod images;
#[cfg(feature = "zarr")]
mod inference_data;
#[cfg(feature = "parquet")]
mod table;
#[doc(hidden)]
pub mod truth;

#[doc(hidden)]
pub use csv::read_csv_of_any_size;
pub use csv::{CsvOptions, read_column, read_csv, write_csv};
#[cfg(feature = "zarr")]
pub use inference_data::{InferenceData, SaveError, SaveExt};
#[cfg(feature = "parquet")]
pub use table::{read_arrow, read_parquet, write_arrow, write_parquet};
