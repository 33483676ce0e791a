//! The log density of many normal observations with one sd, from a few rows.
//!
//! The observations y_i ~ Normal(o_i + x_i . u, w_i s) with data o, x, w and unknowns u, s have the log density
//!
//! ```text
//! - N ln s - |r(u)|^2 / (2 s^2) + constant,    r_i(u) = (y_i - o_i - x_i . u) / w_i
//! ```
//!
//! and |r(u)|^2 = |z - R (u - v)|^2 + rest, for any v, with [R z] the triangle of a QR decomposition of the rows (x_i / w_i,
//! r_i(v)). With as many rows as unknowns the sum is what it was with all rows. v is the point of least squares and r(v) is worked
//! out in twice the digits, so that neither a large offset of the data nor the square of a condition number is lost (a Gram
//! matrix has both).
//!
//! Where rows read unknowns of a column by an index, there is a triangle for each set of rows that read the same. A set with
//! fewer rows than a triangle would have stays as it is.

use super::Scratch;
use super::design::Design;
use crate::distributions::LN_SQRT_2_PI;
use crate::linear::dot;

/// The rows of a normal observation.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// How many there are.
    pub rows: usize,
    /// The number of unknowns that are the same in every row.
    pub width: usize,
    /// The indices by which rows read further unknowns.
    pub indices: &'a [&'a [usize]],
    /// Whether the logarithm of what is observed is normal.
    pub log: bool,
}

/// The unknowns of a normal observation.
#[derive(Clone, Copy, Debug)]
pub struct Unknowns<'a> {
    /// Those that are the same in every row.
    pub numbers: &'a [f64],
    /// The columns that rows read by index.
    pub columns: &'a [&'a [f64]],
    /// For each index of [`Rows::indices`], the column that is read.
    pub reads: &'a [usize],
}

/// Normal observations, as few rows.
#[derive(Clone, Debug)]
pub(super) struct LeastSquares {
    /// N.
    observations: usize,
    /// What the log density has besides N, s and the squares.
    constant: f64,
    /// What no unknown changes of the sum of squares.
    rest: f64,
    /// R by the unknowns that are the same in every row; its offset is -z.
    design: Design,
    /// v, of the unknowns that are the same in every row and of those that are read by an index.
    about: Vec<f64>,
    /// For each index the coefficient and the position in the column, of each row.
    reads: Vec<(Vec<f64>, Vec<usize>)>,
}

