//! Batches in slices, so that memory is bounded and every core is busy.

use std::ops::Range;

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;

/// The largest number of data sets that one thread predicts at once.
const SLICE: usize = 256;
/// Numbers in the data sets that one thread predicts at once, unless a single data set has more.
pub(super) const SLICE_NUMBERS: usize = 1 << 16;

/// Applies `of` to slices of the data sets, and returns the results in order. A slice has at least `least` data sets,
/// unless the batch has fewer. A batch that is one small slice stays on the calling thread.
pub(super) fn in_slices<R: Send>(
    batch: &Batch,
    least: usize,
    of: impl Fn(Range<usize>) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let sets = batch.sets;
    let length = (SLICE_NUMBERS / (batch.numbers() / sets.max(1)).max(1)).clamp(1, SLICE);
    if sets <= length {
        return Ok(vec![of(0..sets)?]);
    }
    let slices = sets.div_ceil(length).min(sets / least).max(1);
    let slice = |slice: usize| of(slice * sets / slices..(slice + 1) * sets / slices);
    (0..slices).into_par_iter().map(slice).collect()
}
