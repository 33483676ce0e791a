//! The layers that read whole data sets: where their weights lie, and what they make of each data set.

use std::ops::Range;

use dfdx::prelude::{Cpu, CpuError, Tape};

use super::activation::Activation;
use super::architecture::Trunk;
use super::builder::{Builder, Initial};
use super::graph::{Graph, Input, Node};
use super::kernels::Number;
use super::weights::Layer;

/// The layers that read data sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TrunkLayout {
    Residual {
        inlet: Layer,
        blocks: Vec<(Layer, Layer)>,
        /// Whether each part of the vectors of the plates goes around the blocks.
        linear: Vec<bool>,
        /// Reads the normalised output of the blocks and, by the linear path, some parts of the vectors of the plates.
        outlet: Layer,
    },
    Plain(Vec<Layer>),
}

impl TrunkLayout {
    /// Lays out the layers. `vectors` are the widths of the parts of the vectors of the plates, `linear` says which of them go
    /// around the blocks, and `bias` is the initial bias of the outlet.
    pub(super) fn new(
        builder: &mut Builder,
        sizes: &Trunk,
        vectors: Vec<usize>,
        linear: Vec<bool>,
        bias: Vec<f32>,
    ) -> TrunkLayout {
        match sizes {
            Trunk::Residual { width, blocks } => {
                let inlet = builder.layer("set.inlet", &vectors, *width, 1.0);
                let block = |block| {
                    let first = builder.layer(&format!("set.block.{block}.first"), &[*width], *width, 1.0);
                    // Small at first, so that training starts from a nearly linear network.
                    let second = builder.layer(&format!("set.block.{block}.second"), &[*width], *width, 0.3);
                    (first, second)
                };
                let blocks = (0..*blocks).map(block).collect();
                let around = vectors.iter().zip(&linear).filter(|(_, linear)| **linear).map(|(width, _)| *width);
                let last: Vec<usize> = std::iter::once(*width).chain(around).collect();
                TrunkLayout::Residual { inlet, blocks, linear, outlet: outlet(builder, &last, bias) }
            }
            Trunk::Plain(widths) => {
                let mut layers = Vec::new();
                let mut inputs = vectors;
                for (index, width) in widths.iter().enumerate() {
                    layers.push(builder.layer(&format!("set.{index}"), &inputs, *width, 1.4));
                    inputs = vec![*width];
                }
                layers.push(outlet(builder, &inputs, bias));
                TrunkLayout::Plain(layers)
            }
        }
    }

    /// Returns the places of the weights of the linear path around the blocks.
    pub(super) fn linear(&self) -> Range<usize> {
        match self {
            TrunkLayout::Residual { outlet, .. } => {
                let end = outlet.bias.offset;
                outlet.weights.get(1).map_or(end, |first| first.offset)..end
            }
            TrunkLayout::Plain(_) => 0..0,
        }
    }

    /// Computes the outputs for each of `sets` data sets from the vectors of its plates, given in parts.
    pub(super) fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        sets: usize,
        vectors: Vec<Input<E>>,
        activation: Activation,
    ) -> Result<TrunkOutput<E>, CpuError> {
        match self {
            TrunkLayout::Residual { inlet, blocks, linear, outlet } => {
                let mut x = graph.affine(sets, &vectors, inlet, Activation::None)?;
                for (first, second) in blocks {
                    x = graph.residual_block(&x, first, second)?;
                }
                let context = graph.layer_norm(&x)?;
                let around = vectors.into_iter().zip(linear).filter(|(_, linear)| **linear).map(|(vector, _)| vector);
                let last: Vec<Input<E>> = std::iter::once(Input::Node(context.clone())).chain(around).collect();
                Ok(TrunkOutput { output: graph.affine(sets, &last, outlet, Activation::None)?, context })
            }
            TrunkLayout::Plain(layers) => {
                let last = layers.len() - 1;
                let mut context = graph.affine(sets, &vectors, &layers[0], Activation::None)?;
                for layer in &layers[1..last] {
                    context = graph.affine(sets, &[Input::Node(context)], layer, activation.within())?;
                }
                let output = graph.affine(sets, &[Input::Node(context.clone())], &layers[last], Activation::None)?;
                Ok(TrunkOutput { output, context })
            }
        }
    }
}

/// What the layers that read data sets make of each data set.
pub(super) struct TrunkOutput<E: Number> {
    /// The numbers that stand for the answer.
    pub(super) output: Node<E>,
    /// The vector that the outlet computed the output from.
    pub(super) context: Node<E>,
}

/// Lays out the outlet. All of it is 0 at first but the bias: training starts from the prior's mean and standard deviation, or
/// from something better if least squares know it.
fn outlet(builder: &mut Builder, inputs: &[usize], bias: Vec<f32>) -> Layer {
    builder.layer_from("set.outlet", inputs, bias.len(), |_| Initial::Uniform(0.0), Initial::Values(bias))
}
