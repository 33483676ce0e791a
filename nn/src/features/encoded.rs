//! What a network reads of data sets.

use std::ops::Range;

use crate::sparse::Sparse;

/// What the network reads of the rows of one plate.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EncodedRows {
    /// Parents + 1 positions: where the rows of each parent begin and end.
    pub(crate) offsets: Vec<usize>,
    /// Standardised numbers, rows x [`PlateFeatures::numbers`](super::PlateFeatures::numbers).
    pub(crate) numbers: Vec<f32>,
    /// Soft one-hot vectors of the rows, if an element network reads them.
    pub(crate) bins: Sparse,
    /// Nested plates.
    pub(crate) children: Vec<EncodedPlate>,
}

impl EncodedRows {
    /// Returns the number of rows of all parents together.
    pub(crate) fn rows(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Returns the first `flat` numbers of the rows of each parent, zeros where there are fewer.
    pub(crate) fn flat(&self, flat: usize) -> Vec<f32> {
        let width = self.numbers.len().checked_div(self.rows()).unwrap_or(0);
        let mut told = vec![0.0; (self.offsets.len() - 1) * flat];
        for (told, pair) in told.chunks_exact_mut(flat.max(1)).zip(self.offsets.windows(2)) {
            let own = &self.numbers[pair[0] * width..pair[1] * width];
            told.iter_mut().zip(own).for_each(|(told, number)| *told = *number);
        }
        told
    }

    /// Returns the number of rows of each parent.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.offsets.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// What is pooled over the rows of each parent; empty if nothing is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pooled {
    /// Soft histograms, parents x the first number of [`PlateFeatures::pooled`](super::PlateFeatures::pooled).
    pub(crate) bins: Vec<f32>,
    /// Means, means of products, and the size, parents x the second number of
    /// [`PlateFeatures::pooled`](super::PlateFeatures::pooled).
    pub(crate) moments: Vec<f32>,
}

/// What the network reads of one plate: its rows, and what is pooled over them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EncodedPlate {
    pub(crate) elements: EncodedRows,
    pub(crate) pooled: Pooled,
    /// See [`PlateFeatures::roots`](super::PlateFeatures::roots).
    pub(crate) roots: Option<Vec<f32>>,
    /// The rows of each parent, if the parents are beginnings of data sets. The beginnings of a data set stand next to each
    /// other, shorter ones first.
    pub(crate) beginnings: Option<Vec<Range<usize>>>,
}
