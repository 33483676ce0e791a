//! The plates of a data set, with the tables that describe them.

use std::collections::HashMap;
use std::fmt::Display;
use std::rc::Rc;

use super::numbers::position;
use super::plain;
use super::table::Table;
use crate::model::{self, DataError, PlateSize, Role, Specification, Variable};

/// A plate that is in the data, with those of its variables that are; at the top, the variables outside plates.
pub(super) struct PlateColumns<'a> {
    pub(super) name: &'a str,
    pub(super) size: Option<&'a PlateSize>,
    pub(super) variables: Vec<&'a Variable>,
    pub(super) plates: Vec<PlateColumns<'a>>,
}

impl<'a> PlateColumns<'a> {
    pub(super) fn new(specification: &'a Specification) -> Self {
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

    pub(super) fn inside(plates: &'a [model::Plate], targets: &[&str]) -> Vec<Self> {
        let parts = plates.iter().map(|p| Self {
            name: &p.name,
            size: Some(&p.size),
            variables: in_data(&p.variables),
            plates: Self::inside(&p.plates, targets),
        });
        parts.filter(|p| !p.is_bare() || targets.contains(&p.name)).collect()
    }

    /// Returns whether it is in the data only because of an index, so that it has no table.
    pub(super) fn is_bare(&self) -> bool {
        self.variables.is_empty() && self.plates.is_empty()
    }

    /// Returns the plates inside it that have tables.
    pub(super) fn full(&self) -> impl Iterator<Item = &PlateColumns<'a>> {
        self.plates.iter().filter(|p| !p.is_bare())
    }

    /// Returns every name that a column may have in the model.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let inside = self.plates.iter().flat_map(|p| std::iter::once(p.name).chain(p.names()));
        self.variables.iter().map(|v| v.name.as_str()).chain(inside).collect()
    }
}

pub(super) fn in_data(variables: &[Variable]) -> Vec<&Variable> {
    variables.iter().filter(|v| matches!(v.role, Role::Observed | Role::Given | Role::Index)).collect()
}

/// Returns the plate that an index refers to; `None` for other variables.
pub(super) fn target(variable: &Variable) -> Option<&str> {
    variable.index_of.as_deref()
}

/// The names of the columns in the file, by their names in the model.
pub(super) struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    pub(super) fn new(top: &PlateColumns<'_>, columns: &[(&'a str, &'a str)]) -> Result<Self, DataError> {
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

    pub(super) fn of(&self, name: &str) -> String {
        let name = plain(name);
        self.0.get(name).map_or(name, |column| column).to_owned()
    }

    /// Returns the names of a variable's columns.
    pub(super) fn components(&self, variable: &Variable) -> Vec<String> {
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
    pub(super) fn plate(&self, name: &str, table: &Table) -> Option<String> {
        let column = self.of(name);
        let taken = self.0.iter().any(|(of, to)| **to == column && *of != plain(name));
        (!taken && table.has(&column)).then_some(column)
    }
}

/// A plate with the table that describes its elements.
pub(super) struct Placed<'a> {
    pub(super) part: &'a PlateColumns<'a>,
    /// `None` for a plate without variables.
    pub(super) table: Option<Rc<Table>>,
    /// The element that each row of the table describes.
    pub(super) elements: Vec<usize>,
    /// `None` if only the indices determine it.
    pub(super) size: Option<usize>,
    pub(super) offsets: Option<Vec<usize>>,
    pub(super) plates: Vec<Placed<'a>>,
}

impl<'a> Placed<'a> {
    /// Places a plate without variables: its size is read from the table outside it, or fixed by the model.
    pub(super) fn bare(
        part: &'a PlateColumns<'a>,
        table: Option<&Rc<Table>>,
        names: &Names<'_>,
    ) -> Result<Self, DataError> {
        let mut placed =
            Self { part, table: None, elements: Vec::new(), size: None, offsets: None, plates: Vec::new() };
        if let Some(table) = table
            && let Some(column) = names.plate(part.name, table)
        {
            let read = |row, column| table.entry(row, column, position);
            placed.size = agreed(table, &[column], &vec![0; table.len()], 1, "", read)?.pop();
        } else if let Some(PlateSize::Fixed(size)) = part.size {
            placed.size = Some(*size);
        }
        Ok(placed)
    }

    pub(super) fn size(&self) -> usize {
        self.size.unwrap_or(0)
    }

    /// Returns the numbers of a variable, element by element.
    pub(super) fn values<X: Copy + PartialEq + Display>(
        &self,
        columns: &[String],
        parse: impl Fn(&str) -> Result<X, &'static str>,
    ) -> Result<Vec<X>, DataError> {
        let Some(table) = &self.table else { return Ok(Vec::new()) };
        let read = |row, column| table.entry(row, column, &parse);
        agreed(table, columns, &self.elements, self.size(), self.part.name, read)
    }

    /// Returns the numbers of a variable that may be missing, element by element.
    pub(super) fn values_if_there<X: Copy + PartialEq + Display>(
        &self,
        columns: &[String],
        parse: impl Fn(&str) -> Result<X, &'static str>,
    ) -> Result<Vec<Option<X>>, DataError> {
        let Some(table) = &self.table else { return Ok(Vec::new()) };
        let read = |row, column| match table.is_missing(row, column) {
            true => Ok(Entry(None)),
            false => table.entry(row, column, &parse).map(|x| Entry(Some(x))),
        };
        let entries = agreed(table, columns, &self.elements, self.size(), self.part.name, read)?;
        Ok(entries.into_iter().map(|entry| entry.0).collect())
    }
}

/// An entry of a table that may be missing.
#[derive(Clone, Copy, PartialEq)]
struct Entry<X>(Option<X>);

impl<X: Display> Display for Entry<X> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(x) => x.fmt(f),
            None => f.write_str("nothing"),
        }
    }
}

/// Returns the numbers of `columns` for each of `size` elements, as `read` gives them by row and column. All rows that describe one
/// element must agree.
pub(super) fn agreed<X: Copy + PartialEq + Display>(
    table: &Table,
    columns: &[String],
    elements: &[usize],
    size: usize,
    plate: &str,
    read: impl Fn(usize, usize) -> Result<X, DataError>,
) -> Result<Vec<X>, DataError> {
    let width = columns.len();
    let columns: Vec<usize> = columns.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
    let mut values: Vec<Option<X>> = vec![None; size * width];
    for (row, &element) in elements.iter().enumerate() {
        for (c, &column) in columns.iter().enumerate() {
            let value = read(row, column)?;
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
