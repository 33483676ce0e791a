//!
//! An index is the position of an element, counted from 0. If the plate's table has a column with the plate's name,
//! which labels its elements, an index is such a label instead. A plate without variables in the data has no table of
//! its own. Its size is the number in a column with the plate's name (in a folder, of `outside.csv`); without such a
//! column, it is the plate's fixed size, or the largest index plus one. Indices into it may also be any text: its
//! elements are then numbered in the order in which they first appear.
//! Reading tables into a frame.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use super::labels::{Labels, labels};
use super::numbers::{position, truth};
use super::placed::{Names, Placed, PlateColumns, target};
use super::table::Table;
use super::{CsvOptions, OUTSIDE, plain};
use crate::files::read_set;
use crate::model::{Column, DataError, Frame, Values};
use crate::model::{Kind, Missing, Role, Specification, Variable};

/// Reads the columns of a data set, in the order of the model.
pub fn frame(
    specification: &Specification,
    path: &Path,
    columns: &[(&str, &str)],
    options: &CsvOptions,
) -> Result<Frame<'static>, DataError> {
    let top = PlateColumns::new(specification);
    let names = Names::new(&top, columns)?;
    let placed = if path.is_dir() {
        read_set(path, |path| folder(&top, path, &names, options))
            .map_err(|(path, source)| DataError::File { path, source })??
    } else {
        file(&top, path, &names, options)?
    };
    let reader = CsvReader { names: &names, options, labels: labels(&placed, &names)? };
    reader.frame(&placed)
}

/// Reads a folder, with a table for each plate.
fn folder<'a>(
    top: &'a PlateColumns<'a>,
    path: &Path,
    names: &Names<'_>,
    options: &CsvOptions,
) -> Result<Placed<'a>, DataError> {
    let file = path.join(OUTSIDE);
    // The file is optional if it holds only sizes of plates without variables, and required if it holds variables.
    let table = match Table::read(&file, options) {
        Err(DataError::File { source, .. }) if top.variables.is_empty() && source.kind() == ErrorKind::NotFound => None,
        table => Some(Rc::new(table?)),
    };
    if table.as_ref().is_some_and(|t| t.len() == 0) {
        return Err(DataError::EmptyFile { path: file });
    }
    let inside = |part| match PlateColumns::is_bare(part) {
        true => Placed::bare(part, table.as_ref(), names),
        false => in_folder(part, path, names, options, None),
    };
    let plates = top.plates.iter().map(inside).collect::<Result<_, _>>()?;
    let elements = vec![0; table.as_ref().map_or(0, |t| t.len())];
    Ok(Placed { part: top, table, elements, size: Some(1), offsets: None, plates })
}

fn in_folder<'a>(
    part: &'a PlateColumns<'a>,
    path: &Path,
    names: &Names<'_>,
    options: &CsvOptions,
    outer: Option<&Placed<'a>>,
) -> Result<Placed<'a>, DataError> {
    let table = Table::read(&path.join(format!("{}.csv", plain(part.name))), options)?;
    let size = table.len();
    let offsets = outer.map(|outer| offsets(part, &table, names, outer)).transpose()?;
    let mut placed = Placed {
        part,
        table: Some(Rc::new(table)),
        elements: (0..size).collect(),
        size: Some(size),
        offsets,
        plates: Vec::new(),
    };
    placed.plates =
        part.plates.iter().map(|p| in_folder(p, path, names, options, Some(&placed))).collect::<Result<_, _>>()?;
    Ok(placed)
}

/// Returns the position at which the elements of each outer element begin, from their numbers in the outer table.
fn offsets(
    part: &PlateColumns<'_>,
    table: &Table,
    names: &Names<'_>,
    outer: &Placed<'_>,
) -> Result<Vec<usize>, DataError> {
    let column = names.of(part.name);
    let mut offsets = vec![0usize];
    let mut end = 0;
    for n in outer.values(std::slice::from_ref(&column), position)? {
        end = n.saturating_add(end);
        offsets.push(end);
    }
    if end != table.len() {
        let file = format!("{}.csv", plain(outer.part.name));
        let why = match table.len() < end {
            true => "it may be cut short".to_owned(),
            false => format!("{file} may be cut short"),
        };
        let rows = table.len();
        let what = format!("the file has {rows} rows, but the column `{column}` of {file} adds up to {end}: {why}");
        return Err(DataError::Table { path: table.path.clone(), what });
    }
    Ok(offsets)
}

/// Reads a single table, which holds one chain of nested plates.
fn file<'a>(
    top: &'a PlateColumns<'a>,
    path: &Path,
    names: &Names<'_>,
    options: &CsvOptions,
) -> Result<Placed<'a>, DataError> {
    let mut chain = vec![top];
    while let Some(last) = chain.last() {
        let mut inside = last.full();
        match (inside.next(), inside.next()) {
            (Some(part), None) => chain.push(part),
            (None, _) => break,
            (Some(one), Some(other)) => {
                let what = format!(
                    "one table cannot hold the plates `{}` and `{}` side by side: give a folder with a file for each",
                    plain(one.name),
                    plain(other.name)
                );
                return Err(DataError::Table { path: path.to_owned(), what });
            }
        }
    }
    let table = Rc::new(Table::read(path, options)?);
    if table.len() == 0 {
        return Err(DataError::EmptyFile { path: path.to_owned() });
    }
    let levels = levels(&chain, &table, names)?;
    let mut placed: Option<Placed> = None;
    for (depth, (part, elements)) in chain.iter().zip(&levels).enumerate().rev() {
        // The plates nested in plates are those from the second level on.
        let offsets = (depth > 1).then(|| starts(&levels[depth - 1], elements));
        let mut plates = Vec::new();
        for inner in &part.plates {
            match inner.is_bare() {
                true => plates.push(Placed::bare(inner, Some(&table), names)?),
                false => plates.extend(placed.take()),
            }
        }
        let size = elements.iter().max().map(|last| last + 1);
        placed = Some(Placed { part, table: Some(table.clone()), elements: elements.clone(), size, offsets, plates });
    }
    placed.ok_or_else(|| DataError::EmptyFile { path: path.to_owned() })
}

