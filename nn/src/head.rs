//! What a network says of its targets: a family of distributions, the last layers that choose one of it, and the loss.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, Tape};
use serde::{Deserialize, Serialize};

use super::Error;
use super::estimate::Prediction;
use super::flow::{Flow, FlowHead};
use super::graph::{Graph, Loss, Node, Weights, give};
use super::kernels::Number;
use super::mixture::{COMPONENTS, MixtureHead, log_sum_exp};
use super::network::{Builder, TrunkOutput};
use super::ratio::{Contrast, RatioHead};
use super::spline::{BINS, Map};

/// The most others that a data set is told from: fewer than there are in the smallest sample that a loss is taken of.
const OTHERS: usize = 63;

/// A family of distributions over the targets.
///
/// KL(exact || learned) in nats after 6 seconds of training on one core, with the sizes of [`Family::maf`] and
/// [`Family::nsf`]; an ignored test in `tests/neural/families.rs` prints such a table. Standard errors are a tenth of the numbers,
/// a third to a half for those below 0.03. The machine was shared: within a row speeds differ by up to a factor of two.
///
/// | posterior | Gaussian | mixture of 6 | mixture of 16 | MAF | NSF |
/// | --- | --- | --- | --- | --- | --- |
/// | conjugate, 1 number | 0.000 | 0.001 | 0.000 | 0.000 | 0.000 |
/// | conjugate, 2 numbers | 0.000 | 0.000 | 0.000 | 0.001 | 0.000 |
/// | conjugate, 5 numbers | 0.002 | 0.004 | 0.005 | 0.005 | 0.004 |
/// | conjugate, 10 numbers (a mixture of 7 at most) | 0.005 | | 0.009 | 0.018 | 0.015 |
/// | a banana | 0.62 | 0.021 | 0.016 | 0.093 | 0.032 |
/// | two moons | 1.21 | 0.24 | 0.034 | 1.15 | 0.068 |
/// | two modes of one number | 0.43 | 0.007 | 0.004 | 0.43 | 0.006 |
/// | at the edge of a uniform prior | 0.047 | 0.001 | 0.001 | 0.046 | 0.003 |
///
/// On the resonance of the examples mixtures of 6 and of 16 are as close as each other after equal times, flows behind. So a
/// mixture of 16 is the default for several numbers. Of one number 6 are enough, and a little closer to a Gaussian posterior
/// after long training. A spline flow comes near, and is the one to try for shapes that Gaussians tile badly. A Gaussian is
/// best where the posterior is one. A masked autoregressive flow bends, but its affine maps hardly tear one mode into two,
/// and of one number it is a Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Family {
    /// Independent Gaussians.
    Diagonal,
    /// A Gaussian with any covariance, of up to 64 numbers; beyond, they are independent.
    Gaussian,
    /// A mixture of Gaussians with any covariances.
    Mixture {
        /// How many, 16 at most; fewer where there are many targets.
        components: usize,
    },
    /// A masked autoregressive flow behind a Gaussian: for posteriors that are bent, but of one mode.
    Maf {
        /// Autoregressive steps.
        steps: usize,
        /// Width of the networks that say how a number follows those before it.
        width: usize,
    },
    /// A neural spline flow behind a Gaussian.
    Nsf {
        /// Autoregressive steps.
        steps: usize,
        /// Width of the networks that say how a number follows those before it.
        width: usize,
        /// Bins of a spline, 32 at most.
        bins: usize,
    },
}

impl Family {
    /// A masked autoregressive flow of a size that suits a handful of numbers.
    pub fn maf() -> Family {
        Family::Maf { steps: 4, width: 48 }
    }

    /// A neural spline flow of a size that suits a handful of numbers.
    pub fn nsf() -> Family {
        Family::Nsf { steps: 2, width: 48, bins: 10 }
    }

    /// The Gaussians of a mixture, or of what a flow begins with.
    fn gaussians(self, targets: usize) -> MixtureHead {
        match self {
            Family::Diagonal => MixtureHead::new(targets, 1, false),
            Family::Mixture { components } => MixtureHead::new(targets, components, true),
            _ => MixtureHead::new(targets, 1, true),
        }
    }
}

/// What a network says of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// A density: a distribution of a family.
    Density(Family),
    /// Probabilities of categories, of which there are so many; the only target is one of 0, 1, ....
    Categories(usize),
    /// No distribution, but the ratio of the likelihood to the evidence as a function of the targets: see
    /// [`Network::ratio`](super::Network::ratio).
    Ratio {
        /// How it is learned.
        contrast: Contrast,
        /// How much it costs to be off balance, in nats; 0: nothing. 100 is usual (Delaunoy et al., arXiv 2208.13624).
        balance: f32,
        /// Width of the network that judges pairs of data and targets.
        width: usize,
    },
}

