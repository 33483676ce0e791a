//! Draws and data as groups of arrays, in the form that ArviZ reads.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::SampleStats;
use super::layout::Placed;
use crate::model::{Column, Frame, Role, Specification, Values, Variable};
use crate::zarr::{Array, Group, Numbers, first_double};

/// Two things of a group have the same name, or one has a name that ArviZ needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` in the group `{group}` is the name of two things for ArviZ, which calls dimensions `chain` and `draw`: rename the plate or \
     the variable in the model"
)]
pub struct NameTwice {
    /// The name.
    pub name: String,
    /// The group.
    pub group: String,
}

/// The plates of a data set, for the coordinates of all groups.
pub(crate) struct Plates(Vec<Elements>);

/// The elements of a plate.
struct Elements {
    plate: String,
    /// Their labels, or their positions counted from 0.
    named: Numbers,
    /// Of a plate inside another, that one, and which of its elements each belongs to.
    outer: Option<(String, Vec<usize>)>,
}

impl Plates {
    /// Reads the plates of a data set, with the `labels` of those that have some: one for each element.
    pub(crate) fn of(frame: &Frame<'_>, labels: &HashMap<String, Vec<String>>) -> Self {
        let mut plates = Self(Vec::new());
        plates.add(frame, None, labels);
        plates
    }

    fn add(&mut self, outer: &Frame<'_>, around: Option<&str>, labels: &HashMap<String, Vec<String>>) {
        for frame in &outer.plates {
            let named = match labels.get(frame.name) {
                Some(labels) => Numbers::Text(labels.clone()),
                None => Numbers::Whole((0..frame.size as i64).collect()),
            };
            let outer = frame.offsets.as_ref().zip(around).map(|(offsets, around)| {
                let of = offsets.windows(2).enumerate().flat_map(|(i, ends)| std::iter::repeat_n(i, ends[1] - ends[0]));
                (around.to_owned(), of.collect())
            });
            self.0.push(Elements { plate: plain(frame.name), named, outer });
            self.add(frame, Some(frame.name), labels);
        }
    }

    /// Makes a group of `arrays`, with the coordinates of all dimensions that they have.
    ///
    /// # Errors
    /// A name that stands twice.
    pub(crate) fn group(&self, name: &str, said: Vec<(String, Value)>, arrays: Vec<Array>) -> Result<Group, NameTwice> {
        let is_taken = |elements: &&Elements| ["chain", "draw"].contains(&elements.plate.as_str());
        if let Some(Elements { plate, .. }) = self.0.iter().find(is_taken) {
            return Err(NameTwice { name: plate.clone(), group: name.to_owned() });
        }
        let mut dims: Vec<(String, usize)> = Vec::new();
        for array in &arrays {
            for (dim, size) in array.dims.iter().zip(&array.shape) {
                if !dims.iter().any(|(known, _)| known == dim) {
                    dims.push((dim.clone(), *size));
                }
            }
        }
        let (mut all, mut coordinates) = (Vec::new(), Vec::new());
        for (dim, size) in &dims {
            let plate = self.0.iter().find(|elements| elements.plate == *dim);
            let numbers =
                plate.map_or_else(|| Numbers::Whole((0..*size as i64).collect()), |elements| elements.named.clone());
            all.push(Array::of_one_dimension(dim, dim, numbers));
            if let Some((outer, of)) = plate.and_then(|elements| elements.outer.as_ref()) {
                let of = self.labelled(outer, of);
                let name = format!("{}_of_{dim}", plain(outer));
                coordinates.push(name.clone());
                all.push(Array::of_one_dimension(&name, dim, of));
            }
        }
        all.extend(arrays);
        if let Some(double) = first_double(all.iter().map(|array| array.name.as_str())) {
            return Err(NameTwice { name: double.to_owned(), group: name.to_owned() });
        }
        Ok(Group { name: name.to_owned(), said, arrays: all, coordinates })
    }

    /// Returns the labels of elements of a plate, or their positions where it has none.
    fn labelled(&self, plate: &str, at: &[usize]) -> Numbers {
        let elements = self.0.iter().find(|elements| elements.plate == plain(plate));
        match elements.map(|elements| &elements.named) {
            Some(Numbers::Text(labels)) => Numbers::Text(at.iter().map(|&i| labels[i].clone()).collect()),
            _ => Numbers::Whole(at.iter().map(|&i| i as i64).collect()),
        }
    }
}

/// Returns a name of the model without `r#`.
fn plain(name: &str) -> String {
    name.trim_start_matches("r#").to_owned()
}

