//! What one chunk of data sets contributes to a step: its loss and its gradient.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, OwnedTape};

use crate::batch::Batch;
use crate::error::{Error, TrainError};
use crate::graph::{ChunkGradient, Graph};
use crate::network::Network;
use crate::weights::Weights;

/// What one chunk contributes to a step.
pub(super) struct Chunk {
    /// The sum of the losses of its data sets.
    pub(super) loss: f64,
    pub(super) gradient: ChunkGradient<f32>,
    /// Seconds spent on drawing its data sets, and on all work on the chunk.
    pub(super) simulation: f64,
    pub(super) work: f64,
}

/// Returns the sum over data sets of the loss, in nats of the targets as they were given, and the gradient. The gradient is
/// that of the sum over all readings of the data sets. `place` is the place of the first of them among all that are drawn.
pub(super) fn differentiate(
    network: &Network,
    weights: &Arc<Weights<f32>>,
    batch: &Batch,
    targets: &[f32],
    place: u64,
) -> Result<(f64, ChunkGradient<f32>), Failure> {
    let Network { reader, plan, .. } = network;
    let readings = reader.readings();
    let plates = reader.encode_to_learn(batch, place);
    let scales = reader.scales(batch.sets * readings, &plates);
    let standardised = reader.standardise(&reader.targets_to_learn(targets), &scales);
    let mut graph = Graph::<f32, OwnedTape<f32, Cpu>>::new(weights.clone(), plan.shared)?;
    let judged = plan.forward(&mut graph, batch.sets * readings, plates)?;
    let loss = plan.head.loss(graph, &judged, &standardised)?;
    if let Some(at) = loss.each.iter().position(|loss| !loss.is_finite()) {
        return Err(Failure::NotFinite { set: at / readings, loss: loss.each[at] });
    }
    let sum: f64 = plan.head.in_nats(&loss.each, &scales).iter().sum();
    Ok((sum / readings as f64, loss.backward()?))
}

/// Why a chunk has no gradient.
pub(super) enum Failure {
    Network(Error),
    NotFinite { set: usize, loss: f32 },
}

impl Failure {
    /// Returns the error for a chunk of step `step` whose first data set is at place `first`.
    pub(super) fn at<E>(self, step: u64, first: usize) -> TrainError<E> {
        match self {
            Failure::Network(source) => TrainError::network(step, first, source),
            Failure::NotFinite { set, loss } => TrainError::NotFinite { step, set: first + set, loss },
        }
    }
}

impl From<CpuError> for Failure {
    fn from(error: CpuError) -> Self {
        Failure::Network(error.into())
    }
}
