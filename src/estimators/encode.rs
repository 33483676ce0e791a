//! Data sets as the tables that a network reads.
//!
//! A plate is a table with a row for each element: the numbers of its own variables. An index into another plate means
//! nothing by itself; it is replaced by that plate's own numbers for the element that it names. And the rows that name
//! an element form a table inside it, as those of a nested plate do: a long table holds as much information as a nested
//! one. If these rows also name elements of further plates, they hold, for each such element, the mean of all rows that
//! name it.
//!
//! The rows of a sequence are in order: each holds the numbers of those around it too, so that what is read of all rows together,
//! whatever their order, knows what follows what.
//!
//! Behind the numbers of an observation that may be missing stands which of them are there.
//!
//! An image is a table of its own inside its row, like a plate of one element; outside plates, it is a plate of one
//! element at the top.

use std::sync::Arc;

use super::units::{Unit, Units};
use crate::model::{Column, Frame, Values};
use crate::model::{Kind, Missing, Plate, Specification, Variable};
use crate::nn::{Batch, PlateShape, Rows};

/// How each plate of a model is laid out in the network's tables.
#[derive(Clone, Debug)]
pub(super) struct DataEncoder {
    /// The count of numbers outside plates.
    width: usize,
    /// The units of the columns outside plates.
    pub(super) units: Vec<Arc<[Unit]>>,
    /// Images outside plates; their tables come after those of the plates.
    images: Vec<ImageColumn>,
    pub(super) plates: Vec<PlateCode>,
    pub(super) incoming: Vec<Incoming>,
}

/// A variable that is an image: its column in the frame, its height and width.
#[derive(Clone, Copy, Debug)]
struct ImageColumn {
    column: usize,
    size: (usize, usize),
}

impl ImageColumn {
    /// Returns the images among `variables`, which are the columns of a frame.
    fn among<'a>(variables: impl Iterator<Item = &'a Variable>) -> Vec<ImageColumn> {
        let image = |(column, variable)| Some(ImageColumn { column, size: image(variable)? });
        variables.enumerate().filter_map(image).collect()
    }

    fn shape(&self) -> PlateShape {
        PlateShape::image(self.size.0, self.size.1)
    }

    /// Adds the images of all rows of a frame to their table.
    fn push(&self, frame: &Frame<'_>, rows: &mut Rows) {
        let column = &frame.columns[self.column];
        append(column, 0..frame.size * column.width, &[], &mut rows.features);
        let first = rows.rows();
        rows.offsets.extend((1..=frame.size).map(|row| first + row));
    }
}

/// Returns the height and width of a variable whose values are images; `None` for other variables.
pub(super) fn image(variable: &Variable) -> Option<(usize, usize)> {
    match variable.shape[..] {
        [height, width] if variable.kind == Kind::Pixels => Some((height, width)),
        _ => None,
    }
}

/// Rows that name elements of a plate at the top.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    /// The plate whose elements are named, the table among its tables, and the column that names them.
    pub(super) to: usize,
    pub(super) table: usize,
    pub(super) column: usize,
    /// The path of the plate of the rows, and the count of its numbers in a row.
    pub(super) from: Vec<usize>,
    pub(super) width: usize,
    /// The other columns that name elements, and the plates of these elements.
    pub(super) others: Vec<(usize, usize)>,
}

/// How many rows before and how many after its own a row of a sequence holds.
const AROUND: usize = 8;

/// The layout of one plate; plates and columns are in the order of the frame.
#[derive(Clone, Debug)]
pub(super) struct PlateCode {
    /// The count of numbers of a row itself.
    pub(super) width: usize,
    /// How many rows to either side are in a row.
    pub(super) around: usize,
    pub(super) columns: Vec<ColumnSource>,
    /// The units of its own columns.
    pub(super) units: Vec<Arc<[Unit]>>,
    pub(super) plates: Vec<PlateCode>,
    /// The images; their tables come after those of the nested plates.
    images: Vec<ImageColumn>,
}

