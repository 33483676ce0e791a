//! Ragged tables in a graph.

use super::graph::{Attribute, NumberType, OnnxGraph, Value};

/// The rows of one plate of one data set.
#[derive(Clone, Debug)]
pub struct OnnxRows {
    /// The numbers of each row, f32.
    pub features: Value,
    /// Of each row, the place of its parent among the rows of the plate around it; 0 at the top.
    pub group: Value,
    /// How many parents there are, as a list of one number.
    pub parents: Value,
    /// How many rows each parent has, f64, parents x 1.
    pub(crate) sizes: Value,
    /// The plates inside it, whose parents are these rows.
    pub children: Vec<OnnxRows>,
}

impl OnnxRows {
    /// Makes a plate of rows that name their parents.
    pub fn new(graph: &OnnxGraph, features: Value, group: Value, parents: Value, children: Vec<OnnxRows>) -> OnnxRows {
        let count = graph.shape(&graph.rows(&group), &[1]);
        let sizes = sums_by(graph, &graph.fill(&graph.double(1.0), &count), 1, &group, &parents);
        OnnxRows { features, group, parents, sizes, children }
    }

    /// Makes a plate at the top.
    pub fn at_the_top(graph: &OnnxGraph, features: Value, children: Vec<OnnxRows>) -> OnnxRows {
        let group = graph.fill(&graph.integers(&[], &[0]), &graph.rows(&features));
        OnnxRows::new(graph, features, group, graph.integers(&[1], &[1]), children)
    }

    /// Makes a plate of one row for each of `parents`.
    pub fn one_each(graph: &OnnxGraph, features: Value, parents: Value) -> OnnxRows {
        let group = graph.range(&parents);
        OnnxRows::new(graph, features, group, parents, Vec::new())
    }

    /// Adds for each parent the sum over its rows of f64 `values`, rows x `width`.
    pub(crate) fn sums(&self, graph: &OnnxGraph, values: &Value, width: usize) -> Value {
        sums_by(graph, values, width, &self.group, &self.parents)
    }

    /// Adds what [`means`](OnnxRows::means) adds, with sums in f32. They are those of the library to the last digit, whose
    /// standard deviation of numbers that are all equal is what rounding left.
    pub(crate) fn single_means(&self, graph: &OnnxGraph, values: &Value, width: usize) -> Value {
        let zeros = graph.fill(&graph.float(0.0), &graph.shape(&self.parents, &[width]));
        let sums = scatter(graph, &zeros, values, &self.group);
        graph.div(&sums, &graph.op("Max", &[&graph.cast(&self.sizes, NumberType::Float), &graph.float(1.0)]))
    }

    /// Adds for each parent the mean over its rows of f32 `values`, rows x `width`; 0 where there are none.
    pub(crate) fn means(&self, graph: &OnnxGraph, values: &Value, width: usize) -> Value {
        let sums = self.sums(graph, &graph.cast(values, NumberType::Double), width);
        let means = graph.div(&sums, &graph.op("Max", &[&self.sizes, &graph.double(1.0)]));
        graph.cast(&means, NumberType::Float)
    }
}

/// Adds for each of `parents` the sum of the rows of f64 `values`, rows x `width`, that name it in `group`.
pub fn sums_by(graph: &OnnxGraph, values: &Value, width: usize, group: &Value, parents: &Value) -> Value {
    let zeros = graph.fill(&graph.double(0.0), &graph.shape(parents, &[width]));
    scatter(graph, &zeros, values, group)
}

/// Adds rows of `values` to those of `to` that `group` names, one after the other.
fn scatter(graph: &OnnxGraph, to: &Value, values: &Value, group: &Value) -> Value {
    let rows = graph.unsqueeze(group, &[1]);
    graph.op_with("ScatterND", &[to, &rows, values], &[("reduction", Attribute::Word("add"))])
}
