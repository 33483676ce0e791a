//! Gradients on the tape against finite differences.

use std::convert::Infallible;
use std::sync::Arc;

use dfdx::prelude::*;

use super::{Random, assert_close, normal, random};
use crate::features::FeatureExtractor;
use crate::graph::{ChunkGradient, Factors, Graph, Loss};
use crate::layout::Layout;
use crate::weights::{Layer, Slot, Weights};
use crate::{Architecture, Shape, TrainingSource};

pub(super) type Tape64 = OwnedTape<f64, Cpu>;
pub(super) type Loss64 = Result<Loss<f64, Tape64>, CpuError>;

pub(super) fn numbers_64(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| 0.4 * normal(random)).collect()
}

/// Returns the gradient of all weights that a chunk hands out, in one vector.
pub(super) fn whole(gradient: &ChunkGradient<f64>, length: usize) -> Vec<f64> {
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

pub(super) fn graph(weights: Vec<f64>, shared: usize) -> Graph<f64, Tape64> {
    Graph::new(Arc::new(Weights::new(weights)), shared).unwrap()
}

/// Compares the gradient of `loss`, in f64, with central differences of fourth order, weight by weight.
pub(super) fn check_gradient(weights: &[f64], shared: usize, loss: impl Fn(Graph<f64, Tape64>) -> Loss64) {
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

/// Returns a layer whose weights begin at `offset`: matrices of the given heights, then the bias.
pub(super) fn layer(mut offset: usize, heights: &[usize], columns: usize) -> Layer {
    let mut weights = Vec::new();
    for rows in heights {
        weights.push(Slot { offset, rows: *rows, columns });
        offset += rows * columns;
    }
    Layer { weights, bias: Slot { offset, rows: 1, columns } }
}

pub(super) fn end(layer: &Layer) -> usize {
    layer.bias.range().end
}

/// Checks that the gradient of the whole loss is that of its differences, and that training computes the same.
pub(super) fn check_whole_gradient<S: TrainingSource<Error = Infallible>>(
    source: &S,
    shape: &Shape,
    architecture: &Architecture,
    seed: u64,
) {
    let (pilot, targets) = source.draw(0, 0, 64).unwrap();
    let reader = FeatureExtractor::fit(&pilot, &targets, shape, architecture);
    let plan = Layout::new(&reader, architecture, &[], usize::MAX).unwrap();
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
    // Training computes it from matrices that were transposed beforehand.
    let mut turned = Weights::new(weights.clone());
    turned.transpose(&plan.slots());
    let of = |weights: Weights<f64>| {
        let graph = Graph::new(Arc::new(weights), plan.shared).unwrap();
        whole(&loss(graph).unwrap().backward().unwrap(), plan.length())
    };
    assert_close(&of(turned), &of(Weights::new(weights)));
}
