//! A data set from a table with nested lists.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use arrow_array::{Array, ArrayRef, RecordBatch};

use super::nested::{Leaf, leaf, lists, with_gaps};
use super::write::plain;
use crate::model::{Column, DataError, Frame, Kind, Missing, Plate, Specification, UnknownName, Values, Variable};

/// Makes the frame of a data set. It has no names: a data set takes its columns by their order.
pub(super) fn frame(
    specification: &Specification,
    path: &Path,
    columns: &[(&str, &str)],
    batch: &RecordBatch,
) -> Result<Frame<'static>, DataError> {
    let reader = Reader::new(specification, path, columns, batch)?;
    let plates: Vec<&Plate> = specification.data_plates(&specification.plates).collect();
    if batch.num_rows() == 0 {
        return Err(DataError::EmptyFile { path: path.to_owned() });
    }
    if let [plate] = plates[..]
        && !reader.is_bare(plate)
    {
        let top = in_data(&specification.variables);
        let outside = top.map(|v| reader.same_in_all_rows(v)).collect::<Result<_, _>>()?;
        let inside = reader.plate(plate, 0, batch.num_rows(), None)?;
        return Ok(Frame { name: "", size: 1, offsets: None, columns: outside, plates: vec![inside] });
    }
    if batch.num_rows() > 1 {
        let rows = batch.num_rows();
        return Err(reader.wrong(format!(
            "there are {rows} rows, but a model with several outermost plates has one, with a list for each variable in a plate"
        )));
    }
    reader.part(&specification.variables, &specification.plates, 0, 1, None)
}

fn in_data(variables: &[Variable]) -> impl Iterator<Item = &Variable> {
    variables.iter().filter(|v| v.in_data())
}

struct Reader<'a> {
    specification: &'a Specification,
    path: &'a Path,
    columns: HashMap<String, &'a str>,
    batch: &'a RecordBatch,
}

impl<'a> Reader<'a> {
    fn new(
        specification: &'a Specification,
        path: &'a Path,
        columns: &[(&str, &'a str)],
        batch: &'a RecordBatch,
    ) -> Result<Self, DataError> {
        let mut known = Vec::new();
        names(specification, &specification.variables, &specification.plates, &mut known);
        for (name, _) in columns {
            UnknownName::find("variable", &plain(name), &known)
                .map_err(|error| DataError::Table { path: path.to_owned(), what: error.to_string() })?;
        }
        let columns = columns.iter().map(|(name, column)| (plain(name), *column)).collect();
        Ok(Self { specification, path, columns, batch })
    }

    fn wrong(&self, what: String) -> DataError {
        DataError::Table { path: self.path.to_owned(), what }
    }

    fn is_bare(&self, plate: &Plate) -> bool {
        in_data(&plate.variables).next().is_none() && self.specification.data_plates(&plate.plates).next().is_none()
    }

    /// Returns the column of a variable or a plate.
    fn array(&self, name: &str) -> Result<&ArrayRef, DataError> {
        let plain = plain(name);
        let column = self.columns.get(&plain).copied().unwrap_or(&plain);
        self.batch.column_by_name(column).ok_or_else(|| {
            let schema = self.batch.schema();
            let found: Vec<String> = schema.fields().iter().map(|field| format!("`{}`", field.name())).collect();
            DataError::MissingColumn {
                path: self.path.to_owned(),
                column: column.to_owned(),
                found: found.join(", "),
                hint: String::new(),
            }
        })
    }

    /// Enters lists of a column: where those of each level begin, and what is in the innermost ones.
    fn enter(&self, name: &str, levels: usize) -> Result<(Vec<Vec<usize>>, ArrayRef), DataError> {
        let (mut offsets, mut array) = (Vec::new(), self.array(name)?.clone());
        for _ in 0..levels {
            let (starts, inner) = lists(&array).map_err(|what| self.of(name, &what))?;
            offsets.push(starts);
            array = inner;
        }
        Ok((offsets, array))
    }

    fn of(&self, name: &str, what: &str) -> DataError {
        self.wrong(format!("the column of `{}` {what}", plain(name)))
    }

    /// Reads a plate whose elements are in lists `depth` deep, of which there are `size`.
    fn plate(
        &self,
        plate: &Plate,
        depth: usize,
        size: usize,
        offsets: Option<Vec<usize>>,
    ) -> Result<Frame<'static>, DataError> {
        self.part(&plate.variables, &plate.plates, depth, size, offsets)
    }

    fn part(
        &self,
        variables: &[Variable],
        plates: &[Plate],
        depth: usize,
        size: usize,
        offsets: Option<Vec<usize>>,
    ) -> Result<Frame<'static>, DataError> {
        let column = |v| self.column(v, depth, size);
        let columns = in_data(variables).map(column).collect::<Result<_, _>>()?;
        let inside = self.specification.data_plates(plates).map(|plate| {
            let starts = self.starts(plate, depth)?;
            let end = starts.last().copied().unwrap_or(0);
            // Those at the top have no elements around them.
            let is_inside = depth > 0 || offsets.is_some() || self.rows_are_elements();
            self.plate(plate, depth + 1, end, is_inside.then_some(starts))
        });
        let plates = inside.collect::<Result<_, _>>()?;
        Ok(Frame { name: "", size, offsets: offsets.map(Cow::Owned), columns, plates })
    }

