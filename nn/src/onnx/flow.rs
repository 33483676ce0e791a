//! Flows in a graph: what `flow.rs` and `spline.rs` beside this folder compute.

use super::graph::{Attribute, NumberType, OnnxGraph, Value};
use super::layers::{LayerWriter, double};
use super::mixture::OnnxMixture;
use crate::activation::Activation;
use crate::flow::{Conditioner, FlowHead};
use crate::spline::{BOUND, LEAST, Map, STEEPEST, UNIT_SLOPE};

/// A flow of one data set. Its maps are computed in f64, its conditioners in f32.
pub(super) struct OnnxFlow<'a> {
    pub(super) head: &'a FlowHead,
    pub(super) layers: LayerWriter<'a>,
    /// The vector that conditioners read beside the numbers before theirs.
    pub(super) context: Value,
    pub(super) gaussian: OnnxMixture,
}

impl OnnxFlow<'_> {
    /// Adds the parameters of the map of a number; `before` are the numbers before it, as columns in f64.
    fn parameters(&self, conditioner: &Conditioner, before: &[Value]) -> Value {
        let graph = self.layers.graph;
        let mut inputs = vec![self.context.clone()];
        if !before.is_empty() {
            inputs.push(graph.cast(&graph.concat(before, 1), NumberType::Float));
        }
        let hidden = self.layers.affine(&inputs, &conditioner.first, Activation::Gelu);
        let hidden = self.layers.affine(&[hidden], &conditioner.second, Activation::Gelu);
        double(graph, &self.layers.affine(&[hidden], &conditioner.last, Activation::None))
    }

    /// Adds the points that standard normal numbers (draws x D) stand for.
    pub(super) fn place(&self, normal: &Value) -> Value {
        let (graph, dims) = (self.layers.graph, self.head.gaussian.dims);
        let mut numbers: Vec<Value> = (0..dims).map(|i| graph.columns(normal, &[i])).collect();
        for step in self.head.steps.iter().rev() {
            let mut found: Vec<Value> = Vec::with_capacity(dims);
            for (conditioner, z) in step.iter().zip(numbers.iter().rev()) {
                let map = MapWriter::new(graph, self.head.map, self.parameters(conditioner, &found));
                found.push(map.inverse(z));
            }
            numbers = found;
        }
        self.gaussian.place(graph, &graph.concat(&numbers, 1), None)
    }

    /// Adds the log density at points.
    pub(super) fn log_density(&self, points: &Value) -> Value {
        let (graph, dims) = (self.layers.graph, self.head.gaussian.dims);
        let noise = graph.op("Squeeze", &[&self.gaussian.whiten(graph, points), &graph.integers(&[1], &[0])]);
        let mut numbers: Vec<Value> = (0..dims).map(|i| graph.columns(&noise, &[i])).collect();
        let constant = graph.double(-0.5 * dims as f64 * std::f64::consts::TAU.ln());
        let mut log_slope = graph.add(&self.gaussian.log_slopes(graph), &constant);
        for step in &self.head.steps {
            let mut found: Vec<Value> = Vec::with_capacity(dims);
            for (i, conditioner) in step.iter().enumerate() {
                let map = MapWriter::new(graph, self.head.map, self.parameters(conditioner, &numbers[..i]));
                let (z, own) = map.forward(&numbers[i]);
                log_slope = graph.add(&log_slope, &own);
                found.push(z);
            }
            found.reverse();
            numbers = found;
        }
        let all = graph.concat(&numbers, 1);
        let squares = graph.sum(&graph.mul(&all, &all), 1, true);
        graph.reshape(&graph.sub(&log_slope, &graph.mul(&squares, &graph.double(0.5))), &[-1])
    }
}

