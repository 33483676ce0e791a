//! Mixtures of Gaussians in a graph: what `mixture.rs` beside this folder computes.

use super::graph::{Attribute, NumberType, OnnxGraph, Value};
use super::layers::double;
use crate::mixture::MixtureHead;

/// A mixture of Gaussians over D numbers, in f64.
#[derive(Clone, Debug)]
pub struct OnnxMixture {
    /// The number of components.
    pub components: usize,
    dims: usize,
    /// Components.
    log_weights: Value,
    /// Components x D.
    means: Value,
    log_sds: Value,
    /// How numbers follow those before them, components x D x D; `None` if they do not.
    slopes: Option<Value>,
}

impl MixtureHead {
    /// Adds the mixture that outputs stand for; `scales` are the means and the standard deviations in whose units they measure the
    /// targets.
    pub(super) fn write(self, graph: &OnnxGraph, outputs: &Value, (means, sds): &(Value, Value)) -> OnnxMixture {
        let (count, dims, stride) = (self.components, self.dims, self.stride());
        let outputs = double(graph, outputs);
        let logits = graph.reshape(&graph.slice(&outputs, 0..count, 1), &[count as i64]);
        let parts = graph.slice(&outputs, count..self.outputs(), 1);
        let parts = graph.reshape(&parts, &[count as i64, stride as i64]);
        let own = graph.slice(&parts, 0..dims, 1);
        let log_sds = graph.slice(&parts, dims..2 * dims, 1);
        let log_sds = graph.op("Min", &[&graph.op("Max", &[&log_sds, &graph.double(-15.0)]), &graph.double(8.0)]);
        let slopes = (self.slopes > 0).then(|| {
            // A slope for each pair, of which those at and above the diagonal are the zero behind all slopes.
            let zero = graph.doubles(&[count, 1], &vec![0.0; count]);
            let all = graph.concat(&[graph.slice(&parts, 2 * dims..stride, 1), zero], 1);
            let at = |i: usize, j: usize| if j < i { i * (i - 1) / 2 + j } else { self.slopes };
            let places: Vec<usize> = (0..dims).flat_map(|i| (0..dims).map(move |j| at(i, j))).collect();
            let square = graph.reshape(&graph.columns(&all, &places), &[count as i64, dims as i64, dims as i64]);
            let ratios = graph.div(&graph.reshape(sds, &[-1, 1]), sds);
            graph.mul(&square, &ratios)
        });
        OnnxMixture {
            components: count,
            dims,
            log_weights: graph.op_with("LogSoftmax", &[&logits], &[("axis", Attribute::Int(0))]),
            means: graph.add(means, &graph.mul(sds, &own)),
            log_sds: graph.add(&log_sds, &graph.op("Log", &[sds])),
            slopes,
        }
    }
}

impl OnnxMixture {
    /// Returns the average of mixtures of the same kind.
    pub(super) fn average(graph: &OnnxGraph, all: &[OnnxMixture]) -> OnnxMixture {
        let concat = |of: fn(&OnnxMixture) -> Value| graph.concat(&all.iter().map(of).collect::<Vec<_>>(), 0);
        let log_weights = concat(|m| m.log_weights.clone());
        let slopes: Vec<Value> = all.iter().filter_map(|m| m.slopes.clone()).collect();
        OnnxMixture {
            components: all.iter().map(|m| m.components).sum(),
            dims: all.first().map_or(0, |m| m.dims),
            log_weights: graph.sub(&log_weights, &graph.double((all.len() as f64).ln())),
            means: concat(|m| m.means.clone()),
            log_sds: concat(|m| m.log_sds.clone()),
            slopes: (slopes.len() == all.len()).then(|| graph.concat(&slopes, 0)),
        }
    }

    /// Adds the weights of the components.
    pub fn weights(&self, graph: &OnnxGraph) -> Value {
        graph.op("Exp", &[&self.log_weights])
    }

    /// Returns the means of the components, components x D.
    pub fn means(&self) -> &Value {
        &self.means
    }

    /// Adds the lower triangle L of each component, components x D x D: its numbers are mean + L n, where n are independent
    /// standard normal numbers.
    pub fn factors(&self, graph: &OnnxGraph) -> Value {
        let dims = self.dims;
        let sds = graph.op("Exp", &[&self.log_sds]);
        let unit = |i: usize| -> Vec<f64> { (0..dims).map(|j| f64::from(u8::from(i == j))).collect() };
        let Some(slopes) = &self.slopes else {
            let ones: Vec<f64> = (0..dims).flat_map(unit).collect();
            return graph.mul(&graph.unsqueeze(&sds, &[2]), &graph.doubles(&[1, dims, dims], &ones));
        };
        // Row by row: that of number i is its own noise, and what it follows of the rows before it.
        let mut above: Option<Value> = None;
        for i in 0..dims {
            let own = graph
                .mul(&graph.unsqueeze(&graph.slice(&sds, i..i + 1, 1), &[2]), &graph.doubles(&[1, 1, dims], &unit(i)));
            above = Some(match above {
                None => own,
                Some(above) => {
                    let follows = graph.slice(&graph.slice(slopes, i..i + 1, 1), 0..i, 2);
                    let row = graph.add(&graph.matmul(&follows, &above), &own);
                    graph.concat(&[above, row], 1)
                }
            });
        }
        above.unwrap_or(sds)
    }

