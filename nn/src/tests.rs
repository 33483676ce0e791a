//! Tests of the operations, by finite differences and against plain dfdx, and of the network as a whole.

mod attention;
mod convolution;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use dfdx::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::features::{FeatureExtractor, Sparse};
use super::flow::FlowHead;
use super::graph::{ChunkGradient, Factors, Graph, Input, Layer, Loss, Slot, Weights};
use super::head::Head;
use super::mixture::MixtureHead;
use super::network::{Builder, Layout, TrunkOutput};
use super::spline::Map;
use super::{
    Activation, Architecture, Batch, Budget, Contrast, Error, Family, Network, Output, PlateShape, Prediction,
    RatioScratch, Rows, Settings, Shape, Sums, TrainError, Trainer, TrainingSource, Trunk, VALIDATION, save_numbers,
    train,
};

type Random = Xoshiro256PlusPlus;

fn random(step: u64, first: usize) -> Random {
    Random::seed_from_u64(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ first as u64)
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut Random) -> f64 {
    let (radius, angle) = (1.0 - random.random::<f64>(), random.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| normal(random) as f32).collect()
}

// ---- gradients ---------------------------------------------------------------------------------------------------------

type Tape64 = OwnedTape<f64, Cpu>;
type Loss64 = Result<Loss<f64, Tape64>, CpuError>;

fn numbers_64(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| 0.4 * normal(random)).collect()
}

/// The gradient of all weights that a chunk hands out, as a whole.
fn whole(gradient: &ChunkGradient<f64>, length: usize) -> Vec<f64> {
    let mut all = vec![0.0; length];
    all[..gradient.rows.len()].copy_from_slice(&gradient.rows);
    for Factors { inputs, layer, upstream } in &gradient.sets {
        let columns = layer.bias.columns;
        for (input, slot) in inputs.iter().zip(&layer.weights) {
            for (row, upstream) in input.chunks_exact(slot.rows).zip(upstream.chunks_exact(columns)) {
                for (i, x) in row.iter().enumerate() {
                    upstream.iter().enumerate().for_each(|(j, u)| all[slot.offset + i * columns + j] += x * u);
                }
            }
        }
        for row in upstream.chunks_exact(columns) {
            row.iter().enumerate().for_each(|(j, u)| all[layer.bias.offset + j] += u);
        }
    }
    all
}

fn graph(weights: Vec<f64>, shared: usize) -> Graph<f64, Tape64> {
    Graph::new(Arc::new(Weights::new(weights)), shared).unwrap()
}

/// Compares the gradient of `loss`, in f64, with central differences of fourth order, weight by weight.
fn check_gradient(weights: &[f64], shared: usize, loss: impl Fn(Graph<f64, Tape64>) -> Loss64) {
    let gradient = loss(graph(weights.to_vec(), shared)).unwrap().backward().unwrap();
    let gradient = whole(&gradient, weights.len());
    let step = 2e-4;
    for index in 0..weights.len() {
        let moved = |by: f64| {
            let mut weights = weights.to_vec();
            weights[index] += by;
            loss(graph(weights, shared)).unwrap().each.iter().sum::<f64>()
        };
        let near = moved(step) - moved(-step);
        let far = moved(2.0 * step) - moved(-2.0 * step);
        let expected = (8.0 * near - far) / (12.0 * step);
        assert!(
            (gradient[index] - expected).abs() < 1e-8 * (1.0 + expected.abs()),
            "weight {index}: {} on the tape, {expected} by differences",
            gradient[index]
        );
    }
}

/// A layer whose weights begin at an offset: matrices of these heights, then the bias.
fn layer(mut offset: usize, heights: &[usize], columns: usize) -> Layer {
    let mut weights = Vec::new();
    for rows in heights {
        weights.push(Slot { offset, rows: *rows, columns });
        offset += rows * columns;
    }
    Layer { weights, bias: Slot { offset, rows: 1, columns } }
}

