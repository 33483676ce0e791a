//! What is read of plates, as nodes of a graph of ONNX: what `plate.rs`, `column.rs`, `image.rs` and `sizes.rs` compute.

use super::FeatureExtractor;
use super::column::{Column, LINEAR};
use super::image::ImageFeatures;
use super::plate::{PlateFeatures, SHRINK};
use super::regression::Linear;
use super::sizes::{Orthonormal, Sizes};
use crate::architecture::Stretch;
use crate::onnx::{Attribute, NumberType, OnnxGraph, OnnxRows, Value};

/// What a network reads of one plate, in a graph: see [`EncodedPlate`](super::EncodedPlate).
pub(crate) struct WrittenPlate {
    pub(crate) rows: OnnxRows,
    pub(crate) numbers: Value,
    /// Soft one-hot vectors of the rows, if an element network reads them.
    pub(crate) bins: Option<Value>,
    pub(crate) pooled_bins: Option<Value>,
    pub(crate) moments: Option<Value>,
    pub(crate) roots: Option<Value>,
    pub(crate) children: Vec<WrittenPlate>,
}

/// The soft bins of rows.
struct SoftBins {
    /// The place of the lower entry among all bins, rows x binned columns.
    places: Value,
    /// The share of the entry above it.
    shares: Value,
}

/// Adds `z` as it is where it is small, and else its logarithm: see `squash` in `column.rs`.
fn squash(graph: &OnnxGraph, z: &Value) -> Value {
    let size = graph.op("Min", &[&graph.abs(z), &graph.float(1e30)]);
    let linear = graph.float(LINEAR);
    let far = graph.sub(&graph.op("Max", &[&size, &linear]), &graph.float(LINEAR - 1.0));
    let far = graph.with_sign(&graph.add(&graph.op("Log", &[&far]), &linear), z);
    graph.choose(&graph.op("LessOrEqual", &[&size, &linear]), z, &far)
}

impl FeatureExtractor {
    /// Adds the units of the targets, means and standard deviations as f64 of single precision, 1 x targets each.
    pub(crate) fn write_scales(&self, graph: &OnnxGraph, plates: &[WrittenPlate]) -> (Value, Value) {
        let numbers = |of: fn(&(f32, f32)) -> f32| -> Vec<f64> { self.targets.iter().map(|t| of(t).into()).collect() };
        let (means, sds) = (graph.row(&numbers(|t| t.0)), graph.row(&numbers(|t| t.1)));
        let Some(Linear { dims, means: mean_columns, sizes, prediction }) = &self.linear else { return (means, sds) };
        let told = |columns: &[Vec<usize>], weights: &[f64]| {
            let mut design = vec![graph.row(&[1.0])];
            for (plate, columns) in plates.iter().zip(columns) {
                let Some(moments) = plate.moments.as_ref().filter(|_| !columns.is_empty()) else { continue };
                design.push(graph.cast(&graph.columns(moments, columns), NumberType::Double));
            }
            let weights = graph.doubles(&[weights.len() / dims, *dims], weights);
            graph.matmul(&graph.concat(&design, 1), &weights)
        };
        let mean = graph.add(&means, &graph.mul(&sds, &told(mean_columns, &prediction.mean)));
        let log_sd = graph.op("Max", &[&told(sizes, &prediction.log_sd), &graph.double(Linear::LEAST)]);
        let sd = graph.mul(&sds, &graph.op("Exp", &[&log_sd]));
        let rounded = |x: &Value| graph.cast(&graph.cast(x, NumberType::Float), NumberType::Double);
        (rounded(&mean), rounded(&sd))
    }
}

