//! Beginnings of data sets, for networks that read rows in their order.

use super::batch::{Batch, Rows};

/// Beginnings of each data set that a training step reads. The loss is a mean over all beginnings. A few of them tell
/// nearly as much, since beginnings of nearly the same length say nearly the same.
pub(super) const SAMPLE: usize = 8;

/// A beginning of a data set: the first rows of the only plate at its top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prefix {
    pub(super) set: usize,
    pub(super) rows: usize,
}

/// Returns each data set's place in the batch, and how many rows it has.
fn sizes(batch: &Batch) -> impl Iterator<Item = (usize, usize)> {
    let offsets = batch.plates.first().map_or(&[][..], |rows| &rows.offsets);
    offsets.windows(2).map(|pair| pair[1] - pair[0]).enumerate()
}

/// Returns each data set as a whole.
pub(super) fn whole(batch: &Batch) -> Vec<Prefix> {
    sizes(batch).map(|(set, rows)| Prefix { set, rows }).collect()
}

/// Returns all beginnings of all data sets, from one row on.
pub(super) fn every(batch: &Batch) -> Vec<Prefix> {
    sizes(batch).flat_map(|(set, size)| (1..=size).map(move |rows| Prefix { set, rows })).collect()
}

/// Returns [`SAMPLE`] beginnings of each data set, shorter ones first. `place` is the place of the first data set among all
/// that are drawn.
pub(super) fn sample(batch: &Batch, place: u64) -> Vec<Prefix> {
    let sample = |(set, size)| {
        let mut rows: [usize; SAMPLE] = std::array::from_fn(|index| length(size, place + set as u64, index));
        rows.sort_unstable();
        rows.map(|rows| Prefix { set, rows })
    };
    sizes(batch).flat_map(sample).collect()
}

/// Cuts each data set to one of its beginnings.
pub(super) fn cut(batch: &Batch) -> Batch {
    let mut all = batch.slice(0..0);
    for (set, size) in sizes(batch) {
        let mut one = batch.slice(set..set + 1);
        let cut = |rows: &Rows| rows.part(0..length(size, set as u64, set % SAMPLE));
        one.plates = one.plates.iter().map(cut).collect();
        all.append(&one);
    }
    all
}

/// Returns the length of beginning `index`, below [`SAMPLE`], of the data set at `place`, which has `size` rows. One
/// beginning is the whole data set. Of the others some have uniform lengths and some log-uniform ones, as the sizes of
/// plates have. Both come in equal steps, which start elsewhere for each data set: the multiples of the golden ratio fill
/// an interval evenly.
fn length(size: usize, place: u64, index: usize) -> usize {
    const UNIFORM: usize = SAMPLE / 2;
    const LOG_UNIFORM: usize = SAMPLE - UNIFORM - 1;
    let start = ((place + 1) as f64 * 0.618_033_988_749_895).fract();
    let share = |index: usize, steps: usize| (index as f64 + start) / steps as f64;
    let rows = match index {
        0..UNIFORM => 1.0 + share(index, UNIFORM) * size as f64,
        UNIFORM => return size,
        _ => (size as f64 + 1.0).powf(share(index - UNIFORM - 1, LOG_UNIFORM)),
    };
    (rows as usize).min(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sizes: &[usize]) -> Batch {
        let mut rows = Rows { width: 1, offsets: vec![0], ..Rows::default() };
        for (set, size) in sizes.iter().enumerate() {
            rows.features.extend((0..*size).map(|row| (100 * set + row) as f32));
            rows.offsets.push(rows.features.len());
        }
        Batch { sets: sizes.len(), plates: vec![rows], ..Batch::default() }
    }

    #[test]
    fn beginnings_begin_where_their_sets_do() {
        let batch = batch(&[3, 0, 40]);
        let cut = cut(&batch);
        assert_eq!(cut.sets, 3);
        for set in 0..3 {
            let rows = |batch: &Batch| batch.slice(set..set + 1).plates[0].features.clone();
            assert!(rows(&batch).starts_with(&rows(&cut)) && rows(&cut).is_empty() == (set == 1));
        }
        let every: Vec<_> = every(&batch).iter().map(|prefix| (prefix.set, prefix.rows)).collect();
        assert_eq!((every.len(), every[2], every[3], every[42]), (43, (0, 3), (2, 1), (2, 40)));
        assert_eq!(whole(&batch).iter().map(|prefix| prefix.rows).collect::<Vec<_>>(), [3, 0, 40]);
    }

    /// One is the whole set, four are uniform, three log-uniform: in a hundred thousand sets to a hundredth.
    #[test]
    fn lengths_are_spread_over_all_there_are() {
        const SIZE: usize = 20;
        const SETS: usize = 100_000;
        let mut counts = [0_usize; SIZE + 1];
        let sampled = sample(&batch(&[SIZE; 10]).slice(0..10), 0);
        assert!(sampled.chunks_exact(SAMPLE).all(|set| set.is_sorted_by_key(|prefix| prefix.rows)));
        for place in 0..SETS {
            (0..SAMPLE).for_each(|index| counts[length(SIZE, place as u64, index)] += 1);
        }
        assert_eq!(counts[0], 0);
        for (rows, count) in counts.iter().enumerate().skip(1) {
            let log = (1.0 + 1.0 / rows as f64).ln() / (SIZE as f64 + 1.0).ln();
            let whole = f64::from(u8::from(rows == SIZE));
            let expected = (whole + 4.0 / SIZE as f64 + 3.0 * log) * SETS as f64;
            assert!((*count as f64 / expected - 1.0).abs() < 0.01, "{rows}: {count}, {expected}");
        }
    }
}
