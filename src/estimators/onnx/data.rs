//! Data sets in a graph: the inputs, and what `encode.rs` makes of them.

use std::collections::BTreeMap;

use super::links::{Columns, LinkWriter};
use crate::estimators::encode::{ColumnSource, DataEncoder, Incoming, PlateCode, image, width_of};
use crate::estimators::link::{Link, LinkShape};
use crate::estimators::units::Unit;
use crate::model::{Missing, Plate, Specification, Variable, component_names};
use crate::nn::onnx::{Length, NumberType, OnnxData, OnnxGraph, OnnxRows, Value, sums_by};

/// Adds the inputs of a data set to a graph.
pub(super) struct DataWriter<'a> {
    graph: &'a OnnxGraph,
    specification: &'a Specification,
    encoder: &'a DataEncoder,
    /// The own numbers of the rows of plates at the top, as they stand in rows that name them.
    top: Vec<Value>,
    /// What the columns hold that name elements, by the path of their plate and their place in it.
    indices: BTreeMap<(Vec<usize>, usize), Value>,
    /// The names of the inputs that hold numbers, and of the columns of each.
    pub(super) columns: Vec<(String, Vec<String>)>,
}

/// Where a plate is: its path, the name of the plate around it, and how many elements that has, as a list of one number.
struct Within<'a> {
    path: Vec<usize>,
    outer: Option<(&'a str, Value)>,
}

/// The inputs of one plate.
struct Inputs<'a> {
    table: Option<Value>,
    /// Its variables that are columns of the table, and their units.
    own: Vec<(&'a Variable, &'a [Unit])>,
    group: Option<Value>,
    images: Vec<Value>,
    /// How many elements there are, as a list of one number.
    count: Value,
}

impl<'a> DataWriter<'a> {
    pub(super) fn new(graph: &'a OnnxGraph, specification: &'a Specification, encoder: &'a DataEncoder) -> Self {
        let (top, indices, columns) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { graph, specification, encoder, top, indices, columns }
    }

    /// Adds a data set.
    pub(super) fn write(&mut self) -> OnnxData {
        let graph = self.graph;
        let (mut numbers, mut images) = (Vec::new(), Vec::new());
        let outside = self.specification.variables.iter().filter(|v| v.in_data());
        for (variable, units) in outside.zip(&self.encoder.units) {
            if let Some((height, width)) = image(variable) {
                let shape = [Length::Fixed(height), Length::Fixed(width)];
                let pixels = graph.input(&variable.name, NumberType::Float, &shape, "The pixels of an image.");
                let pixels = graph.reshape(&pixels, &[1, (height * width) as i64]);
                images.push(OnnxRows::at_the_top(graph, pixels, Vec::new()));
                continue;
            }
            let length = [Length::Fixed(variable.len())];
            let shape = if variable.shape.is_empty() { &[] } else { &length[..] };
            let text = format!("{}.", described(&[variable]));
            let x = graph.input(&variable.name, NumberType::Double, shape, &text);
            self.columns.push((variable.name.clone(), component_names(variable)));
            let x = graph.reshape(&x, &[1, variable.len() as i64]);
            numbers.push(self.in_units(&x, &[(variable, units)]));
        }
        let plates: Vec<&Plate> = self.specification.data_plates(&self.specification.plates).collect();
        let mut rows = Vec::new();
        for (at, (code, plate)) in self.encoder.plates.iter().zip(plates).enumerate() {
            let (own, made) = self.plate(code, plate, Within { path: vec![at], outer: None });
            self.top.push(own);
            rows.push(made);
        }
        for incoming in &self.encoder.incoming {
            let table = self.incoming(incoming, &rows);
            let children = &mut rows[incoming.to].children;
            children.insert(incoming.table.min(children.len()), table);
        }
        rows.extend(images);
        OnnxData { outside: (!numbers.is_empty()).then(|| graph.concat(&numbers, 1)), plates: rows }
    }

