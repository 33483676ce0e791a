//! Attention over the rows of a plate: sets read as sets, rather than row by row.
//!
//! A block of a transformer with the norm before each part (Xiong et al., arXiv 2002.04745) is
//!
//! ```text
//! x <- x + attend(normalise(x), memory) W + b
//! x <- x + W2 gelu(W1 normalise(x) + b1) + b2
//! ```
//!
//! where attend gives each row, for each head, the mean of the memory's values, weighed by softmax(q k / sqrt(d)). What the
//! memory is, makes the two encoders:
//!
//! - *Induced* (Lee et al., arXiv 1810.00825): a few learned points attend to the rows, and the rows attend to the points.
//!   The cost grows with the number of rows, not its square; the order of rows carries no meaning.
//! - *Causal*: the rows themselves, of which each reads those before it and itself. What becomes of a row then is a summary
//!   of all rows up to it. The mask alone tells the order: of exchangeable rows, nothing more is to be known.
//!
//! Scores are made for some queries at a time, and in the backward pass once more (Dao et al., arXiv 2205.14135), so that
//! memory grows with the number of rows.

use std::ops::Range;
use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};

use hierarch_core::simd::arch;

use super::graph::{Graph, Input, Layer, Node, Result, Slot, give, give_product, shared, take};
use super::kernels::{
    Activation, Number, View, add, add_column_sums, add_row, add_scaled, lane_sum, product_into, room, set_product,
};

/// Queries whose scores are made at once.
const TILE: usize = 64;

/// The layers of an encoder by attention.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttentionLayout {
    pub(super) heads: usize,
    /// From what a row holds to its vector.
    pub(super) inlet: Layer,
    pub(super) blocks: Vec<Block>,
}

/// One block: attention, then a layer for each row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    /// `None`: causal.
    pub(super) points: Option<Points>,
    pub(super) query: Layer,
    pub(super) part: HalfBlock,
}

/// Learned points that read the rows of each parent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Points {
    /// What they are before they have read anything, which is also what they ask for: points x width.
    pub(super) initial: Slot,
    pub(super) part: HalfBlock,
}

/// What the two parts of an induced block have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HalfBlock {
    /// To keys and values.
    pub(super) memory: Layer,
    pub(super) outlet: Layer,
    pub(super) feed: (Layer, Layer),
}

impl AttentionLayout {
    pub(super) fn width(&self) -> usize {
        self.inlet.bias.columns
    }

    /// Whether a row reads those before it alone.
    pub(super) fn causal(&self) -> bool {
        self.blocks.iter().all(|block| block.points.is_none())
    }

    /// How many numbers are made of a row: its vector, and in each block two normalised ones, query, key, value, what it
    /// read, two results, and twice the hidden layer. Those of the points come on top.
    pub(super) fn activations(&self) -> usize {
        let hidden: usize = self.blocks.iter().map(|block| 2 * block.part.feed.0.bias.columns).sum();
        self.width() * (1 + 8 * self.blocks.len()) + hidden
    }

    /// A vector for each row that has read the others of its parent, or those before it.
    pub(super) fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        inputs: &[Input<E>],
        offsets: &[usize],
    ) -> Result<Node<E>> {
        let rows = Arc::new(offsets.to_vec());
        let count = offsets.last().copied().unwrap_or(0);
        let mut x = graph.affine(count, inputs, &self.inlet, Activation::None)?;
        for block in &self.blocks {
            let normal = graph.layer_norm(&x)?;
            let (source, keys, causal) = match &block.points {
                Some(points) => {
                    let (points, keys) = points.read(graph, &normal, rows.clone(), self.heads)?;
                    (points, keys, false)
                }
                None => (normal.clone(), rows.clone(), true),
            };
            let query = graph.affine(count, &[Input::Node(normal)], &block.query, Activation::None)?;
            let heads = Heads { heads: self.heads, queries: rows.clone(), keys, causal };
            x = block.part.read(graph, &x, &query, &source, heads)?;
        }
        Ok(x)
    }
}

