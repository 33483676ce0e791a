//! Data sets as the network's tables.
//!
//! A plate is a table with a row for each element: the numbers of its own variables. An index into another plate says
//! nothing by itself; in its place stand that plate's own numbers for the element it names.

use crate::io::{DataSet, Frame, Values};
use crate::model::{Plate, Specification, Variable};
use crate::nn::{Batch, PlateShape, Rows};

/// How each plate of a model is laid out in the network's tables.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    /// Numbers outside plates.
    width: usize,
    plates: Vec<PlateCode>,
}

/// The layout of one plate; plates and columns are in the order of the frame.
#[derive(Clone, Debug)]
struct PlateCode {
    width: usize,
    columns: Vec<Source>,
    plates: Vec<PlateCode>,
}

/// Where a row's numbers come from.
#[derive(Clone, Debug)]
enum Source {
    /// The plate's own column.
    Own(usize),
    /// The columns of the top-level plate that the index in a column of this plate names an element of.
    Through { index: usize, plate: usize },
}

impl Encoder {
    /// The encoder for data sets of a model.
    pub(super) fn new(specification: &Specification) -> Self {
        let width = specification.variables.iter().filter(|v| v.in_data()).map(Variable::len).sum();
        Self { width, plates: codes(specification, &specification.plates) }
    }

    /// What the network reads of a data set.
    pub(super) fn shape(&self) -> (usize, Vec<PlateShape>) {
        fn shape(code: &PlateCode) -> PlateShape {
            PlateShape { width: code.width, children: code.plates.iter().map(shape).collect() }
        }
        (self.width, self.plates.iter().map(shape).collect())
    }

    /// A batch of no data sets.
    pub(super) fn batch(&self) -> Batch {
        let (width, plates) = self.shape();
        Batch::empty(width, &plates)
    }

    /// Adds a data set to a batch.
    pub(super) fn push<D: DataSet>(&self, data: &D, batch: &mut Batch) {
        let frame = data.frame();
        batch.sets += 1;
        for column in &frame.columns {
            append(&column.values, 0..column.width, &mut batch.globals);
        }
        for ((code, plate), rows) in self.plates.iter().zip(&frame.plates).zip(&mut batch.plates) {
            let first = rows.offsets.last().copied().unwrap_or(0);
            rows.offsets.push(first + plate.size);
            push_rows(code, plate, &frame, rows);
        }
    }
}

fn codes(specification: &Specification, plates: &[Plate]) -> Vec<PlateCode> {
    let top: Vec<&Plate> = specification.data_plates(&specification.plates).collect();
    let code = |plate: &Plate| {
        let columns: Vec<&Variable> = plate.variables.iter().filter(|v| v.in_data()).collect();
        let source = |(i, v): (usize, &&Variable)| match top.iter().position(|p| v.is_index_of(&p.name)) {
            Some(plate) => Source::Through { index: i, plate },
            None => Source::Own(i),
        };
        let width = |v: &&Variable| match top.iter().find(|p| v.is_index_of(&p.name)) {
            Some(plate) => plate.variables.iter().filter(|v| v.in_data()).map(Variable::len).sum(),
            None => v.len(),
        };
        PlateCode {
            width: columns.iter().map(width).sum(),
            columns: columns.iter().enumerate().map(source).collect(),
            plates: codes(specification, &plate.plates),
        }
    };
    specification.data_plates(plates).map(code).collect()
}

fn push_rows(code: &PlateCode, frame: &Frame<'_>, root: &Frame<'_>, rows: &mut Rows) {
    for i in 0..frame.size {
        for source in &code.columns {
            match *source {
                Source::Own(c) => {
                    let column = &frame.columns[c];
                    append(&column.values, i * column.width..(i + 1) * column.width, &mut rows.features);
                }
                Source::Through { index, plate } => {
                    let element = frame.columns[index].values.get(i) as usize;
                    for column in &root.plates[plate].columns {
                        let numbers = element * column.width..(element + 1) * column.width;
                        append(&column.values, numbers, &mut rows.features);
                    }
                }
            }
        }
    }
    for ((code, inner), child) in code.plates.iter().zip(&frame.plates).zip(&mut rows.children) {
        let first = child.offsets.last().copied().unwrap_or(0);
        let offsets = inner.offsets.as_deref().unwrap_or(&[]);
        child.offsets.extend(offsets.iter().skip(1).map(|o| first + o));
        push_rows(code, inner, root, child);
    }
}

fn append(values: &Values<'_>, numbers: std::ops::Range<usize>, to: &mut Vec<f32>) {
    match values {
        Values::Real(x) => to.extend(x[numbers].iter().map(|&x| x as f32)),
        Values::Pixels(x) => to.extend_from_slice(&x[numbers]),
        other => to.extend(numbers.map(|i| other.get(i) as f32)),
    }
}
