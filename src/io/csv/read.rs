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
use std::path::Path;
use std::rc::Rc;

use super::table::{Table, count, label, position, real, truth};
use super::{OUTSIDE, plain};
use crate::model::{self, Kind, PlateSize, Role, Specification, Variable};
use crate::model::{Column, DataError, Frame, Values};

/// Reads the columns of a data set, in the order of the model.
pub fn frame(
    specification: &Specification,
    path: &Path,
    columns: &[(&str, &str)],
) -> Result<Frame<'static>, DataError> {
    let top = PlateColumns::new(specification);
    let names = Names::new(&top, columns)?;
    let placed = if path.is_dir() { folder(&top, path, &names)? } else { file(&top, path, &names)? };
    let reader = CsvReader { names: &names, labels: labels(&placed, &names)? };
    reader.frame(&placed)
}

/// A plate that is in the data, with those of its variables that are; at the top, the variables outside plates.
struct PlateColumns<'a> {
    name: &'a str,
    size: Option<&'a PlateSize>,
    variables: Vec<&'a Variable>,
    plates: Vec<PlateColumns<'a>>,
}

impl<'a> PlateColumns<'a> {
    fn new(specification: &'a Specification) -> Self {
        fn indexed<'a>(variables: &'a [Variable], plates: &'a [model::Plate], found: &mut Vec<&'a str>) {
            found.extend(variables.iter().filter_map(target));
            plates.iter().for_each(|p| indexed(&p.variables, &p.plates, found));
        }
        let mut targets = Vec::new();
        indexed(&specification.variables, &specification.plates, &mut targets);
        Self {
            name: "",
            size: None,
            variables: in_data(&specification.variables),
            plates: Self::inside(&specification.plates, &targets),
        }
    }

    fn inside(plates: &'a [model::Plate], targets: &[&str]) -> Vec<Self> {
        let parts = plates.iter().map(|p| Self {
            name: &p.name,
            size: Some(&p.size),
            variables: in_data(&p.variables),
            plates: Self::inside(&p.plates, targets),
        });
        parts.filter(|p| !p.is_bare() || targets.contains(&p.name)).collect()
    }

    /// Returns whether it is in the data only because of an index, so that it has no table.
    fn is_bare(&self) -> bool {
        self.variables.is_empty() && self.plates.is_empty()
    }

    /// Returns the plates inside it that have tables.
    fn full(&self) -> impl Iterator<Item = &PlateColumns<'a>> {
        self.plates.iter().filter(|p| !p.is_bare())
    }

    /// Returns every name that a column may have in the model.
    fn names(&self) -> Vec<&'a str> {
        let inside = self.plates.iter().flat_map(|p| std::iter::once(p.name).chain(p.names()));
        self.variables.iter().map(|v| v.name.as_str()).chain(inside).collect()
    }
}

fn in_data(variables: &[Variable]) -> Vec<&Variable> {
    variables.iter().filter(|v| matches!(v.role, Role::Observed | Role::Given | Role::Index)).collect()
}

/// Returns the plate that an index refers to; `None` for other variables.
fn target(variable: &Variable) -> Option<&str> {
    variable.index_of.as_deref()
}

/// The names of the columns in the file, by their names in the model.
struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    fn new(top: &PlateColumns<'_>, columns: &[(&'a str, &'a str)]) -> Result<Self, DataError> {
        let known = top.names();
        for (name, _) in columns {
            let base = name.split('[').next().unwrap_or(name);
            if !known.iter().any(|k| plain(k) == plain(base)) {
                let known: Vec<_> = known.iter().map(|k| format!("`{}`", plain(k))).collect();
                let what = format!(
                    "no variable or plate in the data of the model is called `{name}`: there are {}",
                    known.join(", ")
                );
                return Err(DataError::Shape { what });
            }
        }
        Ok(Self(columns.iter().map(|&(name, column)| (plain(name), column)).collect()))
    }

    fn of(&self, name: &str) -> String {
        let name = plain(name);
        self.0.get(name).map_or(name, |column| column).to_owned()
    }

    /// Returns the names of a variable's columns.
    fn components(&self, variable: &Variable) -> Vec<String> {
        if variable.len() == 1 {
            return vec![self.of(&variable.name)];
        }
        let component = |c: usize| {
            let own = self.0.get(format!("{}[{c}]", plain(&variable.name)).as_str());
            own.map_or_else(|| format!("{}[{c}]", self.of(&variable.name)), |column| (*column).to_owned())
        };
        (0..variable.len()).map(component).collect()
    }

    /// Returns the column with the name of a plate; `None` if there is none, or if the caller assigned it to another
    /// variable.
    fn plate(&self, name: &str, table: &Table) -> Option<String> {
        let column = self.of(name);
        let taken = self.0.iter().any(|(of, to)| **to == column && *of != plain(name));
        (!taken && table.has(&column)).then_some(column)
    }
}

