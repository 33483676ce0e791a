//! Correlation and covariance matrices and their factors in a graph: what `matrix_support.rs` and `vector_support.rs` of the core
//! compute. Each number is a column with a row for each draw.

use crate::distributions::Support;
use crate::nn::onnx::{OnnxGraph, Value};

/// The maps of a support of square matrices.
pub(super) struct MatrixWriter<'a> {
    pub(super) graph: &'a OnnxGraph,
    pub(super) support: Support<f64>,
    pub(super) rows: usize,
}

/// A lower triangle, row by row.
type Triangle = Vec<Vec<Value>>;

impl MatrixWriter<'_> {
    /// Adds the matrix at unconstrained numbers, row by row, and the logarithm of the Jacobian determinant.
    pub(super) fn constrain(&self, q: &[Value]) -> (Vec<Value>, Value) {
        let graph = self.graph;
        let zero = graph.mul(&q[0], &graph.double(0.0));
        if self.support == Support::CorrelationFactor {
            let (triangle, log_jacobian) = self.of_correlations(q, &zero);
            return (self.square(&triangle, &zero), log_jacobian);
        }
        let mut numbers = q.iter();
        let mut log_jacobian = zero.clone();
        let mut triangle: Triangle = Vec::new();
        for i in 0..self.rows {
            let mut row: Vec<Value> = numbers.by_ref().take(i + 1).cloned().collect();
            // Of a covariance matrix the diagonal counts as often as there are rows from there on, and once more for the factor.
            let often = if self.support == Support::Covariance { 1 + self.rows - i } else { 1 };
            log_jacobian = graph.add(&log_jacobian, &graph.mul(&row[i], &graph.double(often as f64)));
            row[i] = graph.op("Exp", &[&row[i]]);
            triangle.push(row);
        }
        if self.support != Support::Covariance {
            return (self.square(&triangle, &zero), log_jacobian);
        }
        let twos = graph.double(self.rows as f64 * std::f64::consts::LN_2);
        let product = |i: usize, j: usize| {
            let (i, j) = (i.max(j), i.min(j));
            self.inner(&triangle[i][..=j], &triangle[j])
        };
        let all = (0..self.rows * self.rows).map(|at| product(at / self.rows, at % self.rows)).collect();
        (all, graph.add(&log_jacobian, &twos))
    }

    /// Adds the unconstrained numbers of a matrix; NaN where it is none.
    pub(super) fn unconstrain(&self, x: &[Value]) -> Vec<Value> {
        let (graph, n) = (self.graph, self.rows);
        if self.support == Support::CorrelationFactor {
            return (1..n).flat_map(|i| self.correlations(&x[i * n..=i * n + i])).collect();
        }
        let mut triangle: Triangle = Vec::new();
        for i in 0..n {
            let mut row: Vec<Value> = x[i * n..=i * n + i].to_vec();
            if self.support == Support::Covariance {
                for j in 0..=i {
                    let known =
                        if j == 0 { graph.double(0.0) } else { self.inner(&row[..j], triangle.get(j).unwrap_or(&row)) };
                    let rest = graph.sub(&row[j], &known);
                    row[j] = if i == j { graph.op("Sqrt", &[&rest]) } else { graph.div(&rest, &triangle[j][j]) };
                }
            }
            triangle.push(row);
        }
        let ln_diagonal = |(i, row): (usize, Vec<Value>)| {
            row.into_iter().enumerate().map(move |(j, x)| if i == j { graph.op("Log", &[&x]) } else { x })
        };
        triangle.into_iter().enumerate().flat_map(ln_diagonal).collect()
    }

    /// Adds the factor of a correlation matrix, whose rows have length one: each number takes its share, tanh q, of what is left.
    fn of_correlations(&self, q: &[Value], zero: &Value) -> (Triangle, Value) {
        let graph = self.graph;
        let half = graph.double(0.5);
        let (mut log_jacobian, mut numbers) = (zero.clone(), q.iter());
        let mut triangle: Triangle = Vec::new();
        for i in 0..self.rows {
            let mut log_rest = zero.clone();
            let mut row = Vec::new();
            for q in numbers.by_ref().take(i) {
                let left = graph.mul(&log_rest, &half);
                row.push(graph.mul(&graph.op("Tanh", &[q]), &graph.op("Exp", &[&left])));
                // ln(1 - tanh^2) is that of the product of the shares of the logistic function of 2 q, times 4.
                let twice = graph.add(q, q);
                let smaller = graph.ln_smaller_share(&twice);
                let both = graph.add(&graph.add(&smaller, &smaller), &graph.abs(&twice));
                let log_slope = graph.add(&both, &graph.double(2.0 * std::f64::consts::LN_2));
                log_jacobian = graph.add(&log_jacobian, &graph.add(&log_slope, &left));
                log_rest = graph.add(&log_rest, &log_slope);
            }
            row.push(graph.op("Exp", &[&graph.mul(&log_rest, &half)]));
            triangle.push(row);
        }
        (triangle, log_jacobian)
    }

    /// Adds the unconstrained numbers of a row of length one.
    fn correlations(&self, row: &[Value]) -> Vec<Value> {
        let graph = self.graph;
        let number = |j: usize| {
            let rest = graph.op("Sqrt", &[&self.inner(&row[j + 1..], &row[j + 1..])]);
            let ratio = graph.div(&row[j], &rest);
            // asinh.
            let size = graph.abs(&ratio);
            let root = graph.op("Sqrt", &[&graph.add(&graph.mul(&size, &size), &graph.double(1.0))]);
            graph.with_sign(&graph.op("Log", &[&graph.add(&size, &root)]), &ratio)
        };
        (0..row.len() - 1).map(number).collect()
    }

    fn inner(&self, a: &[Value], b: &[Value]) -> Value {
        let graph = self.graph;
        let product = |(a, b): (&Value, &Value)| graph.mul(a, b);
        let sum = a.iter().zip(b).map(product).reduce(|sum, next| graph.add(&sum, &next));
        sum.unwrap_or_else(|| graph.double(0.0))
    }

    /// Returns a lower triangle as a square, row by row.
    fn square(&self, triangle: &Triangle, zero: &Value) -> Vec<Value> {
        let number = |i: usize, j: usize| triangle[i].get(j).unwrap_or(zero).clone();
        (0..self.rows * self.rows).map(|at| number(at / self.rows, at % self.rows)).collect()
    }
}
