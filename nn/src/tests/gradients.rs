//! The operations have the gradients of their differences, and are those of plain dfdx.

use std::sync::Arc;

use dfdx::prelude::*;

use super::differences::{Tape64, check_gradient, check_whole_gradient, end, graph, layer, numbers_64, whole};
use super::models::Mixed;
use super::{assert_close, random};
use crate::builder::Builder;
use crate::flow::FlowHead;
use crate::graph::Input;
use crate::head::Head;
use crate::mixture::MixtureHead;
use crate::sparse::Sparse;
use crate::spline::Map;
use crate::trunk::TrunkOutput;
use crate::weights::Slot;
use crate::{Activation, Architecture, Family, Trunk};

#[test]
fn affine_has_the_gradient_of_its_differences() {
    let mut random = random(1, 0);
    let head = MixtureHead::new(1, 1, true);
    let first = layer(0, &[3], 4);
    let second = layer(end(&first), &[4, 3], head.outputs());
    let weights = numbers_64(&mut random, end(&second));
    let data = Arc::new(numbers_64(&mut random, 5 * 3));
    let targets = numbers_64(&mut random, 5);
    // Relu is compared with plain dfdx below: differences across its kink mean nothing. All layers read rows, one, none.
    for (activation, shared) in [Activation::None, Activation::Gelu, Activation::Softmax]
        .into_iter()
        .flat_map(|a| [(a, 0), (a, 16), (a, end(&second))])
    {
        check_gradient(&weights, shared, |mut graph| {
            let hidden = graph.affine(5, &[Input::Data(data.clone())], &first, activation)?;
            let inputs = [Input::Node(hidden), Input::Data(data.clone())];
            let output = graph.affine(5, &inputs, &second, Activation::None)?;
            head.loss(graph, &output, &targets)
        });
    }
}

#[test]
fn blocks_have_the_gradient_of_their_differences() {
    let mut random = random(2, 0);
    let head = MixtureHead::new(1, 1, true);
    let inlet = layer(0, &[3], 7);
    let (first, second) = (layer(end(&inlet), &[7], 7), layer(end(&inlet) + 56, &[7], 7));
    let outlet = layer(end(&second), &[7], head.outputs());
    let weights = numbers_64(&mut random, end(&outlet));
    let data = Arc::new(numbers_64(&mut random, 4 * 3));
    let targets = numbers_64(&mut random, 4);
    check_gradient(&weights, 0, |mut graph| {
        let x = graph.affine(4, &[Input::Data(data.clone())], &inlet, Activation::None)?;
        let x = graph.residual_block(&x, &first, &second)?;
        let normal = graph.layer_norm(&x)?;
        let output = graph.affine(4, &[Input::Node(normal)], &outlet, Activation::None)?;
        head.loss(graph, &output, &targets)
    });
}

#[test]
fn sparse_rows_and_pooling_have_the_gradient_of_their_differences() {
    let mut random = random(3, 0);
    let head = MixtureHead::new(1, 1, true);
    let first = layer(0, &[6], 3);
    let second = layer(end(&first), &[6], head.outputs());
    let weights = numbers_64(&mut random, end(&second));
    let sparse = Sparse { entries: 2, values: (0..14).map(|index| (index * 5 % 6, 0.1 * index as f32)).collect() };
    let sparse = Arc::new(sparse);
    let targets = numbers_64(&mut random, 3);
    check_gradient(&weights, end(&first), |mut graph| {
        let rows = graph.affine(7, &[Input::Sparse(sparse.clone())], &first, Activation::Gelu)?;
        let pooled = graph.pool(&rows, &[0, 2, 2, 7], Some(&[0.5, 2.0, 1.5]))?;
        let output = graph.affine(3, &[Input::Node(pooled)], &second, Activation::None)?;
        head.loss(graph, &output, &targets)
    });
}

#[test]
fn mixtures_have_the_gradient_of_their_differences() {
    let mut random = random(4, 0);
    for (dims, components, correlated) in [(1, 6, true), (3, 1, false), (3, 1, true), (3, 4, true)] {
        let head = MixtureHead::new(dims, components, correlated);
        let outlet = layer(0, &[2], head.outputs());
        let weights = numbers_64(&mut random, end(&outlet));
        let data = Arc::new(numbers_64(&mut random, 5 * 2));
        let targets = numbers_64(&mut random, 5 * dims);
        check_gradient(&weights, 0, |mut graph| {
            let output = graph.affine(5, &[Input::Data(data.clone())], &outlet, Activation::None)?;
            head.loss(graph, &output, &targets)
        });
    }
}