impl Points {
    /// The points of each parent after they have read its rows, normalised, and where those of each parent are.
    fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        rows: &Node<E>,
        keys: Arc<Vec<usize>>,
        heads: usize,
    ) -> Result<(Node<E>, Arc<Vec<usize>>)> {
        let parents = keys.len() - 1;
        let queries: Arc<Vec<usize>> = Arc::new((0..=parents).map(|parent| parent * self.initial.rows).collect());
        let points = graph.repeat(self.initial, parents)?;
        let heads = Heads { heads, queries: queries.clone(), keys, causal: false };
        let points = self.part.read(graph, &points, &points, rows, heads)?;
        Ok((graph.layer_norm(&points)?, queries))
    }
}

impl HalfBlock {
    /// What becomes of `x`, row by row, by what `query` finds in `source`.
    fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        x: &Node<E>,
        query: &Node<E>,
        source: &Node<E>,
        heads: Heads,
    ) -> Result<Node<E>> {
        let count = source.values.len() / source.columns;
        let memory = graph.affine(count, &[Input::Node(source.clone())], &self.memory, Activation::None)?;
        let found = graph.attend(query, &memory, heads)?;
        let x = graph.add_affine(x, &found, &self.outlet)?;
        graph.residual_block(&x, &self.feed.0, &self.feed.1)
    }
}

/// Who reads whom, and in how many ways.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    pub(super) heads: usize,
    /// Parents + 1 offsets: where the queries of each parent are.
    pub(super) queries: Arc<Vec<usize>>,
    /// The same of the keys; a parent's queries read its keys.
    pub(super) keys: Arc<Vec<usize>>,
    /// Whether a query reads no further than the key at its own place.
    pub(super) causal: bool,
}

/// Some queries of one parent, and the keys that they read, for one head.
struct Tile {
    queries: Range<usize>,
    keys: Range<usize>,
    /// Keys that the first of the queries reads.
    first: usize,
    /// How many more each query reads than the one before it.
    more: usize,
    /// The head's columns among those of queries, of keys and of results.
    columns: Range<usize>,
}

impl Tile {
    /// Scores in a tile.
    fn size(&self) -> usize {
        self.queries.len() * self.keys.len()
    }

    /// The scores of each query, and how many of its keys it reads.
    fn rows<'a, E>(&self, scores: &'a mut [E]) -> impl Iterator<Item = (&'a mut [E], usize)> {
        let (first, more) = (self.first, self.more);
        scores.chunks_exact_mut(self.keys.len()).enumerate().map(move |(index, row)| (row, first + index * more))
    }
}

impl Heads {
    /// All tiles of queries that have something to read, in the same order each time.
    fn tiles(&self, width: usize) -> impl Iterator<Item = Tile> {
        let head_width = width / self.heads;
        let parents = self.queries.windows(2).zip(self.keys.windows(2)).filter(|(_, keys)| keys[0] < keys[1]);
        parents.flat_map(move |(queries, keys)| {
            let (begin, end, first_key, last_key) = (queries[0], queries[1], keys[0], keys[1]);
            (0..self.heads).flat_map(move |head| {
                (begin..end).step_by(TILE).map(move |start| {
                    let stop = (start + TILE).min(end);
                    let last_key = if self.causal { first_key + stop - begin } else { last_key };
                    let (first, more) = if self.causal { (start - begin + 1, 1) } else { (last_key - first_key, 0) };
                    let columns = head * head_width..(head + 1) * head_width;
                    Tile { queries: start..stop, keys: first_key..last_key, first, more, columns }
                })
            })
        })
    }
}

/// Some rows and columns of a matrix.
fn block<'a, E: Copy>(matrix: &'a [E], width: usize, rows: &Range<usize>, columns: Range<usize>) -> View<'a, E> {
    View::new(&matrix[rows.start * width..rows.end * width], width).columns(columns)
}

