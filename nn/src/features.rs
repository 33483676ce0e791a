//! From tables of raw numbers to what the network reads: standardised numbers, soft bins, pooled moments.
//!
//! Nothing here is learned by gradient. Everything is fitted once to a pilot sample of the prior predictive, and then
//! fixed, so these features are data to the network, and cost it no backward pass.
//!
//! A number x of a column becomes z = squash((x - median) / scale), linear in the bulk and logarithmic in the tails, so
//! that a Cauchy variable does no harm. Over the range of z lies a grid of knots; x is then also the *soft one-hot*
//! vector whose two entries next to z share the weight 1 by linear interpolation. The mean of these vectors over a plate
//! is a smooth histogram, and any function of x that is linear between knots, summed over the plate, is linear in it:
//! this is where a network gets its resolution from.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::prefix::{self, Prefix};
use super::regression::Linear;
use super::{Architecture, Batch, Encoder, PlateShape, Rows, Shape, Stretch};

/// Rows wider than this get no bins and no products: their numbers (pixels, say) only mean something together.
const BINNED_WIDTH: usize = 8;
/// Rows wider than this get no pooled moments either.
const POOLED_WIDTH: usize = 64;
/// Rows inside a row that hold no more numbers than this, always as many, are read as numbers of that row. A network of
/// their own would run as often as there are such rows.
const FLAT_WIDTH: usize = 32;
/// Values of a pilot column looked at for its quantiles.
const COLUMN_SAMPLE: usize = 1 << 18;
/// The scale of a soft bin, next to 1 for a moment, where rows have one number; with more numbers each has its share. A
/// network sees what is large sooner, and is distracted by it.
const BIN_SCALE: f64 = 1.4;
/// The share of the knots that lie where the data do; the others are spread evenly.
const DENSE: f64 = 0.25;
/// Rows at which a plate's own histogram counts as much as the prior's.
const SHRINK: f32 = 4.0;
/// |z| up to which a number stays linear.
const LINEAR: f32 = 4.0;

/// Linear up to `LINEAR`, then logarithmic, with a continuous slope.
#[inline]
fn squash(z: f32) -> f32 {
    #[cold]
    fn far(z: f32) -> f32 {
        let z = z.clamp(-1e30, 1e30);
        (LINEAR + (z.abs() - (LINEAR - 1.0)).ln()).copysign(z)
    }
    if z.abs() <= LINEAR { z } else { far(z) }
}

/// How one column of numbers is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    centre: f32,
    scale: f32,
    /// In units of z. No bins where the column is constant or its rows are too wide for them.
    knots: Knots,
}

/// Strictly increasing numbers, none or at least two, with a table that finds the interval of a number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
struct Knots {
    values: Vec<f32>,
    /// Cells of equal width over the range of the knots: for each the last interval that starts at or before it.
    cells: Vec<u16>,
    cells_per_unit: f32,
}

impl Knots {
    /// Cells for each interval.
    const CELLS: usize = 4;

    fn new(values: Vec<f32>) -> Knots {
        let [first, .., last] = values[..] else {
            return Knots::default();
        };
        let count = Self::CELLS * values.len();
        let cells_per_unit = count as f32 / (last - first);
        let start = |cell: usize| first + cell as f32 / cells_per_unit;
        let interval = |cell| values[1..values.len() - 1].partition_point(|knot| *knot <= start(cell)) as u16;
        let cells = (0..count).map(interval).collect();
        Knots { values, cells, cells_per_unit }
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The interval that holds `z`, or is nearest to it.
    #[inline]
    fn interval(&self, z: f32) -> usize {
        let cell = ((z - self.values[0]) * self.cells_per_unit) as usize; // negative numbers become 0
        // By rounding, a cell may start a little later than it should.
        let mut interval = usize::from(self.cells[cell.min(self.cells.len() - 1)]).saturating_sub(1);
        while interval + 2 < self.values.len() && self.values[interval + 1] <= z {
            interval += 1;
        }
        interval
    }
}

impl TryFrom<Vec<f32>> for Knots {
    type Error = String;

    fn try_from(values: Vec<f32>) -> Result<Knots, String> {
        let increasing = values.windows(2).all(|pair| pair[0] < pair[1] && (pair[1] - pair[0]).is_finite());
        if values.len() == 1 || values.len() > usize::from(u16::MAX) || !increasing {
            return Err("the knots of a column must increase".to_owned());
        }
        Ok(Knots::new(values))
    }
}

impl From<Knots> for Vec<f32> {
    fn from(knots: Knots) -> Vec<f32> {
        knots.values
    }
}

impl Column {
    fn fit(mut values: Vec<f32>, knots: usize) -> Column {
        values.sort_by(f32::total_cmp);
        let (centre, scale) = robust_location(&values);
        let mut column = Column { centre, scale, knots: Knots::default() };
        for value in &mut values {
            *value = column.standardise(*value);
        }
        column.knots = Knots::new(place_knots(&values, knots));
        column
    }

    fn standardise(&self, value: f32) -> f32 {
        squash((value - self.centre) / self.scale)
    }

