//! Encoders by attention in a graph: what `attention.rs` beside this folder computes, for the rows of one data set.

use super::graph::{Attribute, Value};
use super::layers::LayerWriter;
use crate::activation::Activation;
use crate::attention::{AttentionLayout, HalfBlock};

impl LayerWriter<'_> {
    /// Adds a vector for each row, which has read the other rows or those before it.
    pub(super) fn attention(&self, layout: &AttentionLayout, inputs: &[Value]) -> Value {
        let mut x = self.affine(inputs, &layout.inlet, Activation::None);
        for block in &layout.blocks {
            let normal = self.normalise(&x);
            let source = match &block.points {
                Some(points) => {
                    let initial = self.matrix(points.initial);
                    let read = self.half_block(&points.part, &initial, &initial, &normal, (layout.heads, false));
                    self.normalise(&read)
                }
                None => normal.clone(),
            };
            let query = self.affine(&[normal], &block.query, Activation::None);
            x = self.half_block(&block.part, &x, &query, &source, (layout.heads, block.points.is_none()));
        }
        x
    }

    /// Adds to each row of `x` what its `query` finds in `source`, and applies the layers for each row.
    fn half_block(&self, part: &HalfBlock, x: &Value, query: &Value, source: &Value, heads: (usize, bool)) -> Value {
        let memory = self.affine(std::slice::from_ref(source), &part.memory, Activation::None);
        let found = self.attend(query, &memory, part.outlet.bias.columns, heads);
        let x = self.graph.add(x, &self.affine(&[found], &part.outlet, Activation::None));
        self.residual_block(&x, &part.feed.0, &part.feed.1)
    }

    /// Adds for each query and head the mean of the values in `memory` (keys, then values), weighed by the softmax of the scores. If
    /// `causal`, a query reads no further than its own place.
    fn attend(&self, query: &Value, memory: &Value, width: usize, (heads, causal): (usize, bool)) -> Value {
        let graph = self.graph;
        let head = width / heads;
        // Rows x width, as heads x rows x width of a head.
        let split = |x: &Value| {
            let x = graph.reshape(x, &[-1, heads as i64, head as i64]);
            graph.op_with("Transpose", &[&x], &[("perm", Attribute::Ints(&[1, 0, 2]))])
        };
        let (keys, values) = (graph.slice(memory, 0..width, 1), graph.slice(memory, width..2 * width, 1));
        let turned = graph.op_with("Transpose", &[&split(&keys)], &[("perm", Attribute::Ints(&[0, 2, 1]))]);
        let scores = graph.matmul(&split(query), &turned);
        let mut scores = graph.mul(&scores, &graph.float((head as f32).sqrt().recip()));
        if causal {
            let places = graph.range(&graph.rows(query));
            let (own, other) = (graph.unsqueeze(&places, &[1]), graph.unsqueeze(&places, &[0]));
            let is_read = graph.op("LessOrEqual", &[&other, &own]);
            scores = graph.choose(&is_read, &scores, &graph.float(f32::NEG_INFINITY));
        }
        let weights = graph.op_with("Softmax", &[&scores], &[("axis", Attribute::Int(2))]);
        let found = graph.matmul(&weights, &split(&values));
        let found = graph.op_with("Transpose", &[&found], &[("perm", Attribute::Ints(&[1, 0, 2]))]);
        graph.reshape(&found, &[-1, width as i64])
    }

    /// Adds the last row; zeros if there is none.
    pub(super) fn last(&self, rows: &Value, width: usize) -> Value {
        let graph = self.graph;
        let all = graph.concat(&[graph.floats(&[1, width], &vec![0.0; width]), rows.clone()], 0);
        let [start, end, axis] = [-1, i64::MAX, 0].map(|x| graph.integers(&[1], &[x]));
        graph.op("Slice", &[&all, &start, &end, &axis])
    }
}
