//! A matrix of the data, times vectors of unknowns.

use crate::autodiff::{Lanes, WithLanes, with_lanes};

/// The rows that are worked on at a time: so few that a column of results stays in the fastest cache.
const BLOCK: usize = 256;

/// A matrix, and a column that is added to its products.
#[derive(Clone, Debug)]
pub(super) struct Design {
    rows: usize,
    width: usize,
    /// The blocks of rows one after the other, each column by column.
    numbers: Vec<f64>,
    offset: Vec<f64>,
}

impl Design {
    /// Makes the matrix; `row` writes the numbers of a row, and returns its offset.
    pub fn new(rows: usize, width: usize, row: &mut dyn FnMut(usize, &mut [f64]) -> f64) -> Self {
        let mut design = Self { rows, width, numbers: vec![0.0; rows * width], offset: Vec::with_capacity(rows) };
        let mut numbers = vec![0.0; width];
        for i in 0..rows {
            let offset = row(i, &mut numbers);
            design.offset.push(offset);
            let (first, count) = (i - i % BLOCK, BLOCK.min(rows - (i - i % BLOCK)));
            for (c, x) in numbers.iter().enumerate() {
                design.numbers[first * width + c * count + i % BLOCK] = *x;
            }
        }
        design
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// Writes the offset plus the matrix times `x` to `to`, a number for each row.
    pub fn times(&self, x: &[f64], to: &mut [f64]) {
        with_lanes(Times { design: self, x, to });
    }

    /// Writes the transposed matrix times `x`, which has a number for each row, to `to`.
    pub fn transposed_times(&self, x: &[f64], to: &mut [f64]) {
        with_lanes(TransposedTimes { design: self, x, to });
    }

    /// Lists the blocks: the first row, the number of rows, and their numbers.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, &[f64])> {
        (0..self.rows).step_by(BLOCK).map(|first| {
            let count = BLOCK.min(self.rows - first);
            (first, count, &self.numbers[first * self.width..(first + count) * self.width])
        })
    }
}

struct Times<'a> {
    design: &'a Design,
    x: &'a [f64],
    to: &'a mut [f64],
}

impl WithLanes for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { design, x, to } = self;
        to.copy_from_slice(&design.offset);
        for (first, count, numbers) in design.blocks() {
            let to = &mut to[first..first + count];
            let mut c = 0;
            while c + 4 <= design.width {
                let columns = |k: usize| &numbers[(c + k) * count..(c + k + 1) * count];
                add::<V, 4>([columns(0), columns(1), columns(2), columns(3)], [x[c], x[c + 1], x[c + 2], x[c + 3]], to);
                c += 4;
            }
            for c in c..design.width {
                add::<V, 1>([&numbers[c * count..(c + 1) * count]], [x[c]], to);
            }
        }
    }
}

/// Adds columns times numbers to `to`.
#[inline(always)]
fn add<V: Lanes, const N: usize>(columns: [&[f64]; N], x: [f64; N], to: &mut [f64]) {
    let mut i = 0;
    while i + V::WIDTH <= to.len() {
        let mut sum = V::load(&to[i..]);
        for k in 0..N {
            sum = V::load(&columns[k][i..]).mul_add(V::splat(x[k]), sum);
        }
        sum.store(&mut to[i..]);
        i += V::WIDTH;
    }
    for i in i..to.len() {
        for k in 0..N {
            to[i] += columns[k][i] * x[k];
        }
    }
}

struct TransposedTimes<'a> {
    design: &'a Design,
    x: &'a [f64],
    to: &'a mut [f64],
}

impl WithLanes for TransposedTimes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { design, x, to } = self;
        to.fill(0.0);
        for (first, count, numbers) in design.blocks() {
            let x = &x[first..first + count];
            let mut c = 0;
            while c + 4 <= design.width {
                let columns = |k: usize| &numbers[(c + k) * count..(c + k + 1) * count];
                let sums = products::<V, 4>([columns(0), columns(1), columns(2), columns(3)], x);
                for k in 0..4 {
                    to[c + k] += sums[k];
                }
                c += 4;
            }
            for c in c..design.width {
                to[c] += products::<V, 1>([&numbers[c * count..(c + 1) * count]], x)[0];
            }
        }
    }
}

/// Returns the inner products of columns with `x`.
#[inline(always)]
fn products<V: Lanes, const N: usize>(columns: [&[f64]; N], x: &[f64]) -> [f64; N] {
    let mut sums = [V::splat(0.0); N];
    let mut i = 0;
    while i + V::WIDTH <= x.len() {
        let x = V::load(&x[i..]);
        for k in 0..N {
            sums[k] = V::load(&columns[k][i..]).mul_add(x, sums[k]);
        }
        i += V::WIDTH;
    }
    let mut all = [0.0; N];
    for k in 0..N {
        all[k] = sums[k].sum();
        for i in i..x.len() {
            all[k] += columns[k][i] * x[i];
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_plain_loops() {
        for (rows, width) in [(0, 3), (1, 1), (7, 5), (256, 4), (700, 9), (513, 0)] {
            let entry = |i: usize, c: usize| ((i * 31 + c * 17) % 23) as f64 - 11.0;
            let design = Design::new(rows, width, &mut |i, row| {
                row.iter_mut().enumerate().for_each(|(c, x)| *x = entry(i, c));
                i as f64
            });
            let x: Vec<f64> = (0..width).map(|c| c as f64 - 1.5).collect();
            let mut products = vec![f64::NAN; rows];
            design.times(&x, &mut products);
            for (i, product) in products.iter().enumerate() {
                let plain: f64 = i as f64 + x.iter().enumerate().map(|(c, x)| entry(i, c) * x).sum::<f64>();
                assert_eq!(*product, plain, "row {i} of {rows} x {width}");
            }
            let y: Vec<f64> = (0..rows).map(|i| (i % 13) as f64).collect();
            let mut transposed = vec![f64::NAN; width];
            design.transposed_times(&y, &mut transposed);
            for (c, product) in transposed.iter().enumerate() {
                let plain: f64 = y.iter().enumerate().map(|(i, y)| entry(i, c) * y).sum();
                assert_eq!(*product, plain, "column {c} of {rows} x {width}");
            }
        }
    }
}
