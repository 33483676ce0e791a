//! The labels of elements, by which indices in tables name them.

use std::collections::HashMap;

use super::numbers::position;
use super::placed::{Names, Placed, target};
use super::plain;
use super::table::Table;
use crate::model::{DataError, Variable};

/// How indices refer to the elements of a plate.
pub(super) enum Labels {
    Positions { size: usize },
    Names(HashMap<String, usize>),
}

/// Returns the labels of every plate that an index refers to.
pub(super) fn labels(top: &Placed<'_>, names: &Names<'_>) -> Result<HashMap<String, Labels>, DataError> {
    let mut indices: Vec<(&str, &Placed<'_>, &Variable)> = Vec::new();
    collect_indices(top, &mut indices);
    let mut labels = HashMap::new();
    for plate in top.plates.iter().filter(|p| indices.iter().any(|(of, ..)| *of == p.part.name)) {
        let to = indices.iter().filter(|(of, ..)| *of == plate.part.name);
        let found = match &plate.table {
            Some(table) => own_labels(plate, table, names)?,
            None => told_labels(to.map(|&(_, from, variable)| (from, variable)), names, plate)?,
        };
        labels.insert(plate.part.name.to_owned(), found);
    }
    Ok(labels)
}

fn collect_indices<'a>(placed: &'a Placed<'a>, indices: &mut Vec<(&'a str, &'a Placed<'a>, &'a Variable)>) {
    indices.extend(placed.part.variables.iter().filter_map(|v| Some((target(v)?, placed, *v))));
    placed.plates.iter().for_each(|p| collect_indices(p, indices));
}

/// Returns the labels of a plate's elements from its own table.
fn own_labels(plate: &Placed<'_>, table: &Table, names: &Names<'_>) -> Result<Labels, DataError> {
    let Some(name) = names.plate(plate.part.name, table) else { return Ok(Labels::Positions { size: plate.size() }) };
    let column = table.column(&name)?;
    let mut known = HashMap::new();
    for (row, &element) in plate.elements.iter().enumerate() {
        let text = table.label(row, column)?;
        if *known.entry(text.to_owned()).or_insert(element) != element {
            let what = format!("line {}: another element of `{}` is called `{text}`", table.line(row), plate.part.name);
            return Err(DataError::Table { path: table.path.clone(), what });
        }
    }
    Ok(Labels::Names(known))
}

/// Returns the labels of the elements of a plate without a table, from the indices: positions, if all indices are whole
/// numbers.
///
/// # Errors
/// Whole numbers with something else among them, and positions that are counted from 1.
fn told_labels<'a>(
    indices: impl Iterator<Item = (&'a Placed<'a>, &'a Variable)>,
    names: &Names<'_>,
    plate: &Placed<'_>,
) -> Result<Labels, DataError> {
    let (mut size, mut known) = (0, HashMap::new());
    // Entries that are positions, the least of them, and the first entry that is none, each with its place.
    let (mut positions, mut least, mut other): (usize, Option<(usize, _)>, Option<_>) = (0, None, None);
    let mut entries = 0;
    for (from, variable) in indices {
        let Some(table) = &from.table else { continue };
        let columns = names.components(variable);
        let columns: Vec<usize> = columns.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
        for row in 0..table.len() {
            for &column in &columns {
                let text = table.label(row, column)?;
                let place = || (table.path.clone(), table.line(row), table.name(column).to_owned(), text.to_owned());
                entries += 1;
                match position(text) {
                    Ok(at) => {
                        (positions, size) = (positions + 1, size.max(at.saturating_add(1)));
                        if least.as_ref().is_none_or(|(least, _)| at < *least) {
                            least = Some((at, place()));
                        }
                    }
                    Err(_) => other = other.or_else(|| Some(place())),
                }
                let next = known.len();
                known.entry(text.to_owned()).or_insert(next);
            }
        }
    }
    match (least, other) {
        (Some((least, (path, line, column, _))), None) if least > 0 && plate.size.is_none() => Err(DataError::Table {
            path,
            what: format!(
                "line {line}: the least index in the column `{column}` is {least}, but the elements of `{name}` are counted \
                 from 0, and the first would have no rows: subtract {least}, write labels that are no whole numbers, or, if \
                 they are counted from 0, say how many there are in a column `{name}`",
                name = plain(plate.part.name)
            ),
        }),
        (Some((_, of_number)), Some(of_label)) => {
            let ((path, line, column, text), what) = match 2 * positions > entries {
                true => (of_label, "is no whole number from 0, and most of that column are"),
                false => (of_number, "is a whole number, and others of that column are none"),
            };
            let what = format!(
                "line {line}: `{text}` in the column `{column}` {what}: write positions counted from 0 in all rows, or in all \
                 rows labels that are no whole numbers, such as `s7`"
            );
            Err(DataError::Table { path, what })
        }
        (Some(_), None) => Ok(Labels::Positions { size }),
        _ => Ok(Labels::Names(known)),
    }
}