    /// Adds a plate and what is inside it; returns with its rows their own numbers.
    fn plate(&mut self, code: &'a PlateCode, plate: &'a Plate, within: Within<'_>) -> (Value, OnnxRows) {
        let graph = self.graph;
        let inputs = self.inputs(code, plate, &within);
        let row = self.row(code, &inputs, &within.path);
        let features = match code.around {
            0 => row.clone(),
            around => self.with_those_around(&row, code.width, around, &inputs),
        };
        let inner: Vec<&Plate> = self.specification.data_plates(&plate.plates).collect();
        let mut children: Vec<OnnxRows> = Vec::new();
        for (at, (code, inner)) in code.plates.iter().zip(inner).enumerate() {
            let path = [&within.path[..], &[at]].concat();
            let within = Within { path, outer: Some((&plate.name, inputs.count.clone())) };
            children.push(self.plate(code, inner, within).1);
        }
        let one_each = |pixels| OnnxRows::one_each(graph, pixels, inputs.count.clone());
        children.extend(inputs.images.into_iter().map(one_each));
        let made = match (inputs.group, within.outer) {
            (Some(group), Some((_, parents))) => OnnxRows::new(graph, features, group, parents, children),
            _ => OnnxRows::at_the_top(graph, features, children),
        };
        (row, made)
    }