fn end(layer: &Layer) -> usize {
    layer.bias.range().end
}

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
fn a_mixture_is_the_density_that_its_loss_says_and_that_its_draws_have() {
    let mut random = random(5, 0);
    let (dims, scales) = (2, [(0.3, 2.0), (-1.0, 0.5)]);
    let head = MixtureHead::new(dims, 3, true);
    let outputs: Vec<f32> = numbers(&mut random, head.outputs());
    let mixture = head.read(&outputs, &scales);
    let target = [0.7, -1.2];
    let standardised: Vec<f64> =
        target.iter().zip(scales).map(|(t, (m, s))| (t - f64::from(m)) / f64::from(s)).collect();
    let mut row: Vec<f64> = outputs.iter().map(|output| f64::from(*output)).collect();
    let loss = head.loss_of(&mut row, &standardised, &mut Vec::new());
    let nats = loss + std::f64::consts::TAU.ln() + 2.0_f64.ln() + 0.5_f64.ln();
    assert!((mixture.log_density(&target) + nats).abs() < 1e-6);
    // E[1 / density] over draws within a box is the box's size: the sd of the mean is below 1 % here, 5 are allowed.
    let (count, mut sum) = (200_000, 0.0);
    for _ in 0..count {
        let draw = mixture.sample(&mut random);
        if draw.iter().zip(scales).all(|(x, (m, s))| ((x - f64::from(m)) / f64::from(s)).abs() < 1.0) {
            sum += (-mixture.log_density(&draw)).exp() / f64::from(count);
        }
    }
    assert!((sum / 4.0 - 1.0).abs() < 0.05, "{sum}");
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
        let mut builder = Builder::default();
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

/// Flows with random weights: the density integrates to 1, is that of the loss, and is that of the draws.
#[test]
fn a_flow_is_the_density_that_its_loss_says_and_that_its_draws_have() {
    for family in [Family::Maf { steps: 3, width: 8 }, Family::Nsf { steps: 3, width: 8, bins: 6 }] {
        let network = train(&Mixed::shape(), &Mixed, &saying(small(256), family), |_| ()).unwrap();
        let mut network = network;
        let mut random = random(15, 0);
        let mut weights = network.weights.values.clone();
        for parameter in network.plan.parameters.iter().filter(|p| p.name.starts_with("flow")) {
            weights[parameter.slot.range()].iter_mut().for_each(|w| *w += 0.2 * normal(&mut random) as f32);
        }
        network.weights = Arc::new(Weights::new(weights));
        let (batch, targets) = Mixed.draw(9, 0, 3).unwrap();
        let flows = network.predict(&batch).unwrap();
        let losses = network.losses(&batch, &targets).unwrap();
        for ((flow, loss), target) in flows.iter().zip(losses).zip(targets.chunks_exact(2)) {
            let target: Vec<f64> = target.iter().map(|x| f64::from(*x)).collect();
            assert!((flow.log_densities(&target)[0] + loss).abs() < 1e-4, "{loss}");
        }
        let flow = &flows[0];
        // A grid wide enough for all of the mass; the midpoint rule is exact to far more digits than are asked for.
        let draws = flow.sample(100_000, &mut random);
        let range = |dim: usize| {
            let of = || draws.iter().skip(dim).step_by(2).copied();
            let (low, high) = (of().fold(f64::INFINITY, f64::min), of().fold(f64::NEG_INFINITY, f64::max));
            let margin = 0.3 * (high - low);
            (low - margin, high + margin)
        };
        let (x, y) = (range(0), range(1));
        let count = 700;
        let step = [(x.1 - x.0) / f64::from(count), (y.1 - y.0) / f64::from(count)];
        let centre = [0.4 * x.0 + 0.6 * x.1, 0.5 * (y.0 + y.1)];
        let (mut mass, mut corner) = (0.0, 0.0);
        for i in 0..count {
            let points: Vec<f64> = (0..count)
                .flat_map(|j| [x.0 + (f64::from(i) + 0.5) * step[0], y.0 + (f64::from(j) + 0.5) * step[1]])
                .collect();
            for (point, log_density) in points.chunks_exact(2).zip(flow.log_densities(&points)) {
                mass += log_density.exp() * step[0] * step[1];
                if point[0] < centre[0] && point[1] < centre[1] {
                    corner += log_density.exp() * step[0] * step[1];
                }
            }
        }
        assert!((mass - 1.0).abs() < 2e-3, "{family:?}: the density integrates to {mass}");
        let share = draws.chunks_exact(2).filter(|d| d[0] < centre[0] && d[1] < centre[1]).count() as f64 / 1e5;
        // Five standard errors, and the cells that the corner cuts.
        assert!(
            (share - corner).abs() < 5.0 * 0.5 / 1e5_f64.sqrt() + 2e-3,
            "{family:?}: {share} of draws, {corner} of mass"
        );
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

/// The gradient of the whole loss is that of its differences, and the same as training has it.
fn check_whole_gradient<S: TrainingSource<Error = Infallible>>(
    source: &S,
    shape: &Shape,
    architecture: &Architecture,
    seed: u64,
) {
    let (pilot, targets) = source.draw(0, 0, 64).unwrap();
    let reader = FeatureExtractor::fit(&pilot, &targets, shape, architecture);
    let plan = Layout::new(&reader, architecture, &[]).unwrap();
    let mut random = random(seed, 0);
    // The last layer starts at zero, where most gradients vanish; far from it log sds reach their bounds.
    let weights = plan.initialise(1).into_iter().map(|weight| f64::from(weight) + 0.02 * normal(&mut random));
    let weights: Vec<f64> = weights.collect();
    let (batch, targets) = source.draw(1, 0, 4).unwrap();
    let scales = reader.scales(batch.sets, &reader.encode(&batch));
    let targets: Vec<f64> = reader.standardise(&targets, &scales).into_iter().map(f64::from).collect();
    let loss = |mut graph: Graph<f64, Tape64>| {
        let output = plan.forward(&mut graph, batch.sets, reader.encode(&batch))?;
        plan.head.loss(graph, &output, &targets)
    };
    check_gradient(&weights, plan.shared, loss);
    // As training does it: from matrices that were transposed beforehand.
    let mut turned = Weights::new(weights.clone());
    turned.transpose(&plan.slots());
    let of = |weights: Weights<f64>| {
        let graph = Graph::new(Arc::new(weights), plan.shared).unwrap();
        whole(&loss(graph).unwrap().backward().unwrap(), plan.length())
    };
    assert_close(&of(turned), &of(Weights::new(weights)));
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

// ---- models ------------------------------------------------------------------------------------------------------------

/// theta ~ N(0, 1); x[i] ~ N(theta, 1), i = 1..n, n in 1..=50, half uniform and half log-uniform.
struct Conjugate;

impl Conjugate {
    fn shape() -> Shape {
        Shape { width: 0, plates: vec![PlateShape { width: 1, children: vec![], image: None }], targets: 1 }
    }

    fn simulate(random: &mut Random, sizes: impl Iterator<Item = usize>) -> (Batch, Vec<f32>) {
        let mut targets = Vec::new();
        let mut rows = Rows { width: 1, offsets: vec![0], ..Rows::default() };
        for size in sizes {
            let theta = normal(random);
            targets.push(theta as f32);
            rows.features.extend((0..size).map(|_| (theta + normal(random)) as f32));
            rows.offsets.push(rows.features.len());
        }
        let batch = Batch { sets: targets.len(), plates: vec![rows], ..Batch::default() };
        (batch, targets)
    }
}

impl TrainingSource for Conjugate {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
        let size = |random: &mut Random| match random.random::<bool>() {
            true => random.random_range(1..=50),
            false => (random.random::<f64>() * 51.0_f64.ln()).exp() as usize,
        };
        let sizes: Vec<usize> = (0..sets).map(|_| size(&mut random)).collect();
        Ok(Conjugate::simulate(&mut random, sizes.into_iter()))
    }
}

/// mu ~ N(0, 1); group means m[j] ~ N(mu, 0.5), j = 1..10; x[j, i] ~ N(m[j], 1), i = 1..n[j], n[j] uniform in 1..=8.
struct Nested;

impl Nested {
    fn shape() -> Shape {
        let inner = PlateShape { width: 1, children: vec![], image: None };
        Shape { width: 0, plates: vec![PlateShape { children: vec![inner], ..PlateShape::default() }], targets: 1 }
    }

    /// The exact posterior: a group's mean measures mu with variance 0.25 + 1 / n.
    fn posterior(batch: &Batch, set: usize) -> (f64, f64) {
        let (groups, inner) = (&batch.plates[0], &batch.plates[0].children[0]);
        let (mut precision, mut weighted) = (1.0, 0.0);
        for group in groups.offsets[set]..groups.offsets[set + 1] {
            let values = &inner.features[inner.offsets[group]..inner.offsets[group + 1]];
            let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
            let weight = 1.0 / (0.25 + 1.0 / values.len() as f64);
            precision += weight;
            weighted += weight * mean;
        }
        (weighted / precision, 1.0 / precision.sqrt())
    }
}

impl TrainingSource for Nested {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
        let mut inner = Rows { width: 1, offsets: vec![0], ..Rows::default() };
        let mut targets = Vec::new();
        for _ in 0..sets {
            let mu = normal(&mut random);
            targets.push(mu as f32);
            for _ in 0..10 {
                let mean = mu + 0.5 * normal(&mut random);
                let size = random.random_range(1..=8);
                inner.features.extend((0..size).map(|_| (mean + normal(&mut random)) as f32));
                inner.offsets.push(inner.features.len());
            }
        }
        let groups =
            Rows { offsets: (0..=sets).map(|set| 10 * set).collect(), children: vec![inner], ..Rows::default() };
        let batch = Batch { sets, plates: vec![groups], ..Batch::default() };
        Ok((batch, targets))
    }
}

/// Every kind of table at once, empty plates, heavy tails and categories among them.
struct Mixed;

impl Mixed {
    fn shape() -> Shape {
        let leaf = |width| PlateShape { width, children: vec![], image: None };
        Shape {
            width: 2,
            plates: vec![PlateShape { width: 2, children: vec![leaf(1), leaf(12)], image: None }, leaf(1)],
            targets: 2,
        }
    }

    fn rows(random: &mut Random, parents: usize, width: usize, most: usize) -> Rows {
        let mut offsets = vec![0];
        for parent in 0..parents {
            offsets.push(offsets[parent] + random.random_range(0..=most));
        }
        let mut features = numbers(random, offsets[parents] * width);
        for (index, value) in features.iter_mut().enumerate() {
            match index % 3 {
                0 => *value = value.signum(),
                1 => *value = 1.0 / *value,
                _ => (),
            }
        }
        Rows { width, features, offsets, children: vec![] }
    }
}

impl TrainingSource for Mixed {
    type Error = Infallible;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
        let mut random = random(step, first);
        let mut outer = Mixed::rows(&mut random, sets, 2, 4);
        outer.children =
            vec![Mixed::rows(&mut random, outer.rows(), 1, 3), Mixed::rows(&mut random, outer.rows(), 12, 2)];
        let batch = Batch {
            sets,
            width: 2,
            globals: numbers(&mut random, 2 * sets),
            plates: vec![outer, Mixed::rows(&mut random, sets, 1, 9)],
        };
        Ok((batch, numbers(&mut random, 2 * sets)))
    }
}

fn small(sets: u64) -> Settings {
    Settings {
        architecture: Architecture {
            bins: 32,
            element_layers: vec![16, 16],
            trunk: Trunk::Residual { width: 32, blocks: 2 },
            ..Architecture::default()
        },
        pilot: 256,
        validation: 256,
        ..Settings::new(Budget::simulations(sets))
    }
}

fn saying(settings: Settings, output: impl Into<Output>) -> Settings {
    let output = output.into();
    Settings { architecture: Architecture { output, ..settings.architecture.clone() }, ..settings }
}

fn mixed_network() -> Network {
    train(&Mixed::shape(), &Mixed, &small(4096), |_| ()).unwrap()
}

fn assert_close(left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() < 1e-4 * (1.0 + right.abs()), "{left} and {right}");
    }
}

