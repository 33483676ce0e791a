//! Numbers that describe a data set, whatever its model.

use crate::io::{Column, DataSet, Frame};

/// Plain statistics of a data set by name: `events` (the number of its elements), and for each column of numbers `mean x`,
/// `sd x`, `least x` and `largest x`, over all its elements and components; what is seen once is `x` itself. Statistics of
/// nothing are left out.
pub fn data_statistics<D: DataSet>(data: &D) -> Vec<(String, f64)> {
    fn visit(frame: &Frame<'_>, top: bool, found: &mut Vec<(String, f64)>) {
        if !top {
            found.push((frame.name.to_owned(), frame.size as f64));
        }
        frame.columns.iter().for_each(|column| of_column(column, found));
        frame.plates.iter().for_each(|plate| visit(plate, false, found));
    }
    let mut found = Vec::new();
    visit(&data.frame(), true, &mut found);
    found
}

fn of_column(column: &Column<'_>, found: &mut Vec<(String, f64)>) {
    let Column { name, values, .. } = column;
    let count = values.len();
    let all = || (0..count).map(|i| values.get(i));
    if count == 1 {
        found.push(((*name).to_owned(), values.get(0)));
        return;
    }
    if count == 0 {
        return;
    }
    let mean = all().sum::<f64>() / count as f64;
    let sd = (all().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1) as f64).sqrt();
    let least = all().fold(f64::INFINITY, f64::min);
    let largest = all().fold(f64::NEG_INFINITY, f64::max);
    for (what, value) in [("mean", mean), ("sd", sd), ("least", least), ("largest", largest)] {
        found.push((format!("{what} {name}"), value));
    }
}