    /// Adds the inputs of a plate: those that say how its elements belong to others, its images, and the table of its numbers.
    fn inputs(&mut self, code: &'a PlateCode, plate: &'a Plate, within: &Within<'_>) -> Inputs<'a> {
        let graph = self.graph;
        let length = Length::Any(&plate.name);
        let of = |name: &str| format!("{}.{name}", plate.name);
        let group = within.outer.as_ref().map(|(outer, _)| {
            let text = format!("For each element the one of `{outer}` that it is in, from 0.");
            graph.input(&of(outer), NumberType::Integer, &[length], &text)
        });
        let mut counted = group.clone();
        let (mut own, mut images) = (Vec::new(), Vec::new());
        let variables = plate.variables.iter().filter(|v| v.in_data());
        for (at, (variable, source)) in variables.zip(&code.columns).enumerate() {
            match (source, image(variable)) {
                (_, Some((height, width))) => {
                    let shape = [length, Length::Fixed(height), Length::Fixed(width)];
                    let text = "The pixels of an image for each element.";
                    let pixels = graph.input(&of(&variable.name), NumberType::Float, &shape, text);
                    counted = counted.or_else(|| Some(pixels.clone()));
                    images.push(graph.reshape(&pixels, &[-1, (height * width) as i64]));
                }
                (ColumnSource::UserNetwork(column), _) => own.push((variable, &*code.units[*column])),
                (ColumnSource::Through { .. }, _) => {
                    let names = variable.index_of.as_deref().unwrap_or_default();
                    let text = format!("For each element the one of `{names}` that it names, from 0.");
                    let index = graph.input(&of(&variable.name), NumberType::Integer, &[length], &text);
                    counted = counted.or_else(|| Some(index.clone()));
                    self.indices.insert((within.path.clone(), at), index);
                }
                (ColumnSource::Nowhere, _) => {}
            }
        }
        // Of a plate that has nothing else, an empty table says how many elements there are.
        let table = (!own.is_empty() || counted.is_none()).then(|| {
            let variables: Vec<&Variable> = own.iter().map(|(variable, _)| *variable).collect();
            let names: Vec<String> = variables.iter().flat_map(|v| component_names(v)).collect();
            let text = match &variables[..] {
                [] => "A row without numbers for each element.".to_owned(),
                all => format!("A row for each element, with the columns {}.", described(all)),
            };
            let table = graph.input(&plate.name, NumberType::Double, &[length, Length::Fixed(names.len())], &text);
            self.columns.push((plate.name.clone(), names));
            table
        });
        let count = table.as_ref().or(counted.as_ref()).map(|value| graph.rows(value));
        let count = count.unwrap_or_else(|| graph.integers(&[1], &[0]));
        Inputs { table: table.filter(|_| !own.is_empty()), own, group, images, count }
    }

    /// Adds the own numbers of rows: those of a table, and those of the elements that its rows name.
    fn row(&self, code: &PlateCode, inputs: &Inputs<'_>, path: &[usize]) -> Value {
        let graph = self.graph;
        let (mut own, mut parts, mut at) = (Vec::new(), Vec::new(), 0);
        let mut widths = inputs.own.iter().map(|(variable, _)| width_of(variable));
        for (column, source) in code.columns.iter().enumerate() {
            match *source {
                ColumnSource::UserNetwork(_) => {
                    let width = widths.next().unwrap_or(0);
                    own.extend(at..at + width);
                    at += width;
                }
                ColumnSource::Through { plate, .. } => {
                    let Some(index) = self.indices.get(&(path.to_vec(), column)) else { continue };
                    let width = self.encoder.plates[plate].width;
                    if width > 0 {
                        let columns = graph.gather(&self.top[plate], index, 0);
                        parts.push(Columns { columns, places: (at..at + width).collect() });
                    }
                    at += width;
                }
                ColumnSource::Nowhere => {}
            }
        }
        if let Some(table) = &inputs.table {
            parts.push(Columns { columns: self.in_units(table, &inputs.own), places: own });
        }
        if parts.is_empty() {
            return graph.fill(&graph.float(0.0), &graph.shape(&inputs.count, &[0]));
        }
        Columns::join(graph, parts)
    }

    /// Adds to the rows of a sequence those around each, nearer ones first, and whether there is one.
    fn with_those_around(&self, rows: &Value, width: usize, around: usize, inputs: &Inputs<'_>) -> Value {
        let graph = self.graph;
        let steps: Vec<i64> = (1..=around as i64).flat_map(|step| [-step, step]).collect();
        let own = graph.unsqueeze(&graph.range(&inputs.count), &[1]);
        let others = graph.add(&own, &graph.integers(&[1, steps.len()], &steps));
        let last = graph.sub(&inputs.count, &graph.integers(&[1], &[1]));
        let nearest = graph.op("Min", &[&graph.op("Max", &[&others, &graph.integers(&[], &[0])]), &last]);
        let mut is_there = graph.op("Equal", &[&others, &nearest]);
        if let Some(group) = &inputs.group {
            let same = graph.op("Equal", &[&graph.gather(group, &nearest, 0), &graph.unsqueeze(group, &[1])]);
            is_there = graph.op("And", &[&is_there, &same]);
        }
        let is_there = graph.unsqueeze(&is_there, &[2]);
        let numbers = graph.choose(&is_there, &graph.gather(rows, &nearest, 0), &graph.float(0.0));
        let told = graph.concat(&[numbers, graph.cast(&is_there, NumberType::Float)], 2);
        graph.concat(&[rows.clone(), graph.reshape(&told, &[-1, (steps.len() * (width + 1)) as i64])], 1)
    }

    /// Adds the rows that name elements of a plate as a table inside it.
    fn incoming(&self, incoming: &Incoming, rows: &[OnnxRows]) -> OnnxRows {
        let graph = self.graph;
        let from = incoming.from[1..].iter().fold(&rows[incoming.from[0]], |rows, at| &rows.children[*at]);
        let names = |column: usize| self.indices[&(incoming.from.clone(), column)].clone();
        let mut features = vec![from.features.clone()];
        let double = graph.cast(&from.features, NumberType::Double);
        for (column, plate) in &incoming.others {
            let (names, elements) = (names(*column), graph.rows(&self.top[*plate]));
            let sum = |values: &Value, width| sums_by(graph, values, width, &names, &elements);
            let ones = graph.fill(&graph.double(1.0), &graph.shape(&graph.rows(&names), &[1]));
            let counts = sum(&ones, 1);
            let means = graph.div(&sum(&double, incoming.width), &graph.op("Max", &[&counts, &graph.double(1.0)]));
            let told = graph.concat(&[means, graph.ln_1p(&counts)], 1);
            features.push(graph.gather(&graph.cast(&told, NumberType::Float), &names, 0));
        }
        let children = if incoming.nested() { from.children.clone() } else { Vec::new() };
        let elements = graph.rows(&self.top[incoming.to]);
        OnnxRows::new(graph, graph.concat(&features, 1), names(incoming.column), elements, children)
    }

    /// Adds the columns of `variables` in their units; behind the numbers of one that may be missing stands which are there.
    fn in_units(&self, table: &Value, variables: &[(&Variable, &[Unit])]) -> Value {
        let graph = self.graph;
        // Pixels that are no image have no units.
        let of = |(variable, units): &(&Variable, &[Unit])| match units {
            [] => vec![Unit::Plain; variable.len()],
            units => units.to_vec(),
        };
        let units: Vec<Unit> = variables.iter().flat_map(of).collect();
        let read = graph.cast(&self.linked(table, &units), NumberType::Float);
        let is_there = |(variable, _): &(&Variable, &[Unit])| variable.missing == Missing::Never;
        if variables.iter().all(is_there) {
            return read;
        }
        // Where a number stands in the table, and where it and whether it is there stand in the row.
        let (mut whole, mut gaps, mut at, mut place) = ([Vec::new(), Vec::new()], [const { Vec::new() }; 3], 0, 0);
        for pair in variables {
            let len = pair.0.len();
            if is_there(pair) {
                whole[0].extend(at..at + len);
                whole[1].extend(place..place + len);
            } else {
                gaps[0].extend(at..at + len);
                gaps[1].extend(place..place + len);
                gaps[2].extend(place + len..place + 2 * len);
            }
            at += len;
            place += width_of(pair.0);
        }
        let [from, numbers, flags] = gaps;
        let is_missing = graph.op("IsNaN", &[&graph.columns(table, &from)]);
        let (zero, one) = (graph.float(0.0), graph.float(1.0));
        let known = graph.choose(&is_missing, &zero, &graph.columns(&read, &from));
        let there = graph.choose(&is_missing, &zero, &one);
        let mut parts = vec![Columns { columns: known, places: numbers }, Columns { columns: there, places: flags }];
        if !whole[0].is_empty() {
            let [from, places] = whole;
            parts.push(Columns { columns: graph.columns(&read, &from), places });
        }
        Columns::join(graph, parts)
    }

    /// Adds the columns of a table in `units`, one for each.
    fn linked(&self, table: &Value, units: &[Unit]) -> Value {
        let graph = self.graph;
        let plain = Link { shape: LinkShape::Linear, centre: 0.0, scale: 1.0, uniform: false };
        let links: Vec<Link> =
            units.iter().map(|unit| if let Unit::Linked { link, .. } = unit { *link } else { plain }).collect();
        let (logs, others): (Vec<usize>, Vec<usize>) =
            (0..units.len()).partition(|at| matches!(units[*at], Unit::Linked { log: true, .. }));
        let table = if logs.is_empty() {
            table.clone()
        } else {
            let mut parts = vec![Columns { columns: graph.ln_1p(&graph.columns(table, &logs)), places: logs }];
            if !others.is_empty() {
                parts.push(Columns { columns: graph.columns(table, &others), places: others });
            }
            Columns::join(graph, parts)
        };
        LinkWriter { graph, links: &links }.forward(&table)
    }
}

/// Names the columns of variables, and which of them may be missing.
fn described(variables: &[&Variable]) -> String {
    let names: Vec<String> = variables.iter().flat_map(|v| component_names(v)).collect();
    let missing: Vec<&str> =
        variables.iter().filter(|v| v.missing != Missing::Never).map(|v| v.name.as_str()).collect();
    let mut text = names.join(", ");
    if !missing.is_empty() {
        text += &format!("; NaN where {} is missing", missing.join(" or "));
    }
    text
}
