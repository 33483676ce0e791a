//! Fits how a plate is read to a pilot sample.

use super::column::Column;
use super::encoded::EncodedPlate;
use super::image::ImageFeatures;
use super::plate::{FLAT_WIDTH, PlateFeatures, Table, encode_children};
use super::sizes::Sizes;
use crate::architecture::Architecture;
use crate::batch::Rows;
use crate::shape::PlateShape;

/// Rows wider than this get no bins and no products: their numbers (pixels, say) only mean something together.
const BINNED_WIDTH: usize = 8;

/// Values of a column of the pilot sample that its quantiles are computed from.
const COLUMN_SAMPLE: usize = 1 << 18;
/// The scale of a soft bin, where that of a moment is 1. This is for rows of one number; with more numbers each has its
/// share. A network learns from large inputs sooner, and is distracted by them.
const BIN_SCALE: f64 = 1.4;

impl PlateFeatures {
    /// Fits to the rows of a pilot sample; `depth` is 0 for a plate at the top.
    pub(super) fn fit(rows: &Rows, shape: &PlateShape, architecture: &Architecture, depth: usize) -> PlateFeatures {
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
            // A nested plate has many parents with few rows each: if a network reads the rows, that is enough.
            histogram: depth == 0 || width <= 1,
            network: !flat && (width > 1 || !children.is_empty() || !told),
            image: None,
            children,
        };
        level.fit_scales(rows, &table);
        level
    }

    /// Fits the centres and scales of what is pooled to the columns of the same rows, `table`.
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
}
