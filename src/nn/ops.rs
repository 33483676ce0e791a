//! The operations of the network, put on dfdx's tape.
//!
//! A [`Graph`] is one forward pass: the weights it reads, and the tape it writes. Each operation computes its output in
//! one pass over memory and leaves a hand-written backward pass on the tape. All weights lie in one vector; the tape
//! gathers their gradients under one leaf tensor of the same length, so that summing over chunks, clipping and the
//! optimiser are each one loop.
//!
//! Matrices are row-major, a row for each data set, or for each row of a plate.

use std::ops::Range;
use std::sync::Arc;

use dfdx::prelude::*;

use super::features::Sparse;

/// Takes the finished gradient of a tensor off the store; nobody reads it again. (A macro because dfdx keeps the trait of
/// things that have gradients to itself.)
macro_rules! take {
    ($grads:expr, $ghost:expr) => {
        std::mem::take(&mut **$grads.get_or_alloc_mut($ghost)?)
    };
}

/// A matrix on the tape.
pub(super) type Matrix = Tensor<(usize, usize), f32, Cpu>;
/// Stands for all weights in the store of gradients.
pub(super) type Leaf = Tensor<(usize,), f32, Cpu>;
/// The loss of all rows together, on the tape, and of each row.
pub(super) type Loss<T> = (Tensor<Rank0, f32, Cpu, T>, Vec<f32>);
type Grads = Gradients<f32, Cpu>;
type Result<T> = std::result::Result<T, CpuError>;

/// A matrix among the weights, or a vector if `rows` is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) offset: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Slot {
    pub(super) fn range(self) -> Range<usize> {
        self.offset..self.offset + self.rows * self.columns
    }
}

/// What a linear map reads: a matrix of activations, or data that need no gradient.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// The outcome of an operation.
    Node(Matrix),
    /// Data, rows x columns.
    Data(Arc<Vec<f32>>),
}

/// What follows a linear map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    None,
    /// x sigmoid(x)
    Silu,
}

/// One forward pass. `T` is dfdx's tape for training, and nothing for prediction.
pub(super) struct Graph<T> {
    device: Cpu,
    weights: Arc<Vec<f32>>,
    leaf: Leaf,
    tape: T,
}

impl<T: Tape<f32, Cpu>> Graph<T> {
    /// `leaf` has as many elements as `weights`.
    pub(super) fn new(weights: Arc<Vec<f32>>, leaf: Leaf) -> Self {
        Graph { device: Cpu::default(), weights, leaf, tape: T::default() }
    }

    fn matrix(&self, values: Vec<f32>, columns: usize) -> Result<Matrix> {
        let rows = values.len() / columns;
        self.device.try_tensor_from_vec(values, (rows, columns))
    }

    /// activation(sum of input W + bias + residual), rows x columns of W. Each input brings its own W.
    pub(super) fn affine(
        &mut self,
        rows: usize,
        inputs: &[(Input, Slot)],
        bias: Slot,
        residual: Option<&Matrix>,
        activation: Activation,
    ) -> Result<Matrix> {
        let columns = bias.columns;
        let mut sum = Vec::with_capacity(rows * columns);
        match residual {
            Some(residual) => sum.extend_from_slice(&read(residual)),
            None => sum.resize(rows * columns, 0.0),
        }
        let bias_values = &self.weights[bias.range()];
        add_to_rows(&mut sum, bias_values);
        let inputs: Vec<(Input, Arc<Vec<f32>>, Slot)> = inputs
            .iter()
            .map(|(input, slot)| {
                let values = match input {
                    Input::Node(node) => Arc::new(read(node)),
                    Input::Data(values) => values.clone(),
                };
                (input.clone(), values, *slot)
            })
            .collect();
        for (_, values, slot) in &inputs {
            let weights = View::new(&self.weights[slot.range()], slot.columns);
            multiply_add(&mut sum, View::new(values, slot.rows), weights);
        }
        let output = match activation {
            Activation::None => self.matrix(sum.clone(), columns)?,
            Activation::Silu => self.matrix(silu(&sum), columns)?,
        };

        let (weights, leaf) = (self.weights.clone(), self.leaf.clone());
        let residual = residual.map(Tensor::ghost);
        let ghost = output.ghost();
        self.tape.add_backward_op(move |grads| {
            let mut upstream = take!(grads, &ghost);
            if activation == Activation::Silu {
                silu_backward(&mut upstream, &sum);
            }
            let parameters = grads.get_or_alloc_mut(&leaf)?;
            add_column_sums(&mut parameters[bias.range()], &upstream);
            for (_, values, slot) in &inputs {
                multiply_add(
                    &mut parameters[slot.range()],
                    View::new(values, slot.rows).transposed(),
                    View::new(&upstream, columns),
                );
            }
            for (input, _, slot) in &inputs {
                if let Input::Node(node) = input {
                    multiply_add(
                        grads.get_or_alloc_mut(node)?,
                        View::new(&upstream, columns),
                        View::new(&weights[slot.range()], slot.columns).transposed(),
                    );
                }
            }
            if let Some(residual) = residual {
                add(grads.get_or_alloc_mut(&residual)?, &upstream);
            }
            Ok(())
        });
        Ok(output)
    }