/// A monotone map with parameters of its own for each point, points x the number of parameters.
enum MapWriter<'a> {
    Affine { graph: &'a OnnxGraph, log_scale: Value, shift: Value },
    Spline(SplineWriter<'a>),
}

/// The knots of a spline and the slopes there, points x knots.
struct SplineWriter<'a> {
    graph: &'a OnnxGraph,
    bins: usize,
    x: Value,
    y: Value,
    slopes: Value,
}

/// A bin of a spline for each point, points x 1: its lower left corner, its sizes, and the slopes at its ends.
struct BinWriter {
    x: Value,
    y: Value,
    width: Value,
    height: Value,
    left: Value,
    right: Value,
}

impl<'a> MapWriter<'a> {
    fn new(graph: &'a OnnxGraph, map: Map, parameters: Value) -> Self {
        match map {
            Map::Affine => {
                let steepest = graph.double(STEEPEST.into());
                let share = graph.op("Tanh", &[&graph.div(&graph.columns(&parameters, &[0]), &steepest)]);
                let shift = graph.columns(&parameters, &[1]);
                Self::Affine { graph, log_scale: graph.mul(&steepest, &share), shift }
            }
            Map::Spline(bins) => Self::Spline(SplineWriter::new(graph, bins, &parameters)),
        }
    }

    /// Adds z(x) and ln dz/dx, points x 1.
    fn forward(&self, x: &Value) -> (Value, Value) {
        match self {
            Self::Affine { graph, log_scale, shift } => {
                let z = graph.add(&graph.mul(&graph.op("Exp", &[log_scale]), x), shift);
                // One for each point, also where all have one parameter.
                let log_slope = graph.add(log_scale, &graph.mul(x, &graph.double(0.0)));
                (z, log_slope)
            }
            Self::Spline(spline) => spline.forward(x),
        }
    }

    fn inverse(&self, z: &Value) -> Value {
        match self {
            Self::Affine { graph, log_scale, shift } => {
                graph.mul(&graph.sub(z, shift), &graph.op("Exp", &[&graph.op("Neg", &[log_scale])]))
            }
            Self::Spline(spline) => spline.inverse(z),
        }
    }
}

impl<'a> SplineWriter<'a> {
    fn new(graph: &'a OnnxGraph, bins: usize, parameters: &Value) -> Self {
        let (bound, least) = (f64::from(BOUND), f64::from(LEAST));
        let number = |x: f64| graph.double(x);
        let ones = |x: f64| graph.fill(&number(x), &graph.shape(&graph.rows(parameters), &[1]));
        let knots = |from: usize| {
            let raw = graph.slice(parameters, from..from + bins, 1);
            let shares = graph.op_with("Softmax", &[&raw], &[("axis", Attribute::Int(1))]);
            let widths = graph.add(&graph.mul(&shares, &number(1.0 - least * bins as f64)), &number(least));
            let ends = graph.op("CumSum", &[&widths, &graph.integers(&[], &[1])]);
            let inner = graph.slice(&ends, 0..bins - 1, 1);
            let inner = graph.sub(&graph.mul(&inner, &number(2.0 * bound)), &number(bound));
            graph.concat(&[ones(-bound), inner, ones(bound)], 1)
        };
        let u = graph.add(&graph.slice(parameters, 2 * bins..3 * bins - 1, 1), &number(UNIT_SLOPE.into()));
        let small = graph.op("Exp", &[&graph.op("Neg", &[&graph.abs(&u)])]);
        let bent = graph.op("Log", &[&graph.add(&small, &number(1.0))]);
        let inner = graph.add(&graph.add(&graph.op("Max", &[&u, &number(0.0)]), &bent), &number(least));
        Self { graph, bins, x: knots(0), y: knots(bins), slopes: graph.concat(&[ones(1.0), inner, ones(1.0)], 1) }
    }