impl PlateCode {
    /// Returns the count of numbers in a row of the table: its own, and for each row around those of it, and whether there is one.
    fn row_width(&self) -> usize {
        self.width + 2 * self.around * (self.width + 1)
    }
}

/// Where a row's numbers come from.
#[derive(Clone, Debug)]
pub(super) enum ColumnSource {
    /// The numbers of the plate's own column.
    UserNetwork(usize),
    /// The numbers of the element, in a plate at the top, that the index in a column of this plate names.
    Through { index: usize, plate: usize },
    /// None: it is an index into this plate itself or one declared after it, or an image.
    Nowhere,
}

impl DataEncoder {
    /// Returns the encoder for data sets of a model.
    pub(super) fn new(specification: &Specification, units: &Units) -> Self {
        let mut encoder = Self::without_units(specification);
        let mut columns = units.columns();
        encoder.units = columns.by_ref().take(outside_columns(specification)).collect();
        take_units(&mut encoder.plates, &mut columns);
        encoder
    }

    /// Returns the shape of a data set as the network reads it: the count of numbers outside plates, and the plates.
    pub(super) fn shape_of(specification: &Specification) -> (usize, Vec<PlateShape>) {
        Self::without_units(specification).shape()
    }

    fn without_units(specification: &Specification) -> Self {
        let outside = || specification.variables.iter().filter(|v| v.in_data());
        let images = ImageColumn::among(outside());
        let width = outside().filter(|v| image(v).is_none()).map(width_of).sum();
        let plates = codes(specification, &specification.plates);
        let mut incoming = Vec::new();
        add_incoming(&plates, &[], &mut incoming);
        // Plates declared last come first: the rows that name an element include those that name them.
        incoming.sort_by_key(|incoming| std::cmp::Reverse(incoming.to));
        // Their tables come after those of the nested plates and the images.
        let mut tables: Vec<usize> = plates.iter().map(|code| code.plates.len() + code.images.len()).collect();
        for Incoming { to, table, .. } in &mut incoming {
            *table = tables[*to];
            tables[*to] += 1;
        }
        Self { width, units: Vec::new(), images, plates, incoming }
    }

    /// Returns the shape of a data set as the network reads it: the count of numbers outside plates, and the plates.
    pub(super) fn shape(&self) -> (usize, Vec<PlateShape>) {
        fn shape(code: &PlateCode) -> PlateShape {
            let images = code.images.iter().map(ImageColumn::shape);
            let children = code.plates.iter().map(shape).chain(images).collect();
            PlateShape { width: code.row_width(), children, image: None }
        }
        let mut plates: Vec<PlateShape> = self.plates.iter().map(shape).collect();
        for incoming in &self.incoming {
            let width = incoming.width + incoming.others.len() * (incoming.width + 1);
            let from = incoming.from[1..].iter().fold(&plates[incoming.from[0]], |shape, &i| &shape.children[i]);
            let children = if incoming.nested() { from.children.clone() } else { Vec::new() };
            plates[incoming.to].children.push(PlateShape { width, children, image: None });
        }
        plates.extend(self.images.iter().map(ImageColumn::shape));
        (self.width, plates)
    }

    /// Returns all images: their names as `plate.image`, the paths of their tables, and their heights and widths.
    pub(super) fn named_images(&self, specification: &Specification) -> Vec<(String, Vec<usize>, (usize, usize))> {
        fn visit(
            specification: &Specification,
            plates: &[Plate],
            path: &[usize],
            to: &mut Vec<(String, Vec<usize>, (usize, usize))>,
        ) {
            for (i, plate) in specification.data_plates(plates).enumerate() {
                let path = [path, &[i]].concat();
                let tables = specification.data_plates(&plate.plates).count();
                let own = plate.variables.iter().filter(|v| v.in_data()).filter_map(|v| Some((v, image(v)?)));
                for (at, (variable, size)) in own.enumerate() {
                    to.push((format!("{}.{}", plate.name, variable.name), [&path[..], &[tables + at]].concat(), size));
                }
                visit(specification, &plate.plates, &path, to);
            }
        }
        let mut all = Vec::new();
        visit(specification, &specification.plates, &[], &mut all);
        let outside = specification.variables.iter().filter(|v| v.in_data()).filter_map(|v| Some((v, image(v)?)));
        all.extend(outside.enumerate().map(|(at, (v, size))| (v.name.clone(), vec![self.plates.len() + at], size)));
        all
    }