    /// Each row minus its mean, divided by its standard deviation. Gain and offset are left to the linear map that follows.
    pub(super) fn layer_norm(&mut self, input: &Matrix) -> Result<Matrix> {
        let columns = input.shape().1;
        let (normal, inverse_sds) = normalise(&read(input), columns);
        let output = self.matrix(normal.clone(), columns)?;
        let (input, ghost) = (input.ghost(), output.ghost());
        self.tape.add_backward_op(move |grads| {
            let upstream = take!(grads, &ghost);
            normalise_backward(grads.get_or_alloc_mut(&input)?, &upstream, &normal, &inverse_sds);
            Ok(())
        });
        Ok(output)
    }

    /// Sums of the rows of `table` that `sparse` names, times its weights: a product with a sparse matrix.
    pub(super) fn lookup(&mut self, sparse: Sparse, table: Slot) -> Result<Matrix> {
        let columns = table.columns;
        let values = &self.weights[table.range()];
        let rows = sparse.values.len() / sparse.entries;
        let mut sum = vec![0.0; rows * columns];
        for (sum, entries) in sum.chunks_exact_mut(columns).zip(sparse.values.chunks_exact(sparse.entries)) {
            for (position, weight) in entries {
                let start = *position as usize * columns;
                add_scaled(sum, &values[start..start + columns], *weight);
            }
        }
        let output = self.matrix(sum, columns)?;
        let (leaf, ghost) = (self.leaf.clone(), output.ghost());
        self.tape.add_backward_op(move |grads| {
            let upstream = take!(grads, &ghost);
            let gradient = &mut grads.get_or_alloc_mut(&leaf)?[table.range()];
            for (upstream, entries) in upstream.chunks_exact(columns).zip(sparse.values.chunks_exact(sparse.entries)) {
                for (position, weight) in entries {
                    let start = *position as usize * columns;
                    add_scaled(&mut gradient[start..start + columns], upstream, *weight);
                }
            }
            Ok(())
        });
        Ok(output)
    }

    /// Means over the rows of each parent, 0 for a parent without rows. With `roots` (one for each parent), the means
    /// times the roots follow: parents x columns, or parents x 2 columns.
    pub(super) fn pool(&mut self, input: &Matrix, offsets: &[usize], roots: Option<&[f32]>) -> Result<Matrix> {
        let columns = input.shape().1;
        let width = columns * if roots.is_some() { 2 } else { 1 };
        // For each parent: its rows, and the factors of plain mean and rooted mean.
        let parents: Vec<(Range<usize>, f32, f32)> = offsets
            .windows(2)
            .enumerate()
            .map(|(parent, pair)| {
                let inverse = 1.0 / (pair[1] - pair[0]).max(1) as f32;
                let root = roots.map_or(0.0, |roots| roots[parent]);
                (pair[0] * columns..pair[1] * columns, inverse, inverse * root)
            })
            .collect();
        let values = read(input);
        let mut pooled = vec![0.0; parents.len() * width];
        for ((rows, inverse, rooted), output) in parents.iter().zip(pooled.chunks_exact_mut(width)) {
            let (mean, scaled) = output.split_at_mut(columns);
            for row in values[rows.clone()].chunks_exact(columns) {
                add(mean, row);
            }
            if roots.is_some() {
                add_scaled(scaled, mean, *rooted);
            }
            for value in mean {
                *value *= inverse;
            }
        }
        let output = self.matrix(pooled, width)?;
        let (input, ghost) = (input.ghost(), output.ghost());
        let has_roots = roots.is_some();
        self.tape.add_backward_op(move |grads| {
            let upstream = take!(grads, &ghost);
            let gradient = grads.get_or_alloc_mut(&input)?;
            let mut shared = vec![0.0; columns];
            for ((rows, inverse, rooted), upstream) in parents.iter().zip(upstream.chunks_exact(width)) {
                let (mean, scaled) = upstream.split_at(columns);
                shared.fill(0.0);
                add_scaled(&mut shared, mean, *inverse);
                if has_roots {
                    add_scaled(&mut shared, scaled, *rooted);
                }
                for row in gradient[rows.clone()].chunks_exact_mut(columns) {
                    add(row, &shared);
                }
            }
            Ok(())
        });
        Ok(output)
    }