    /// The knot at or below `z`, and the share of the one above it.
    #[inline]
    fn bin(&self, z: f32) -> (usize, f32) {
        let knot = self.knots.interval(z);
        let (low, high) = (self.knots.values[knot], self.knots.values[knot + 1]);
        (knot, ((z - low) / (high - low)).clamp(0.0, 1.0))
    }
}

/// The median, and a scale: the interquartile range as a standard deviation, or where that vanishes (most values are
/// equal) the standard deviation itself, or 1 for a constant. `sorted` may be empty.
fn robust_location(sorted: &[f32]) -> (f32, f32) {
    let Some(last) = sorted.len().checked_sub(1) else {
        return (0.0, 1.0);
    };
    let quantile = |share: f64| sorted[(share * last as f64).round() as usize];
    let centre = quantile(0.5);
    let spread = (quantile(0.75) - quantile(0.25)) / 1.349;
    if spread > 0.0 && spread.is_finite() {
        return (centre, spread);
    }
    let square = |value: &f32| (f64::from(*value) - f64::from(centre)).powi(2);
    let sd = (sorted.iter().map(square).sum::<f64>() / sorted.len() as f64).sqrt() as f32;
    (centre, if sd > 0.0 && sd.is_finite() { sd } else { 1.0 })
}

/// Where the knots lie: at each value if there are few; else at equal steps of a weighted average of the distribution
/// function of the sample and that of a uniform distribution over its range. The first puts resolution where the data are,
/// the second keeps it where only an unusual data set would have data.
fn place_knots(sorted: &[f32], count: usize) -> Vec<f32> {
    if count < 2 || sorted.is_empty() {
        return Vec::new();
    }
    let mut knots: Vec<f32> = Vec::with_capacity(count);
    for value in sorted {
        if knots.last() != Some(value) {
            knots.push(*value);
            if knots.len() > count {
                break;
            }
        }
    }
    if knots.len() <= count {
        return if knots.len() >= 2 { knots } else { Vec::new() };
    }

    let last = sorted.len() - 1;
    let tail = (0.0005 * last as f64).round() as usize;
    let (low, high) = (f64::from(sorted[tail]), f64::from(sorted[last - tail]));
    if high <= low {
        return vec![sorted[0], sorted[last]];
    }
    let level = |index: usize| {
        let value = f64::from(sorted[index]);
        DENSE * (index - tail) as f64 / (last - 2 * tail) as f64 + (1.0 - DENSE) * (value - low) / (high - low)
    };
    knots.clear();
    let closest = (1e-3 * (high - low) / count as f64) as f32;
    let mut index = tail;
    for step in 0..count {
        let wanted = step as f64 / (count - 1) as f64;
        while index + 1 < last - tail && level(index + 1) < wanted {
            index += 1;
        }
        let (below, above) = (level(index), level(index + 1));
        let share = ((wanted - below) / (above - below).max(1e-12)).clamp(0.0, 1.0);
        let (left, right) = (f64::from(sorted[index]), f64::from(sorted[index + 1]));
        let knot = (left + share * (right - left)) as f32;
        if knots.last().is_none_or(|previous| knot > previous + closest) {
            knots.push(knot);
        }
    }
    knots
}

/// How the size of a plate is read, where it varies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sizes {
    /// sqrt(n) is measured in units of its root mean square.
    root: f32,
    /// The logarithms that are told by themselves.
    logarithms: Orthonormal,
    /// The factors of moments, the first of them 1.
    factors: Orthonormal,
}

impl Sizes {
    /// ln(n + k) for some k: logarithms of what a prior that is worth k rows and n rows of data know together. Sums of these
    /// follow a power of n where n is large, beyond the sizes of the pilot sample too.
    fn logarithms(size: usize) -> [f64; 5] {
        let ln = |k: f64| (size as f64 + k).ln();
        [1.0, ln(0.1), ln(1.0), ln(8.0), ln(64.0)]
    }

    /// n / (n + k) for some k: shares of the data where the prior is worth k rows. Of a Gaussian with a Gaussian prior the
    /// posterior's mean is the mean of the data, shrunk by one of those.
    fn shares(size: usize) -> [f64; 5] {
        let n = size as f64;
        [1.0, n / (n + 0.5), n / (n + 2.0), n / (n + 8.0), n / (n + 32.0)]
    }

    /// How many functions of the size are told.
    const WIDTH: usize = 4;
    /// How often moments are told, each time with another factor.
    const FACTORS: usize = 5;

    /// `None` if all sizes are equal.
    fn fit(offsets: &[usize]) -> Option<Sizes> {
        let sizes = || offsets.windows(2).map(|pair| pair[1] - pair[0]);
        let first = sizes().next()?;
        if sizes().all(|size| size == first) {
            return None;
        }
        let count = (offsets.len() - 1) as f64;
        Some(Sizes {
            root: (offsets.last().map_or(0, |rows| *rows) as f64 / count).sqrt() as f32,
            logarithms: Orthonormal::fit(sizes().map(Sizes::logarithms)),
            factors: Orthonormal::fit(sizes().map(Sizes::shares)),
        })
    }
}

/// Linear combinations of functions that are nearly the same, such that over the pilot sample each has mean square 1 and
/// none says what those before it say (Gram and Schmidt). A network learns their weights as quickly as each other's; of the
/// functions themselves it would hardly learn the differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Orthonormal {
    /// Row by row; a function that says nothing new has zeros.
    weights: [[f64; 5]; 5],
}

