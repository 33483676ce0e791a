//! Lengths of vectors that a table tells, by how many columns it has.

use std::path::Path;

use super::table::Table;
use super::{CsvOptions, OUTSIDE, plain, read};
use crate::model::{DataError, DataSet, Model, check};

/// A size of a model: its name, the vectors with that many numbers, each with its plate, and its default. A size without vectors is
/// told by something else than columns.
pub type Size<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<usize>);

/// Checks data that have been read.
type Check<'a, D> = &'a dyn Fn(&D) -> Result<(), DataError>;

/// Reads a data set of the model that `model` makes of the lengths that the table tells, for the code of `model!`; see
/// [`read_csv`](super::read_csv).
///
/// # Errors
/// The first place that cannot be read, or that the model does not allow.
pub fn read_csv_of_any_size<D: DataSet>(
    path: &Path,
    columns: &[(&str, &str)],
    sizes: &[Size<'_>],
    model: &dyn Fn(&[usize]) -> D::Model,
    other_check: Option<Check<'_, D>>,
) -> Result<D, DataError> {
    let options = CsvOptions::default();
    let columns = one_by_one(columns);
    let columns: Vec<(&str, &str)> = columns.iter().map(|(name, column)| (name.as_str(), *column)).collect();
    let told = |(_, vectors, default): &Size<'_>| match vectors.first() {
        Some((plate, vector)) => width(path, plate, vector, &columns, &options),
        None => Ok(default.unwrap_or(0)),
    };
    let model = model(&sizes.iter().map(told).collect::<Result<Vec<_>, _>>()?);
    let data = D::from_frame(read::frame(&model.specification(), path, &columns, &options)?)?;
    // A size that no column tells is known when the model is made.
    if let Some(check) = other_check {
        check(&data)?;
    } else if sizes.iter().all(|(_, vectors, default)| !vectors.is_empty() || default.is_some()) {
        check(&model, &data)?;
    }
    Ok(data)
}

/// Writes the columns of a vector that are named one after the other, `("x", "age"), ("x", "sex")`, as those of its numbers, `x[0]`
/// and `x[1]`.
pub fn one_by_one<'a>(columns: &[(&str, &'a str)]) -> Vec<(String, &'a str)> {
    let times = |of: &[(&str, &str)], name: &str| of.iter().filter(|(other, _)| *other == name).count();
    let named = columns.iter().enumerate().map(|(at, &(name, column))| match times(columns, name) {
        1 => (name.to_owned(), column),
        _ => (format!("{name}[{}]", times(&columns[..at], name)), column),
    });
    named.collect()
}

/// Returns how many columns the table of `plate` has for the numbers of `vector`.
fn width(
    path: &Path,
    plate: &str,
    vector: &str,
    columns: &[(&str, &str)],
    options: &CsvOptions,
) -> Result<usize, DataError> {
    let file = match (path.is_dir(), plate) {
        (false, _) => path.to_owned(),
        (true, "") => path.join(OUTSIDE),
        (true, plate) => path.join(format!("{}.csv", plain(plate))),
    };
    let table = Table::read(&file, options)?;
    let named = |name: &str| columns.iter().find(|(of, _)| plain(of) == name).map(|(_, column)| *column);
    let own = named(vector).unwrap_or(vector);
    let has = |c: &usize| named(&format!("{vector}[{c}]")).is_some() || table.has(&format!("{own}[{c}]"));
    match (0..).take_while(has).count() {
        // A vector of one number has the name of the vector alone.
        0 if table.has(own) => Ok(1),
        0 => table.column(&format!("{own}[0]")),
        width => Ok(width),
    }
}