    /// Returns the count of images outside plates; theirs are the last tables.
    pub(super) fn images(&self) -> usize {
        self.images.len()
    }

    /// Returns a batch without data sets.
    pub(super) fn batch(&self) -> Batch {
        let (width, plates) = self.shape();
        Batch::empty(width, &plates)
    }

    /// Adds a data set to a batch.
    pub(super) fn push(&self, frame: &Frame<'_>, batch: &mut Batch) {
        if self.incoming.is_empty() {
            return self.push_plates(frame, batch);
        }
        let mut one = self.batch();
        self.push_plates(frame, &mut one);
        for incoming in &self.incoming {
            one.plates[incoming.to].children[incoming.table] = incoming.rows(frame, &one);
        }
        batch.append(&one);
    }

    fn push_plates(&self, frame: &Frame<'_>, batch: &mut Batch) {
        batch.sets += 1;
        for (at, column) in frame.columns.iter().enumerate() {
            if !self.images.iter().any(|image| image.column == at) {
                append(column, 0..column.width, &self.units[at], &mut batch.globals);
            }
        }
        for (image, rows) in self.images.iter().zip(&mut batch.plates[self.plates.len()..]) {
            image.push(frame, rows);
        }
        for ((code, plate), rows) in self.plates.iter().zip(&frame.plates).zip(&mut batch.plates) {
            let first = rows.offsets.last().copied().unwrap_or(0);
            rows.offsets.push(first + plate.size);
            push_rows(&self.plates, code, plate, frame, rows);
        }
    }
}

fn codes(specification: &Specification, plates: &[Plate]) -> Vec<PlateCode> {
    let mut codes: Vec<PlateCode> = Vec::new();
    for (at, plate) in specification.data_plates(plates).enumerate() {
        let code = code(specification, plate, &codes, at);
        codes.push(code);
    }
    codes
}

/// Returns the layout of a plate that is, or is inside, the plate `at` at the top; `top` are the layouts of the plates
/// before that.
fn code(specification: &Specification, plate: &Plate, top: &[PlateCode], at: usize) -> PlateCode {
    let named = |v: &Variable| specification.data_plates(&specification.plates).position(|p| v.is_index_of(&p.name));
    let columns: Vec<&Variable> = plate.variables.iter().filter(|v| v.in_data()).collect();
    let source = |(i, v): (usize, &&Variable)| match named(v) {
        _ if image(v).is_some() => ColumnSource::Nowhere,
        Some(plate) if plate < at => ColumnSource::Through { index: i, plate },
        Some(_) => ColumnSource::Nowhere,
        None => ColumnSource::UserNetwork(i),
    };
    let columns_of = columns.iter().enumerate().map(source).collect::<Vec<_>>();
    let width = |(source, v): (&ColumnSource, &&Variable)| match source {
        ColumnSource::UserNetwork(_) => width_of(v),
        ColumnSource::Through { plate, .. } => top[*plate].width,
        ColumnSource::Nowhere => 0,
    };
    let inner = specification.data_plates(&plate.plates).map(|inner| code(specification, inner, top, at));
    PlateCode {
        width: columns_of.iter().zip(&columns).map(width).sum(),
        around: if plate.is_sequence() { AROUND } else { 0 },
        columns: columns_of,
        units: Vec::new(),
        plates: inner.collect(),
        images: ImageColumn::among(columns.into_iter()),
    }
}