/// A plate with the table that describes its elements.
struct Placed<'a> {
    part: &'a PlateColumns<'a>,
    /// `None` for a plate without variables.
    table: Option<Rc<Table>>,
    /// The element that each row of the table describes.
    elements: Vec<usize>,
    /// `None` if only the indices determine it.
    size: Option<usize>,
    offsets: Option<Vec<usize>>,
    plates: Vec<Placed<'a>>,
}

impl<'a> Placed<'a> {
    /// Places a plate without variables: its size is read from the table outside it, or fixed by the model.
    fn bare(part: &'a PlateColumns<'a>, table: Option<&Rc<Table>>, names: &Names<'_>) -> Result<Self, DataError> {
        let mut placed =
            Self { part, table: None, elements: Vec::new(), size: None, offsets: None, plates: Vec::new() };
        if let Some(table) = table
            && let Some(column) = names.plate(part.name, table)
        {
            placed.size = agreed(table, &[column], &vec![0; table.len()], 1, "", position)?.pop();
        } else if let Some(PlateSize::Fixed(size)) = part.size {
            placed.size = Some(*size);
        }
        Ok(placed)
    }

    fn size(&self) -> usize {
        self.size.unwrap_or(0)
    }

    /// Returns the numbers of a variable, element by element.
    fn values<X: Copy + PartialEq + Display>(
        &self,
        columns: &[String],
        parse: impl Fn(&str) -> Result<X, &'static str>,
    ) -> Result<Vec<X>, DataError> {
        let Some(table) = &self.table else { return Ok(Vec::new()) };
        agreed(table, columns, &self.elements, self.size(), self.part.name, parse)
    }
}

/// Returns the numbers of `columns` for each of `size` elements. All rows that describe one element must agree.
fn agreed<X: Copy + PartialEq + Display>(
    table: &Table,
    columns: &[String],
    elements: &[usize],
    size: usize,
    plate: &str,
    parse: impl Fn(&str) -> Result<X, &'static str>,
) -> Result<Vec<X>, DataError> {
    let width = columns.len();
    let columns: Vec<usize> = columns.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
    let mut values: Vec<Option<X>> = vec![None; size * width];
    for (row, &element) in elements.iter().enumerate() {
        for (c, &column) in columns.iter().enumerate() {
            let value = table.entry(row, column, &parse)?;
            if let Some(before) = values[element * width + c].replace(value)
                && before != value
            {
                let first = elements.iter().position(|&e| e == element).unwrap_or(row);
                let about = match plate {
                    "" => "the whole data set".to_owned(),
                    plate => format!("the same element of `{}`", plain(plate)),
                };
                let what = format!(
                    "lines {} and {} are about {about}, but the column `{}` holds {before} in one and {value} in the other",
                    table.line(first),
                    table.line(row),
                    table.name(column),
                );
                return Err(DataError::Table { path: table.path.clone(), what });
            }
        }
    }
    Ok(values.into_iter().flatten().collect())
}