/// Returns, for each level of the chain, the element that each row describes, in the order of first appearance.
fn levels(chain: &[&PlateColumns<'_>], table: &Table, names: &Names<'_>) -> Result<Vec<Vec<usize>>, DataError> {
    let rows = table.len();
    let mut groups = vec![vec![0; rows]];
    for part in &chain[1..chain.len().max(2) - 1] {
        let column = table.column(&names.of(part.name))?;
        let outer = &groups[groups.len() - 1];
        let mut known = HashMap::new();
        let mut group = Vec::with_capacity(rows);
        for (row, &outer) in outer.iter().enumerate() {
            table.label(row, column)?;
            let next = known.len();
            group.push(*known.entry((outer, table.text(row, column))).or_insert(next));
        }
        groups.push(group);
    }
    if chain.len() > 1 {
        groups.push((0..rows).collect());
    }
    // Sorts the rows so that those of one element are adjacent, and within it those of each inner element.
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| groups.iter().map(|g| g[a]).cmp(groups.iter().map(|g| g[b])));
    let number = |group: &Vec<usize>| {
        let mut elements = vec![0; rows];
        for pair in order.windows(2) {
            elements[pair[1]] = elements[pair[0]] + usize::from(group[pair[0]] != group[pair[1]]);
        }
        elements
    };
    Ok(groups.iter().map(number).collect())
}

/// Returns the position at which the elements of each outer element begin, from the elements that each row describes.
fn starts(outer: &[usize], inner: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0; outer.iter().max().map_or(0, |last| last + 1) + 1];
    for (&outer, &inner) in outer.iter().zip(inner) {
        offsets[outer + 1] = offsets[outer + 1].max(inner + 1);
    }
    offsets
}

struct CsvReader<'a> {
    names: &'a Names<'a>,
    options: &'a CsvOptions,
    labels: HashMap<String, Labels>,
}

impl CsvReader<'_> {
    /// Makes the frame of a data set. It has no names: a data set takes its columns by their order.
    fn frame(&self, placed: &Placed<'_>) -> Result<Frame<'static>, DataError> {
        let columns = placed.part.variables.iter().map(|v| self.column(placed, v)).collect::<Result<_, _>>()?;
        let plates = placed.plates.iter().map(|p| self.frame(p)).collect::<Result<_, _>>()?;
        let told = match self.labels.get(placed.part.name) {
            Some(Labels::Positions { size }) => *size,
            Some(Labels::Names(names)) => names.len(),
            None => 0,
        };
        let size = placed.size.unwrap_or(told);
        Ok(Frame { name: "", size, offsets: placed.offsets.clone().map(Cow::Owned), columns, plates })
    }

    fn column(&self, placed: &Placed<'_>, variable: &Variable) -> Result<Column<'static>, DataError> {
        let columns = self.names.components(variable);
        let index = |text: &str| match target(variable).and_then(|of| self.labels.get(of)) {
            Some(Labels::Names(known)) => known.get(text).copied().ok_or("the name of an element of its plate"),
            _ => position(text).map_err(|_| "the position of an element of its plate, counted from 0"),
        };
        let read = Reading { placed, columns: &columns, optional: variable.missing != Missing::Never };
        let (values, there) = match variable.kind {
            Kind::Real => read.column(f64::NAN, |text| self.options.real(text), Values::Real)?,
            Kind::Count => read.column(0, |text| self.options.count(text), Values::Count)?,
            Kind::Bool => read.column(false, truth, Values::Bool)?,
            Kind::Category if variable.role == Role::Index => read.column(0, index, Values::Category)?,
            Kind::Category => read.column(0, position, Values::Category)?,
            Kind::Pixels => read.column(f32::NAN, |text| self.options.real(text), Values::Pixels)?,
        };
        Ok(Column { name: "", width: columns.len(), values, there })
    }
}

/// Which numbers of a column are there.
type There = Cow<'static, [bool]>;

/// Columns of a table that are read for one variable.
struct Reading<'a> {
    placed: &'a Placed<'a>,
    columns: &'a [String],
    optional: bool,
}

impl Reading<'_> {
    /// Reads the numbers, with `nothing` in the place of one that is missing, and which of them are there.
    fn column<X: Copy + PartialEq + Display>(
        &self,
        nothing: X,
        parse: impl Fn(&str) -> Result<X, &'static str>,
        values: fn(Cow<'static, [X]>) -> Values<'static>,
    ) -> Result<(Values<'static>, Option<There>), DataError> {
        if !self.optional {
            return Ok((values(self.placed.values(self.columns, parse)?.into()), None));
        }
        let all = self.placed.values_if_there(self.columns, parse)?;
        let there: Vec<bool> = all.iter().map(Option::is_some).collect();
        let numbers: Vec<X> = all.into_iter().map(|x| x.unwrap_or(nothing)).collect();
        Ok((values(numbers.into()), Some(there.into())))
    }
}
