//! The operations of the network, put on dfdx's tape.
//!
//! A [`Graph`] is one forward pass of one chunk of data sets: the weights it reads, and the tape it writes. Each operation
//! computes its output in as few passes over memory as it can and leaves a hand-written backward pass on the tape. The
//! values of a [`Node`] are shared with the backward passes that read them, never copied; in dfdx's store of gradients a
//! node is an empty tensor, whose gradient is moved in by the first operation that has one, so that nothing is zeroed.
//!
//! Where the gradients of weights go depends on what the layer reads. Layers that read rows of plates have few weights and
//! many rows: each chunk adds up its own gradient of them, under one leaf. Layers that read data sets have many weights and
//! few rows in a chunk: a gradient of each chunk's own would be more memory traffic than arithmetic, so a chunk only hands
//! out the factors of the product ([`Factors`]), and the products of all chunks are added up into one place.
//!
//! Matrices are row-major, a row for each data set, or for each row of a plate.

use std::sync::Arc;

use dfdx::prelude::*;
use num_traits::ToPrimitive;

use super::activation::{Activation, activate, activate_backward};
use super::element_network::UserNetwork;
use super::gradients::{Grads, Key, Result, give, give_product, shared, take};
use super::kernels::{
    Number, View, add, add_column_sums, add_product, add_sparse_product, add_sparse_transposed_product, normalise,
    normalise_backward, product,
};
use super::sparse::Sparse;
use super::weights::{Layer, Slot, Weights};

/// The outcome of an operation.
#[derive(Clone)]
pub(super) struct Node<E: Number> {
    pub(super) values: Arc<Vec<E>>,
    pub(super) columns: usize,
    pub(super) key: Key<E>,
}

/// What a linear map reads: the outcome of an operation, or data that need no gradient.
#[derive(Clone)]
pub(super) enum Input<E: Number> {
    Node(Node<E>),
    /// Rows x columns.
    Data(Arc<Vec<E>>),
    /// Rows x columns, of which most entries are zero. Only for layers that read rows of plates.
    Sparse(Arc<Sparse>),
}

/// The gradient of a layer that reads data sets, as a product that is still to be computed: the gradient of the weights is
/// input^T upstream, and that of the bias is the sum of the rows of `upstream`.
pub(super) struct Factors<E> {
    pub(super) inputs: Vec<Arc<Vec<E>>>,
    pub(super) layer: Layer,
    /// The gradient with respect to the layer's sums, rows x columns.
    pub(super) upstream: Vec<E>,
}

/// [`Factors`] before the backward pass, which leaves the upstream gradient in the store.
struct Pending<E: Number> {
    inputs: Vec<Arc<Vec<E>>>,
    layer: Layer,
    upstream: Key<E>,
}

/// The outcome of a forward pass that ends in a loss.
pub(super) struct Loss<E: Number, T> {
    /// The sum over data sets, on the tape.
    total: Tensor<Rank0, E, Cpu, T>,
    /// The loss of each data set.
    pub(super) each: Vec<E>,
    leaf: Key<E>,
    shared: usize,
    pending: Vec<Pending<E>>,
}

/// The gradient of the loss of a chunk.
pub(super) struct ChunkGradient<E> {
    /// The gradient of the weights of layers that read rows.
    pub(super) rows: Vec<E>,
    /// The gradients of the layers that read data sets, in the order of their weights.
    pub(super) sets: Vec<Factors<E>>,
}

impl<E: Number> Loss<E, OwnedTape<E, Cpu>> {
    /// Runs the tape backwards.
    pub(super) fn backward(self) -> Result<ChunkGradient<E>> {
        let mut grads = self.total.try_backward()?;
        let rows =
            if self.shared == 0 { Vec::new() } else { std::mem::take(shared(&mut grads, &self.leaf, self.shared)?) };
        let mut sets = Vec::with_capacity(self.pending.len());
        for Pending { inputs, layer, upstream } in self.pending {
            sets.push(Factors { inputs, layer, upstream: take(&mut grads, &upstream)? });
        }
        sets.sort_by_key(|factors| factors.layer.bias.offset);
        Ok(ChunkGradient { rows, sets })
    }
}

/// One forward pass. `T` is a tape of dfdx: for training one that records, for prediction one that does not.
pub(super) struct Graph<E: Number, T> {
    device: Cpu,
    pub(super) weights: Arc<Weights<E>>,
    /// Weights before this one belong to layers that read rows.
    pub(super) shared: usize,
    pub(super) leaf: Key<E>,
    pending: Vec<Pending<E>>,
    pub(super) tape: T,
}

