//! Links in a graph: what `link.rs` computes, for many columns at once.

use std::f64::consts::PI;

use crate::distributions::LN_SQRT_2_PI;
use crate::estimators::link::{EDGE, FURTHEST, LN_PI, Link, LinkShape, WIDTH};
use crate::nn::onnx::{OnnxGraph, Value};

/// Columns of a matrix, and where they are among those of the matrix that they are to be part of.
pub(super) struct Columns {
    pub(super) columns: Value,
    pub(super) places: Vec<usize>,
}

impl Columns {
    /// Adds the matrix whose columns are in parts. Each place must be in one of them.
    pub(super) fn join(graph: &OnnxGraph, parts: Vec<Columns>) -> Value {
        let places: Vec<usize> = parts.iter().flat_map(|part| part.places.iter().copied()).collect();
        let columns: Vec<Value> = parts.into_iter().map(|part| part.columns).collect();
        let joined = graph.concat(&columns, 1);
        if places.iter().copied().eq(0..places.len()) {
            return joined;
        }
        let mut order = vec![0; places.len()];
        places.iter().enumerate().for_each(|(at, place)| order[*place] = at);
        graph.columns(&joined, &order)
    }
}

/// Links of the columns of a matrix.
pub(super) struct LinkWriter<'a> {
    pub(super) graph: &'a OnnxGraph,
    pub(super) links: &'a [Link],
}