impl From<Family> for Output {
    fn from(family: Family) -> Self {
        Output::Density(family)
    }
}

impl Output {
    /// What is wrong with its sizes.
    pub(super) fn check(self, targets: usize) -> Result<(), String> {
        let any = usize::MAX;
        let sizes: Vec<(&str, usize, usize)> = match self {
            Output::Density(Family::Diagonal | Family::Gaussian) => vec![],
            Output::Density(Family::Mixture { components }) => vec![("components", components, COMPONENTS)],
            Output::Density(Family::Maf { steps, width }) => vec![("steps", steps, any), ("width", width, any)],
            Output::Density(Family::Nsf { steps, width, bins }) => {
                vec![("steps", steps, any), ("width", width, any), ("bins", bins, BINS)]
            }
            Output::Categories(count) => vec![("categories", count, any)],
            Output::Ratio { contrast: Contrast::Label, width, .. } => vec![("width", width, any)],
            Output::Ratio { contrast, width, .. } => vec![("width", width, any), ("others", contrast.others(), OTHERS)],
        };
        for (name, size, most) in sizes {
            if size == 0 {
                return Err(format!("{self:?} has 0 {name}, it must have at least 1"));
            }
            if size > most {
                return Err(format!("{self:?} has {size} {name}, it can have at most {most}"));
            }
        }
        match self {
            Output::Categories(_) if targets != 1 => {
                Err(format!("{targets} targets, where probabilities of categories are of one"))
            }
            Output::Ratio { contrast: Contrast::Label, .. } if targets < 2 => {
                Err("one target alone is a label of nothing".to_owned())
            }
            Output::Ratio { contrast: Contrast::WhichIfAny { gamma, .. }, .. }
                if !(gamma > 0.0 && gamma.is_finite()) =>
            {
                Err(format!("the odds gamma are {gamma}, they must be positive"))
            }
            Output::Ratio { balance, .. } if !(balance >= 0.0 && balance.is_finite()) => {
                Err(format!("the cost of being off balance is {balance}, it must not be negative"))
            }
            _ => Ok(()),
        }
    }

    /// Outputs of the last layer for so many targets.
    pub(super) fn outputs(self, targets: usize) -> usize {
        match self {
            Output::Categories(count) => count,
            _ => self.gaussians(targets).outputs(),
        }
    }

    /// Whether it is no distribution, but a ratio.
    pub fn is_ratio(self) -> bool {
        matches!(self, Output::Ratio { .. })
    }

    /// Whether it is a distribution of numbers. A ratio is none, and tells of likelihoods, where least squares tell of
    /// posteriors.
    pub(super) fn is_posterior(self) -> bool {
        matches!(self, Output::Density(_))
    }

    /// Targets, the last ones, that are codes and not numbers to be standardised.
    pub(super) fn codes(self) -> usize {
        match self {
            Output::Categories(_) => 1,
            Output::Ratio { contrast, .. } => contrast.labels(),
            _ => 0,
        }
    }

    /// Data sets that a loss must be of, at least.
    pub(super) fn least_sets(self) -> usize {
        match self {
            Output::Ratio { contrast, .. } => 1 + contrast.others(),
            _ => 1,
        }
    }

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

    /// What the outlet's bias is at first: that of the targets' own scales.
    pub(super) fn first_bias(says: Output, targets: usize) -> Vec<f32> {
        match says {
            Output::Categories(count) => vec![0.0; count],
            _ => says.gaussians(targets).first_bias(),
        }
    }

    /// -ln q(target | data) of each data set, of standardised targets; but for [`nats`](Head::nats). Of a ratio, how well the
    /// data set is told from others.
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

    /// The losses of data sets in nats of the targets as they were given; `scales` are those of the targets of each.
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

    /// What is believed of one data set, from the outputs and the context of it.
    ///
    /// # Errors
    /// A ratio is no distribution.
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

/// -ln of the probability of each data set's category.
fn categories_loss<E: Number, T: Tape<E, Cpu>>(
    graph: Graph<E, T>,
    output: &Node<E>,
    targets: &[E],
    count: usize,
) -> Result<Loss<E, T>, CpuError> {
    let mut gradient = output.values.to_vec();
    let row = |(logits, target): (&mut [E], &E)| {
        let normaliser = log_sum_exp(logits);
        // A target is one of the categories: whoever draws it has seen to that.
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