/// Log densities at a few points.
fn densities(estimates: &[Prediction]) -> Vec<f64> {
    let points = [[0.0, 0.0], [1.0, -0.5], [-0.7, 2.0]];
    estimates.iter().flat_map(|estimate| points.map(|point| estimate.log_densities(&point)[0])).collect()
}

/// Mean and standard deviation of a mixture over one number.
fn moments(estimate: &Prediction) -> (f64, f64) {
    let Prediction::Mixture(mixture) = estimate else { panic!("{estimate:?}") };
    let sum = |of: fn(f64, f64) -> f64| -> f64 {
        mixture.components.iter().map(|part| part.weight * of(part.mean[0], part.sd[0])).sum()
    };
    let mean = sum(|mean, _| mean);
    (mean, (sum(|mean, sd| mean * mean + sd * sd) - mean * mean).sqrt())
}

// ---- prediction --------------------------------------------------------------------------------------------------------

#[test]
fn the_order_of_rows_carries_no_meaning() {
    let network = mixed_network();
    let (batch, _) = Mixed.draw(9, 0, 3).unwrap();
    let mut turned = batch.clone();
    let rows = &mut turned.plates[1];
    for pair in rows.offsets.windows(2) {
        rows.features[pair[0]..pair[1]].reverse();
    }
    let inner = &mut turned.plates[0].children[1];
    for pair in inner.offsets.windows(2) {
        let own = &mut inner.features[pair[0] * 12..pair[1] * 12];
        let rows: Vec<Vec<f32>> = own.chunks_exact(12).rev().map(<[f32]>::to_vec).collect();
        own.copy_from_slice(&rows.concat());
    }
    assert_ne!(batch, turned);
    assert_close(&densities(&network.predict(&turned).unwrap()), &densities(&network.predict(&batch).unwrap()));
}