impl PlateFeatures {
    /// Adds what the network reads of `rows`, and what is pooled over them.
    pub(crate) fn write(&self, graph: &OnnxGraph, rows: &OnnxRows) -> WrittenPlate {
        if let Some(image) = &self.image {
            let numbers = image.write(graph, &rows.features);
            let rows = rows.clone();
            let (bins, pooled_bins, moments, roots, children) = (None, None, None, None, Vec::new());
            return WrittenPlate { rows, numbers, bins, pooled_bins, moments, roots, children };
        }
        let children: Vec<WrittenPlate> =
            self.children.iter().zip(&rows.children).map(|(level, child)| level.write(graph, child)).collect();
        let numbers = self.write_numbers(graph, rows, &children);
        let (reads, pools) = (self.network && self.bins() > 0, self.pooled_bins() > 0);
        let soft = (reads || pools).then(|| self.write_soft_bins(graph, &numbers));
        let bins = soft.as_ref().filter(|_| reads).map(|soft| self.write_one_hot(graph, soft, &rows.group));
        let factors = self.moments.then(|| self.write_sizes(graph, rows));
        let pooled = soft.filter(|_| pools).map(|soft| self.write_histogram(graph, rows, &soft));
        let pooled_bins = pooled.zip(factors.as_ref()).map(|(pooled, factors)| {
            let (scale, root_scale) = (&self.scale[..self.pooled_bins()], &self.root_scale[..self.pooled_bins()]);
            let told = |scale: &[f32], factor: Option<&Value>| told(graph, &pooled, scale, factor);
            match factors {
                None => told(scale, None),
                Some(factors) => {
                    graph.concat(&[told(scale, Some(&factors.shrink)), told(root_scale, Some(&factors.root))], 1)
                }
            }
        });
        let moments = factors.as_ref().filter(|_| self.pooled().1 > 0).map(|factors| {
            let means = (self.moments_width() > 0).then(|| self.write_moments(graph, rows, &numbers));
            self.write_told(graph, means.as_ref(), factors.as_ref())
        });
        let roots = self.sizes.as_ref().map(|sizes| {
            let root = graph.op("Sqrt", &[&graph.cast(&rows.sizes, NumberType::Float)]);
            graph.div(&root, &graph.float(sizes.root))
        });
        WrittenPlate { rows: rows.clone(), numbers, bins, pooled_bins, moments, roots, children }
    }

    /// Adds standardised columns: those of the rows themselves, and those that are derived from nested plates.
    fn write_numbers(&self, graph: &OnnxGraph, rows: &OnnxRows, children: &[WrittenPlate]) -> Value {
        let mut columns = vec![rows.features.clone()];
        for (level, child) in self.children.iter().zip(children).filter(|(level, _)| level.derived() > 0) {
            let width = level.numbers();
            let means = child.rows.single_means(graph, &child.numbers, width);
            let centred = graph.sub(&child.numbers, &graph.gather(&means, &child.rows.group, 0));
            let squares = child.rows.single_means(graph, &graph.mul(&centred, &centred), width);
            let sds = graph.op("Sqrt", &[&squares]);
            // Mean and standard deviation of one column stand next to each other.
            let order: Vec<usize> = (0..width).flat_map(|column| [column, width + column]).collect();
            columns.push(graph.columns(&graph.concat(&[means, sds], 1), &order));
            if level.ragged() {
                let count = graph.add(&child.rows.sizes, &graph.double(1.0));
                columns.push(graph.cast(&graph.op("Log", &[&count]), NumberType::Float));
            }
        }
        let constants = |of: fn(&Column) -> f32| {
            let numbers: Vec<f32> = self.columns.iter().map(of).collect();
            graph.floats(&[1, numbers.len()], &numbers)
        };
        let table = graph.concat(&columns, 1);
        let z = graph.div(&graph.sub(&table, &constants(|c| c.centre)), &constants(|c| c.scale));
        squash(graph, &z)
    }