impl LeastSquares {
    /// Makes the rows; `row` writes the coefficients of a row, and returns what is observed, what is added to its mean, and the
    /// factor of the sd. A row of which what is observed is NaN is missing.
    pub fn new(of: Rows<'_>, row: &mut dyn FnMut(usize, &mut [f64]) -> [f64; 3]) -> Self {
        let Rows { rows, width, indices, log } = of;
        let columns = width + indices.len();
        let mut constant = -LN_SQRT_2_PI * rows as f64;
        let mut weighted = vec![0.0; rows * columns];
        let mut observed = Vec::with_capacity(rows);
        let mut there = Vec::with_capacity(rows);
        for i in 0..rows {
            let numbers = &mut weighted[observed.len() * columns..(observed.len() + 1) * columns];
            let [mut y, offset, sd] = row(i, numbers);
            if y.is_nan() {
                numbers.fill(0.0);
                continue;
            }
            there.push(i);
            if log {
                y = y.ln();
                constant -= y;
            }
            constant -= sd.ln();
            observed.push((y, offset, sd));
        }
        constant += LN_SQRT_2_PI * (rows - observed.len()) as f64;
        let rows = observed.len();
        let residual = |i: usize, about: &[f64]| {
            let (y, offset, sd) = observed[i];
            let mut sum = Twice::from(y).minus(offset, 1.0);
            for (x, u) in weighted[i * columns..(i + 1) * columns].iter().zip(about) {
                sum = sum.minus(*x, *u);
            }
            sum.number() / sd
        };

        let mut triangle = Triangle::new(columns + 1);
        let zeros = vec![0.0; columns];
        let scaled = |i: usize, to: &mut [f64], about: &[f64]| {
            let sd = observed[i].2;
            for (to, x) in to.iter_mut().zip(&weighted[i * columns..(i + 1) * columns]) {
                *to = x / sd;
            }
            to[columns] = residual(i, about);
        };
        for i in 0..rows {
            triangle.push(|to| scaled(i, to, &zeros));
        }
        let about = triangle.least_squares();

        // Rows that read the same stand together.
        let mut order: Vec<usize> = (0..rows).collect();
        let key = |i: &usize| indices.iter().map(|index| index[there[*i]]).collect::<Vec<_>>();
        if !indices.is_empty() {
            order.sort_by_cached_key(key);
        }
        let (mut kept, mut of_row, mut rest) = (Vec::new(), Vec::new(), 0.0);
        for group in order.chunk_by(|a, b| indices.iter().all(|index| index[there[*a]] == index[there[*b]])) {
            let mut triangle = Triangle::new(columns + 1);
            group.iter().for_each(|&i| triangle.push(|to| scaled(i, to, &about)));
            for numbers in triangle.rows() {
                if numbers[..columns].iter().all(|x| *x == 0.0) {
                    rest += numbers[columns] * numbers[columns];
                } else {
                    kept.extend_from_slice(numbers);
                    of_row.push(there[group[0]]);
                }
            }
        }
        let numbers = |r: usize| &kept[r * (columns + 1)..(r + 1) * (columns + 1)];
        let design = Design::new(of_row.len(), width, &mut |r, to| {
            to.copy_from_slice(&numbers(r)[..width]);
            -numbers(r)[columns]
        });
        let reads = indices.iter().enumerate().map(|(k, index)| {
            let coefficients = (0..of_row.len()).map(|r| numbers(r)[width + k]).collect();
            (coefficients, of_row.iter().map(|&i| index[i]).collect())
        });
        Self { observations: rows, constant, rest, about, reads: reads.collect(), design }
    }

    /// Returns the number of observations, of rows that stand for them, and of unknowns in a row.
    pub fn size(&self) -> (usize, usize, usize) {
        (self.observations, self.design.rows(), self.about.len())
    }

    /// Returns the log density and its slope in `sd`; writes the derivatives with respect to the unknowns that are the same in
    /// every row to `numbers`, and adds those with respect to columns to `columns`.
    pub fn log_density(
        &self,
        sd: f64,
        unknowns: Unknowns<'_>,
        numbers: &mut [f64],
        columns: &mut [&mut [f64]],
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        let mut from = scratch.take(unknowns.numbers.len());
        for ((from, u), about) in from.iter_mut().zip(unknowns.numbers).zip(&self.about) {
            *from = u - about;
        }
        // The residuals, with the sign turned.
        let mut off = scratch.take(self.design.rows());
        self.design.times(&from, &mut off);
        for ((coefficients, index), (read, about)) in
            self.reads.iter().zip(unknowns.reads.iter().zip(&self.about[from.len()..]))
        {
            let column = unknowns.columns[*read];
            for ((off, x), at) in off.iter_mut().zip(coefficients).zip(index) {
                *off += x * (column[*at] - about);
            }
        }
        let squares = self.rest + dot(&off, &off);
        let (n, precision) = (self.observations as f64, 1.0 / (sd * sd));
        off.iter_mut().for_each(|off| *off *= -precision);
        self.design.transposed_times(&off, numbers);
        for ((coefficients, index), read) in self.reads.iter().zip(unknowns.reads) {
            let column = &mut *columns[*read];
            for ((off, x), at) in off.iter().zip(coefficients).zip(index) {
                column[*at] += x * off;
            }
        }
        scratch.give(from);
        scratch.give(off);
        let value = self.constant - n * sd.ln() - 0.5 * squares * precision;
        (value, (squares * precision - n) / sd)
    }
}

/// A number in twice the digits: the sum of two.
#[derive(Clone, Copy)]
struct Twice {
    high: f64,
    low: f64,
}

