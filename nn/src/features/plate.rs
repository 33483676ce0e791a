//! What a network reads of one plate: its rows, and what is pooled over them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::column::{Column, squash};
use super::encoded::{EncodedPlate, EncodedRows, Pooled};
use super::image::ImageFeatures;
use super::regression::MomentKind;
use super::sizes::Sizes;
use crate::batch::Rows;
use crate::prefix::Prefix;
use crate::sparse::Sparse;

/// Rows wider than this get no pooled moments.
const POOLED_WIDTH: usize = 64;

/// A nested plate that always has the same size, and holds no more numbers than this for each parent, is read as numbers of
/// the parent. An element network for it would run on every single one of its rows.
pub(super) const FLAT_WIDTH: usize = 32;

/// The number of rows with which a plate's own histogram counts as much as the prior's.
pub(super) const SHRINK: f32 = 4.0;

/// How one plate is read: its columns, and the scales of what is pooled over its rows.
///
/// The columns of a row are its own numbers and, for each nested plate, the mean and standard deviation of that plate's
/// columns and its size: a house's mean radon level is as good a number as any that was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlateFeatures {
    pub(super) columns: Vec<Column>,
    /// This many columns, the first ones, have bins and products.
    pub(super) binned: usize,
    /// How many numbers a parent's rows have together, if they are read one by one instead of by an element network;
    /// otherwise 0.
    pub(crate) flat: usize,
    /// Mean over all rows of the pilot sample of what is pooled.
    pub(super) centre: Vec<f32>,
    /// 1 / (root mean square over parents) of the pooled deviation from `centre`.
    pub(super) scale: Vec<f32>,
    /// 1 / (root mean square over parents) of the pooled deviation times sqrt(n).
    pub(super) root_scale: Vec<f32>,
    pub(super) sizes: Option<Sizes>,
    /// Whether moments of the rows are pooled.
    pub(super) moments: bool,
    /// Whether a histogram of the rows is pooled, too.
    pub(super) histogram: bool,
    /// Whether an element network or attention reads the rows, so that columns can be read together.
    pub(crate) network: bool,
    /// How pixels are read, if rows are images. Then there are no columns and no moments.
    pub(crate) image: Option<ImageFeatures>,
    pub(crate) children: Vec<PlateFeatures>,
}

impl PlateFeatures {
    /// Returns how many numbers a standardised row has.
    pub(crate) fn numbers(&self) -> usize {
        self.columns.len()
    }

    /// Returns how many numbers a parent's row has from this plate: summaries of wide rows are left to the network.
    pub(super) fn derived(&self) -> usize {
        let derived = 2 * self.numbers() + usize::from(self.ragged());
        if derived <= POOLED_WIDTH { derived } else { 0 }
    }

    /// Returns the length of the soft one-hot vector of a row.
    pub(crate) fn bins(&self) -> usize {
        self.columns.iter().map(|column| column.knots.len()).sum()
    }

    /// Returns the length of a parent's soft histogram.
    pub(super) fn pooled_bins(&self) -> usize {
        if self.moments && self.histogram && self.numbers() <= POOLED_WIDTH { self.bins() } else { 0 }
    }

    /// Returns the lengths of the two parts of a parent's [`Pooled`].
    pub(crate) fn pooled(&self) -> (usize, usize) {
        let (bins, others) = (self.pooled_bins(), self.moments_width() - self.pooled_bins());
        match self.sizes {
            _ if !self.moments => (0, 0),
            Some(_) => (2 * bins, (1 + Sizes::FACTORS) * others + Sizes::WIDTH),
            None => (bins, others),
        }
    }

    /// Tells whether the number of rows differs between parents.
    pub(crate) fn ragged(&self) -> bool {
        self.sizes.is_some()
    }

    /// Returns how many numbers are averaged over rows: soft bins, the numbers of a row, and their products (or only squares).
    pub(crate) fn moments_width(&self) -> usize {
        let (width, binned) = (self.numbers(), self.binned);
        if !self.moments || width > POOLED_WIDTH {
            return 0;
        }
        self.pooled_bins() + width + binned * (binned + 1) / 2 + (width - binned)
    }

    /// Tells for each number that is averaged over rows, without the bins, whether it is a product.
    fn products(&self) -> impl Iterator<Item = bool> {
        let products = |column: usize| if column < self.binned { column + 1 } else { 1 };
        let told = if self.moments_width() > 0 { self.numbers() } else { 0 };
        (0..told).flat_map(move |column| std::iter::once(false).chain(std::iter::repeat_n(true, products(column))))
    }