impl<E: Number, T: Tape<E, Cpu>> Graph<E, T> {
    /// For each query (rows x width) and head, the mean of the values among `memory` (keys, then values: rows x 2 width),
    /// weighed by softmax(q k / sqrt(width of a head)). 0 where there is nothing to read.
    pub(super) fn attend(&mut self, queries: &Node<E>, memory: &Node<E>, heads: Heads) -> Result<Node<E>> {
        let width = queries.columns;
        let scale = E::number((width / heads.heads) as f32).sqrt().recip();
        let mut output = vec![E::zero(); queries.values.len()];
        // Of the exponentials of each query's scores: the backward pass makes the weights from it.
        let mut log_sums = vec![E::zero(); if T::OWNS_TAPE { output.len() / width * heads.heads } else { 0 }];
        let mut scratch = Vec::new();
        let mut at = 0;
        for tile in heads.tiles(width) {
            let scores = room(&mut scratch, tile.size());
            set_scores(scores, &tile, &queries.values, &memory.values, width);
            let sums = log_sums.get_mut(at..at + tile.queries.len()).unwrap_or_default();
            at += tile.queries.len();
            softmax(scores, &tile, scale, sums);
            let values = tile.columns.start + width..tile.columns.end + width;
            product_into(
                &mut output[tile.queries.start * width + tile.columns.start..],
                width,
                false,
                View::new(scores, tile.keys.len()),
                block(&memory.values, 2 * width, &tile.keys, values),
            );
        }
        let output = self.node(output, width)?;
        if !T::OWNS_TAPE {
            return Ok(output);
        }
        let (of_queries, of_memory, key) = (queries.key.clone(), memory.key.clone(), output.key.clone());
        let (queries, memory, found) = (queries.values.clone(), memory.values.clone(), output.values.clone());
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            let mut query_gradient = vec![E::zero(); queries.len()];
            let mut memory_gradient = vec![E::zero(); memory.len()];
            let mut scratch = Vec::new();
            let mut at = 0;
            for tile in heads.tiles(width) {
                let (weights, scores) = room(&mut scratch, 2 * tile.size()).split_at_mut(tile.size());
                let (rows, keys) = (&tile.queries, &tile.keys);
                let columns = tile.columns.clone();
                let values = columns.start + width..columns.end + width;
                set_scores(weights, &tile, &queries, &memory, width);
                restore(weights, &tile, scale, &log_sums[at..at + rows.len()]);
                at += rows.len();
                let upstream_block = block(&upstream, width, rows, columns.clone());
                set_product(scores, upstream_block, block(&memory, 2 * width, keys, values.clone()).transposed());
                softmax_backward(scores, weights, &tile, scale, &found, &upstream, width);
                let (weights, scores) = (View::new(weights, keys.len()), View::new(scores, keys.len()));
                let place = rows.start * width + columns.start;
                let key_block = block(&memory, 2 * width, keys, columns.clone());
                product_into(&mut query_gradient[place..], width, false, scores, key_block);
                let place = keys.start * 2 * width;
                let query_block = block(&queries, width, rows, columns.clone());
                let gradient = &mut memory_gradient[place + columns.start..];
                product_into(gradient, 2 * width, true, scores.transposed(), query_block);
                let gradient = &mut memory_gradient[place + values.start..];
                product_into(gradient, 2 * width, true, weights.transposed(), upstream_block);
            }
            give(grads, &of_queries, query_gradient)?;
            give(grads, &of_memory, memory_gradient)
        });
        Ok(output)
    }

    /// x + input W + bias
    pub(super) fn add_affine(&mut self, x: &Node<E>, input: &Node<E>, layer: &Layer) -> Result<Node<E>> {
        let columns = x.columns;
        let inputs = [Input::Node(input.clone())];
        let mut sums = self.sums(x.values.len() / columns, &inputs, layer);
        add(&mut sums, &x.values);
        let bias = &self.weights.values[layer.bias.range()];
        arch().dispatch(
            #[inline(always)]
            || sums.chunks_exact_mut(columns).for_each(|row| add_row(row, bias)),
        );
        let output = self.node(sums, columns)?;
        if !T::OWNS_TAPE {
            return Ok(output);
        }
        let (weights, slot) = (self.weights.clone(), layer.weights[0]);
        let gradient = self.weight_gradient(inputs.to_vec(), layer)?;
        let (x, input, key) = (x.key.clone(), input.key.clone(), output.key.clone());
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            give_product(grads, &input, View::new(&upstream, columns), weights.transposed_matrix(slot))?;
            give(grads, &x, upstream.clone())?;
            gradient(grads, upstream)
        });
        Ok(output)
    }

    /// Of each beginning of a set (its rows; those of a set next to each other, shorter ones first) its last row and the mean
    /// of its rows, 0 where it has none. With `roots` (one for each), the means times the roots follow.
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
            // From the longest beginning of a set to the shortest: a row has a share in all that reach as far as it.
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

    /// A matrix among the weights of layers that read rows, so many times below itself.
    fn repeat(&mut self, slot: Slot, times: usize) -> Result<Node<E>> {
        let output = self.node(self.weights.values[slot.range()].repeat(times), slot.columns)?;
        let (leaf, key, length) = (self.leaf.clone(), output.key.clone(), self.shared);
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            add_column_sums(&mut shared(grads, &leaf, length)?[slot.range()], &upstream);
            Ok(())
        });
        Ok(output)
    }
}

