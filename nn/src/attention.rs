//! Attention over the rows of a plate: sets read as sets, rather than row by row.
//!
//! A block of a transformer with the norm before each part (Xiong et al., arXiv 2002.04745) is
//!
//! ```text
//! x <- x + attend(normalise(x), memory) W + b
//! x <- x + W2 gelu(W1 normalise(x) + b1) + b2
//! ```
//!
//! where attend gives each row, for each head, the mean of the memory's values, weighed by softmax(q k / sqrt(d)). The two
//! encoders differ in what the memory is:
//!
//! - *Induced* (Lee et al., arXiv 1810.00825): a few learned points attend to the rows, and the rows attend to the points.
//!   The cost grows with the number of rows, not its square; the order of rows carries no meaning.
//! - *Causal*: the rows themselves are the memory, and each row reads those before it and itself. The vector of a row is
//!   then a summary of all rows up to it. Only the mask tells the order: of exchangeable rows, there is nothing more to know.
//!
//! Scores are computed for some queries at a time, and once more in the backward pass (Dao et al., arXiv 2205.14135), so that
//! memory grows with the number of rows, not its square.

use std::ops::Range;
use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};

use hierarch_core::simd::dispatch;

use super::activation::Activation;
use super::gradients::{Result, give, give_product, shared, take};
use super::graph::{Graph, Input, Node};
use super::kernels::{Number, View, add, add_column_sums, add_row, lane_sum, product_into, room, set_product};
use super::weights::{Layer, Slot};

/// Queries whose scores are computed at once.
const TILE: usize = 64;

/// The layers of an encoder by attention.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttentionLayout {
    pub(super) heads: usize,
    /// From the numbers of a row to its vector.
    pub(super) inlet: Layer,
    pub(super) blocks: Vec<Block>,
}

/// One block: attention, then a layer for each row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    /// `None` if the block is causal.
    pub(super) points: Option<Points>,
    pub(super) query: Layer,
    pub(super) part: HalfBlock,
}

/// Learned points that read the rows of each parent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Points {
    /// Their vectors before they have read anything, which are also their queries: points x width.
    pub(super) initial: Slot,
    pub(super) part: HalfBlock,
}

/// One of the two parts of an induced block, or a causal block without its query: an attention and the layers after it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HalfBlock {
    /// From the vectors that are read to keys and values.
    pub(super) memory: Layer,
    pub(super) outlet: Layer,
    pub(super) feed: (Layer, Layer),
}

impl AttentionLayout {
    /// Returns the number of numbers in the vector of a row.
    pub(super) fn width(&self) -> usize {
        self.inlet.bias.columns
    }

    /// Tells whether a row reads only itself and those before it.
    pub(super) fn causal(&self) -> bool {
        self.blocks.iter().all(|block| block.points.is_none())
    }

    /// Counts the numbers that are computed for a row: its vector, and in each block two normalised vectors, query, key,
    /// value, what it read, two results, and twice the hidden layer. The numbers of the points are not counted.
    pub(super) fn activations(&self) -> usize {
        let hidden: usize = self.blocks.iter().map(|block| 2 * block.part.feed.0.bias.columns).sum();
        self.width() * (1 + 8 * self.blocks.len()) + hidden
    }

    /// Computes a vector for each row, which has read the other rows of its parent, or those before it.
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
    /// Returns the points of each parent after they have read its rows, normalised; and the offsets of each parent's points.
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
    /// Adds to each row of `x` what its `query` finds in `source`, and applies the layers for each row.
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
    /// Parents + 1 offsets: where the keys of each parent are. A parent's queries read its keys.
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
    /// Returns the number of scores in the tile.
    fn size(&self) -> usize {
        self.queries.len() * self.keys.len()
    }

    /// Returns the scores of each query, and how many of the keys it reads.
    fn rows<'a, E>(&self, scores: &'a mut [E]) -> impl Iterator<Item = (&'a mut [E], usize)> {
        let (first, more) = (self.first, self.more);
        scores.chunks_exact_mut(self.keys.len()).enumerate().map(move |(index, row)| (row, first + index * more))
    }
}

impl Heads {
    /// Returns all tiles of queries that have something to read, in the same order each time.
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

/// Returns a range of the rows and of the columns of a matrix that has `width` columns.
fn block<'a, E: Copy>(matrix: &'a [E], width: usize, rows: &Range<usize>, columns: Range<usize>) -> View<'a, E> {
    View::new(&matrix[rows.start * width..rows.end * width], width).columns(columns)
}

impl<E: Number, T: Tape<E, Cpu>> Graph<E, T> {
    /// Computes for each query (rows x width) and head the mean of the values in `memory` (keys, then values: rows x 2 width),
    /// weighed by softmax(q k / sqrt(width of a head)); 0 if there is nothing to read.
    pub(super) fn attend(&mut self, queries: &Node<E>, memory: &Node<E>, heads: Heads) -> Result<Node<E>> {
        let width = queries.columns;
        let scale = E::number((width / heads.heads) as f32).sqrt().recip();
        let mut output = vec![E::zero(); queries.values.len()];
        // Logarithms of the sums of the exponentials of each query's scores, from which the backward pass computes the
        // weights.
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

    /// Computes x + input W + bias.
    pub(super) fn add_affine(&mut self, x: &Node<E>, input: &Node<E>, layer: &Layer) -> Result<Node<E>> {
        let columns = x.columns;
        let inputs = [Input::Node(input.clone())];
        let mut sums = self.sums(x.values.len() / columns, &inputs, layer);
        add(&mut sums, &x.values);
        let bias = &self.weights.values[layer.bias.range()];
        dispatch(
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

    /// Stacks `times` copies of a matrix, which is among the weights of layers that read rows.
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

/// Computes the scores of a tile, before they are scaled.
fn set_scores<E: Number>(scores: &mut [E], tile: &Tile, queries: &[E], memory: &[E], width: usize) {
    let left = block(queries, width, &tile.queries, tile.columns.clone());
    set_product(scores, left, block(memory, 2 * width, &tile.keys, tile.columns.clone()).transposed());
}

/// Turns scores into weights that sum to 1, and writes the logarithms of the sums of their exponentials to `log_sums`, unless
/// that is empty.
fn softmax<E: Number>(scores: &mut [E], tile: &Tile, scale: E, log_sums: &mut [E]) {
    dispatch(
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

/// Turns scores into weights by the `log_sums` that [`softmax`] wrote.
fn restore<E: Number>(scores: &mut [E], tile: &Tile, scale: E, log_sums: &[E]) {
    dispatch(
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

/// Turns the gradient with respect to weights into the gradient with respect to scores before they are scaled. For a softmax p
/// with upstream gradient g this is p (g - p g), and p g is also the product of what was found and its upstream gradient.
fn softmax_backward<E: Number>(
    gradient: &mut [E],
    weights: &[E],
    tile: &Tile,
    scale: E,
    found: &[E],
    upstream: &[E],
    width: usize,
) {
    dispatch(
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