impl<E: Number, T: Tape<E, Cpu>> Graph<E, T> {
    /// Begins a forward pass; the first `shared` of the weights belong to layers that read rows of plates.
    pub(super) fn new(weights: Arc<Weights<E>>, shared: usize) -> Result<Self> {
        let device = Cpu::default();
        let leaf = device.try_zeros_like(&(0,))?;
        Ok(Graph { device, weights, shared, leaf, pending: Vec::new(), tape: T::default() })
    }

    fn key(&self) -> Result<Key<E>> {
        self.device.try_zeros_like(&(0,))
    }

    /// Returns the outcome of an operation, rows x `columns`.
    pub(super) fn node(&self, values: Vec<E>, columns: usize) -> Result<Node<E>> {
        Ok(Node { values: Arc::new(values), columns, key: self.key()? })
    }

    /// Computes the sum over the inputs of input W, where each input has its own W: rows x columns of W.
    pub(super) fn sums(&self, rows: usize, inputs: &[Input<E>], layer: &Layer) -> Vec<E> {
        let columns = layer.bias.columns;
        let mut sums = Vec::new();
        for (input, slot) in inputs.iter().zip(&layer.weights) {
            match input {
                Input::Node(Node { values, .. }) | Input::Data(values) => {
                    let (left, right) = (View::new(values, slot.rows), self.weights.matrix(*slot));
                    if sums.is_empty() {
                        sums = product(left, right);
                    } else {
                        add_product(&mut sums, left, right);
                    }
                }
                Input::Sparse(sparse) => {
                    sums.resize(rows * columns, E::zero());
                    add_sparse_product(&mut sums, sparse.pairs(), &self.weights.values[slot.range()], columns);
                }
            }
        }
        sums.resize(rows * columns, E::zero());
        sums
    }

    /// Computes activation(sum over the inputs of input W + bias).
    pub(super) fn affine(
        &mut self,
        rows: usize,
        inputs: &[Input<E>],
        layer: &Layer,
        activation: Activation,
    ) -> Result<Node<E>> {
        let columns = layer.bias.columns;
        let sums = self.sums(rows, inputs, layer);
        let (output, sums) = activate(sums, &self.weights.values[layer.bias.range()], activation);
        let output = self.node(output, columns)?;
        if !T::OWNS_TAPE {
            return Ok(output);
        }
        let weights = self.weights.clone();
        let (key, values) = (output.key.clone(), output.values.clone());
        let gradient = self.weight_gradient(inputs.to_vec(), layer)?;
        let inputs: Vec<(Input<E>, Slot)> = inputs.iter().cloned().zip(layer.weights.iter().copied()).collect();
        self.tape.add_backward_op(move |grads| {
            let mut upstream = take(grads, &key)?;
            activate_backward(&mut upstream, activation, &values, sums.as_deref(), columns);
            for (input, slot) in &inputs {
                if let Input::Node(node) = input {
                    let upstream = View::new(&upstream, columns);
                    give_product(grads, &node.key, upstream, weights.transposed_matrix(*slot))?;
                }
            }
            gradient(grads, upstream)
        });
        Ok(output)
    }

    /// Normalises each row: subtracts its mean and divides by its standard deviation. Gain and offset are left to the linear
    /// map that follows.
    pub(super) fn layer_norm(&mut self, input: &Node<E>) -> Result<Node<E>> {
        let (normal, inverse_sds) = normalise(&input.values, input.columns);
        let output = self.node(normal, input.columns)?;
        let (input, key, normal) = (input.key.clone(), output.key.clone(), output.values.clone());
        self.tape.add_backward_op(move |grads| {
            let mut gradient = take(grads, &key)?;
            normalise_backward(&mut gradient, &normal, &inverse_sds);
            give(grads, &input, gradient)
        });
        Ok(output)
    }