    /// Negative log densities of `targets` (rows x D) under the diagonal Gaussians in `output` (rows x 2 D: means, then
    /// log standard deviations), up to D log(2 pi) / 2: their sum, on the tape, and each row's.
    pub(super) fn gaussian_loss(mut self, output: &Matrix, targets: &[f32]) -> Result<Loss<T>> {
        let (rows, columns) = *output.shape();
        let dims = columns / 2;
        let mut gradient = read(output);
        let mut losses = Vec::with_capacity(rows);
        for (row, targets) in gradient.chunks_exact_mut(columns).zip(targets.chunks_exact(dims)) {
            let (means, log_sds) = row.split_at_mut(dims);
            let mut loss = 0.0;
            for ((mean, log_sd), target) in means.iter_mut().zip(log_sds).zip(targets) {
                let bounded = bound_log_sd(*log_sd);
                let precision = (-bounded).exp();
                let residual = (target - *mean) * precision;
                loss += bounded + 0.5 * residual * residual;
                *mean = -residual * precision;
                *log_sd = 1.0 - residual * residual;
            }
            losses.push(loss);
        }
        let total = self.device.try_tensor(losses.iter().sum::<f32>())?;
        let (output, ghost) = (output.ghost(), total.ghost());
        self.tape.add_backward_op(move |grads| {
            let upstream = take!(grads, &ghost);
            add_scaled(grads.get_or_alloc_mut(&output)?, &gradient, upstream[0]);
            Ok(())
        });
        Ok((total.put_tape(self.tape), losses))
    }
}

/// The numbers in a matrix. (dfdx's own `as_vec` visits them one by one.)
pub(super) fn read(matrix: &Matrix) -> Vec<f32> {
    let (rows, columns) = *matrix.shape();
    let mut values = vec![0.0; rows * columns];
    matrix.copy_into(&mut values);
    values
}

/// The log standard deviation that an output stands for, in units of the prior's. Far outside anything a posterior needs,
/// and its gradient is that of the unbounded one, so that the bound is never a trap.
pub(super) fn bound_log_sd(output: f32) -> f32 {
    output.clamp(-15.0, 8.0)
}

/// Takes the gradient of all weights off the store.
pub(super) fn take_leaf(grads: &mut Grads, leaf: &Leaf) -> Result<Vec<f32>> {
    Ok(take!(grads, leaf))
}

// ---- loops over memory -------------------------------------------------------------------------------------------------
//
// `pulp` compiles each for the widest vectors and picks at run time.

/// A row-major matrix, perhaps read transposed.
#[derive(Clone, Copy)]
struct View<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: isize,
    column_stride: isize,
}

impl<'a> View<'a> {
    fn new(values: &'a [f32], columns: usize) -> Self {
        View { values, rows: values.len() / columns, columns, row_stride: columns as isize, column_stride: 1 }
    }