#[test]
fn a_ragged_batch_is_predicted_as_its_sets_one_by_one() {
    let network = mixed_network();
    let (batch, targets) = Mixed.draw(9, 0, 300).unwrap();
    let together = network.predict(&batch).unwrap();
    assert_eq!(together.len(), 300);
    for set in 0..300 {
        let alone = batch.slice(set..set + 1);
        let expected = densities(&together[set..set + 1]);
        assert_close(&densities(&network.predict(&alone).unwrap()), &expected);
        assert_close(&densities(&[network.conclude(&network.summarise(&alone).unwrap()).unwrap()]), &expected);
    }
    assert!(network.losses(&batch, &targets).unwrap().iter().all(|loss| loss.is_finite()));
    assert!(matches!(network.losses(&batch, &targets[1..]), Err(Error::Shape(_))));
}

/// Parts of a data set add up, in any order and any grouping, tiles of a large plate among them.
#[test]
fn sums_of_parts_are_those_of_the_whole() {
    let network = mixed_network();
    let mut random = random(8, 0);
    let (mut whole, _) = Mixed.draw(9, 0, 1).unwrap();
    whole.plates[1] = Mixed::rows(&mut random, 1, 1, 0);
    whole.plates[1].features = numbers(&mut random, 10_000);
    whole.plates[1].offsets = vec![0, 10_000];
    let outer = whole.plates[0].rows();
    let part = |first: std::ops::Range<usize>, second: std::ops::Range<usize>| {
        let plates = vec![whole.plates[0].part(first), whole.plates[1].part(second)];
        network.summarise(&Batch { plates, ..whole.clone() }).unwrap()
    };
    let [a, b, c] = [part(0..1, 0..7), part(1..1, 7..6000), part(1..outer, 6000..10_000)];
    let sum = |order: [&Sums; 3]| {
        let mut sums = order[0].clone();
        sums.add(order[1]).unwrap();
        sums.add(order[2]).unwrap();
        sums
    };
    let mut tail = b.clone();
    tail.add(&c).unwrap();
    let mut grouped = a.clone();
    grouped.add(&tail).unwrap();
    let (mut ab, mut ba) = (a.clone(), b.clone());
    ab.add(&b).unwrap();
    ba.add(&a).unwrap();
    assert_eq!(ab, ba);
    assert_eq!(grouped.sizes(), [outer, 10_000]);
    let expected = densities(&network.predict(&whole).unwrap());
    for sums in [sum([&a, &b, &c]), sum([&c, &a, &b]), grouped, network.summarise(&whole).unwrap()] {
        assert_close(&densities(&[network.conclude(&sums).unwrap()]), &expected);
    }
    let mut other = whole.clone();
    other.globals[0] += 1.0;
    assert!(ab.add(&network.summarise(&other).unwrap()).unwrap_err().to_string().contains("outside plates"));
}