    /// Adds the soft bins of standardised rows: the interval of each number is found by halving.
    fn write_soft_bins(&self, graph: &OnnxGraph, numbers: &Value) -> SoftBins {
        let binned: Vec<usize> = (0..self.columns.len()).filter(|i| !self.columns[*i].knots.is_empty()).collect();
        let longest = binned.iter().map(|i| self.columns[*i].knots.len()).max().unwrap_or(0);
        let room = longest.next_power_of_two();
        let mut tables = [Vec::new(), Vec::new(), Vec::new()];
        let (mut starts, mut first) = (Vec::new(), 0);
        for column in &binned {
            let knots = &self.columns[*column].knots.values;
            starts.push(first);
            first += knots.len() as i64;
            // Of the last interval, and beyond it, the next knot is nowhere.
            let inner = knots[..knots.len() - 1].iter().copied().chain(std::iter::repeat(f32::INFINITY));
            tables[0].extend(inner.take(room));
            for (table, skip) in tables[1..].iter_mut().zip([0, 1]) {
                let ends = knots[skip..].iter().copied().chain(std::iter::repeat(f32::INFINITY));
                table.extend(ends.take(room));
            }
        }
        let [inner, low, high] = tables.map(|table| graph.floats(&[table.len()], &table));
        let row = |values: Vec<i64>| graph.integers(&[1, values.len()], &values);
        let tables_at = row((0..binned.len()).map(|at| (at * room) as i64).collect());
        let z = graph.columns(numbers, &binned);
        let mut interval = graph.mul(&graph.cast(&z, NumberType::Integer), &graph.integers(&[], &[0]));
        let mut step = room / 2;
        while step > 0 {
            let next = graph.add(&interval, &graph.integers(&[], &[step as i64]));
            let knot = graph.gather(&inner, &graph.add(&next, &tables_at), 0);
            interval = graph.choose(&graph.op("LessOrEqual", &[&knot, &z]), &next, &interval);
            step /= 2;
        }
        let at = graph.add(&interval, &tables_at);
        let (low, high) = (graph.gather(&low, &at, 0), graph.gather(&high, &at, 0));
        let share = graph.div(&graph.sub(&z, &low), &graph.sub(&high, &low));
        let share = graph.op("Min", &[&graph.op("Max", &[&share, &graph.float(0.0)]), &graph.float(1.0)]);
        SoftBins { places: graph.add(&interval, &row(starts)), shares: share }
    }

    /// Adds both entries of each soft bin: their places and their weights, rows x 2 binned columns.
    fn write_entries(graph: &OnnxGraph, soft: &SoftBins) -> (Value, Value) {
        let above = graph.add(&soft.places, &graph.integers(&[], &[1]));
        let below = graph.sub(&graph.float(1.0), &soft.shares);
        (graph.concat(&[soft.places.clone(), above], 1), graph.concat(&[below, soft.shares.clone()], 1))
    }

    fn write_one_hot(&self, graph: &OnnxGraph, soft: &SoftBins, group: &Value) -> Value {
        let (places, weights) = Self::write_entries(graph, soft);
        let zeros = graph.fill(&graph.float(0.0), &graph.shape(&graph.rows(group), &[self.bins()]));
        graph.op_with("ScatterElements", &[&zeros, &places, &weights], &[("axis", Attribute::Int(1))])
    }

    /// Adds the deviations of each parent's soft histogram from that of the prior.
    fn write_histogram(&self, graph: &OnnxGraph, rows: &OnnxRows, soft: &SoftBins) -> Value {
        let bins = self.pooled_bins();
        let (places, weights) = Self::write_entries(graph, soft);
        let first = graph.mul(&graph.unsqueeze(&rows.group, &[1]), &graph.integers(&[], &[bins as i64]));
        let places = graph.reshape(&graph.add(&places, &first), &[-1]);
        let weights = graph.reshape(&graph.cast(&weights, NumberType::Double), &[-1]);
        let length = graph.mul(&rows.parents, &graph.integers(&[1], &[bins as i64]));
        let zeros = graph.fill(&graph.double(0.0), &length);
        let sums =
            graph.op_with("ScatterElements", &[&zeros, &places, &weights], &[("reduction", Attribute::Word("add"))]);
        let sums = graph.reshape(&sums, &[-1, bins as i64]);
        deviations(graph, rows, &sums, &self.centre[..bins])
    }

