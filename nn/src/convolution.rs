//! Convolutions, for rows that are images.
//!
//! An image is a matrix with a row for each place, line after line, and a column for each channel. For each second place in
//! each second line, a convolution reads the *patch* of 3 x 3 places around it (zeros beyond the border) as one row of a
//! matrix, and applies a linear map to that row. Patches hold every number about twice, so they are never kept: those of
//! some lines at a time are gathered in a buffer that stays in cache, and gathered once more in the backward pass.
//! Gradients with respect to patches stand in such a buffer, too, and are added from there to the places that the patches
//! were read from.

use dfdx::prelude::{Cpu, Tape};

use hierarch_core::simd::dispatch;

use super::activation::{Activation, activate, activate_backward};
use super::gradients::{Result, shared, take};
use super::graph::{Graph, Input, Node};
use super::kernels::{Number, View, add_column_sums, add_product, room, set_product};
use super::weights::{Layer, Slot, Weights};

/// Numbers of the patches that are gathered at once, unless a single line has more: what fits in a core's cache beside the
/// rest.
const GATHERED: usize = 1 << 15;
/// Images that go through all convolutions together.
const BLOCK: usize = 8;

/// The layers that read images.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ImagePlan {
    pub(super) convolutions: Vec<Convolution>,
    /// From the outcome of the last convolution to the vector of the image.
    pub(super) outlet: Layer,
    width: usize,
}

/// A convolution of 3 x 3 places in steps of 2, with a border of one place of zeros.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Convolution {
    /// Lines and columns of its input, and numbers at each place.
    height: usize,
    width: usize,
    pub(super) channels: usize,
    pub(super) layer: Layer,
}

/// The outcome of a convolution for some images.
struct Made<E> {
    values: Vec<E>,
    /// The numbers before the activation, if its derivative needs them.
    sums: Option<Vec<E>>,
}

impl ImagePlan {
    /// Returns a plan whose last layer, `outlet`, is still to be set; `width` is the number of its outputs.
    pub(super) fn new(convolutions: Vec<Convolution>, width: usize) -> ImagePlan {
        let none = Slot { offset: 0, rows: 0, columns: 0 };
        ImagePlan { convolutions, outlet: Layer { weights: Vec::new(), bias: none }, width }
    }

    /// Returns the number of numbers in the vector of an image.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Returns how many numbers the last convolution makes of an image.
    pub(super) fn features(&self) -> usize {
        self.convolutions.last().map_or(0, Convolution::made)
    }

    /// Returns all layers in their order.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.convolutions.iter().map(|convolution| &convolution.layer).chain([&self.outlet])
    }

    /// Counts the numbers that all layers make of an image.
    pub(super) fn activations(&self) -> usize {
        self.convolutions.iter().map(Convolution::made).sum::<usize>() + self.width
    }

    /// Computes the vector of each image.
    pub(super) fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        activation: Activation,
        pixels: Vec<E>,
    ) -> Result<Node<E>> {
        let features = self.convolve(graph, activation, pixels)?;
        graph.affine(features.values.len() / features.columns, &[Input::Node(features)], &self.outlet, activation)
    }

    /// Applies all convolutions, one after the other.
    pub(super) fn convolve<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        activation: Activation,
        pixels: Vec<E>,
    ) -> Result<Node<E>> {
        let (pixels_each, features) = (self.convolutions.first().map_or(1, Convolution::places), self.features());
        let mut output = Vec::with_capacity(pixels.len() / pixels_each * features);
        let (mut kept, mut patches) = (Vec::new(), Vec::new());
        for block in pixels.chunks(BLOCK * pixels_each) {
            let mut made: Vec<Made<E>> = Vec::with_capacity(self.convolutions.len());
            for convolution in &self.convolutions {
                let input = made.last().map_or(block, |made| made.values.as_slice());
                made.push(convolution.apply(&graph.weights, activation, input, &mut patches));
            }
            output.extend_from_slice(made.last().map_or(block, |made| made.values.as_slice()));
            if T::OWNS_TAPE {
                kept.push(made);
            }
        }
        let output = graph.node(output, features)?;
        let (plan, key) = (self.convolutions.clone(), output.key.clone());
        let (weights, leaf, length) = (graph.weights.clone(), graph.leaf.clone(), graph.shared);
        graph.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            let sum = shared(grads, &leaf, length)?;
            let mut patches = Vec::new();
            let blocks = pixels.chunks(BLOCK * pixels_each).zip(upstream.chunks(BLOCK * features));
            for ((block, upstream), made) in blocks.zip(&kept) {
                let mut gradient = upstream.to_vec();
                for (index, convolution) in plan.iter().enumerate().rev() {
                    let input = if index == 0 { block } else { &made[index - 1].values };
                    let Made { values, sums } = &made[index];
                    let columns = convolution.layer.bias.columns;
                    activate_backward(&mut gradient, activation, values, sums.as_deref(), columns);
                    gradient = convolution.backward(&weights, sum, input, &gradient, index > 0, &mut patches);
                }
            }
            Ok(())
        });
        Ok(output)
    }
}

impl Convolution {
    /// Places in a patch.
    pub(super) const PATCH: usize = 9;