impl Orthonormal {
    /// The least root mean square of what is new in a function.
    const NEW: f64 = 1e-3;

    fn fit(values: impl Iterator<Item = [f64; 5]>) -> Orthonormal {
        let (mut products, mut count) = ([[0.0; 5]; 5], 0.0);
        for values in values {
            for (row, a) in products.iter_mut().zip(values) {
                row.iter_mut().zip(values).for_each(|(sum, b)| *sum += a * b);
            }
            count += 1.0;
        }
        let product = |a: &[f64; 5], b: &[f64; 5]| -> f64 {
            let row = |row: &[f64; 5]| row.iter().zip(b).map(|(p, b)| p * b).sum::<f64>();
            a.iter().zip(&products).map(|(a, products)| a * row(products)).sum::<f64>() / count
        };
        let mut weights = [[0.0; 5]; 5];
        for i in 0..5 {
            let mut own = [0.0; 5];
            own[i] = 1.0;
            // Twice, for the digits that the first time loses.
            for other in (0..i).chain(0..i) {
                let share = product(&own, &weights[other]);
                own.iter_mut().zip(weights[other]).for_each(|(own, other)| *own -= share * other);
            }
            let norm = product(&own, &own).max(0.0).sqrt();
            if norm > Self::NEW {
                weights[i] = own.map(|weight| weight / norm);
            }
        }
        Orthonormal { weights }
    }

    fn of(&self, values: [f64; 5]) -> [f32; 5] {
        self.weights.map(|row| row.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>() as f32)
    }
}

/// Soft one-hot vectors of many rows: two entries for each binned column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sparse {
    /// Entries in each row.
    pub(super) entries: usize,
    /// (position, weight), rows x `entries`.
    pub(super) values: Vec<(u32, f32)>,
}

impl Sparse {
    /// Entries in each row, and all of them.
    pub(super) fn pairs(&self) -> (usize, &[(u32, f32)]) {
        (self.entries.max(1), &self.values)
    }
}

/// What the network reads of the rows of one plate.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct EncodedRows {
    /// Parents + 1.
    pub(super) offsets: Vec<usize>,
    /// Standardised numbers, rows x [`PlateFeatures::numbers`].
    pub(super) numbers: Vec<f32>,
    /// Soft one-hot vectors of the rows, where the rows go through a network of their own.
    pub(super) bins: Sparse,
    /// Nested plates.
    pub(super) children: Vec<EncodedPlate>,
}

impl EncodedRows {
    pub(super) fn rows(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// The first `flat` numbers of the rows of each parent; zeros where there are fewer.
    pub(super) fn flat(&self, flat: usize) -> Vec<f32> {
        let width = self.numbers.len().checked_div(self.rows()).unwrap_or(0);
        let mut told = vec![0.0; (self.offsets.len() - 1) * flat];
        for (told, pair) in told.chunks_exact_mut(flat.max(1)).zip(self.offsets.windows(2)) {
            let own = &self.numbers[pair[0] * width..pair[1] * width];
            told.iter_mut().zip(own).for_each(|(told, number)| *told = *number);
        }
        told
    }

    /// Rows of each parent.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.offsets.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// What a pooled moment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MomentKind {
    /// How many rows there are.
    Size,
    /// A mean over rows.
    Mean,
    /// A mean of products over rows.
    Product,
}

/// What is pooled over the rows of each parent; empty where nothing is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pooled {
    /// Soft histograms, parents x the first of [`PlateFeatures::pooled`].
    pub(super) bins: Vec<f32>,
    /// Means, means of products, and the size, parents x the second of [`PlateFeatures::pooled`].
    pub(super) moments: Vec<f32>,
}

/// What the network reads of one plate: its rows, and what is pooled over them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct EncodedPlate {
    pub(super) elements: EncodedRows,
    pub(super) pooled: Pooled,
    /// See [`PlateFeatures::roots`].
    pub(super) roots: Option<Vec<f32>>,
    /// Where the parents are beginnings of data sets, those of a set next to each other and shorter ones first: the rows of
    /// each.
    pub(super) beginnings: Option<Vec<Range<usize>>>,
}

/// How one plate is read: its columns, and the scales of what is pooled over its rows.
///
/// The columns of a row are its own numbers and, for each nested plate, the mean and standard deviation of that plate's
/// columns and its size: a house's mean radon level is as good a number as any that was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PlateFeatures {
    columns: Vec<Column>,
    /// The first columns, so many, have bins and products.
    binned: usize,
    /// Numbers of a parent's rows that are told one by one, in the place of a network that reads these rows.
    pub(super) flat: usize,
    /// Mean over all pilot rows of what is pooled.
    centre: Vec<f32>,
    /// 1 / (root mean square over parents) of the pooled deviation from `centre`.
    scale: Vec<f32>,
    /// The same of the pooled deviation times sqrt(n).
    root_scale: Vec<f32>,
    sizes: Option<Sizes>,
    /// Whether moments of the rows are pooled.
    moments: bool,
    /// Whether a histogram is, too.
    histogram: bool,
    /// Whether the rows go through a network of their own, so that columns can be read together.
    pub(super) network: bool,
    /// Where rows are images, how their pixels are read; then there is nothing else to read, no columns and no moments.
    pub(super) image: Option<ImageFeatures>,
    pub(super) children: Vec<PlateFeatures>,
}