/// Makes arrays along chain, draw and the dimensions of each variable. `columns` holds all draws of each number, chain after chain.
pub(crate) fn of_draws(placed: &[Placed], columns: &[Vec<f64>], chains: usize) -> Vec<Array> {
    let draws = columns.first().map_or(0, Vec::len);
    let array = |variable: &Placed| {
        let values = (0..draws).flat_map(|draw| variable.at.iter().map(move |&at| columns[at][draw]));
        let known = || variable.at.iter().all(|&at| columns[at].iter().all(|x| x.is_finite()));
        let numbers = match (variable.whole, variable.yes_or_no) {
            (true, _) if known() => Numbers::Whole(values.map(|x| x as i64).collect()),
            (_, true) if known() => Numbers::Bool(values.map(|x| x != 0.0).collect()),
            _ => Numbers::Real(values.collect()),
        };
        by_draw(&variable.name, (chains, draws), (&variable.dims, &variable.shape), numbers)
    };
    placed.iter().map(array).collect()
}

/// Makes an array along chain, draw and further dimensions; `draws` are those of all chains.
pub(crate) fn by_draw(
    name: &str,
    (chains, draws): (usize, usize),
    (dims, shape): (&[String], &[usize]),
    numbers: Numbers,
) -> Array {
    let first = ["chain", "draw"].map(str::to_owned);
    let dims = first.iter().chain(dims).map(|dim| plain(dim)).collect();
    let shape = [chains, draws / chains.max(1)].iter().chain(shape).copied().collect();
    Array { name: plain(name), dims, shape, numbers }
}

/// What NUTS says of each draw.
pub(crate) fn of_stats(stats: &SampleStats, chains: usize) -> Vec<Array> {
    let SampleStats { diverging, energy, lp, tree_depth, n_steps, step_size, acceptance_rate } = stats;
    let real = |x: &[f64]| Numbers::Real(x.to_vec());
    let whole = |x: &[u64]| Numbers::Whole(x.iter().map(|&x| x as i64).collect());
    let arrays = [
        ("acceptance_rate", real(acceptance_rate)),
        ("diverging", Numbers::Bool(diverging.clone())),
        ("energy", real(energy)),
        ("lp", real(lp)),
        ("n_steps", whole(n_steps)),
        ("step_size", real(step_size)),
        ("tree_depth", whole(tree_depth)),
    ];
    let array = |(name, numbers)| by_draw(name, (chains, stats.len()), (&[], &[]), numbers);
    arrays.into_iter().map(array).collect()
}

/// The columns of a data set whose role `is_wanted`: along their plate, then their components.
pub(crate) fn of_data(
    specification: &Specification,
    frame: &Frame<'_>,
    is_wanted: &dyn Fn(Role) -> bool,
) -> Vec<Array> {
    fn visit(frame: &Frame<'_>, wanted: &[&Variable], arrays: &mut Vec<Array>) {
        for column in &frame.columns {
            let Some(variable) = wanted.iter().find(|v| v.name == column.name) else { continue };
            let plate = (!frame.name.is_empty()).then(|| (plain(frame.name), frame.size));
            let components = (0..variable.shape.len()).map(|i| format!("{}_dim_{i}", plain(column.name)));
            arrays.push(Array {
                name: plain(column.name),
                dims: plate.iter().map(|(name, _)| name.clone()).chain(components).collect(),
                shape: plate.iter().map(|(_, size)| *size).chain(variable.shape.iter().copied()).collect(),
                numbers: numbers(column),
            });
        }
        frame.plates.iter().for_each(|plate| visit(plate, wanted, arrays));
    }
    let mut all = Vec::new();
    variables(specification, &mut all);
    all.retain(|variable| is_wanted(variable.role));
    let mut arrays = Vec::new();
    visit(frame, &all, &mut arrays);
    arrays
}

fn numbers(column: &Column<'_>) -> Numbers {
    match &column.values {
        Values::Real(x) => Numbers::Real(x.to_vec()),
        Values::Pixels(x) => Numbers::Single(x.to_vec()),
        Values::Bool(x) => Numbers::Bool(x.to_vec()),
        Values::Count(x) => Numbers::Whole(x.iter().map(|&x| x as i64).collect()),
        Values::Category(x) => Numbers::Whole(x.iter().map(|&x| x as i64).collect()),
    }
}

fn variables<'a>(specification: &'a Specification, all: &mut Vec<&'a Variable>) {
    fn inside<'a>(plates: &'a [crate::model::Plate], all: &mut Vec<&'a Variable>) {
        for plate in plates {
            all.extend(&plate.variables);
            inside(&plate.plates, all);
        }
    }
    all.extend(&specification.variables);
    inside(&specification.plates, all);
}

/// What is said of every group: who made it, and of which model.
pub(crate) fn said(specification: &Specification) -> Vec<(String, Value)> {
    let params: serde_json::Map<String, Value> =
        specification.params.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut said = vec![
        ("inference_library".to_owned(), json!("hierarch")),
        ("inference_library_version".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
        ("model".to_owned(), json!(specification.name)),
    ];
    // NetCDF, to which a store may be written again, has no attributes of attributes.
    if !params.is_empty() {
        said.push(("params".to_owned(), json!(Value::Object(params).to_string())));
    }
    said
}