    /// Returns the convolution by `layer` of images of `height` lines, `width` columns and `channels` numbers at each place.
    pub(super) fn new((height, width, channels): (usize, usize, usize), layer: Layer) -> Convolution {
        Convolution { height, width, channels, layer }
    }

    /// Returns lines and columns of its output, and numbers at each place.
    pub(super) fn output(&self) -> (usize, usize, usize) {
        (self.height.div_ceil(2), self.width.div_ceil(2), self.layer.bias.columns)
    }

    /// Returns how many numbers it reads of an image.
    fn places(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Returns how many numbers it makes of an image.
    fn made(&self) -> usize {
        let (height, width, channels) = self.output();
        height * width * channels
    }

    /// Returns how many numbers are in the patches of a line of the output.
    fn gathered(&self) -> usize {
        self.output().1 * Self::PATCH * self.channels
    }

    /// Applies the convolution to images; `scratch` is room for patches.
    fn apply<E: Number>(
        &self,
        weights: &Weights<E>,
        activation: Activation,
        input: &[E],
        scratch: &mut Vec<E>,
    ) -> Made<E> {
        let (_, width, columns) = self.output();
        let mut sums = vec![E::zero(); input.len() / self.places() * self.made()];
        let lines = (GATHERED / self.gathered()).max(1);
        let matrix = weights.matrix(self.layer.weights[0]);
        for (run, sums) in sums.chunks_mut(lines * width * columns).enumerate() {
            let patches = room(scratch, sums.len() / (width * columns) * self.gathered());
            self.gather(input, run * lines, patches);
            set_product(sums, View::new(patches, Self::PATCH * self.channels), matrix);
        }
        let (values, sums) = activate(sums, &weights.values[self.layer.bias.range()], activation);
        Made { values, sums }
    }

    /// Adds to the gradient of the weights, `sum`, and returns the gradient of the input if `of_input`, otherwise no numbers.
    /// `upstream` is the gradient with respect to the sums before the activation.
    fn backward<E: Number>(
        &self,
        weights: &Weights<E>,
        sum: &mut [E],
        input: &[E],
        upstream: &[E],
        of_input: bool,
        scratch: &mut Vec<E>,
    ) -> Vec<E> {
        let (_, width, columns) = self.output();
        let slot = self.layer.weights[0];
        add_column_sums(&mut sum[self.layer.bias.range()], upstream);
        let mut gradient = vec![E::zero(); if of_input { input.len() } else { 0 }];
        let lines = (GATHERED / self.gathered()).max(1);
        for (run, upstream) in upstream.chunks(lines * width * columns).enumerate() {
            let patches = room(scratch, upstream.len() / (width * columns) * self.gathered());
            self.gather(input, run * lines, patches);
            let upstream = View::new(upstream, columns);
            add_product(&mut sum[slot.range()], View::new(patches, slot.rows).transposed(), upstream);
            if of_input {
                set_product(patches, upstream, weights.transposed_matrix(slot));
                self.scatter(patches, run * lines, &mut gradient);
            }
        }
        gradient
    }

    /// Calls `visit` for each of the three lines of each patch, for the patches of `count` lines of the output from `first`
    /// on. Its arguments are where the line begins among the patches, how many zeros it begins with, where the numbers
    /// after these begin in the input, and how many they are. The rest of the line is zeros, too.
    #[inline(always)]
    fn visit(&self, first: usize, count: usize, mut visit: impl FnMut(usize, usize, usize, usize)) {
        let Convolution { height, width, channels, .. } = *self;
        let (lines, columns, _) = self.output();
        let mut at = 0;
        for line in first..first + count {
            let (image, line) = (line / lines, line % lines);
            for column in 0..columns {
                let (left, right) = ((2 * column).saturating_sub(1), (2 * column + 2).min(width));
                let zeros = if column == 0 { channels } else { 0 };
                for above in 0..3 {
                    let row = 2 * line + above;
                    if (1..=height).contains(&row) {
                        let start = (image * height + row - 1) * width + left;
                        visit(at, zeros, start * channels, (right - left) * channels);
                    } else {
                        visit(at, 0, 0, 0);
                    }
                    at += 3 * channels;
                }
            }
        }
    }

    /// Gathers patches: those of the lines of the output from `first` on, counted over all images, as many as `patches` holds.
    fn gather<E: Number>(&self, input: &[E], first: usize, patches: &mut [E]) {
        let run = 3 * self.channels;
        self.visit(first, patches.len() / self.gathered(), |at, zeros, from, count| {
            let patch = &mut patches[at..at + run];
            if count < run {
                patch.fill(E::zero());
            }
            patch[zeros..zeros + count].copy_from_slice(&input[from..from + count]);
        });
    }

    /// Adds the gradient of patches to the gradient of the input that they were gathered from.
    fn scatter<E: Number>(&self, patches: &[E], first: usize, gradient: &mut [E]) {
        dispatch(
            #[inline(always)]
            || {
                self.visit(first, patches.len() / self.gathered(), |at, zeros, to, count| {
                    let patch = &patches[at + zeros..at + zeros + count];
                    for (gradient, value) in gradient[to..to + count].iter_mut().zip(patch) {
                        *gradient += *value;
                    }
                });
            },
        );
    }
}