/// Reads a folder, with a table for each plate.
fn folder<'a>(top: &'a PlateColumns<'a>, path: &Path, names: &Names<'_>) -> Result<Placed<'a>, DataError> {
    let file = path.join(OUTSIDE);
    // The file is optional if it holds only sizes of plates without variables, and required if it holds variables.
    let table = match !top.variables.is_empty() || file.exists() {
        true => Some(Rc::new(Table::read(&file)?)),
        false => None,
    };
    if table.as_ref().is_some_and(|t| t.len() == 0) {
        return Err(DataError::EmptyFile { path: file });
    }
    let inside = |part| match PlateColumns::is_bare(part) {
        true => Placed::bare(part, table.as_ref(), names),
        false => in_folder(part, path, names, None),
    };
    let plates = top.plates.iter().map(inside).collect::<Result<_, _>>()?;
    let elements = vec![0; table.as_ref().map_or(0, |t| t.len())];
    Ok(Placed { part: top, table, elements, size: Some(1), offsets: None, plates })
}

fn in_folder<'a>(
    part: &'a PlateColumns<'a>,
    path: &Path,
    names: &Names<'_>,
    outer: Option<&Placed<'a>>,
) -> Result<Placed<'a>, DataError> {
    let table = Table::read(&path.join(format!("{}.csv", plain(part.name))))?;
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
    placed.plates = part.plates.iter().map(|p| in_folder(p, path, names, Some(&placed))).collect::<Result<_, _>>()?;
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
fn file<'a>(top: &'a PlateColumns<'a>, path: &Path, names: &Names<'_>) -> Result<Placed<'a>, DataError> {
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
    let table = Rc::new(Table::read(path)?);
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
            table.entry(row, column, |text| label(text).map(|_| ()))?;
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

/// How indices refer to the elements of a plate.
enum Labels {
    Positions { size: usize },
    Names(HashMap<String, usize>),
}

/// Returns the labels of every plate that an index refers to.
fn labels(top: &Placed<'_>, names: &Names<'_>) -> Result<HashMap<String, Labels>, DataError> {
    let mut indices: Vec<(&str, &Placed<'_>, &Variable)> = Vec::new();
    collect_indices(top, &mut indices);
    let mut labels = HashMap::new();
    for plate in top.plates.iter().filter(|p| indices.iter().any(|(of, ..)| *of == p.part.name)) {
        let to = indices.iter().filter(|(of, ..)| *of == plate.part.name);
        let found = match &plate.table {
            Some(table) => own_labels(plate, table, names)?,
            None => told_labels(to.map(|&(_, from, variable)| (from, variable)), names)?,
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
        table.entry(row, column, |text| label(text).map(|_| ()))?;
        let text = table.text(row, column);
        if *known.entry(text.to_owned()).or_insert(element) != element {
            let what = format!("line {}: another element of `{}` is called `{text}`", table.line(row), plate.part.name);
            return Err(DataError::Table { path: table.path.clone(), what });
        }
    }
    Ok(Labels::Names(known))
}

/// Returns the labels of the elements of a plate without a table, from the indices: positions, if all indices are whole
/// numbers.
fn told_labels<'a>(
    indices: impl Iterator<Item = (&'a Placed<'a>, &'a Variable)>,
    names: &Names<'_>,
) -> Result<Labels, DataError> {
    let (mut size, mut known) = (Some(0), HashMap::new());
    for (from, variable) in indices {
        let Some(table) = &from.table else { continue };
        let columns = names.components(variable);
        let columns: Vec<usize> = columns.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
        for row in 0..table.len() {
            for &column in &columns {
                let text = table.text(row, column);
                table.entry(row, column, |text| label(text).map(|_| ()))?;
                size = size.and_then(|size: usize| Some(size.max(position(text).ok()?.saturating_add(1))));
                let next = known.len();
                known.entry(text.to_owned()).or_insert(next);
            }
        }
    }
    Ok(size.map_or(Labels::Names(known), |size| Labels::Positions { size }))
}

struct CsvReader<'a> {
    names: &'a Names<'a>,
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
        let values = match variable.kind {
            Kind::Real => Values::Real(placed.values(&columns, real)?.into()),
            Kind::Count => Values::Count(placed.values(&columns, count)?.into()),
            Kind::Bool => Values::Bool(placed.values(&columns, truth)?.into()),
            Kind::Category if variable.role == Role::Index => Values::Category(placed.values(&columns, index)?.into()),
            Kind::Category => Values::Category(placed.values(&columns, position)?.into()),
            Kind::Pixels => Values::Pixels(placed.values(&columns, real)?.into()),
        };
        Ok(Column { name: "", width: columns.len(), values })
    }
}
