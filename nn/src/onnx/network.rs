//! Whole networks in a graph.

use super::Refused;
use super::flow::OnnxFlow;
use super::graph::{OnnxGraph, Value};
use super::layers::LayerWriter;
use super::mixture::{OnnxMixture, log_sum_exp};
use super::rows::OnnxRows;
use crate::features::WrittenPlate;
use crate::head::Head;
use crate::network::Network;

/// A data set in a graph.
#[derive(Debug)]
pub struct OnnxData {
    /// The numbers outside plates, 1 x their count; `None` if there are none.
    pub outside: Option<Value>,
    /// The plates at the top.
    pub plates: Vec<OnnxRows>,
}

/// The distribution that networks predict for a data set, in a graph: the average of theirs.
pub struct OnnxPrediction<'a> {
    graph: &'a OnnxGraph,
    members: Vec<Member<'a>>,
}

enum Member<'a> {
    Mixture(OnnxMixture),
    Flow(OnnxFlow<'a>),
}

impl std::fmt::Debug for OnnxPrediction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxPrediction").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

impl<'a> OnnxPrediction<'a> {
    /// Adds what `networks`, the members of an ensemble or one, predict for a data set.
    ///
    /// # Errors
    /// A network that a graph cannot stand for.
    pub fn write(graph: &'a OnnxGraph, networks: &'a [Network], data: &OnnxData) -> Result<Self, Refused> {
        let members = networks.iter().map(|network| member(graph, network, data)).collect::<Result<Vec<_>, _>>()?;
        let mixture = |member: &Member<'_>| match member {
            Member::Mixture(mixture) => Some(mixture.clone()),
            Member::Flow(_) => None,
        };
        // Mixtures together are a mixture.
        let mixtures: Vec<OnnxMixture> = members.iter().filter_map(mixture).collect();
        match mixtures.len() {
            0 | 1 if members.len() < 2 || mixtures.is_empty() => Ok(Self { graph, members }),
            count if count == members.len() => {
                Ok(Self { graph, members: vec![Member::Mixture(OnnxMixture::average(graph, &mixtures))] })
            }
            _ => Err(Refused {
                what: "an ensemble of mixtures and of flows".to_owned(),
                instead: "train all of its networks with one `NetworkConfig::family`",
            }),
        }
    }

    /// Returns the mixture of Gaussians that it is; `None` if it is none.
    pub fn mixture(&self) -> Option<&OnnxMixture> {
        match &self.members[..] {
            [Member::Mixture(mixture)] => Some(mixture),
            _ => None,
        }
    }

    /// Adds points for standard normal numbers (draws x D) and uniform ones from 0 to 1 (draws), which choose among parts of the
    /// distribution.
    pub fn place(&self, normal: &Value, uniform: &Value) -> Value {
        let graph = self.graph;
        let count = self.members.len();
        let of = |member: &Member<'_>| match member {
            Member::Mixture(mixture) => mixture.place(graph, normal, Some(uniform)),
            Member::Flow(flow) => flow.place(normal),
        };
        let each = self.members.iter().map(of).enumerate();
        // Several flows: which of them a number of a draw chooses.
        let choose = |(_, before): (usize, Value), (index, own): (usize, Value)| {
            let least = graph.double(index as f64 / count as f64);
            let is_own = graph.op("GreaterOrEqual", &[&graph.unsqueeze(uniform, &[1]), &least]);
            (index, graph.choose(&is_own, &own, &before))
        };
        each.reduce(choose).map_or_else(|| normal.clone(), |(_, points)| points)
    }

    /// Adds the log density at points, points x D.
    pub fn log_density(&self, points: &Value) -> Value {
        let graph = self.graph;
        let of = |member: &Member<'_>| match member {
            Member::Mixture(mixture) => mixture.log_density(graph, points),
            Member::Flow(flow) => flow.log_density(points),
        };
        let each: Vec<Value> = self.members.iter().map(of).collect();
        match &each[..] {
            [one] => one.clone(),
            _ => {
                let rows: Vec<Value> = each.iter().map(|densities| graph.unsqueeze(densities, &[0])).collect();
                let sum = log_sum_exp(graph, &graph.concat(&rows, 0));
                graph.sub(&sum, &graph.double((each.len() as f64).ln()))
            }
        }
    }
}

fn member<'a>(graph: &'a OnnxGraph, network: &'a Network, data: &OnnxData) -> Result<Member<'a>, Refused> {
    let layers = LayerWriter { graph, weights: &network.weights, activation: network.plan.activation };
    let outside = data.outside.as_ref().map(|numbers| OnnxRows::at_the_top(graph, numbers.clone(), Vec::new()));
    let levels = &network.reader.levels;
    let plates: Vec<WrittenPlate> =
        levels.iter().zip(outside.iter().chain(&data.plates)).map(|(level, rows)| level.write(graph, rows)).collect();
    let mut vectors = Vec::new();
    for ((layout, level), plate) in network.plan.levels.iter().zip(levels).zip(&plates) {
        vectors.extend(layers.plate(layout, level, plate)?);
    }
    let scales = network.reader.write_scales(graph, &plates);
    let (output, context) = layers.trunk(&network.plan.trunk, vectors);
    match &network.plan.head {
        Head::Mixture(head) => Ok(Member::Mixture(head.write(graph, &output, &scales))),
        Head::Flow(head) => {
            let gaussian = head.gaussian.write(graph, &output, &scales);
            Ok(Member::Flow(OnnxFlow { head, layers, context, gaussian }))
        }
        Head::Categories(_) | Head::Ratio(_) => Err(Refused {
            what: "a network whose output is no distribution of numbers".to_owned(),
            instead: "export what `npe()` trains",
        }),
    }
}