// ---- loops over scores -------------------------------------------------------------------------------------------------

fn set_scores<E: Number>(scores: &mut [E], tile: &Tile, queries: &[E], memory: &[E], width: usize) {
    let left = block(queries, width, &tile.queries, tile.columns.clone());
    set_product(scores, left, block(memory, 2 * width, &tile.keys, tile.columns.clone()).transposed());
}

/// Turns scores into weights that sum to 1, and notes the logarithm of the sum of their exponentials, if there is room.
fn softmax<E: Number>(scores: &mut [E], tile: &Tile, scale: E, log_sums: &mut [E]) {
    arch().dispatch(
        #[inline(always)]
        || {
            let mut log_sums = log_sums.iter_mut();
            for (row, reads) in tile.rows(scores) {
                let (row, hidden) = row.split_at_mut(reads);
                hidden.fill(E::zero());
                let log_sum = softmax_row(row, scale);
                if let Some(place) = log_sums.next() {
                    *place = log_sum;
                }
            }
        },
    );
}

#[inline(always)]
fn softmax_row<E: Number>(row: &mut [E], scale: E) -> E {
    let highest = highest(row);
    for score in row.iter_mut() {
        *score = (scale * (*score - highest)).quick_exp();
    }
    let sum = lane_sum(row.len(), |index| row[index]);
    let inverse = sum.recip();
    for weight in row {
        *weight *= inverse;
    }
    scale * highest + sum.ln()
}

#[inline(always)]
fn highest<E: Number>(row: &[E]) -> E {
    const LANES: usize = 16;
    let larger = |a: E, b: E| if b > a { b } else { a };
    let mut lanes = [E::neg_infinity(); LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, *value);
        }
    }
    lanes.iter().chain(rest).copied().fold(E::neg_infinity(), larger)
}

/// Turns scores into weights by what [`softmax`] noted.
fn restore<E: Number>(scores: &mut [E], tile: &Tile, scale: E, log_sums: &[E]) {
    arch().dispatch(
        #[inline(always)]
        || {
            for ((row, reads), log_sum) in tile.rows(scores).zip(log_sums) {
                let (row, hidden) = row.split_at_mut(reads);
                hidden.fill(E::zero());
                for score in row {
                    *score = (scale * *score - *log_sum).quick_exp();
                }
            }
        },
    );
}

/// Turns the gradient with respect to weights into that with respect to scores before they are scaled: of a softmax p with
/// upstream gradient g it is p (g - p g), and p g is also the product of what was found and its upstream gradient.
fn softmax_backward<E: Number>(
    gradient: &mut [E],
    weights: &[E],
    tile: &Tile,
    scale: E,
    found: &[E],
    upstream: &[E],
    width: usize,
) {
    arch().dispatch(
        #[inline(always)]
        || {
            let rows = gradient.chunks_exact_mut(tile.keys.len()).zip(weights.chunks_exact(tile.keys.len()));
            for ((gradient, weights), query) in rows.zip(tile.queries.clone()) {
                let own = query * width + tile.columns.start..query * width + tile.columns.end;
                let (found, upstream) = (&found[own.clone()], &upstream[own]);
                let mean = found.iter().zip(upstream).map(|(found, upstream)| *found * *upstream).sum::<E>();
                softmax_backward_row(gradient, weights, mean, scale);
            }
        },
    );
}

#[inline(always)]
fn softmax_backward_row<E: Number>(gradient: &mut [E], weights: &[E], mean: E, scale: E) {
    for (gradient, weight) in gradient.iter_mut().zip(weights) {
        *gradient = scale * *weight * (*gradient - mean);
    }
}