    fn rows_are_elements(&self) -> bool {
        let plates: Vec<&Plate> = self.specification.data_plates(&self.specification.plates).collect();
        matches!(plates[..], [plate] if !self.is_bare(plate))
    }

    /// Returns where the elements of a plate begin in each element around it, which its variables must agree on.
    fn starts(&self, plate: &Plate, depth: usize) -> Result<Vec<usize>, DataError> {
        if self.is_bare(plate) {
            let (_, sizes) = self.enter(&plate.name, depth)?;
            let sizes = self.whole(&plate.name, leaf(&sizes).map_err(|what| self.of(&plate.name, &what))?)?;
            let mut end = 0_usize;
            let ends = sizes.iter().map(|&size| {
                end = end.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
                end
            });
            return Ok(std::iter::once(0).chain(ends).collect());
        }
        let mut below = Vec::new();
        names(self.specification, &plate.variables, &plate.plates, &mut below);
        let mut first: Option<(&str, Vec<usize>)> = None;
        for name in below {
            let (mut offsets, _) = self.enter(name, depth + 1)?;
            let starts = offsets.pop().unwrap_or_default();
            match &first {
                Some((other, known)) if *known != starts => {
                    let (plate, other, name) = (plain(&plate.name), plain(other), plain(name));
                    let what = format!("`{other}` and `{name}` have other numbers of elements of the plate `{plate}`");
                    return Err(self.wrong(what));
                }
                Some(_) => {}
                None => first = Some((name, starts)),
            }
        }
        Ok(first.map_or(vec![0], |(_, starts)| starts))
    }