fn push_rows(codes: &[PlateCode], code: &PlateCode, frame: &Frame<'_>, root: &Frame<'_>, rows: &mut Rows) {
    match code.around {
        0 => (0..frame.size).for_each(|i| push_row(codes, code, frame, root, i, &mut rows.features)),
        _ => push_sequence(codes, code, frame, root, &mut rows.features),
    }
    for ((code, inner), child) in code.plates.iter().zip(&frame.plates).zip(&mut rows.children) {
        let first = child.offsets.last().copied().unwrap_or(0);
        let offsets = inner.offsets.as_deref().unwrap_or(&[]);
        child.offsets.extend(offsets.iter().skip(1).map(|o| first + o));
        push_rows(codes, code, inner, root, child);
    }
    for (image, child) in code.images.iter().zip(rows.children.iter_mut().skip(code.plates.len())) {
        image.push(frame, child);
    }
}

/// Adds the rows of a sequence, or of one in each element around, with the rows around each.
fn push_sequence(codes: &[PlateCode], code: &PlateCode, frame: &Frame<'_>, root: &Frame<'_>, to: &mut Vec<f32>) {
    let mut own = Vec::with_capacity(frame.size * code.width);
    (0..frame.size).for_each(|i| push_row(codes, code, frame, root, i, &mut own));
    let whole = [0, frame.size];
    for sequence in frame.offsets.as_deref().unwrap_or(&whole).windows(2) {
        for row in sequence[0]..sequence[1] {
            to.extend_from_slice(&own[row * code.width..(row + 1) * code.width]);
            for steps in 1..=code.around {
                let before = row.checked_sub(steps).filter(|other| *other >= sequence[0]);
                let after = Some(row + steps).filter(|other| *other < sequence[1]);
                for other in [before, after] {
                    match other {
                        Some(other) => to.extend_from_slice(&own[other * code.width..(other + 1) * code.width]),
                        None => to.extend(std::iter::repeat_n(0.0, code.width)),
                    }
                    to.push(if other.is_some() { 1.0 } else { 0.0 });
                }
            }
        }
    }
}

/// Adds the numbers of a row: its own, and those of the elements that it names, and so on.
fn push_row(codes: &[PlateCode], code: &PlateCode, frame: &Frame<'_>, root: &Frame<'_>, row: usize, to: &mut Vec<f32>) {
    for source in &code.columns {
        match *source {
            ColumnSource::UserNetwork(c) => {
                let column = &frame.columns[c];
                append(column, row * column.width..(row + 1) * column.width, &code.units[c], to);
            }
            ColumnSource::Through { index, plate } => {
                let element = frame.columns[index].values.get(row) as usize;
                push_row(codes, &codes[plate], &root.plates[plate], root, element, to);
            }
            ColumnSource::Nowhere => {}
        }
    }
}

/// Returns how many numbers of a variable a row holds: those of its value and, where these may be missing, for each whether it is
/// there.
pub(super) fn width_of(variable: &Variable) -> usize {
    if variable.missing == Missing::Never { variable.len() } else { 2 * variable.len() }
}

/// Adds whole values of a column, each number in the unit of its component. Pixels have no units. A number that is missing is zero,
/// the middle of the others; behind the numbers that may be missing stands which of them are there, as one and zero.
fn append(column: &Column<'_>, numbers: std::ops::Range<usize>, units: &[Unit], to: &mut Vec<f32>) {
    if column.there.is_some() {
        let all = numbers.clone().zip(units.iter().cycle());
        to.extend(all.map(|(i, unit)| if column.is_there(i) { unit.read(column.get(i)) } else { 0.0 }));
        to.extend(numbers.map(|i| if column.is_there(i) { 1.0 } else { 0.0 }));
        return;
    }
    match &column.values {
        Values::Pixels(x) => to.extend_from_slice(&x[numbers]),
        Values::Real(x) if units.len() == 1 => to.extend(x[numbers].iter().map(|&x| units[0].read(x))),
        Values::Real(x) => to.extend(x[numbers].iter().zip(units.iter().cycle()).map(|(&x, unit)| unit.read(x))),
        other => to.extend(numbers.zip(units.iter().cycle()).map(|(i, unit)| unit.read(other.get(i)))),
    }
}