    /// Adds the deviations of each parent's moments from those of the prior.
    fn write_moments(&self, graph: &OnnxGraph, rows: &OnnxRows, numbers: &Value) -> Value {
        let width = self.numbers();
        let (mut left, mut right, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..width {
            order.push(index);
            let first = if index < self.binned { 0 } else { index };
            for other in first..=index {
                order.push(width + left.len());
                left.push(index);
                right.push(other);
            }
        }
        let products = graph.mul(&graph.columns(numbers, &left), &graph.columns(numbers, &right));
        let sum = |values: &Value, width| rows.sums(graph, &graph.cast(values, NumberType::Double), width);
        let sums = graph.concat(&[sum(numbers, width), sum(&products, left.len())], 1);
        deviations(graph, rows, &graph.columns(&sums, &order), &self.centre[self.pooled_bins()..])
    }

    /// Adds the functions of the sizes of a plate; `None` if they do not vary.
    fn write_sizes(&self, graph: &OnnxGraph, rows: &OnnxRows) -> Option<WrittenSizes> {
        let functions = self.sizes.as_ref()?;
        let size = graph.cast(&rows.sizes, NumberType::Float);
        let shrink = graph.div(&size, &graph.add(&size, &graph.float(SHRINK)));
        let combined = |values: &Value, of: &Orthonormal| {
            // The first is 1, and is not read.
            let weights: Vec<f64> = (0..5).flat_map(|from| of.weights[1..].iter().map(move |row| row[from])).collect();
            graph.cast(&graph.matmul(values, &graph.doubles(&[5, 4], &weights)), NumberType::Float)
        };
        let n = &rows.sizes;
        let share = graph.div(n, &graph.add(n, &graph.row(&Sizes::HALF_SHARES)));
        let logarithm = graph.op("Log", &[&graph.add(n, &graph.row(&Sizes::OFFSETS))]);
        let one = graph.fill(&graph.double(1.0), &graph.shape(&rows.parents, &[1]));
        Some(WrittenSizes {
            root: graph.op("Sqrt", &[&size]),
            shrink,
            shares: combined(&graph.concat(&[one.clone(), share], 1), &functions.factors),
            logarithms: combined(&graph.concat(&[one, logarithm], 1), &functions.logarithms),
        })
    }

    /// Adds what the network reads of a plate: its moments, also times functions of the number of rows, and functions of that number.
    fn write_told(&self, graph: &OnnxGraph, means: Option<&Value>, sizes: Option<&WrittenSizes>) -> Value {
        let bins = self.pooled_bins();
        let mut parts = Vec::new();
        if let (Some(means), Some(sizes)) = (means, sizes) {
            parts.push(told(graph, means, &self.root_scale[bins..], Some(&sizes.root)));
            let plain = told(graph, means, &self.scale[bins..], None);
            parts.push(plain.clone());
            parts.extend((0..4).map(|at| graph.mul(&plain, &graph.columns(&sizes.shares, &[at]))));
        } else if let Some(means) = means {
            parts.push(told(graph, means, &self.scale[bins..], None));
        }
        parts.extend(sizes.map(|sizes| sizes.logarithms.clone()));
        graph.concat(&parts, 1)
    }
}

/// Functions of the sizes of a plate, parents x 1 or parents x 4.
struct WrittenSizes {
    root: Value,
    shrink: Value,
    shares: Value,
    logarithms: Value,
}

/// Adds sums over rows as deviations of the means from `centre`; 0 where there are no rows.
fn deviations(graph: &OnnxGraph, rows: &OnnxRows, sums: &Value, centre: &[f32]) -> Value {
    let means = graph.div(sums, &graph.op("Max", &[&rows.sizes, &graph.double(1.0)]));
    let known = graph.op("Min", &[&graph.cast(&rows.sizes, NumberType::Float), &graph.float(1.0)]);
    let centre = graph.mul(&known, &graph.floats(&[1, centre.len()], centre));
    graph.sub(&graph.cast(&means, NumberType::Float), &centre)
}

/// Adds deviations in their scale, times a factor of each parent.
fn told(graph: &OnnxGraph, deviations: &Value, scale: &[f32], factor: Option<&Value>) -> Value {
    let scaled = factor.map_or_else(|| deviations.clone(), |factor| graph.mul(factor, deviations));
    squash(graph, &graph.mul(&scaled, &graph.floats(&[1, scale.len()], scale)))
}

impl ImageFeatures {
    fn write(&self, graph: &OnnxGraph, pixels: &Value) -> Value {
        let stretched = match self.stretch {
            Stretch::None => pixels.clone(),
            Stretch::Root => graph.with_sign(&graph.op("Sqrt", &[&graph.abs(pixels)]), pixels),
        };
        graph.div(&graph.sub(&stretched, &graph.float(self.mean)), &graph.float(self.sd))
    }
}