impl From<f64> for Twice {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Twice {
    /// Returns self - a b, with what rounding loses (Knuth's sum, and the product's error by a fused multiplication).
    fn minus(self, a: f64, b: f64) -> Self {
        let product = a * b;
        let lost = a.mul_add(b, -product);
        let high = self.high - product;
        let back = high - self.high;
        let error = (self.high - (high - back)) - (product + back);
        Self { high, low: self.low + error - lost }
    }

    fn number(self) -> f64 {
        self.high + self.low
    }
}

/// The rows that are added to a triangle at a time.
const BATCH: usize = 64;

/// The triangle of a QR decomposition, of rows that come one after the other (Householder's reflections).
struct Triangle {
    width: usize,
    /// The triangle and the rows that wait, column by column with room for `width + BATCH` rows.
    numbers: Vec<f64>,
    /// How many rows there are.
    filled: usize,
    /// The row at hand.
    row: Vec<f64>,
}

impl Triangle {
    fn new(width: usize) -> Self {
        Self { width, numbers: Vec::new(), filled: 0, row: vec![0.0; width] }
    }

    fn room(&self) -> usize {
        self.width + BATCH
    }

    /// Adds the row that `write` writes.
    fn push(&mut self, write: impl FnOnce(&mut [f64])) {
        let room = self.room();
        if self.numbers.is_empty() {
            self.numbers.resize(room * self.width, 0.0);
        }
        if self.filled == room {
            self.reduce();
        }
        write(&mut self.row);
        for (column, x) in self.numbers.chunks_exact_mut(room).zip(&self.row) {
            column[self.filled] = *x;
        }
        self.filled += 1;
    }

    /// Makes a triangle of the rows that there are.
    fn reduce(&mut self) {
        let (room, n) = (self.room(), self.filled);
        for c in 0..self.width.min(n) {
            let (before, after) = self.numbers.split_at_mut((c + 1) * room);
            let column = &mut before[c * room + c..c * room + n];
            let below = dot(&column[1..], &column[1..]);
            if below == 0.0 {
                continue;
            }
            let norm = (column[0] * column[0] + below).sqrt();
            let head = column[0] + norm.copysign(column[0]);
            let diagonal = -norm.copysign(column[0]);
            column[0] = head;
            let scale = 2.0 / (head * head + below);
            for other in after.chunks_exact_mut(room) {
                let other = &mut other[c..n];
                let product = dot(column, other) * scale;
                other.iter_mut().zip(&*column).for_each(|(x, v)| *x -= product * v);
            }
            column[0] = diagonal;
            column[1..].fill(0.0);
        }
        self.filled = n.min(self.width);
    }

    /// Returns the rows of the triangle, or the rows as they came where these are no more.
    fn rows(&mut self) -> impl Iterator<Item = &[f64]> {
        if self.filled > self.width {
            self.reduce();
        }
        let (width, room, filled) = (self.width, self.room(), self.filled);
        let mut rows = vec![0.0; width * filled];
        for (c, column) in self.numbers.chunks_exact(room).enumerate() {
            for r in 0..filled {
                rows[r * width + c] = column[r];
            }
        }
        self.row = rows;
        self.row.chunks_exact(width.max(1))
    }

    /// Returns the numbers u of least |z - R u|, where z is the last column. What the rows do not tell is 0.
    fn least_squares(&mut self) -> Vec<f64> {
        self.reduce();
        let (room, unknowns) = (self.room(), self.width - 1);
        let mut u = vec![0.0; unknowns];
        let entry = |r: usize, c: usize| self.numbers[c * room + r];
        for r in (0..unknowns.min(self.filled)).rev() {
            let length = (0..=r).map(|k| entry(k, r) * entry(k, r)).sum::<f64>().sqrt();
            let known: f64 = (r + 1..unknowns).map(|c| entry(r, c) * u[c]).sum();
            let x = (entry(r, unknowns) - known) / entry(r, r);
            // A column that the others nearly make up says little of its own: without it the point is not far from where the
            // density is looked at.
            if entry(r, r).abs() > 1e-4 * length && x.is_finite() {
                u[r] = x;
            }
        }
        u
    }
}
