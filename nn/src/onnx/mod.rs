//! Networks as graphs of ONNX: what `hierarch` exports posteriors with. No part of the interface: it changes without notice.
//!
//! A graph reads one data set, whose plates are tables with a row for each element; that of a nested plate says of each row which
//! row of the plate around it that is in.

mod attention;
mod flow;
mod graph;
mod layers;
mod mixture;
mod network;
mod proto;
mod rows;
mod special;

pub use graph::{Attribute, Length, NumberType, OnnxGraph, Value};
pub use mixture::OnnxMixture;
pub use network::{OnnxData, OnnxPrediction};
pub use rows::{OnnxRows, sums_by};

/// What a graph cannot stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is.
    pub what: String,
    /// What to do instead.
    pub instead: &'static str,
}