#[test]
fn data_that_do_not_fit_are_errors() {
    let network = mixed_network();
    let (batch, _) = Mixed.draw(9, 0, 3).unwrap();
    let breaks: [fn(&mut Batch); 6] = [
        |batch| batch.width = 1,
        |batch| batch.plates.truncate(1),
        |batch| batch.plates[1].offsets[1] = usize::MAX,
        |batch| batch.plates[0].children[0].features.push(0.0),
        |batch| batch.plates[0].children[1].offsets.clear(),
        |batch| batch.sets = 2,
    ];
    for damage in breaks {
        let mut batch = batch.clone();
        damage(&mut batch);
        assert!(matches!(network.predict(&batch), Err(Error::Shape(_))), "{batch:?}");
    }
    let mut batch = batch;
    batch.globals[3] = f32::NAN;
    let error = network.predict(&batch).unwrap_err().to_string();
    assert!(error.contains("data set 1") && error.contains("column 1"), "{error}");
}

#[test]
fn an_empty_batch_has_no_predictions() {
    let network = mixed_network();
    let (batch, _) = Mixed.draw(9, 0, 3).unwrap();
    assert!(network.predict(&batch.slice(1..1)).unwrap().is_empty());
}

#[test]
fn networks_and_errors_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Network>();
    crosses::<Error>();
    crosses::<TrainError<Infallible>>();
}

#[test]
fn extreme_numbers_stay_finite() {
    let network = mixed_network();
    let (mut batch, _) = Mixed.draw(9, 0, 3).unwrap();
    batch.globals.fill(f32::MAX);
    batch.plates[1].features.fill(f32::MIN);
    assert!(densities(&network.predict(&batch).unwrap()).iter().all(|value| value.is_finite()));
}

// ---- training ----------------------------------------------------------------------------------------------------------

#[test]
fn threads_do_not_change_a_bit() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(mixed_network)
    };
    let (one, two) = (with_threads(1), with_threads(2));
    assert_eq!(one.weights, two.weights);
    assert_eq!(one.history.last().map(|record| record.validation), two.history.last().map(|record| record.validation));
}

#[test]
fn an_interrupted_training_ends_with_the_same_weights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("training.safetensors");
    let (shape, settings) = (Mixed::shape(), Settings { patience: Some(50), weight_decay: 0.1, ..small(4096) });
    let straight = train(&shape, &Mixed, &settings, |_| ()).unwrap();
    let mut trainer = Trainer::new(&shape, &Mixed, &settings).unwrap();
    for _ in 0..3 {
        // Interrupted again and again.
        for _ in 0..4 {
            trainer.step().unwrap();
        }
        trainer.save(&path, &BTreeMap::from([("who".to_owned(), "a test".to_owned())])).unwrap();
        let (resumed, metadata) = Trainer::resume(&shape, &Mixed, &settings, &path).unwrap();
        assert_eq!(metadata["who"], "a test");
        trainer = resumed;
    }
    while !trainer.done() {
        trainer.step().unwrap();
    }
    let resumed = trainer.finish();
    assert_eq!(resumed.weights, straight.weights);
    let losses = |network: &Network| network.history.iter().map(|r| (r.sets, r.loss, r.validation)).collect::<Vec<_>>();
    assert_eq!(losses(&resumed), losses(&straight));

    let other = Settings { learning_rate: 0.1, ..settings.clone() };
    let error = Trainer::resume(&shape, &Mixed, &other, &path).err().unwrap();
    assert!(error.to_string().contains("other settings"), "{error}");
    assert!(matches!(
        Trainer::resume(&Conjugate::shape(), &Conjugate, &settings, &path),
        Err(TrainError::Checkpoint(_))
    ));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(Trainer::resume(&shape, &Mixed, &settings, &path), Err(TrainError::Checkpoint(_))));
}

/// A few data sets, seen again and again, are learned by heart: the loss on others rises, and training stops.
#[test]
fn what_is_learned_by_heart_stops_the_training() {
    struct Few;
    impl TrainingSource for Few {
        type Error = Infallible;
        fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
            let step = if step < u64::MAX - 1 { 0 } else { step };
            Conjugate.draw(step, first, sets)
        }
    }
    let settings = Settings { patience: Some(2), validation: 4096, ..small(200_000) };
    let network = train(&Conjugate::shape(), &Few, &settings, |_| ()).unwrap();
    let history = network.history();
    assert!(history.len() < 20, "{history:?}");
    let (best, last) = (&history[history.len() - 3], &history[history.len() - 1]);
    assert!(last.validation > best.validation && last.loss < last.validation, "{history:?}");
    let held_out = (0..4096).step_by(64).flat_map(|first| {
        let (batch, targets) = Conjugate.draw(VALIDATION, first, 64).unwrap();
        network.losses(&batch, &targets).unwrap()
    });
    assert!((held_out.sum::<f64>() / 4096.0 - best.validation).abs() < 1e-6, "{history:?}");
}

