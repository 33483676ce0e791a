//! Draws as tables, with a column for each number.
//!
//! Draws of Markov chains have besides the columns `chain` and `draw`, counted from 0; weighted ones the column `weight`. These three
//! say the same where a table is read.

mod csv;

use std::path::Path;

use crate::draws::Draws;
use crate::model::DataError;

/// The columns that are no numbers of a draw.
const CHAIN: &str = "chain";
const DRAW: &str = "draw";
const WEIGHT: &str = "weight";

/// A column of a table of draws.
pub(super) enum DrawColumn<'a> {
    Position(&'static str, Vec<i64>),
    Number(&'a str, &'a [f64]),
}

/// Returns the columns of a table of draws, in its order.
pub(super) fn columns(draws: &Draws) -> Vec<DrawColumn<'_>> {
    let rows = draws.columns().first().map_or(0, Vec::len);
    let mut columns = Vec::new();
    if draws.chains() > 0 {
        let length = (rows / draws.chains()).max(1);
        columns.push(DrawColumn::Position(CHAIN, (0..rows).map(|row| (row / length) as i64).collect()));
        columns.push(DrawColumn::Position(DRAW, (0..rows).map(|row| (row % length) as i64).collect()));
    }
    if !draws.weights().is_empty() {
        columns.push(DrawColumn::Number(WEIGHT, draws.weights()));
    }
    let numbers = draws.names().iter().zip(draws.columns());
    columns.extend(numbers.map(|(name, column)| DrawColumn::Number(name, column)));
    columns
}

/// Makes draws of the columns of a table; they are of the same length. Rows of a chain may stand apart.
///
/// # Errors
/// No rows; two columns of the same name; chains of different lengths; weights that are none.
pub(super) fn from_columns(path: &Path, columns: Vec<(String, Vec<f64>)>) -> Result<Draws, DataError> {
    let wrong = |what: String| DataError::Table { path: path.to_owned(), what };
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    if rows == 0 {
        return Err(DataError::EmptyFile { path: path.to_owned() });
    }
    let (mut chain, mut weights, mut numbers) = (None, None, Vec::<(String, Vec<f64>)>::new());
    for (name, column) in columns {
        match name.as_str() {
            CHAIN => chain = Some(column),
            WEIGHT => weights = Some(column),
            DRAW => {}
            _ if numbers.iter().any(|(known, _)| *known == name) => {
                return Err(wrong(format!("there are two columns `{name}`: rename one")));
            }
            _ => numbers.push((name, column)),
        }
    }
    if let Some(weights) = weights {
        let sum: f64 = weights.iter().sum();
        if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(wrong(format!(
                "the weight of row {row} is {}: it must be a number that is not negative",
                weights[row]
            )));
        }
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(wrong(format!("the weights add up to {sum}: one of them must be above 0")));
        }
        return Ok(Draws::new(numbers).weighted(weights.iter().map(|w| w / sum).collect()));
    }
    let Some(chain) = chain else { return Ok(Draws::new(numbers)) };
    let mut order: Vec<(f64, Vec<usize>)> = Vec::new();
    for (row, label) in chain.iter().enumerate() {
        match order.iter_mut().find(|(known, _)| known == label) {
            Some((_, rows)) => rows.push(row),
            None if label.is_nan() => return Err(wrong(format!("row {row} names no chain"))),
            None => order.push((*label, vec![row])),
        }
    }
    if let Some((label, rows)) = order.iter().find(|(_, rows)| rows.len() != order[0].1.len()) {
        let (first, length) = (order[0].0, order[0].1.len());
        return Err(wrong(format!(
            "chain {label} has {} draws, and chain {first} has {length}: chains must have the same length",
            rows.len()
        )));
    }
    let chains = order.len();
    let rows: Vec<usize> = order.into_iter().flat_map(|(_, rows)| rows).collect();
    let sorted = numbers.into_iter().map(|(name, column)| (name, rows.iter().map(|&row| column[row]).collect()));
    Ok(Draws::new(sorted).of_chains(chains))
}
