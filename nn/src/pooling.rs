//! Pooling: means over the rows of each parent, and over the rows of beginnings of data sets.

use std::ops::Range;

use dfdx::prelude::{Cpu, Tape};

use super::gradients::{Result, give, take};
use super::graph::{Graph, Node};
use super::kernels::{Number, add, add_column_sums, add_scaled};

impl<E: Number, T: Tape<E, Cpu>> Graph<E, T> {
    /// Returns means over the rows of each parent, 0 for a parent without rows. With `roots` (one for each parent), the means
    /// times the roots follow: parents x columns, or parents x 2 columns.
    pub(super) fn pool(&mut self, input: &Node<E>, offsets: &[usize], roots: Option<&[f32]>) -> Result<Node<E>> {
        let columns = input.columns;
        let pooling = Pooling::new(offsets, roots, columns);
        let mut pooled = vec![E::zero(); pooling.parents.len() * pooling.width];
        for (parent, output) in pooling.parents.iter().zip(pooled.chunks_exact_mut(pooling.width)) {
            let (mean, scaled) = output.split_at_mut(columns);
            add_column_sums(mean, &input.values[parent.rows.clone()]);
            pooling.spread(parent, mean, scaled);
        }
        let output = self.node(pooled, pooling.width)?;
        let (input, length, key) = (input.key.clone(), input.values.len(), output.key.clone());
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            let mut gradient = vec![E::zero(); length];
            let mut of_row = vec![E::zero(); columns];
            for (parent, upstream) in pooling.parents.iter().zip(upstream.chunks_exact(pooling.width)) {
                let (mean, scaled) = upstream.split_at(columns);
                of_row.fill(E::zero());
                add_scaled(&mut of_row, mean, E::number(parent.inverse));
                if pooling.rooted {
                    add_scaled(&mut of_row, scaled, E::number(parent.rooted));
                }
                for row in gradient[parent.rows.clone()].chunks_exact_mut(columns) {
                    row.copy_from_slice(&of_row);
                }
            }
            give(grads, &input, gradient)
        });
        Ok(output)
    }

    /// Returns for each beginning of a data set its last row and the mean of its rows, 0 if it has no rows. With `roots`
    /// (one for each beginning), the means times the roots follow. `beginnings` are the rows of each; those of a data set
    /// stand next to each other, shorter ones first.
    pub(super) fn pool_beginnings(
        &mut self,
        x: &Node<E>,
        beginnings: Vec<Range<usize>>,
        roots: Option<&[f32]>,
    ) -> Result<Node<E>> {
        let columns = x.columns;
        let row = move |row: usize| row * columns..(row + 1) * columns;
        let inverse = |rows: &Range<usize>| 1.0 / rows.len().max(1) as f32;
        let mut factors: Vec<Vec<f32>> = vec![beginnings.iter().map(inverse).collect()];
        factors
            .extend(roots.map(|roots| roots.iter().zip(&factors[0]).map(|(root, inverse)| root * inverse).collect()));
        let width = columns * (1 + factors.len());
        let mut output = vec![E::zero(); beginnings.len() * width];
        let mut sum = vec![E::zero(); columns];
        let mut summed = 0..0;
        for (index, (own, output)) in beginnings.iter().zip(output.chunks_exact_mut(width)).enumerate() {
            if own.start != summed.start {
                sum.fill(E::zero());
                summed = own.start..own.start;
            }
            add_column_sums(&mut sum, &x.values[summed.end * columns..own.end * columns]);
            summed = own.clone();
            let (last, means) = output.split_at_mut(columns);
            if !own.is_empty() {
                last.copy_from_slice(&x.values[row(own.end - 1)]);
            }
            for (mean, factors) in means.chunks_exact_mut(columns).zip(&factors) {
                add_scaled(mean, &sum, E::number(factors[index]));
            }
        }
        let output = self.node(output, width)?;
        let (x, length, key) = (x.key.clone(), x.values.len(), output.key.clone());
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            let mut gradient = vec![E::zero(); length];
            // From the longest beginning of a data set to the shortest: a row has a share in every beginning that reaches it.
            let mut sum = vec![E::zero(); columns];
            let mut start = usize::MAX;
            for (index, own) in beginnings.iter().enumerate().rev().filter(|(_, own)| !own.is_empty()) {
                if own.start != start {
                    sum.fill(E::zero());
                    start = own.start;
                }
                let (last, means) = upstream[index * width..(index + 1) * width].split_at(columns);
                for (mean, factors) in means.chunks_exact(columns).zip(&factors) {
                    add_scaled(&mut sum, mean, E::number(factors[index]));
                }
                let shorter = index.checked_sub(1).map_or(0, |index| beginnings[index].end);
                for row in gradient[shorter.max(start) * columns..own.end * columns].chunks_exact_mut(columns) {
                    add(row, &sum);
                }
                add(&mut gradient[row(own.end - 1)], last);
            }
            give(grads, &x, gradient)
        });
        Ok(output)
    }
}

/// Where the rows of each parent are, and the factors of their sum.
struct Pooling {
    parents: Vec<Parent>,
    rooted: bool,
    width: usize,
}

struct Parent {
    rows: Range<usize>,
    /// 1 / n.
    inverse: f32,
    /// root / n.
    rooted: f32,
}

impl Pooling {
    fn new(offsets: &[usize], roots: Option<&[f32]>, columns: usize) -> Pooling {
        let parents = offsets.windows(2).enumerate().map(|(parent, pair)| {
            let inverse = 1.0 / (pair[1] - pair[0]).max(1) as f32;
            let rooted = roots.map_or(0.0, |roots| roots[parent]) * inverse;
            Parent { rows: pair[0] * columns..pair[1] * columns, inverse, rooted }
        });
        let width = columns * if roots.is_some() { 2 } else { 1 };
        Pooling { parents: parents.collect(), rooted: roots.is_some(), width }
    }

    /// Turns the sum over rows into what is returned of it: the mean, and in `scaled` the mean times the root.
    fn spread<E: Number>(&self, parent: &Parent, sum: &mut [E], scaled: &mut [E]) {
        if self.rooted {
            add_scaled(scaled, sum, E::number(parent.rooted));
        }
        for value in sum {
            *value *= E::number(parent.inverse);
        }
    }
}