    fn column(&self, variable: &Variable, depth: usize, size: usize) -> Result<Column<'static>, DataError> {
        let (_, mut array) = self.enter(&variable.name, depth)?;
        if array.len() != size {
            let what = format!("has {} entries for {size} elements", array.len());
            return Err(self.of(&variable.name, &what));
        }
        // A vector is a list, an image may be a list of lists.
        for _ in 0..variable.shape.len() {
            if with_gaps(&array).is_ok() {
                break;
            }
            array = lists(&array).map_err(|what| self.of(&variable.name, &what))?.1;
        }
        let (width, found) = (variable.len(), array.len());
        if found != width * size {
            let what = format!("has {found} numbers for {size} elements of {width} each");
            return Err(self.of(&variable.name, &what));
        }
        let (numbers, there) = match variable.missing {
            Missing::Never => (leaf(&array), None),
            _ => (with_gaps(&array), Some((0..found).map(|i| array.is_valid(i)).collect())),
        };
        let numbers = numbers.map_err(|what| self.of(&variable.name, &what))?;
        Ok(Column { name: "", width, values: self.values(variable, numbers)?, there })
    }

    fn values(&self, variable: &Variable, numbers: Leaf) -> Result<Values<'static>, DataError> {
        let name = &variable.name;
        let real = |numbers| match numbers {
            Leaf::Real(x) => x,
            Leaf::Whole(x) => x.into_iter().map(|x| x as f64).collect(),
            Leaf::Bool(x) => x.into_iter().map(|x| f64::from(u8::from(x))).collect(),
        };
        Ok(match variable.kind {
            Kind::Real => Values::Real(real(numbers).into()),
            Kind::Pixels => Values::Pixels(real(numbers).into_iter().map(|x| x as f32).collect::<Vec<_>>().into()),
            Kind::Count => Values::Count(self.whole(name, numbers)?.into()),
            Kind::Category => {
                let whole = self.whole(name, numbers)?.into_iter();
                Values::Category(whole.map(|x| usize::try_from(x).unwrap_or(usize::MAX)).collect::<Vec<_>>().into())
            }
            Kind::Bool => match numbers {
                Leaf::Bool(x) => Values::Bool(x.into()),
                other => {
                    let truth = |x: u64| match x {
                        0 | 1 => Ok(x == 1),
                        _ => Err(self.of(name, &format!("holds {x}, and not true or false, 1 or 0"))),
                    };
                    Values::Bool(self.whole(name, other)?.into_iter().map(truth).collect::<Result<Vec<_>, _>>()?.into())
                }
            },
        })
    }

    /// Reads whole numbers from 0, also where another program has made real numbers of them.
    fn whole(&self, name: &str, numbers: Leaf) -> Result<Vec<u64>, DataError> {
        // Above this number an f64 has lost the last digit.
        const EXACT: f64 = 9007199254740992.0;
        let wrong = |x: &dyn std::fmt::Display| self.of(name, &format!("holds {x}, and not a whole number from 0"));
        match numbers {
            Leaf::Bool(x) => Ok(x.into_iter().map(u64::from).collect()),
            Leaf::Whole(x) => x.into_iter().map(|x| u64::try_from(x).map_err(|_| wrong(&x))).collect(),
            Leaf::Real(x) => {
                let whole = |x: f64| match x.fract() == 0.0 && (0.0..EXACT).contains(&x) {
                    true => Ok(x as u64),
                    false => Err(wrong(&x)),
                };
                x.into_iter().map(whole).collect()
            }
        }
    }

    /// Reads a variable outside plates, which every row repeats.
    fn same_in_all_rows(&self, variable: &Variable) -> Result<Column<'static>, DataError> {
        let rows = self.batch.num_rows();
        let all = self.column(variable, 0, rows)?;
        let number = |i: usize| all.is_there(i).then(|| all.values.get(i));
        let other = (all.width..all.values.len()).find(|&i| number(i) != number(i % all.width));
        if let Some(at) = other {
            let what = format!(
                "is outside plates, so that all rows must have the same value; row {} has another",
                at / all.width
            );
            return Err(self.of(&variable.name, &what));
        }
        let width = all.width;
        let values = match all.values {
            Values::Real(x) => Values::Real(x[..width].to_vec().into()),
            Values::Count(x) => Values::Count(x[..width].to_vec().into()),
            Values::Bool(x) => Values::Bool(x[..width].to_vec().into()),
            Values::Category(x) => Values::Category(x[..width].to_vec().into()),
            Values::Pixels(x) => Values::Pixels(x[..width].to_vec().into()),
        };
        Ok(Column { values, there: all.there.map(|there| there[..width].to_vec().into()), ..all })
    }
}

/// Adds the names of all variables that have columns, and of the plates that have columns of their own.
fn names<'a>(all: &'a Specification, variables: &'a [Variable], plates: &'a [Plate], found: &mut Vec<&'a str>) {
    found.extend(in_data(variables).map(|v| v.name.as_str()));
    for plate in all.data_plates(plates) {
        let before = found.len();
        names(all, &plate.variables, &plate.plates, found);
        if found.len() == before {
            found.push(&plate.name);
        }
    }
}