    /// Returns those of a parent's pooled [`moments`](Pooled::moments) in which a posterior's mean is likely to be linear:
    /// the place of each and what it says.
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

    /// Returns what the network reads of `rows`, before anything is pooled over them.
    pub(crate) fn read(&self, rows: &Rows) -> EncodedRows {
        if let Some(image) = &self.image {
            let numbers = image.read(&rows.features);
            return EncodedRows { offsets: rows.offsets.clone(), numbers, ..EncodedRows::default() };
        }
        let children = encode_children(&self.children, rows);
        let table = Table::new(rows, &self.children, &children);
        let (numbers, bins) = self.standardise(&table);
        EncodedRows { offsets: rows.offsets.clone(), numbers, bins, children }
    }

    /// Returns what the network reads of `rows`, and what is pooled over them.
    pub(crate) fn encode(&self, rows: &Rows) -> EncodedPlate {
        let elements = self.read(rows);
        let sizes = elements.sizes();
        let sums = self.sums(&elements.numbers, &elements.offsets);
        EncodedPlate { pooled: self.pool(&sums, &sizes), roots: self.roots(&sizes), elements, beginnings: None }
    }

    /// Returns what the network reads of beginnings of data sets: the rows as they are, and what is pooled over the rows of
    /// each beginning. In `prefixes` those of a data set stand next to each other, shorter ones first.
    pub(super) fn encode_prefixes(&self, rows: &Rows, prefixes: &[Prefix]) -> EncodedPlate {
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

    /// Returns sqrt(size) for each of `sizes`, in units of its root mean square in the pilot sample; `None` if all parents
    /// there had the same size.
    pub(crate) fn roots(&self, sizes: &[usize]) -> Option<Vec<f32>> {
        let unit = self.sizes.as_ref()?.root;
        Some(sizes.iter().map(|size| (*size as f32).sqrt() / unit).collect())
    }

    /// Returns standardised numbers and, if a network reads the rows, soft bins.
    pub(super) fn standardise(&self, table: &Table) -> (Vec<f32>, Sparse) {
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

    /// Returns sums over the rows of each parent, parents x `moments_width`.
    pub(crate) fn sums(&self, numbers: &[f32], offsets: &[usize]) -> Vec<f64> {
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

    /// Adds what is summed for one row to `sum`.
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

    /// Turns `sums` over the rows of parents of the given `sizes` into what the network reads: deviations of the means from
    /// what the prior predicts, each in its own scale. They come times sqrt(n), as they are, and times other functions of
    /// the size n; then come functions of n alone. If n never varies, the deviations come once, and there are no functions
    /// of n.
    pub(crate) fn pool(&self, sums: &[f64], sizes: &[usize]) -> Pooled {
        let (length, binned) = (self.moments_width(), self.pooled_bins());
        let (bins_width, moments_width) = self.pooled();
        let mut bins = Vec::with_capacity(sizes.len() * bins_width);
        let mut moments = Vec::with_capacity(sizes.len() * moments_width);
        let mut deviations = vec![0.0; length];
        // A network that pools no moments does not read the sizes either.
        let sizes = if self.moments { sizes } else { &[] };
        for (parent, &size) in sizes.iter().enumerate() {
            // A parent without rows tells nothing beyond its size.
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

/// Returns what the network reads of the plates inside `rows`.
pub(super) fn encode_children(levels: &[PlateFeatures], rows: &Rows) -> Vec<EncodedPlate> {
    levels.iter().zip(&rows.children).map(|(level, child)| level.encode(child)).collect()
}

/// The columns of a plate before they are standardised: first the numbers of its rows, then those derived from nested plates.
pub(super) struct Table<'a> {
    pub(super) width: usize,
    pub(super) values: Cow<'a, [f32]>,
}

impl<'a> Table<'a> {
    /// Returns the columns of `rows`, with nested plates that `levels` read as `children`.
    pub(super) fn new(rows: &'a Rows, levels: &[PlateFeatures], children: &[EncodedPlate]) -> Table<'a> {
        let told: Vec<(&PlateFeatures, &EncodedPlate)> =
            levels.iter().zip(children).filter(|(level, _)| level.derived() > 0).collect();
        let width = rows.width + levels.iter().map(PlateFeatures::derived).sum::<usize>();
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