#[test]
fn categories_have_the_gradient_of_their_differences() {
    let mut random = random(14, 0);
    let outlet = layer(0, &[2], 3);
    let head = Head::Categories(3);
    let weights = numbers_64(&mut random, end(&outlet));
    let data = Arc::new(numbers_64(&mut random, 5 * 2));
    check_gradient(&weights, 0, |mut graph| {
        let output = graph.affine(5, &[Input::Data(data.clone())], &outlet, Activation::None)?;
        head.loss(graph, &TrunkOutput { context: output.clone(), output }, &[0.0, 2.0, 1.0, 2.0, 0.0])
    });
}

#[test]
fn flows_have_the_gradient_of_their_differences() {
    let mut random = random(16, 0);
    for (dims, map) in [(1, Map::Spline(4)), (3, Map::Affine), (3, Map::Spline(4))] {
        let mut builder = Builder::new(usize::MAX);
        let gaussian = MixtureHead::new(dims, 1, true);
        let context = builder.layer("context", &[2], 3, 1.0);
        let outlet = builder.layer("outlet", &[3], gaussian.outputs(), 1.0);
        let head = FlowHead::new(gaussian, map, 2, 3, 3, &mut builder);
        let weights = numbers_64(&mut random, builder.end());
        let data = Arc::new(numbers_64(&mut random, 5 * 2));
        let targets = numbers_64(&mut random, 5 * dims);
        check_gradient(&weights, 0, |mut graph| {
            let context = graph.affine(5, &[Input::Data(data.clone())], &context, Activation::Gelu)?;
            let output = graph.affine(5, &[Input::Node(context.clone())], &outlet, Activation::None)?;
            head.loss(graph, &output, &context, &targets)
        });
    }
}

#[test]
fn the_whole_loss_has_the_gradient_of_its_differences() {
    let set = Trunk::Residual { width: 5, blocks: 1 };
    let gelu = Activation::Gelu;
    let family = Family::Mixture { components: 2 };
    let architecture = Architecture {
        bins: 8,
        element_layers: vec![3, 3],
        activation: gelu,
        trunk: set,
        output: family.into(),
        ..Architecture::default()
    };
    let plain = Architecture { bins: 0, trunk: Trunk::Plain(vec![4, 4]), ..architecture.clone() };
    for architecture in [architecture, plain] {
        check_whole_gradient(&Mixed, &Mixed::shape(), &architecture, 4);
    }
}