    /// Adds the bins in which numbers lie, of which `knots` has the ends.
    fn bin(&self, knots: &Value, number: &Value) -> BinWriter {
        let graph = self.graph;
        let passed = graph.op("LessOrEqual", &[&graph.slice(knots, 1..self.bins, 1), number]);
        let at = graph.sum(&graph.cast(&passed, NumberType::Integer), 1, true);
        let next = graph.add(&at, &graph.integers(&[], &[1]));
        // Where all points have one spline, it is repeated for each.
        let rows = graph.concat(&[graph.rows(number), graph.integers(&[1], &[1])], 0);
        let take = |of: &Value, at: &Value| {
            let of = graph.fill(of, &rows);
            graph.op_with("GatherElements", &[&of, at], &[("axis", Attribute::Int(1))])
        };
        let (x, y) = (take(&self.x, &at), take(&self.y, &at));
        let width = graph.sub(&take(&self.x, &next), &x);
        let height = graph.sub(&take(&self.y, &next), &y);
        BinWriter { x, y, width, height, left: take(&self.slopes, &at), right: take(&self.slopes, &next) }
    }

    /// Adds `inside` where |x| is below the bound, and else `outside`.
    fn bounded(&self, x: &Value, inside: &Value, outside: &Value) -> Value {
        let graph = self.graph;
        let is_inside = graph.op("Less", &[&graph.abs(x), &graph.double(BOUND.into())]);
        graph.choose(&is_inside, inside, outside)
    }

    fn forward(&self, x: &Value) -> (Value, Value) {
        let graph = self.graph;
        let bin = self.bin(&self.x, x);
        let two = graph.double(2.0);
        let place = graph.div(&graph.sub(x, &bin.x), &bin.width);
        let rest = graph.sub(&graph.double(1.0), &place);
        let product = graph.mul(&place, &rest);
        let mean = graph.div(&bin.height, &bin.width);
        let bend = graph.sub(&graph.add(&bin.left, &bin.right), &graph.mul(&two, &mean));
        let square = graph.mul(&place, &place);
        let numerator = graph.add(&graph.mul(&mean, &square), &graph.mul(&bin.left, &product));
        let denominator = graph.add(&mean, &graph.mul(&bend, &product));
        let slope = graph.add(&graph.mul(&bin.right, &square), &graph.mul(&graph.mul(&two, &mean), &product));
        let slope = graph.add(&slope, &graph.mul(&bin.left, &graph.mul(&rest, &rest)));
        let z = graph.add(&bin.y, &graph.div(&graph.mul(&bin.height, &numerator), &denominator));
        let log_slope = graph.mul(&two, &graph.op("Log", &[&graph.div(&mean, &denominator)]));
        let log_slope = graph.add(&log_slope, &graph.op("Log", &[&slope]));
        (self.bounded(x, &z, x), self.bounded(x, &log_slope, &graph.double(0.0)))
    }

    fn inverse(&self, z: &Value) -> Value {
        let graph = self.graph;
        let bin = self.bin(&self.y, z);
        let two = graph.double(2.0);
        let up = graph.sub(z, &bin.y);
        let mean = graph.div(&bin.height, &bin.width);
        let bend = graph.sub(&graph.add(&bin.left, &bin.right), &graph.mul(&two, &mean));
        let bend = graph.mul(&up, &bend);
        let a = graph.add(&graph.mul(&bin.height, &graph.sub(&mean, &bin.left)), &bend);
        let b = graph.sub(&graph.mul(&bin.height, &bin.left), &bend);
        let c = graph.op("Neg", &[&graph.mul(&mean, &up)]);
        let rest = graph.sub(&graph.mul(&b, &b), &graph.mul(&graph.double(4.0), &graph.mul(&a, &c)));
        let root = graph.op("Sqrt", &[&graph.op("Max", &[&rest, &graph.double(0.0)])]);
        let place = graph.div(&graph.mul(&two, &c), &graph.op("Neg", &[&graph.add(&b, &root)]));
        let place = graph.op("Min", &[&graph.op("Max", &[&place, &graph.double(0.0)]), &graph.double(1.0)]);
        self.bounded(z, &graph.add(&bin.x, &graph.mul(&place, &bin.width)), z)
    }
}