/// How the pixels of images are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ImageFeatures {
    pub(super) height: usize,
    pub(super) width: usize,
    stretch: Stretch,
    /// Mean and standard deviation of all stretched pixels.
    mean: f32,
    sd: f32,
}

impl ImageFeatures {
    fn fit(pixels: &[f32], (height, width): (usize, usize), stretch: Stretch) -> ImageFeatures {
        let values = || pixels.iter().map(|pixel| f64::from(stretch.of(*pixel)));
        let count = pixels.len().max(1) as f64;
        let mean = values().sum::<f64>() / count;
        let sd = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt() as f32;
        ImageFeatures {
            height,
            width,
            stretch,
            mean: mean as f32,
            sd: if sd > 0.0 && sd.is_finite() { sd } else { 1.0 },
        }
    }

    fn read(&self, pixels: &[f32]) -> Vec<f32> {
        pixels.iter().map(|pixel| (self.stretch.of(*pixel) - self.mean) / self.sd).collect()
    }
}

impl PlateFeatures {
    /// Fits a level to the rows of a pilot sample.
    fn fit(rows: &Rows, shape: &PlateShape, architecture: &Architecture, depth: usize) -> PlateFeatures {
        if let Some(size) = shape.image {
            let image = ImageFeatures::fit(&rows.features, size, architecture.images.stretch);
            return PlateFeatures { image: Some(image), network: true, ..PlateFeatures::default() };
        }
        let knots = architecture.bins; // of a row that has one number
        let children = rows.children.iter().zip(&shape.children);
        let children: Vec<PlateFeatures> =
            children.map(|(child, shape)| PlateFeatures::fit(child, shape, architecture, depth + 1)).collect();
        let encoded: Vec<EncodedPlate> = encode_children(&children, rows);
        let table = Table::new(rows, &children, &encoded);
        let width = table.width;
        let told = knots > 0;
        let binned = [width, rows.width].into_iter().find(|width| *width <= BINNED_WIDTH).unwrap_or(0);
        let knots = match binned {
            0..=1 => knots,
            2..=3 => knots / 2,
            _ => knots / 4,
        };
        let stride = rows.rows().div_ceil(COLUMN_SAMPLE).max(1);
        let columns = (0..width)
            .map(|column| {
                let values = table.values.iter().skip(column).step_by(width * stride);
                Column::fit(values.copied().collect(), if column < binned { knots } else { 0 })
            })
            .collect();
        let sizes = Sizes::fit(&rows.offsets);
        let numbers = if sizes.is_none() { rows.rows() / rows.parents().max(1) * width } else { 0 };
        let flat = depth > 0 && width > 1 && children.is_empty() && (1..=FLAT_WIDTH).contains(&numbers);
        let mut level = PlateFeatures {
            columns,
            binned,
            flat: if flat { numbers } else { 0 },
            centre: Vec::new(),
            scale: Vec::new(),
            root_scale: Vec::new(),
            sizes,
            moments: told,
            // A nested plate has many parents with few rows each: where a network reads the rows, that is enough.
            histogram: depth == 0 || width <= 1,
            network: !flat && (width > 1 || !children.is_empty() || !told),
            image: None,
            children,
        };
        level.fit_scales(rows, &table);
        level
    }

    fn fit_scales(&mut self, rows: &Rows, table: &Table) {
        let (numbers, _) = self.standardise(table);
        let width = self.moments_width();
        let mut means = self.sums(&numbers, &rows.offsets);
        let sizes: Vec<f64> = rows.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        for (mean, size) in means.chunks_exact_mut(width.max(1)).zip(&sizes) {
            mean.iter_mut().for_each(|sum| *sum /= size.max(1.0));
        }
        let total: f64 = sizes.iter().sum::<f64>().max(1.0);
        let parents = sizes.iter().filter(|size| **size > 0.0).count().max(1) as f64;

        let mut centre = vec![0.0; width];
        for (mean, size) in means.chunks_exact(width.max(1)).zip(&sizes) {
            for (centre, mean) in centre.iter_mut().zip(mean) {
                *centre += mean * size / total;
            }
        }
        let (mut plain, mut rooted) = (vec![0.0; width], vec![0.0; width]);
        for (mean, size) in means.chunks_exact(width.max(1)).zip(&sizes) {
            if *size == 0.0 {
                continue;
            }
            for (index, mean) in mean.iter().enumerate() {
                let square = (mean - centre[index]).powi(2) / parents;
                plain[index] += square;
                rooted[index] += square * size;
            }
        }
        // The bins of a column share one scale: a bin that is seldom hit would be blown up by its own.
        let mut start = 0;
        for column in self.columns.iter().filter(|_| self.pooled_bins() > 0) {
            let bins = start..start + column.knots.len();
            start = bins.end;
            for squares in [&mut plain, &mut rooted] {
                let mean = squares[bins.clone()].iter().sum::<f64>() / bins.len().max(1) as f64;
                squares[bins.clone()].fill(mean * (self.binned as f64 / BIN_SCALE).powi(2));
            }
        }
        let inverse_root = |squares: Vec<f64>| {
            let inverse = |square: f64| if square > 1e-20 { square.sqrt().recip() as f32 } else { 0.0 };
            squares.into_iter().map(inverse).collect()
        };
        self.centre = centre.into_iter().map(|value| value as f32).collect();
        self.scale = inverse_root(plain);
        self.root_scale = inverse_root(rooted);
    }

