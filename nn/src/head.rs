//! The head: the last layers of a network, which choose one of a family of distributions, and the loss.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, Tape};

use super::builder::Builder;
use super::error::Error;
use super::flow::{Flow, FlowHead};
use super::gradients::give;
use super::graph::{Graph, Loss, Node};
use super::kernels::Number;
use super::mixture::{MixtureHead, log_sum_exp};
use super::output::{Family, Output};
use super::prediction::Prediction;
use super::ratio::RatioHead;
use super::spline::Map;
use super::trunk::TrunkOutput;
use super::weights::Weights;

impl Family {
    /// Returns the Gaussians of a mixture, or the Gaussian that a flow begins with.
    fn gaussians(self, targets: usize) -> MixtureHead {
        match self {
            Family::Diagonal => MixtureHead::new(targets, 1, false),
            Family::Mixture { components } => MixtureHead::new(targets, components, true),
            _ => MixtureHead::new(targets, 1, true),
        }
    }
}

impl Output {
    /// Returns the Gaussians of a distribution, or the Gaussian that a ratio begins with.
    fn gaussians(self, targets: usize) -> MixtureHead {
        match self {
            Output::Density(family) => family.gaussians(targets),
            Output::Ratio { contrast, .. } => MixtureHead::new(targets - contrast.labels(), 1, true),
            Output::Categories(_) => MixtureHead::new(targets, 1, true),
        }
    }
}

/// The last layers for what a network says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Head {
    Mixture(MixtureHead),
    Flow(Arc<FlowHead>),
    Categories(usize),
    Ratio(Arc<RatioHead>),
}

impl Head {
    /// Lays out the weights that come after the outlet; `context` is the width of what the outlet reads.
    pub(super) fn new(says: Output, targets: usize, context: usize, builder: &mut Builder) -> Head {
        let gaussians = says.gaussians(targets);
        let mut flow =
            |map, steps, width| Head::Flow(Arc::new(FlowHead::new(gaussians, map, steps, width, context, builder)));
        match says {
            Output::Density(Family::Diagonal | Family::Gaussian | Family::Mixture { .. }) => Head::Mixture(gaussians),
            Output::Density(Family::Maf { steps, width }) => flow(Map::Affine, steps, width),
            Output::Density(Family::Nsf { steps, width, bins }) => flow(Map::Spline(bins), steps, width),
            Output::Categories(count) => Head::Categories(count),
            Output::Ratio { contrast, balance, width } => {
                Head::Ratio(Arc::new(RatioHead::new(gaussians, contrast, balance, width, context, builder)))
            }
        }
    }

    /// Returns the initial bias of the outlet: for it, the network says what the targets' own scales say.
    pub(super) fn first_bias(says: Output, targets: usize) -> Vec<f32> {
        match says {
            Output::Categories(count) => vec![0.0; count],
            _ => says.gaussians(targets).first_bias(),
        }
    }

    /// Computes -ln q(target | data) of each data set for standardised targets, up to what [`in_nats`](Head::in_nats) adds.
    /// For a ratio, returns the loss of telling the data set from others.
    pub(super) fn loss<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: Graph<E, T>,
        judged: &TrunkOutput<E>,
        targets: &[E],
    ) -> Result<Loss<E, T>, CpuError> {
        match self {
            Head::Mixture(head) => head.loss(graph, &judged.output, targets),
            Head::Flow(flow) => flow.loss(graph, &judged.output, &judged.context, targets),
            Head::Categories(count) => categories_loss(graph, &judged.output, targets, *count),
            Head::Ratio(ratio) => ratio.loss(graph, &judged.output, &judged.context, targets),
        }
    }

    /// Returns the losses of data sets in nats of the targets as they were given; `scales` are those of the targets of each
    /// data set.
    pub(super) fn in_nats(&self, losses: &[f32], scales: &[(f32, f32)]) -> Vec<f64> {
        let dims = scales.len() / losses.len().max(1);
        let nats = |scales: &[(f32, f32)]| match self {
            Head::Mixture(_) | Head::Flow(_) => {
                let log_sds: f64 = scales.iter().map(|(_, sd)| f64::from(*sd).ln()).sum();
                log_sds + 0.5 * dims as f64 * std::f64::consts::TAU.ln()
            }
            Head::Categories(_) | Head::Ratio(_) => 0.0,
        };
        losses
            .iter()
            .zip(scales.chunks_exact(dims.max(1)))
            .map(|(loss, scales)| f64::from(*loss) + nats(scales))
            .collect()
    }

    /// Returns the prediction for one data set, from the outputs and the context of the network.
    ///
    /// # Errors
    /// If the network says ratios, which are not distributions.
    pub(super) fn read(
        &self,
        weights: &Arc<Weights<f32>>,
        output: &[f32],
        context: &[f32],
        scales: &[(f32, f32)],
    ) -> Result<Prediction, Error> {
        Ok(match self {
            Head::Mixture(head) => Prediction::Mixture(head.read(output, scales)),
            Head::Flow(flow) => Prediction::Flow(Flow::new(flow, weights, output, context, scales)),
            Head::Categories(_) => {
                let normaliser = log_sum_exp(output);
                Prediction::Categories(output.iter().map(|logit| f64::from(logit - normaliser).exp()).collect())
            }
            Head::Ratio(_) => return Err(Error::Says { says: "ratios", asked: "a distribution of its targets" }),
        })
    }
}

/// Computes -ln of the probability of each data set's category.
fn categories_loss<E: Number, T: Tape<E, Cpu>>(
    graph: Graph<E, T>,
    output: &Node<E>,
    targets: &[E],
    count: usize,
) -> Result<Loss<E, T>, CpuError> {
    let mut gradient = output.values.to_vec();
    let row = |(logits, target): (&mut [E], &E)| {
        let normaliser = log_sum_exp(logits);
        // A target is one of the categories: the code that draws it makes sure of that.
        let category = target.to_usize().unwrap_or(0).min(count - 1);
        let loss = normaliser - logits[category];
        logits.iter_mut().for_each(|logit| *logit = (*logit - normaliser).exp());
        logits[category] -= E::one();
        loss
    };
    let each = gradient.chunks_exact_mut(count).zip(targets).map(row).collect();
    let output = output.key.clone();
    graph.total(each, move |grads| give(grads, &output, gradient))
}