    /// Computes input + W2 gelu(W1 normalise(input) + b1) + b2.
    pub(super) fn residual_block(&mut self, input: &Node<E>, first: &Layer, second: &Layer) -> Result<Node<E>> {
        let columns = input.columns;
        let rows = input.values.len() / columns;
        let (normal, inverse_sds) = normalise(&input.values, columns);
        let normal = Arc::new(normal);
        let sums = self.sums(rows, &[Input::Data(normal.clone())], first);
        let (hidden, sums) = activate(sums, &self.weights.values[first.bias.range()], Activation::Gelu);
        let hidden = Arc::new(hidden);
        let mut output = self.sums(rows, &[Input::Data(hidden.clone())], second);
        add(&mut output, &input.values);
        let (output, _) = activate(output, &self.weights.values[second.bias.range()], Activation::None);
        let output = self.node(output, columns)?;
        if !T::OWNS_TAPE {
            return Ok(output);
        }
        let (weights, first_slot, second_slot) = (self.weights.clone(), first.weights[0], second.weights[0]);
        let first_gradient = self.weight_gradient(vec![Input::Data(normal.clone())], first)?;
        let second_gradient = self.weight_gradient(vec![Input::Data(hidden.clone())], second)?;
        let (input, key) = (input.key.clone(), output.key.clone());
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            let through = |upstream: &[E], slot: Slot| {
                product(View::new(upstream, slot.columns), weights.transposed_matrix(slot))
            };
            let mut inner = through(&upstream, second_slot);
            activate_backward(&mut inner, Activation::Gelu, &hidden, sums.as_deref(), columns);
            let mut outer = through(&inner, first_slot);
            normalise_backward(&mut outer, &normal, &inverse_sds);
            add(&mut outer, &upstream);
            first_gradient(grads, inner)?;
            second_gradient(grads, upstream)?;
            give(grads, &input, outer)
        });
        Ok(output)
    }

    /// Returns a function for the backward pass: it takes the gradient with respect to the sums of `layer`, which reads
    /// `inputs`, and puts the gradient of the layer's weights where it belongs.
    pub(super) fn weight_gradient(
        &mut self,
        inputs: Vec<Input<E>>,
        layer: &Layer,
    ) -> Result<impl FnOnce(&mut Grads<E>, Vec<E>) -> Result<()> + 'static> {
        let (layer, leaf, length) = (layer.clone(), self.leaf.clone(), self.shared);
        let upstream = self.key()?;
        let reads_rows = layer.bias.offset < self.shared;
        if !reads_rows {
            let values = inputs.iter().filter_map(|input| match input {
                Input::Node(Node { values, .. }) | Input::Data(values) => Some(values.clone()),
                Input::Sparse(_) => None,
            });
            let pending = Pending { inputs: values.collect(), layer: layer.clone(), upstream: upstream.clone() };
            self.pending.push(pending);
        }
        Ok(move |grads: &mut Grads<E>, gradient: Vec<E>| {
            if !reads_rows {
                return give(grads, &upstream, gradient);
            }
            let columns = layer.bias.columns;
            let sum = shared(grads, &leaf, length)?;
            add_column_sums(&mut sum[layer.bias.range()], &gradient);
            for (input, slot) in inputs.iter().zip(&layer.weights) {
                let sum = &mut sum[slot.range()];
                match input {
                    Input::Node(Node { values, .. }) | Input::Data(values) => {
                        let left = View::new(values, slot.rows).transposed();
                        add_product(sum, left, View::new(&gradient, columns));
                    }
                    Input::Sparse(sparse) => add_sparse_transposed_product(sum, sparse.pairs(), &gradient, columns),
                }
            }
            Ok(())
        })
    }

    /// Runs an element network of the user's own on each row.
    pub(super) fn element_network(&mut self, network: &UserNetwork, weights: Slot, rows: Vec<f32>) -> Result<Node<E>> {
        let single = |values: &[E]| -> Vec<f32> { values.iter().filter_map(ToPrimitive::to_f32).collect() };
        let (output, backward) = network.0.run(&single(&self.weights.values[weights.range()]), rows)?;
        let output = self.node(E::convert(output), network.0.shape().outputs)?;
        let (leaf, key, length) = (self.leaf.clone(), output.key.clone(), self.shared);
        self.tape.add_backward_op(move |grads| {
            let gradient = backward(single(&take(grads, &key)?))?;
            add(&mut shared(grads, &leaf, length)?[weights.range()], &E::convert(gradient));
            Ok(())
        });
        Ok(output)
    }

    /// Ends the forward pass in the sum of the losses of data sets, `each`. `backward` adds the gradient of that sum to the
    /// gradients of what the losses were computed from.
    pub(super) fn total(
        mut self,
        each: Vec<E>,
        backward: impl FnOnce(&mut Grads<E>) -> Result<()> + 'static,
    ) -> Result<Loss<E, T>> {
        let total = self.device.try_tensor(each.iter().copied().sum::<E>())?;
        self.tape.add_backward_op(backward);
        let Graph { leaf, shared, pending, tape, .. } = self;
        Ok(Loss { total: total.put_tape(tape), each, leaf, shared, pending })
    }
}