/// Returns the count of columns of a data set outside plates.
fn outside_columns(specification: &Specification) -> usize {
    specification.variables.iter().filter(|v| v.in_data()).count()
}

/// Gives each plate the units of its columns, depth first.
fn take_units(codes: &mut [PlateCode], columns: &mut impl Iterator<Item = Arc<[Unit]>>) {
    for code in codes {
        code.units = columns.by_ref().take(code.columns.len()).collect();
        take_units(&mut code.plates, columns);
    }
}

/// Finds the columns that name elements, in a tree of plates.
fn add_incoming(plates: &[PlateCode], path: &[usize], to: &mut Vec<Incoming>) {
    for (i, code) in plates.iter().enumerate() {
        let from = [path, &[i]].concat();
        let named: Vec<(usize, usize)> = code
            .columns
            .iter()
            .filter_map(|source| match *source {
                ColumnSource::Through { index, plate } => Some((index, plate)),
                ColumnSource::UserNetwork(_) | ColumnSource::Nowhere => None,
            })
            .collect();
        for (at, &(column, plate)) in named.iter().enumerate() {
            let others = named.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, other)| *other).collect();
            to.push(Incoming { to: plate, table: 0, column, from: from.clone(), width: code.row_width(), others });
        }
        add_incoming(&code.plates, &from, to);
    }
}

impl Incoming {
    /// Returns whether the rows include their own tables: all of these exist by then.
    pub(super) fn nested(&self) -> bool {
        self.from.len() > 1 || self.from[0] > self.to
    }

    /// Returns the rows of one data set, ordered by the element that they name.
    fn rows(&self, frame: &Frame<'_>, batch: &Batch) -> Rows {
        let frame = self.from.iter().fold(frame, |frame, &i| &frame.plates[i]);
        let from = self.from[1..].iter().fold(&batch.plates[self.from[0]], |rows, &i| &rows.children[i]);
        let width = self.width;
        let names = |column: usize| -> Vec<usize> {
            (0..frame.size).map(|i| frame.columns[column].values.get(i) as usize).collect()
        };
        let others: Vec<(Vec<usize>, Vec<f32>)> = self
            .others
            .iter()
            .map(|&(column, plate)| {
                let names = names(column);
                let means = means_by(&names, batch.plates[plate].rows(), &from.features, width);
                (names, means)
            })
            .collect();
        let names = names(self.column);
        let elements = batch.plates[self.to].rows();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&row| names[row]);
        let mut offsets = vec![0; elements + 1];
        names.iter().for_each(|&element| offsets[element + 1] += 1);
        (0..elements).for_each(|element| offsets[element + 1] += offsets[element]);
        let mut features = Vec::new();
        let tables = if self.nested() { from.children.as_slice() } else { &[] };
        let mut children: Vec<Rows> = tables.iter().map(|table| table.slice(0..0)).collect();
        for row in order {
            children.iter_mut().zip(tables).for_each(|(child, table)| child.append(&table.slice(row..row + 1)));
            features.extend_from_slice(&from.features[row * width..(row + 1) * width]);
            for (names, means) in &others {
                features.extend_from_slice(&means[names[row] * (width + 1)..(names[row] + 1) * (width + 1)]);
            }
        }
        Rows { width: width + others.len() * (width + 1), features, offsets, children }
    }
}

/// Returns, for each of `elements` elements, the mean of the rows that name it, and ln(1 + the number of these rows).
fn means_by(names: &[usize], elements: usize, features: &[f32], width: usize) -> Vec<f32> {
    let mut means = vec![0.0; elements * (width + 1)];
    for (row, &element) in names.iter().enumerate() {
        let mean = &mut means[element * (width + 1)..(element + 1) * (width + 1)];
        mean.iter_mut().zip(&features[row * width..(row + 1) * width]).for_each(|(mean, x)| *mean += x);
        mean[width] += 1.0;
    }
    for mean in means.chunks_exact_mut(width + 1) {
        let count = mean[width];
        mean[..width].iter_mut().for_each(|mean| *mean /= count.max(1.0));
        mean[width] = count.ln_1p();
    }
    means
}