#[test]
fn progress_and_history_tell_how_it_went() {
    let mut seen = Vec::new();
    let network = train(&Conjugate::shape(), &Conjugate, &small(20_000), |progress| seen.push(*progress)).unwrap();
    // 20,000 sets are 79 whole steps of 256.
    assert_eq!(seen.len(), 79);
    assert_eq!(seen.last().map(|progress| (progress.sets, progress.fraction)), Some((79 * 256, 1.0)));
    let history = network.history();
    assert_eq!(history.last().map(|record| record.step), Some(79));
    assert!(history.len() >= 15 && history[history.len() - 1].validation < history[0].validation);
}

#[test]
fn a_bad_simulation_is_named() {
    struct Broken(f32);
    impl TrainingSource for Broken {
        type Error = Infallible;
        fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Infallible> {
            let (mut batch, mut targets) = Conjugate.draw(step, first, sets)?;
            if (step, first) == (3, 160) {
                let rows = &mut batch.plates[0];
                rows.features[rows.offsets[7]] = self.0;
                targets[9] += self.0;
            }
            Ok((batch, targets))
        }
    }
    let error = train(&Conjugate::shape(), &Broken(f32::NAN), &small(5_000), |_| ()).unwrap_err().to_string();
    assert!(error.contains("step 3, data sets from 160 on: data set 167, plate 0, row 0"), "{error}");
    train(&Conjugate::shape(), &Broken(0.0), &small(5_000), |_| ()).unwrap();
    let unusable = Settings { chunks: 0, ..small(5_000) };
    assert!(matches!(train(&Conjugate::shape(), &Conjugate, &unusable, |_| ()), Err(TrainError::Settings(_))));
}

/// How near to the exact posteriors a network has to be, on average: means by so many sds, sds by such a share.
#[derive(Clone, Copy)]
struct Near {
    sds: f64,
    share: f64,
}

/// After a training that costs minutes, and after one of a moment.
const EXACT: Near = Near { sds: 0.1, share: 0.05 };
const ROUGH: Near = Near { sds: 0.4, share: 0.2 };

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_conjugate_model_is_learned_at_every_size() {
    learn_conjugate(1_000_000, EXACT);
}

#[test]
fn a_conjugate_model_is_learned_roughly() {
    learn_conjugate(50_000, ROUGH);
}

fn learn_conjugate(sets: u64, near: Near) {
    let settings = Settings::new(Budget::simulations(sets));
    let network = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap();
    assert_conjugate(&network, near);
}

/// Whether a network that was trained on [`Conjugate`] knows the exact posterior.
fn assert_conjugate(network: &Network, near: Near) {
    for size in [1, 5, 20, 50] {
        let (batch, _) = Conjugate::simulate(&mut random(77, size), std::iter::repeat_n(size, 400));
        let found = network.predict(&batch).unwrap();
        let sd = 1.0 / (1.0 + size as f64).sqrt();
        let mean = |set: &[f32]| set.iter().map(|value| f64::from(*value)).sum::<f64>() / (1.0 + size as f64);
        let exact = batch.plates[0].features.chunks_exact(size).map(mean);
        let found: Vec<(f64, f64)> = found.iter().map(moments).collect();
        let off = exact.zip(&found).map(|(exact, found)| ((found.0 - exact) / sd).abs()).sum::<f64>() / 400.0;
        let ratio = found.iter().map(|found| found.1).sum::<f64>() / sd / 400.0;
        println!("n = {size}: mean off by {off:.4} sd, sd ratio {ratio:.4}");
        assert!(off < near.sds, "n = {size}: the mean is off by {off} posterior sd");
        assert!((ratio - 1.0).abs() < near.share, "n = {size}: the sd is {ratio} of the exact one");
    }
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_nested_model_is_learned() {
    learn_nested(200_000, Near { sds: 0.15, ..EXACT });
}

#[test]
fn a_nested_model_is_learned_roughly() {
    learn_nested(20_000, ROUGH);
}

fn learn_nested(sets: u64, near: Near) {
    let settings = Settings::new(Budget::simulations(sets));
    let network = train(&Nested::shape(), &Nested, &settings, |_| ()).unwrap();
    let (batch, _) = Nested.draw(77, 0, 400).unwrap();
    let found = network.predict(&batch).unwrap();
    let (mut off, mut ratio) = (0.0, 0.0);
    for set in 0..400 {
        let (mean, sd) = Nested::posterior(&batch, set);
        let found = moments(&found[set]);
        off += ((found.0 - mean) / sd).abs() / 400.0;
        ratio += found.1 / sd / 400.0;
    }
    println!("nested: mean off by {off:.4} sd, sd ratio {ratio:.4}");
    assert!(off < near.sds, "the mean is off by {off} posterior sd");
    assert!((ratio - 1.0).abs() < near.share, "the sd is {ratio} of the exact one");
}

// ---- files -------------------------------------------------------------------------------------------------------------

#[test]
fn a_saved_network_is_the_same_when_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let network = mixed_network();
    let metadata = BTreeMap::from([("fingerprint".to_owned(), "abc \"quoted\"".to_owned())]);
    network.save(&path, &BTreeMap::new()).unwrap();
    network.save(&path, &metadata).unwrap();
    let (loaded, found) = Network::load(&path).unwrap();
    assert_eq!(found, metadata);
    assert_eq!((&loaded.shape, &loaded.architecture), (&network.shape, &network.architecture));
    assert_eq!((&loaded.reader, &loaded.weights), (&network.reader, &network.weights));
    assert_eq!(loaded.history.len(), network.history.len());
    let (batch, _) = Mixed.draw(9, 0, 30).unwrap();
    assert_eq!(loaded.predict(&batch).unwrap(), network.predict(&batch).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    assert!(matches!(Network::load(&path), Err(Error::Io { .. })));
    mixed_network().save(&path, &BTreeMap::new()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let fails = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = Network::load(&path).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains("network.safetensors"), "{error}");
    };
    for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        fails(&whole[..length]);
    }
    for position in (0..whole.len()).step_by(whole.len() / 61) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        fails(&damaged);
    }
    fails(b"something else altogether, but long enough");
    // A file where a folder would have to be.
    let below_a_file = directory.path().join("file/network");
    std::fs::write(directory.path().join("file"), "").unwrap();
    assert!(mixed_network().save(below_a_file, &BTreeMap::new()).is_err());
}