    /// Adds matrices, components x D x D, with rows and columns exchanged. It takes numbers by their places: `onnxruntime` 1.15 merges
    /// a transposition into the product behind it, and then cannot do that in f64.
    fn turned(&self, graph: &OnnxGraph, matrices: &Value) -> Value {
        let (count, dims) = (self.components as i64, self.dims);
        let places: Vec<usize> = (0..dims * dims).map(|at| at % dims * dims + at / dims).collect();
        let flat = graph.reshape(matrices, &[count, (dims * dims) as i64]);
        graph.reshape(&graph.columns(&flat, &places), &[count, dims as i64, dims as i64])
    }

    /// Adds the points that standard normal numbers (draws x D) stand for, each in the component that its number of `uniform`
    /// chooses.
    pub(super) fn place(&self, graph: &OnnxGraph, normal: &Value, uniform: Option<&Value>) -> Value {
        let factors = self.factors(graph);
        let Some(uniform) = uniform.filter(|_| self.components > 1) else {
            let factor = graph.op("Squeeze", &[&self.turned(graph, &factors), &graph.integers(&[1], &[0])]);
            return graph.add(&graph.matmul(normal, &factor), &self.means);
        };
        let up_to = graph.op("CumSum", &[&self.weights(graph), &graph.integers(&[], &[0])]);
        let passed = graph.op("LessOrEqual", &[&graph.unsqueeze(&up_to, &[0]), &graph.unsqueeze(uniform, &[1])]);
        let passed = graph.cast(&passed, NumberType::Integer);
        let last = graph.integers(&[], &[self.components as i64 - 1]);
        let chosen = graph.op("Min", &[&graph.sum(&passed, 1, false), &last]);
        let turned = graph.matmul(&graph.gather(&factors, &chosen, 0), &graph.unsqueeze(normal, &[2]));
        let turned = graph.op("Squeeze", &[&turned, &graph.integers(&[1], &[2])]);
        graph.add(&graph.gather(&self.means, &chosen, 0), &turned)
    }

    /// Adds the standard normal numbers that each component makes points from, components x points x D.
    pub(super) fn whiten(&self, graph: &OnnxGraph, points: &Value) -> Value {
        let deviations = graph.sub(&graph.unsqueeze(points, &[0]), &graph.unsqueeze(&self.means, &[1]));
        let rest = match &self.slopes {
            Some(slopes) => graph.sub(&deviations, &graph.matmul(&deviations, &self.turned(graph, slopes))),
            None => deviations,
        };
        graph.div(&rest, &graph.unsqueeze(&graph.op("Exp", &[&self.log_sds]), &[1]))
    }

    /// Adds the logarithm of the slope of what [`whiten`](OnnxMixture::whiten) does, of each component.
    pub(super) fn log_slopes(&self, graph: &OnnxGraph) -> Value {
        graph.op("Neg", &[&graph.sum(&self.log_sds, 1, false)])
    }

    /// Adds the log density at points.
    pub(super) fn log_density(&self, graph: &OnnxGraph, points: &Value) -> Value {
        let noise = self.whiten(graph, points);
        let squares = graph.sum(&graph.mul(&noise, &noise), 2, false);
        let constant = graph.double(-0.5 * self.dims as f64 * std::f64::consts::TAU.ln());
        let heights = graph.add(&graph.add(&self.log_weights, &self.log_slopes(graph)), &constant);
        let terms = graph.sub(&graph.unsqueeze(&heights, &[1]), &graph.mul(&squares, &graph.double(0.5)));
        log_sum_exp(graph, &terms)
    }
}

/// Adds ln of the sum of exp of each column.
pub(super) fn log_sum_exp(graph: &OnnxGraph, terms: &Value) -> Value {
    let along = [("axes", Attribute::Ints(&[0])), ("keepdims", Attribute::Int(1))];
    let highest = graph.op_with("ReduceMax", &[terms], &along);
    let sum = graph.sum(&graph.op("Exp", &[&graph.sub(terms, &highest)]), 0, false);
    let highest = graph.op("Squeeze", &[&highest, &graph.integers(&[1], &[0])]);
    graph.add(&graph.op("Log", &[&sum]), &highest)
}