    fn transposed(self) -> Self {
        View {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// output += left right
fn multiply_add(output: &mut [f32], left: View, right: View) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows);
    assert_eq!(output.len(), rows * columns);
    // One thread: chunks of a step already occupy every core, and a fixed order of sums keeps results the same to the bit.
    // SAFETY: `View` spans rows x columns elements of its slice in either orientation, and `output` was just checked to
    // hold rows x columns elements, row-major; it is borrowed mutably, so nothing aliases it.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            columns as isize,
            true,
            left.values.as_ptr(),
            left.column_stride,
            left.row_stride,
            right.values.as_ptr(),
            right.column_stride,
            right.row_stride,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn add(output: &mut [f32], values: &[f32]) {
    pulp::Arch::new().dispatch(|| {
        for (output, value) in output.iter_mut().zip(values) {
            *output += value;
        }
    });
}

fn add_scaled(output: &mut [f32], values: &[f32], factor: f32) {
    pulp::Arch::new().dispatch(|| {
        for (output, value) in output.iter_mut().zip(values) {
            *output += factor * value;
        }
    });
}

/// Adds a vector to every row.
fn add_to_rows(matrix: &mut [f32], row: &[f32]) {
    for output in matrix.chunks_exact_mut(row.len()) {
        add(output, row);
    }
}

/// Adds the sum of all rows to a vector.
fn add_column_sums(output: &mut [f32], matrix: &[f32]) {
    for row in matrix.chunks_exact(output.len()) {
        add(output, row);
    }
}

/// exp(x) to a few parts in 10^7, without a branch, so that loops of it become vector code.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 x 2^23: adding it rounds to an integer
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_145_75) - n * 1.428_606_8e-6;
    let series = 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r + 1.0;
    let series = series * r + 1.0;
    // The low bits of `shifted` are n: moved into the exponent, they make 2^n.
    series * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

fn silu(values: &[f32]) -> Vec<f32> {
    let mut output = vec![0.0; values.len()];
    pulp::Arch::new().dispatch(|| {
        for (output, x) in output.iter_mut().zip(values) {
            *output = x / (1.0 + exp(-x));
        }
    });
    output
}

/// Multiplies `gradient` with the derivative of silu at `values`.
fn silu_backward(gradient: &mut [f32], values: &[f32]) {
    pulp::Arch::new().dispatch(|| {
        for (gradient, x) in gradient.iter_mut().zip(values) {
            let sigmoid = 1.0 / (1.0 + exp(-x));
            *gradient *= sigmoid * (1.0 + x * (1.0 - sigmoid));
        }
    });
}

/// Sums of a function of each element, in a fixed order that leaves room for vectors.
#[inline(always)]
fn lane_sum(length: usize, element: impl Fn(usize) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0; LANES];
    let whole = length / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += element(start + lane);
        }
    }
    (whole..length).map(element).sum::<f32>() + lanes.iter().sum::<f32>()
}

/// Normalised rows, and the inverse standard deviation of each.
fn normalise(values: &[f32], columns: usize) -> (Vec<f32>, Vec<f32>) {
    let mut output = vec![0.0; values.len()];
    let mut inverse_sds = vec![0.0; values.len() / columns];
    pulp::Arch::new().dispatch(|| {
        let rows = output.chunks_exact_mut(columns).zip(values.chunks_exact(columns));
        for ((output, row), inverse_sd) in rows.zip(&mut inverse_sds) {
            let mean = lane_sum(columns, |index| row[index]) / columns as f32;
            let variance = lane_sum(columns, |index| (row[index] - mean) * (row[index] - mean)) / columns as f32;
            *inverse_sd = 1.0 / (variance + 1e-5).sqrt();
            for (output, value) in output.iter_mut().zip(row) {
                *output = (value - mean) * *inverse_sd;
            }
        }
    });
    (output, inverse_sds)
}

/// Adds the gradient with respect to the rows that were normalised.
fn normalise_backward(gradient: &mut [f32], upstream: &[f32], normal: &[f32], inverse_sds: &[f32]) {
    let columns = normal.len() / inverse_sds.len().max(1);
    if columns == 0 {
        return;
    }
    pulp::Arch::new().dispatch(|| {
        let rows = upstream.chunks_exact(columns).zip(normal.chunks_exact(columns));
        for ((gradient, (upstream, normal)), inverse_sd) in
            gradient.chunks_exact_mut(columns).zip(rows).zip(inverse_sds)
        {
            let mean = lane_sum(columns, |index| upstream[index]) / columns as f32;
            let slope = lane_sum(columns, |index| upstream[index] * normal[index]) / columns as f32;
            for ((gradient, upstream), normal) in gradient.iter_mut().zip(upstream).zip(normal) {
                *gradient += inverse_sd * (upstream - mean - normal * slope);
            }
        }
    });
}