    /// Numbers in a standardised row.
    pub(super) fn numbers(&self) -> usize {
        self.columns.len()
    }

    /// Length of the soft one-hot vector of a row.
    pub(super) fn bins(&self) -> usize {
        self.columns.iter().map(|column| column.knots.len()).sum()
    }

    /// Length of a parent's soft histogram.
    fn pooled_bins(&self) -> usize {
        if self.moments && self.histogram { self.bins() } else { 0 }
    }

    /// Lengths of the two parts of a parent's [`Pooled`].
    pub(super) fn pooled(&self) -> (usize, usize) {
        let (bins, others) = (self.pooled_bins(), self.moments_width() - self.pooled_bins());
        match self.sizes {
            _ if !self.moments => (0, 0),
            Some(_) => (2 * bins, (1 + Sizes::FACTORS) * others + Sizes::WIDTH),
            None => (bins, others),
        }
    }

    /// Whether the number of rows differs between parents.
    pub(super) fn ragged(&self) -> bool {
        self.sizes.is_some()
    }

    /// Length of what is averaged over rows: soft bins, numbers, and their products (or squares alone).
    pub(super) fn moments_width(&self) -> usize {
        let (width, binned) = (self.numbers(), self.binned);
        if !self.moments || width > POOLED_WIDTH {
            return 0;
        }
        self.pooled_bins() + width + binned * (binned + 1) / 2 + (width - binned)
    }

    /// Whether each number that is averaged over rows, bins aside, is a product.
    fn products(&self) -> impl Iterator<Item = bool> {
        let products = |column: usize| if column < self.binned { column + 1 } else { 1 };
        let told = if self.moments_width() > 0 { self.numbers() } else { 0 };
        (0..told).flat_map(move |column| std::iter::once(false).chain(std::iter::repeat_n(true, products(column))))
    }

    /// What each of a parent's pooled [`moments`](Pooled::moments) says, where a posterior's mean is likely to be linear in it.
    pub(super) fn linear(&self) -> Vec<(usize, MomentKind)> {
        let block: Vec<bool> = self.products().collect();
        let told = |product: &bool| if *product { MomentKind::Product } else { MomentKind::Mean };
        let (_, width) = self.pooled();
        let of_size = |at: usize| self.sizes.is_some() && at + Sizes::WIDTH >= width;
        let rooted = |at: usize| self.sizes.is_some() && at < block.len();
        let say = |at: usize| match at {
            _ if of_size(at) => Some((at, MomentKind::Size)),
            _ if rooted(at) => None,
            _ => Some((at, told(&block[at % block.len()]))),
        };
        (0..width).filter_map(say).collect()
    }

    /// What the network reads of `rows`, before anything is pooled over them.
    pub(super) fn read(&self, rows: &Rows) -> EncodedRows {
        if let Some(image) = &self.image {
            let numbers = image.read(&rows.features);
            return EncodedRows { offsets: rows.offsets.clone(), numbers, ..EncodedRows::default() };
        }
        let children = encode_children(&self.children, rows);
        let table = Table::new(rows, &self.children, &children);
        let (numbers, bins) = self.standardise(&table);
        EncodedRows { offsets: rows.offsets.clone(), numbers, bins, children }
    }

    /// What the network reads of `rows`.
    pub(super) fn encode(&self, rows: &Rows) -> EncodedPlate {
        let elements = self.read(rows);
        let sizes = elements.sizes();
        let sums = self.sums(&elements.numbers, &elements.offsets);
        EncodedPlate { pooled: self.pool(&sums, &sizes), roots: self.roots(&sizes), elements, beginnings: None }
    }

    /// What the network reads of beginnings of data sets, those of a set being next to each other and shorter ones first:
    /// rows as they are, and what is pooled over the rows of each beginning.
    fn encode_prefixes(&self, rows: &Rows, prefixes: &[Prefix]) -> EncodedPlate {
        let elements = self.read(rows);
        let width = self.numbers();
        let rows_of = |prefix: &Prefix| rows.offsets[prefix.set]..rows.offsets[prefix.set] + prefix.rows;
        let mut sums = Vec::with_capacity(prefixes.len() * self.moments_width());
        let mut running = vec![0.0; self.moments_width()];
        let mut summed = 0..0;
        for own in prefixes.iter().map(rows_of) {
            if own.start != summed.start {
                running.fill(0.0);
                summed = own.start..own.start;
            }
            if !running.is_empty() {
                let more = &elements.numbers[summed.end * width..own.end * width];
                more.chunks_exact(width).for_each(|row| self.add_row(&mut running, row));
            }
            summed = own;
            sums.extend_from_slice(&running);
        }
        let sizes: Vec<usize> = prefixes.iter().map(|prefix| prefix.rows).collect();
        EncodedPlate {
            pooled: self.pool(&sums, &sizes),
            roots: self.roots(&sizes),
            elements,
            beginnings: Some(prefixes.iter().map(rows_of).collect()),
        }
    }

