//! Statistics of a data set of any model.

use crate::model::{Column, DataSet, Frame};

/// Returns plain statistics of a data set by name. They are `events` (the number of its elements) and, for each column
/// of numbers, `mean x`, `sd x`, `least x` and `largest x` over all elements and components; a number observed once is
/// `x` itself. Values that are missing are left out, and so are statistics of empty columns.
pub fn data_statistics<D: DataSet>(data: &D) -> Vec<(String, f64)> {
    frame_statistics(&data.frame())
}

/// See [`data_statistics`].
pub(super) fn frame_statistics(data: &Frame<'_>) -> Vec<(String, f64)> {
    fn visit(frame: &Frame<'_>, top: bool, found: &mut Vec<(String, f64)>) {
        if !top {
            found.push((frame.name.to_owned(), frame.size as f64));
        }
        frame.columns.iter().for_each(|column| of_column(column, found));
        frame.plates.iter().for_each(|plate| visit(plate, false, found));
    }
    let mut found = Vec::new();
    visit(data, true, &mut found);
    found
}

fn of_column(column: &Column<'_>, found: &mut Vec<(String, f64)>) {
    let (name, count) = (column.name, column.values.len());
    let numbers: Vec<f64> = (0..count).filter(|&i| column.is_there(i)).map(|i| column.get(i)).collect();
    match numbers[..] {
        [] => {}
        [one] if count == 1 => found.push((name.to_owned(), one)),
        // It has no standard deviation.
        [_] => {}
        _ => found.extend(described(name, &numbers)),
    }
}

/// The statistics of `values`: NaN where there are none.
pub(super) fn described(name: &str, values: &[f64]) -> [(String, f64); 4] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let least = values.iter().copied().fold(f64::NAN, f64::min);
    let largest = values.iter().copied().fold(f64::NAN, f64::max);
    [("mean", mean), ("sd", sd), ("least", least), ("largest", largest)]
        .map(|(what, value)| (format!("{what} {name}"), value))
}