impl LinkWriter<'_> {
    /// Adds the columns of each shape of link, changed by `map`, which is given the shape, its columns, the centres and the scales.
    fn by_shape(&self, matrix: &Value, map: impl Fn(LinkShape, &Value, &Value, &Value) -> Value) -> Value {
        let graph = self.graph;
        let mut parts = Vec::new();
        for shape in [LinkShape::Linear, LinkShape::Probit, LinkShape::Flat, LinkShape::Heavy] {
            let places: Vec<usize> = (0..self.links.len()).filter(|at| self.links[*at].shape == shape).collect();
            if places.is_empty() {
                continue;
            }
            let own = if places.len() == self.links.len() { matrix.clone() } else { graph.columns(matrix, &places) };
            let row =
                |of: fn(&Link) -> f64| graph.row(&places.iter().map(|at| of(&self.links[*at])).collect::<Vec<_>>());
            let columns = map(shape, &own, &row(|link| link.centre), &row(|link| link.scale));
            parts.push(Columns { columns, places });
        }
        Columns::join(graph, parts)
    }

    /// Adds the numbers of the network at unconstrained ones, rows x links.
    pub(super) fn forward(&self, q: &Value) -> Value {
        let graph = self.graph;
        self.by_shape(q, |shape, q, centre, scale| {
            let u = graph.div(&graph.sub(q, centre), scale);
            match shape {
                LinkShape::Linear => u,
                LinkShape::Probit => self.score(&graph.op("Exp", &[&graph.ln_smaller_share(&u)]), &u),
                LinkShape::Heavy => self.score(&graph.cauchy_tail(&u), &u),
                LinkShape::Flat => {
                    let ln_tail = graph.ln_smaller_share(&u);
                    let middle = graph.sub(&graph.double(0.5), &graph.op("Exp", &[&ln_tail]));
                    let beyond = graph.sub(&graph.double(EDGE.ln()), &ln_tail);
                    let beyond = graph.mul(&graph.add(&beyond, &graph.double(0.5 / EDGE - 1.0)), &graph.double(EDGE));
                    let is_middle = graph.op("Greater", &[&ln_tail, &graph.double(EDGE.ln())]);
                    let size = graph.choose(&is_middle, &middle, &beyond);
                    graph.with_sign(&graph.mul(&size, &graph.double(WIDTH)), &u)
                }
            }
        })
    }

    /// Adds the number of the standard normal distribution with the probability `tail` beyond it, on the side of `sign`.
    fn score(&self, tail: &Value, sign: &Value) -> Value {
        let graph = self.graph;
        let size = graph.op("Min", &[&graph.normal_quantile(tail), &graph.double(FURTHEST)]);
        graph.with_sign(&graph.op("Max", &[&size, &graph.double(0.0)]), sign)
    }

    /// Adds the unconstrained numbers at those of the network, rows x links.
    pub(super) fn inverse(&self, z: &Value) -> Value {
        let graph = self.graph;
        self.by_shape(z, |shape, z, centre, scale| {
            let u = match shape {
                LinkShape::Linear => z.clone(),
                LinkShape::Probit => {
                    // ln Phi(-|z|) and ln Phi(|z|).
                    let below = graph.ln_normal_tail(&graph.abs(z));
                    let above = graph.ln_1p(&graph.op("Neg", &[&graph.op("Exp", &[&below])]));
                    graph.with_sign(&graph.sub(&above, &below), z)
                }
                LinkShape::Flat => {
                    let beyond =
                        graph.sub(&graph.mul(&graph.abs(z), &graph.double(1.0 / WIDTH)), &graph.double(0.5 - EDGE));
                    let near = graph.op("Log", &[&graph.sub(&graph.double(EDGE), &beyond)]);
                    let far = graph.sub(&graph.double(EDGE.ln()), &graph.mul(&beyond, &graph.double(1.0 / EDGE)));
                    let ln_tail = graph.choose(&graph.op("Less", &[&beyond, &graph.double(0.0)]), &near, &far);
                    let rest = graph.ln_1p(&graph.op("Neg", &[&graph.op("Exp", &[&ln_tail])]));
                    graph.with_sign(&graph.sub(&rest, &ln_tail), z)
                }
                LinkShape::Heavy => {
                    let tail = graph.op("Exp", &[&graph.ln_normal_tail(&graph.abs(z))]);
                    graph.with_sign(&graph.cotangent(&graph.mul(&tail, &graph.double(PI))), z)
                }
            };
            graph.add(centre, &graph.mul(scale, &u))
        })
    }

    /// Adds the sum over the links of ln(dz / dq) at unconstrained numbers `q`, where the numbers of the network are `z`.
    pub(super) fn log_slope(&self, q: &Value, z: &Value) -> Value {
        let graph = self.graph;
        let both = graph.concat(&[q.clone(), z.clone()], 1);
        let count = self.links.len();
        let mut sum = graph.double(-self.links.iter().map(|link| link.scale.ln()).sum::<f64>());
        for shape in [LinkShape::Linear, LinkShape::Probit, LinkShape::Flat, LinkShape::Heavy] {
            let places: Vec<usize> = (0..count).filter(|at| self.links[*at].shape == shape).collect();
            if places.is_empty() {
                continue;
            }
            let row =
                |of: fn(&Link) -> f64| graph.row(&places.iter().map(|at| of(&self.links[*at])).collect::<Vec<_>>());
            let own = graph.columns(&both, &places);
            let u = graph.div(&graph.sub(&own, &row(|link| link.centre)), &row(|link| link.scale));
            let z = graph.columns(&both, &places.iter().map(|at| count + at).collect::<Vec<_>>());
            let half_square = graph.mul(&graph.mul(&z, &z), &graph.double(0.5));
            let log_slope = match shape {
                // One for each row.
                LinkShape::Linear => graph.mul(&u, &graph.double(0.0)),
                LinkShape::Probit => {
                    // ln(s (1 - s)) of the logistic function s.
                    let smaller = graph.ln_smaller_share(&u);
                    let both = graph.sub(&graph.add(&smaller, &smaller), &graph.op("Neg", &[&graph.abs(&u)]));
                    graph.add(&graph.add(&both, &half_square), &graph.double(LN_SQRT_2_PI))
                }
                LinkShape::Flat => {
                    let ln_tail = graph.ln_smaller_share(&u);
                    let rest = graph.ln_1p(&graph.op("Neg", &[&graph.op("Exp", &[&ln_tail])]));
                    let edge = graph.op("Max", &[&ln_tail, &graph.double(EDGE.ln())]);
                    graph.add(&graph.add(&edge, &rest), &graph.double(WIDTH.ln()))
                }
                LinkShape::Heavy => {
                    let log = graph.ln_1p(&graph.mul(&u, &u));
                    graph.add(&graph.sub(&half_square, &log), &graph.double(LN_SQRT_2_PI - LN_PI))
                }
            };
            sum = graph.add(&sum, &graph.sum(&log_slope, 1, false));
        }
        sum
    }
}