    /// sqrt(rows) of each parent in units of its typical size; `None` if all plates have one size.
    pub(super) fn roots(&self, sizes: &[usize]) -> Option<Vec<f32>> {
        let unit = self.sizes.as_ref()?.root;
        Some(sizes.iter().map(|size| (*size as f32).sqrt() / unit).collect())
    }

    /// Standardised numbers and, where the rows have their own network, soft bins.
    fn standardise(&self, table: &Table) -> (Vec<f32>, Sparse) {
        let width = self.numbers();
        let mut numbers = Vec::with_capacity(table.values.len());
        for row in table.values.chunks_exact(width.max(1)) {
            numbers.extend(row.iter().zip(&self.columns).map(|(value, column)| column.standardise(*value)));
        }
        let mut bins = Sparse::default();
        if self.network && self.bins() > 0 {
            bins.entries = 2 * self.columns.iter().filter(|column| !column.knots.is_empty()).count();
            bins.values.reserve(numbers.len() / width * bins.entries);
            for row in numbers.chunks_exact(width) {
                self.soft_bins(row, |position, weight| bins.values.push((position as u32, weight)));
            }
        }
        (numbers, bins)
    }

    /// Calls `visit` with both entries of the soft one-hot vector of each binned column.
    #[inline]
    fn soft_bins(&self, row: &[f32], mut visit: impl FnMut(usize, f32)) {
        let mut start = 0;
        for (number, column) in row.iter().zip(&self.columns) {
            if !column.knots.is_empty() {
                let (knot, share) = column.bin(*number);
                visit(start + knot, 1.0 - share);
                visit(start + knot + 1, share);
                start += column.knots.len();
            }
        }
    }

    /// Sums over the rows of each parent, parents x `moments_width`.
    pub(super) fn sums(&self, numbers: &[f32], offsets: &[usize]) -> Vec<f64> {
        let (width, moments) = (self.numbers(), self.moments_width());
        let mut sums = vec![0.0; (offsets.len() - 1) * moments];
        if moments == 0 {
            return sums;
        }
        for (sum, pair) in sums.chunks_exact_mut(moments).zip(offsets.windows(2)) {
            for row in numbers[pair[0] * width..pair[1] * width].chunks_exact(width) {
                self.add_row(sum, row);
            }
        }
        sums
    }

    /// Adds what is summed of one row.
    #[inline(always)]
    fn add_row(&self, sum: &mut [f64], row: &[f32]) {
        let bins = self.pooled_bins();
        if bins > 0 {
            self.soft_bins(row, |position, weight| sum[position] += f64::from(weight));
        }
        let mut position = bins;
        let mut add = |value: f32| {
            sum[position] += f64::from(value);
            position += 1;
        };
        for (index, value) in row.iter().enumerate() {
            add(*value);
            let first = if index < self.binned { 0 } else { index };
            for other in &row[first..=index] {
                add(value * other);
            }
        }
    }

    /// Deviations of the means from what the prior predicts, times sqrt(n), plain and times other functions of n, each to its
    /// own scale, and functions of n. Where n never varies, all of these are the same, and one is given.
    pub(super) fn pool(&self, sums: &[f64], sizes: &[usize]) -> Pooled {
        let (length, binned) = (self.moments_width(), self.pooled_bins());
        let (bins_width, moments_width) = self.pooled();
        let mut bins = Vec::with_capacity(sizes.len() * bins_width);
        let mut moments = Vec::with_capacity(sizes.len() * moments_width);
        let mut deviations = vec![0.0; length];
        for (parent, &size) in sizes.iter().enumerate() {
            // A plate without rows tells nothing beyond its size.
            let (inverse, known) = if size == 0 { (0.0, 0.0) } else { (1.0 / size as f64, 1.0) };
            let sums = &sums[parent * length..(parent + 1) * length];
            for ((deviation, sum), centre) in deviations.iter_mut().zip(sums).zip(&self.centre) {
                *deviation = (sum * inverse) as f32 - known * centre;
            }
            let told = |deviations: &[f32], scales: &[f32], factor: f32, to: &mut Vec<f32>| {
                to.extend(deviations.iter().zip(scales).map(|(deviation, scale)| squash(factor * deviation * scale)));
            };
            let (histogram, means) = deviations.split_at(binned);
            let ((scale, scales), (root_scale, root_scales)) =
                (self.scale.split_at(binned), self.root_scale.split_at(binned));
            let Some(functions) = &self.sizes else {
                told(histogram, scale, 1.0, &mut bins);
                told(means, scales, 1.0, &mut moments);
                continue;
            };
            let n = size as f32;
            // A histogram of few rows is mostly noise, and far from the prior's: it is shrunk towards it.
            told(histogram, scale, n / (n + SHRINK), &mut bins);
            told(histogram, root_scale, n.sqrt(), &mut bins);
            told(means, root_scales, n.sqrt(), &mut moments);
            let start = moments.len();
            told(means, scales, 1.0, &mut moments);
            for factor in &functions.factors.of(Sizes::shares(size))[1..] {
                moments.extend_from_within(start..start + means.len());
                let last = moments.len() - means.len();
                moments[last..].iter_mut().for_each(|moment| *moment *= factor);
            }
            moments.extend_from_slice(&functions.logarithms.of(Sizes::logarithms(size))[1..]);
        }
        Pooled { bins, moments }
    }
}