/// A file of another version is refused with both versions, whatever else has changed in it.
#[test]
fn a_file_of_another_format_names_both() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.safetensors");
    let header = |text: &str| BTreeMap::from([("hierarch.networks".to_owned(), text.to_owned())]);
    for text in [r#"[{"format": 4, "levels": 1}]"#, r#"{"format": 4}"#] {
        save_numbers(&path, &[], header(text)).unwrap();
        let error = Network::load(&path).unwrap_err().to_string();
        assert!(error.contains("format 4, and this version of hierarch reads format 5"), "{error}");
    }
    save_numbers(&path, &[], header("[]")).unwrap();
    assert!(Network::load(&path).unwrap_err().to_string().contains("it holds no network"));
}

// ---- ratios ------------------------------------------------------------------------------------------------------------

fn ratio_output(contrast: Contrast, balance: f32) -> Output {
    Output::Ratio { contrast, balance, width: 6 }
}

#[test]
fn ratios_have_the_gradient_of_their_differences() {
    let mut random = random(17, 0);
    let which = Contrast::Which { others: 3 };
    let any = Contrast::WhichIfAny { others: 3, gamma: 0.7 };
    let logistic = Contrast::WhichIfAny { others: 1, gamma: 1.0 };
    // As many others as there can be, of three that were asked for.
    let many = Contrast::WhichIfAny { others: 60, gamma: 2.0 };
    for (contrast, balance, dims) in [
        (which, 0.0, 2),
        (which, 3.0, 1),
        (any, 0.0, 1),
        (any, 5.0, 2),
        (logistic, 0.0, 1),
        (many, 0.0, 1),
        (Contrast::Label, 0.0, 2),
    ] {
        let output = ratio_output(contrast, balance);
        let mut builder = Builder::default();
        let context = builder.layer("context", &[2], 3, 1.0);
        let outlet = builder.layer("outlet", &[3], output.outputs(dims + contrast.labels()), 1.0);
        let head = Head::new(output, dims + contrast.labels(), 3, &mut builder);
        let weights = numbers_64(&mut random, builder.end());
        let data = Arc::new(numbers_64(&mut random, 5 * 2));
        let mut targets = numbers_64(&mut random, 5 * (dims + contrast.labels()));
        if contrast == Contrast::Label {
            targets.chunks_exact_mut(dims + 1).enumerate().for_each(|(set, t)| t[dims] = (set % 2) as f64);
        }
        check_gradient(&weights, 0, |mut graph| {
            let context = graph.affine(5, &[Input::Data(data.clone())], &context, Activation::Gelu)?;
            let output = graph.affine(5, &[Input::Node(context.clone())], &outlet, Activation::None)?;
            head.loss(graph, &TrunkOutput { output, context }, &targets)
        });
    }
}

/// A network with random last layers, so that none of its parts vanishes.
fn rough_ratio_network(contrast: Contrast) -> Network {
    let shape = Mixed::shape();
    let mut network = train(&shape, &Mixed, &saying(small(256), ratio_output(contrast, 0.0)), |_| ()).unwrap();
    let mut random = random(18, 0);
    let mut weights = network.weights.values.clone();
    weights.iter_mut().for_each(|w| *w += 0.1 * normal(&mut random) as f32);
    network.weights = Arc::new(Weights::new(weights));
    network
}