/// The same network in plain dfdx, on sets padded to the largest and masked: outputs and all gradients agree.
#[test]
fn ragged_and_fused_is_padded_and_plain() {
    const IN: usize = 3;
    const HIDDEN: usize = 8;
    const MOST: usize = 5;
    const OUT: usize = 3;
    let mut random = random(6, 0);
    let head = MixtureHead::new(1, 1, true);
    let rows = layer(0, &[IN], HIDDEN);
    let inlet = layer(end(&rows), &[HIDDEN], HIDDEN);
    let first = layer(end(&inlet), &[HIDDEN], HIDDEN);
    let second = layer(end(&first), &[HIDDEN], HIDDEN);
    let outlet = layer(end(&second), &[HIDDEN], OUT);
    let weights = numbers_64(&mut random, end(&outlet));
    let offsets = [0, 2, 7, 8, 12];
    let data = numbers_64(&mut random, 12 * IN);
    let targets = numbers_64(&mut random, 4);

    let mut graph = graph(weights.clone(), end(&rows));
    let hidden = graph.affine(12, &[Input::Data(Arc::new(data.clone()))], &rows, Activation::Relu).unwrap();
    let pooled = graph.pool(&hidden, &offsets, None).unwrap();
    let x = graph.affine(4, &[Input::Node(pooled)], &inlet, Activation::None).unwrap();
    let x = graph.residual_block(&x, &first, &second).unwrap();
    let output = graph.affine(4, &[Input::Node(x)], &outlet, Activation::None).unwrap();
    let found_output = output.values.to_vec();
    let found = whole(&head.loss(graph, &output, &targets).unwrap().backward().unwrap(), weights.len());

    let device = Cpu::default();
    let (mut padded, mut mask) = (vec![0.0; 4 * MOST * IN], vec![0.0; 4 * MOST]);
    for (set, pair) in offsets.windows(2).enumerate() {
        let size = pair[1] - pair[0];
        padded[set * MOST * IN..][..size * IN].copy_from_slice(&data[pair[0] * IN..pair[1] * IN]);
        mask[set * MOST..][..size].fill(1.0 / size as f64);
    }
    let matrix = |slot: Slot| &weights[slot.range()];
    let padded: Tensor<Rank2<20, IN>, f64, Cpu> = device.tensor(padded);
    let mask: Tensor<Rank2<4, MOST>, f64, Cpu> = device.tensor(mask);
    let mask = mask.broadcast::<Rank3<4, MOST, HIDDEN>, Axis<2>>();
    let w0: Tensor<Rank2<IN, HIDDEN>, f64, Cpu> = device.tensor(matrix(rows.weights[0]).to_vec());
    let bias = |slot: Slot| -> Tensor<Rank1<HIDDEN>, f64, Cpu> { device.tensor(matrix(slot).to_vec()) };
    let square = |slot: Slot| -> Tensor<Rank2<HIDDEN, HIDDEN>, f64, Cpu> { device.tensor(matrix(slot).to_vec()) };
    let (b0, w1, b1) = (bias(rows.bias), square(inlet.weights[0]), bias(inlet.bias));
    let (w2, b2) = (square(first.weights[0]), bias(first.bias));
    let (w3, b3) = (square(second.weights[0]), bias(second.bias));
    let w4: Tensor<Rank2<HIDDEN, OUT>, f64, Cpu> = device.tensor(matrix(outlet.weights[0]).to_vec());
    let b4: Tensor<Rank1<OUT>, f64, Cpu> = device.tensor(matrix(outlet.bias).to_vec());
    let t: Tensor<Rank1<4>, f64, Cpu> = device.tensor(targets.clone());

    let hidden = padded.leaky_trace().matmul(w0.clone());
    let hidden = (hidden + b0.retaped::<Tape64>().broadcast()).relu();
    let hidden = hidden.reshape::<Rank3<4, MOST, HIDDEN>>();
    let pooled = (hidden * mask).sum::<Rank2<4, HIDDEN>, Axis<1>>();
    let x = pooled.matmul(w1.clone()) + b1.retaped::<Tape64>().broadcast();
    let skip = x.with_empty_tape();
    let (x, tape) = x.split_tape();
    let normal = x.clone().put_tape(tape).normalize::<Axis<1>>(1e-5);
    let inner = (normal.matmul(w2.clone()) + b2.retaped::<Tape64>().broadcast()).fast_gelu();
    let _ = skip;
    let x = inner.matmul(w3.clone()) + b3.retaped::<Tape64>().broadcast() + x;
    let output = x.matmul(w4.clone()) + b4.retaped::<Tape64>().broadcast();
    assert_close(&found_output, &output.as_vec());
    let (plain, tape) = output.split_tape();
    let mean = plain.clone().put_tape(tape).slice((0.., 1..2)).realize::<(Const<4>, Const<1>)>().reshape::<Rank1<4>>();
    let log_sd = plain.retaped::<Tape64>().slice((0.., 2..3)).realize::<(Const<4>, Const<1>)>().reshape::<Rank1<4>>();
    let noise = (mean - t) * log_sd.retaped::<Tape64>().negate().exp();
    let loss = (noise.square() * 0.5 + log_sd).sum();
    let grads = loss.backward();
    let check = |slot: Slot, plain: Vec<f64>| assert_close(&found[slot.range()], &plain);
    check(rows.weights[0], grads.get(&w0).as_vec());
    check(rows.bias, grads.get(&b0).as_vec());
    check(inlet.weights[0], grads.get(&w1).as_vec());
    check(inlet.bias, grads.get(&b1).as_vec());
    check(first.weights[0], grads.get(&w2).as_vec());
    check(first.bias, grads.get(&b2).as_vec());
    check(second.weights[0], grads.get(&w3).as_vec());
    check(second.bias, grads.get(&b3).as_vec());
    check(outlet.weights[0], grads.get(&w4).as_vec());
    check(outlet.bias, grads.get(&b4).as_vec());
}