fn encode_children(levels: &[PlateFeatures], rows: &Rows) -> Vec<EncodedPlate> {
    levels.iter().zip(&rows.children).map(|(level, child)| level.encode(child)).collect()
}

/// The columns of a plate before they are standardised: the rows' own, then those derived from nested plates.
struct Table<'a> {
    width: usize,
    values: Cow<'a, [f32]>,
}

impl<'a> Table<'a> {
    fn new(rows: &'a Rows, levels: &[PlateFeatures], children: &[EncodedPlate]) -> Table<'a> {
        let derived = |level: &PlateFeatures| 2 * level.numbers() + usize::from(level.ragged());
        // Summaries of wide rows are left to the network.
        let told: Vec<(&PlateFeatures, &EncodedPlate)> =
            levels.iter().zip(children).filter(|(level, _)| derived(level) <= POOLED_WIDTH).collect();
        let width = rows.width + told.iter().map(|(level, _)| derived(level)).sum::<usize>();
        if told.is_empty() {
            return Table { width, values: Cow::Borrowed(&rows.features) };
        }
        let mut values = Vec::with_capacity(rows.rows() * width);
        for row in 0..rows.rows() {
            values.extend_from_slice(&rows.features[row * rows.width..(row + 1) * rows.width]);
            for (level, child) in &told {
                let numbers = level.numbers();
                let inside = child.elements.offsets[row]..child.elements.offsets[row + 1];
                let count = inside.len().max(1) as f32;
                let within = &child.elements.numbers[inside.start * numbers..inside.end * numbers];
                for column in 0..numbers {
                    let column = || within.iter().skip(column).step_by(numbers);
                    let mean = column().sum::<f32>() / count;
                    let square = column().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
                    values.extend([mean, square.sqrt()]);
                }
                if level.ragged() {
                    values.push((inside.len() as f32).ln_1p());
                }
            }
        }
        Table { width, values: Cow::Owned(values) }
    }
}

/// Mean and standard deviation of each target of each data set, in which the network measures it.
pub(super) type Scales = Vec<(f32, f32)>;

/// How data sets and targets are read: everything that is fitted to the pilot sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FeatureExtractor {
    /// Numbers outside plates (as a plate of one row), then the plates.
    pub(super) levels: Vec<PlateFeatures>,
    /// Whether there are numbers outside plates.
    pub(super) outside: bool,
    /// Whether rows are read in their order, and data sets from their beginning: see [`Encoder::Causal`].
    pub(super) causal: bool,
    /// Mean and standard deviation of each target.
    pub(super) targets: Vec<(f32, f32)>,
    /// What the pooled moments say of the targets already; none where that would be more noise than help.
    pub(super) linear: Option<Linear>,
}

impl FeatureExtractor {
    /// Fits a reader to a pilot sample of a shape; `targets` is sets x its targets.
    pub(super) fn fit(pilot: &Batch, targets: &[f32], shape: &Shape, architecture: &Architecture) -> FeatureExtractor {
        let dims = shape.targets;
        let moments = |dim: usize| {
            let values = || targets.iter().skip(dim).step_by(dims).map(|value| f64::from(*value));
            let count = pilot.sets.max(1) as f64;
            let mean = values().sum::<f64>() / count;
            let sd = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            (mean as f32, if sd > 0.0 { sd as f32 } else { 1.0 })
        };
        let (fit, numbers_alone) =
            (|rows, shape| PlateFeatures::fit(rows, shape, architecture, 0), PlateShape::default());
        let plates = pilot.plates.iter().zip(&shape.plates);
        let mut plates: Vec<PlateFeatures> = plates.map(|(rows, shape)| fit(rows, shape)).collect();
        // Attention reads the rows, however little they hold.
        plates.iter_mut().for_each(|plate| plate.network |= architecture.encoder != Encoder::DeepSet);
        let outside = outside_plates(pilot);
        let numbers = dims - architecture.output.codes();
        let mut reader = FeatureExtractor {
            outside: outside.is_some(),
            causal: matches!(architecture.encoder, Encoder::Causal { .. }),
            levels: outside.iter().map(|rows| fit(rows, &numbers_alone)).chain(plates).collect(),
            targets: (0..numbers).map(moments).chain((numbers..dims).map(|_| (0.0, 1.0))).collect(),
            linear: None,
        };
        if architecture.output.is_posterior() {
            let encoded = reader.encode(pilot);
            let standardised = reader.standardise(targets, &reader.scales(pilot.sets, &encoded));
            let told: Vec<Vec<(usize, MomentKind)>> = reader.levels.iter().map(PlateFeatures::linear).collect();
            reader.linear = Linear::fit(&told, &moments_of(&encoded), &standardised, dims);
        }
        reader
    }