#[test]
fn a_ratio_is_that_of_the_loss_and_has_the_gradient_of_its_differences() {
    let (batch, targets) = Mixed.draw(9, 0, 5).unwrap();
    for contrast in [Contrast::Which { others: 4 }, Contrast::Label] {
        let network = rough_ratio_network(contrast);
        let (ratio, dims) = (network.ratios(&batch).unwrap(), 2 - contrast.labels());
        let points: Vec<f64> = targets.chunks_exact(2).flat_map(|t| &t[..dims]).copied().map(f64::from).collect();
        let losses = network.losses(&batch, &targets).unwrap();
        for (set, loss) in losses.iter().enumerate() {
            let f = ratio.log_ratios(set, &points);
            // All five sets are told from each other, or each by its label.
            let expected = match contrast {
                Contrast::Label => f[set].exp().ln_1p() - f64::from(targets[2 * set + 1]) * f[set],
                _ => f.iter().map(|f| f.exp()).sum::<f64>().ln() - f[set],
            };
            assert!((loss - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{loss} {expected}");
            let alone = network.ratio(&network.summarise(&batch.slice(set..set + 1)).unwrap()).unwrap();
            assert_close(&alone.log_ratios(0, &points), &f);
        }
        let (mut gradient, mut scratch) = (vec![0.0; points.len()], RatioScratch::default());
        let value = ratio.gradient(&points, &mut gradient, &mut scratch);
        let own = points.chunks_exact(dims).enumerate().map(|(set, point)| ratio.log_ratios(set, point)[0]);
        let own: f64 = own.sum();
        assert!((value - own).abs() < 1e-9 * own.abs());
        for index in 0..points.len() {
            let mut moved = |by: f64| {
                let mut points = points.clone();
                points[index] += by;
                ratio.gradient(&points, &mut vec![0.0; points.len()], &mut scratch)
            };
            let step = 1e-4;
            let expected =
                (8.0 * (moved(step) - moved(-step)) - (moved(2.0 * step) - moved(-2.0 * step))) / (12.0 * step);
            assert!(
                (gradient[index] - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                "{} {expected}",
                gradient[index]
            );
        }
    }
}

#[test]
fn a_network_says_only_what_it_was_trained_for() {
    let (batch, _) = Mixed.draw(9, 0, 5).unwrap();
    let ratios = rough_ratio_network(Contrast::Which { others: 4 });
    assert!(ratios.predict(&batch).unwrap_err().to_string().contains("the network says ratios"));
    assert!(mixed_network().ratios(&batch).unwrap_err().to_string().contains("a ratio was asked for"));
    let settings = Settings { chunks: 128, ..saying(small(256), ratio_output(Contrast::Which { others: 4 }, 0.0)) };
    let error = train(&Mixed::shape(), &Mixed, &settings, |_| ()).unwrap_err().to_string();
    assert!(error.contains("5 data sets are needed") && error.contains("has 2"), "{error}");
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn the_ratio_of_a_conjugate_model_is_learned() {
    learn_ratio(1_000_000, 0.1, 0.02);
}

#[test]
fn the_ratio_of_a_conjugate_model_is_learned_roughly() {
    learn_ratio(50_000, 0.6, 0.3);
}

/// The ratio of a conjugate model is known: ln N(x | theta) / p(x), of which theta sees a parabola around the posterior and
/// the prior. At the posterior's quantiles, from 0.1 % to 99.9 %: within so many nats, and the posterior within so many.
fn learn_ratio(sets: u64, most: f64, of_posterior: f64) {
    for contrast in [Contrast::Which { others: 31 }, Contrast::WhichIfAny { others: 31, gamma: 1.0 }] {
        let start = std::time::Instant::now();
        let output = Output::Ratio { contrast, balance: 0.0, width: 64 };
        let settings = saying(Settings::new(Budget::simulations(sets)), output);
        let network = train(&Conjugate::shape(), &Conjugate, &settings, |_| ()).unwrap();
        for size in [1, 5, 20, 50] {
            let (batch, _) = Conjugate::simulate(&mut random(77, size), std::iter::repeat_n(size, 100));
            let ratio = network.ratios(&batch).unwrap();
            let precision = 1.0 + size as f64;
            let (mut off, mut divergence, mut bias) = (0.0, 0.0, 0.0);
            for (set, rows) in batch.plates[0].features.chunks_exact(size).enumerate() {
                let mean = rows.iter().map(|x| f64::from(*x)).sum::<f64>() / precision;
                // Midpoints of a grid of 6 sd around the posterior.
                let z: Vec<f64> = (0..240).map(|i| (f64::from(i) - 119.5) / 20.0).collect();
                let points: Vec<f64> = z.iter().map(|z| mean + z / precision.sqrt()).collect();
                let exact = |(z, theta): (&f64, &f64)| 0.5 * precision.ln() - 0.5 * z * z + 0.5 * theta * theta;
                let exact: Vec<f64> = z.iter().zip(&points).map(exact).collect();
                let learned = ratio.log_ratios(set, &points);
                let posterior: Vec<f64> =
                    z.iter().map(|z| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() / 20.0).collect();
                let mass: f64 = (0..240).map(|i| posterior[i] * (learned[i] - exact[i]).exp()).sum();
                // NRE-B says nothing of the factor.
                let factor = if matches!(contrast, Contrast::Which { .. }) { mass.ln() } else { 0.0 };
                bias += mass.ln() / 100.0;
                for i in 0..240 {
                    off += posterior[i] * (learned[i] - factor - exact[i]).abs() / 100.0;
                    divergence += posterior[i] * (exact[i] - learned[i] + mass.ln()) / 100.0;
                }
            }
            println!(
                "{contrast:?}, n = {size}: off by {off:.4} nats, KL {divergence:.5}, ln factor {bias:.4}, {:?}",
                start.elapsed()
            );
            assert!(off < most, "n = {size}: ln ratio is off by {off}");
            assert!(divergence < of_posterior, "n = {size}: the posterior is off by {divergence} nats");
        }
    }
}
