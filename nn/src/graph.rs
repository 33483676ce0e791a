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

use std::ops::Range;
use std::sync::Arc;

use dfdx::prelude::*;
use num_traits::ToPrimitive;
use rayon::prelude::*;

use super::element_network::UserNetwork;
use super::features::Sparse;
use super::kernels::{
    Activation, Number, View, activate, activate_backward, add, add_column_sums, add_product, add_scaled,
    add_sparse_product, add_sparse_transposed_product, normalise, normalise_backward, product, transpose,
};

/// Stands for something in the store of gradients.
pub(super) type Key<E> = Tensor<(usize,), E, Cpu>;
pub(super) type Grads<E> = Gradients<E, Cpu>;
pub(super) type Result<T> = std::result::Result<T, CpuError>;

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
    /// The same, most of it zeros. Only for layers that read rows of plates.
    Sparse(Arc<Sparse>),
}

/// A linear map of several inputs: one matrix for each, one bias.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) weights: Vec<Slot>,
    pub(super) bias: Slot,
}

/// The gradient of a layer that reads data sets, as a product that is still to be made: of weights it is input^T upstream,
/// of the bias the sum of the rows of `upstream`.
pub(super) struct Factors<E> {
    pub(super) inputs: Vec<Arc<Vec<E>>>,
    pub(super) layer: Layer,
    /// With respect to the layer's sums, rows x columns.
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
    /// Of the weights of layers that read rows.
    pub(super) rows: Vec<E>,
    /// Of those that read data sets, in the order of their weights.
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

/// The weights of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights<E> {
    pub(super) values: Vec<E>,
    /// Every matrix, transposed, at the same place; nothing where no backward pass is to come. Those read matrices that
    /// way, and every chunk would turn them again.
    transposed: Vec<E>,
}

impl<E: Number> Weights<E> {
    pub(super) fn new(values: Vec<E>) -> Weights<E> {
        Weights { values, transposed: Vec::new() }
    }

    /// Transposes every matrix; `slots` are all there are, one behind the other.
    pub(super) fn transpose(&mut self, slots: &[Slot]) {
        self.transposed.resize(self.values.len(), E::zero());
        let mut rest = &mut self.transposed[..];
        let mut pairs = Vec::with_capacity(slots.len());
        for slot in slots {
            let (turned, after) = rest.split_at_mut(slot.range().len());
            pairs.push((slot, turned));
            rest = after;
        }
        let values = &self.values;
        pairs.into_par_iter().for_each(|(slot, turned)| transpose(&values[slot.range()], slot.columns, turned));
    }

    pub(super) fn matrix(&self, slot: Slot) -> View<'_, E> {
        View::new(&self.values[slot.range()], slot.columns)
    }

    pub(super) fn transposed_matrix(&self, slot: Slot) -> View<'_, E> {
        match self.transposed.get(slot.range()) {
            Some(turned) => View::new(turned, slot.rows),
            None => self.matrix(slot).transposed(),
        }
    }
}

/// One forward pass. `T` is dfdx's tape for training, and nothing for prediction.
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
    /// The first `shared` of the weights belong to layers that read rows of plates.
    pub(super) fn new(weights: Arc<Weights<E>>, shared: usize) -> Result<Self> {
        let device = Cpu::default();
        let leaf = device.try_zeros_like(&(0,))?;
        Ok(Graph { device, weights, shared, leaf, pending: Vec::new(), tape: T::default() })
    }

    fn key(&self) -> Result<Key<E>> {
        self.device.try_zeros_like(&(0,))
    }

    pub(super) fn node(&self, values: Vec<E>, columns: usize) -> Result<Node<E>> {
        Ok(Node { values: Arc::new(values), columns, key: self.key()? })
    }

    /// sum of input W: rows x columns of W. Each input brings its own W.
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

    /// activation(sum of input W + bias).
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

    /// Each row minus its mean, divided by its standard deviation. Gain and offset are left to the linear map that follows.
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

    /// input + W2 gelu(W1 normalise(input) + b1) + b2, of data sets.
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

    /// What to do with the gradient with respect to a layer's sums, once there is one.
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

    /// What a network of the user's own makes of each row.
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

    /// Means over the rows of each parent, 0 for a parent without rows. With `roots` (one for each parent), the means
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

    /// Ends in the sum of the losses of data sets; `backward` gives the gradient of that sum to what they were made of.
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

    /// From the sum over rows to what is told of it.
    fn spread<E: Number>(&self, parent: &Parent, sum: &mut [E], scaled: &mut [E]) {
        if self.rooted {
            add_scaled(scaled, sum, E::number(parent.rooted));
        }
        for value in sum {
            *value *= E::number(parent.inverse);
        }
    }
}

// ---- the store of gradients --------------------------------------------------------------------------------------------

/// Takes a finished gradient off the store; nobody reads it again.
pub(super) fn take<E: Number>(grads: &mut Grads<E>, key: &Key<E>) -> Result<Vec<E>> {
    Ok(std::mem::take(&mut **grads.get_or_alloc_mut(key)?))
}

/// Adds to the gradient of something.
pub(super) fn give<E: Number>(grads: &mut Grads<E>, key: &Key<E>, values: Vec<E>) -> Result<()> {
    let gradient = &mut **grads.get_or_alloc_mut(key)?;
    if gradient.is_empty() {
        *gradient = values;
    } else {
        add(gradient, &values);
    }
    Ok(())
}

/// Adds a product to the gradient of something.
pub(super) fn give_product<E: Number>(grads: &mut Grads<E>, key: &Key<E>, left: View<E>, right: View<E>) -> Result<()> {
    let gradient = &mut **grads.get_or_alloc_mut(key)?;
    if gradient.is_empty() {
        *gradient = product(left, right);
    } else {
        add_product(gradient, left, right);
    }
    Ok(())
}

/// The gradient of the weights of layers that read rows.
pub(super) fn shared<'a, E: Number>(grads: &'a mut Grads<E>, leaf: &Key<E>, length: usize) -> Result<&'a mut Vec<E>> {
    let gradient = &mut **grads.get_or_alloc_mut(leaf)?;
    gradient.resize(length, E::zero());
    Ok(gradient)
}