    /// Mean and standard deviation of each target of each data set, in which the network measures it: what least squares
    /// say of it given the pooled moments.
    pub(super) fn scales(&self, sets: usize, plates: &[EncodedPlate]) -> Scales {
        self.scales_of(sets, &moments_of(plates))
    }

    /// The same from the pooled moments of each plate.
    pub(super) fn scales_of(&self, sets: usize, moments: &[&[f32]]) -> Scales {
        let prior = self.targets.iter().cycle().take(sets * self.targets.len());
        let Some(linear) = &self.linear else { return prior.copied().collect() };
        let scale = |((mean, log_sd), (prior_mean, prior_sd)): ((f64, f64), &(f32, f32))| {
            let (prior_mean, prior_sd) = (f64::from(*prior_mean), f64::from(*prior_sd));
            ((prior_mean + prior_sd * mean) as f32, (prior_sd * log_sd.exp()) as f32)
        };
        linear.predict(sets, moments).into_iter().zip(prior).map(scale).collect()
    }

    /// Targets in units of their scales, one for each.
    pub(super) fn standardise(&self, targets: &[f32], scales: &[(f32, f32)]) -> Vec<f32> {
        targets.iter().zip(scales).map(|(target, (mean, sd))| (target - mean) / sd).collect()
    }

    /// How images are read, in their order.
    pub(super) fn images(&self) -> Vec<&ImageFeatures> {
        fn visit<'a>(levels: &'a [PlateFeatures], to: &mut Vec<&'a ImageFeatures>) {
            for level in levels {
                to.extend(&level.image);
                visit(&level.children, to);
            }
        }
        let mut all = Vec::new();
        visit(&self.levels, &mut all);
        all
    }

    /// Reads images as another reader does, which has as many.
    pub(super) fn read_images_as(&mut self, other: &FeatureExtractor) {
        fn visit(levels: &mut [PlateFeatures], from: &mut impl Iterator<Item = ImageFeatures>) {
            for level in levels {
                if level.image.is_some() {
                    level.image = from.next();
                }
                visit(&mut level.children, from);
            }
        }
        visit(&mut self.levels, &mut other.images().into_iter().cloned());
    }

    /// Whether this reader can have been fitted to data of the given shape.
    pub(super) fn fits(&self, shape: &Shape) -> bool {
        self.targets.len() == shape.targets && self.levels.len() == shape.plates.len() + usize::from(shape.width > 0)
    }

    /// What the network reads of each plate.
    pub(super) fn encode(&self, batch: &Batch) -> Vec<EncodedPlate> {
        if self.causal {
            return self.encode_prefixes(batch, &prefix::whole(batch));
        }
        let outside = outside_plates(batch);
        self.levels.iter().zip(outside.iter().chain(&batch.plates)).map(|(level, rows)| level.encode(rows)).collect()
    }
}

impl FeatureExtractor {
    /// How often each data set is read in training.
    pub(super) fn readings(&self) -> usize {
        if self.causal { prefix::SAMPLE } else { 1 }
    }

    /// What the network reads of data sets in training, each [`readings`](FeatureExtractor::readings) times; the sets are the ones from
    /// `place` on among all that are drawn.
    pub(super) fn encode_to_learn(&self, batch: &Batch, place: u64) -> Vec<EncodedPlate> {
        if self.causal { self.encode_prefixes(batch, &prefix::sample(batch, place)) } else { self.encode(batch) }
    }

    /// Targets as often as each data set is read in training.
    pub(super) fn targets_to_learn(&self, targets: &[f32]) -> Vec<f32> {
        let often = |targets| std::iter::repeat_n(targets, self.readings());
        targets.chunks_exact(self.targets.len().max(1)).flat_map(often).flatten().copied().collect()
    }

    /// What the network reads of beginnings of data sets, those of a set being next to each other and shorter ones first.
    pub(super) fn encode_prefixes(&self, batch: &Batch, prefixes: &[Prefix]) -> Vec<EncodedPlate> {
        let outside = |prefix: &Prefix| &batch.globals[prefix.set * batch.width..(prefix.set + 1) * batch.width];
        let globals = prefixes.iter().flat_map(outside).copied().collect();
        let outside = outside_plates(&Batch { sets: prefixes.len(), width: batch.width, globals, plates: Vec::new() });
        let (levels, plates) = self.levels.split_at(usize::from(self.outside).min(self.levels.len()));
        let outside = levels.iter().zip(&outside).map(|(level, rows)| level.encode(rows));
        let plates = plates.iter().zip(&batch.plates).map(|(level, rows)| level.encode_prefixes(rows, prefixes));
        outside.chain(plates).collect()
    }
}

/// The pooled moments of each plate.
fn moments_of(plates: &[EncodedPlate]) -> Vec<&[f32]> {
    plates.iter().map(|plate| plate.pooled.moments.as_slice()).collect()
}

/// Numbers outside plates, read as a plate that has one row in every data set.
pub(super) fn outside_plates(batch: &Batch) -> Option<Rows> {
    (batch.width > 0).then(|| Rows {
        width: batch.width,
        features: batch.globals.clone(),
        offsets: (0..=batch.sets).collect(),
        children: Vec::new(),
    })
}
