//! The layers that read plates: where their weights lie, and what they make of rows.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, Tape};

use super::activation::Activation;
use super::architecture::{Architecture, Encoder, ImageEncoder};
use super::attention::{AttentionLayout, Block, HalfBlock, Points};
use super::builder::{Builder, Initial};
use super::convolution::{Convolution, ImagePlan};
use super::element_network::{ElementNetworkShape, UserNetwork};
use super::error::Error;
use super::features::{EncodedPlate, EncodedRows, ImageFeatures, PlateFeatures, Pooled};
use super::graph::{Graph, Input, Node};
use super::kernels::Number;
use super::weights::{Layer, Slot};

/// The layers that read one plate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlateLayout {
    /// Widths of the histograms and of the moments that are pooled.
    pooled: (usize, usize),
    /// How many numbers of a parent's rows are read one by one.
    flat: usize,
    pub(super) rows: Option<RowLayout>,
    pub(super) children: Vec<PlateLayout>,
}

/// The layers that read single rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RowLayout {
    Layers(RowInputs, Vec<Layer>),
    Attention(RowInputs, AttentionLayout),
    Image(ImagePlan),
    /// A network of the user's own, and its weights.
    User(UserNetwork, Slot),
}

/// What the first layer reads of a row, besides the vectors of the plates inside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowInputs {
    /// Whether there are standardised numbers.
    numbers: bool,
    /// Whether there are soft bins.
    bins: bool,
}

impl PlateLayout {
    /// Lays out the layers that read a plate, and the plates inside it; `top` says whether the plate is at the top of a
    /// data set. The last layers for images follow later: see [`finish_images`](PlateLayout::finish_images).
    pub(super) fn new(
        builder: &mut Builder,
        name: &str,
        level: &PlateFeatures,
        architecture: &Architecture,
        top: bool,
    ) -> PlateLayout {
        let plan = |(index, child): (usize, &PlateFeatures)| {
            PlateLayout::new(builder, &format!("{name}.{index}"), child, architecture, false)
        };
        let children: Vec<PlateLayout> = level.children.iter().enumerate().map(plan).collect();
        let rows = match architecture.encoder {
            _ if level.image.is_some() => {
                level.image.as_ref().map(|image| image_layers(builder, name, image, architecture))
            }
            Encoder::Attention { width, heads, blocks, .. } | Encoder::Causal { width, heads, blocks } if top => {
                let inducing = match architecture.encoder {
                    Encoder::Attention { inducing, .. } => Some(inducing),
                    _ => None,
                };
                let (inputs, inlet) = RowInputs::new(builder, &format!("{name}.inlet"), level, &children, width);
                let block = |block| {
                    let name = format!("{name}.block.{block}");
                    let points = inducing.map(|inducing| Points {
                        initial: builder.slot(format!("{name}.points"), inducing, width, Initial::Uniform(1.7)),
                        part: half_block(builder, &format!("{name}.points"), width),
                    });
                    let query = builder.layer(&format!("{name}.query"), &[width], width, 0.1);
                    Block { points, query, part: half_block(builder, &name, width) }
                };
                let blocks = (0..blocks).map(block).collect();
                Some(RowLayout::Attention(inputs, AttentionLayout { heads, inlet, blocks }))
            }
            _ if !level.network => None,
            _ => architecture.element_layers.split_first().map(|(first, others)| {
                let (inputs, inlet) = RowInputs::new(builder, &format!("{name}.row.0"), level, &children, *first);
                let mut layers = vec![inlet];
                for (index, width) in others.iter().enumerate() {
                    let inputs = [layers[index].bias.columns];
                    // The bins that rows are shared out among must differ at first, or their histogram tells nothing.
                    let shared_out = architecture.activation == Activation::Softmax && index + 1 == others.len();
                    let gain = if shared_out { 6.0 } else { 1.0 };
                    layers.push(builder.layer(&format!("{name}.row.{}", index + 1), &inputs, *width, gain));
                }
                RowLayout::Layers(inputs, layers)
            }),
        };
        PlateLayout { pooled: level.pooled(), flat: level.flat, rows, children }
    }

    /// Lays out the weights of an element network of the user's own, `own`, for a plate.
    ///
    /// # Errors
    /// If the network cannot read the rows of the plate.
    pub(super) fn own(
        builder: &mut Builder,
        name: &str,
        level: &PlateFeatures,
        own: &UserNetwork,
    ) -> Result<PlateLayout, Error> {
        let ElementNetworkShape { inputs, weights, .. } = own.0.shape();
        if level.children.iter().any(|child| child.image.is_some()) {
            return Err(Error::Shape(format!(
                "a network of the user's own reads the rows of {name}, whose images it cannot read: leave it out"
            )));
        }
        if inputs != level.numbers() {
            let numbers = level.numbers();
            return Err(Error::Shape(format!(
                "the element network for {name} reads {inputs} numbers, where its rows have {numbers}"
            )));
        }
        let values = own.0.weights()?;
        let slot = builder.slot(format!("{name}.own"), 1, weights, Initial::Values(values));
        Ok(PlateLayout {
            pooled: level.pooled(),
            flat: level.flat,
            rows: Some(RowLayout::User(own.clone(), slot)),
            children: Vec::new(),
        })
    }

    /// Lays out the layers after the convolutions, of this plate and of those inside it. These layers have many weights and
    /// read few rows, and so they stand behind all layers whose gradient each chunk adds up for itself (see
    /// [`graph`](super::graph)).
    pub(super) fn finish_images(&mut self, builder: &mut Builder, name: &str) {
        for (index, child) in self.children.iter_mut().enumerate() {
            child.finish_images(builder, &format!("{name}.{index}"));
        }
        if let Some(RowLayout::Image(plan)) = &mut self.rows {
            plan.outlet = builder.layer(&format!("{name}.image"), &[plan.features()], plan.width(), 1.0);
        }
    }

    /// Returns the widths of the parts of a parent's vector: its pooled features; the mean over its rows of what the
    /// network makes of each; and the numbers that are read one by one. If sizes n vary, the mean comes also times sqrt(n).
    /// If rows are read in their order, the vector of the last row stands before the mean.
    pub(super) fn widths(&self, level: &PlateFeatures) -> Vec<usize> {
        let (bins, moments) = self.pooled;
        let causal = matches!(&self.rows, Some(RowLayout::Attention(_, plan)) if plan.causal());
        let parts = 1 + usize::from(level.ragged()) + usize::from(causal);
        let rows = parts * self.rows.as_ref().map_or(0, RowLayout::width);
        [bins, moments, rows, self.flat].into_iter().filter(|width| *width > 0).collect()
    }

    /// Tells for each part of the vector whether it goes around the blocks, too. These are parts with few numbers, of which a
    /// posterior may be a linear function. Histograms are neither.
    pub(super) fn linear(&self) -> impl Iterator<Item = bool> {
        let (bins, moments) = self.pooled;
        let parts = [(bins > 0, false), (moments > 0, true), (self.rows.is_some(), true)];
        parts.into_iter().filter(|(there, _)| *there).map(|(_, linear)| linear)
    }

    /// Returns what is pooled, as inputs.
    fn pooled<E: Number>(&self, pooled: Pooled) -> impl Iterator<Item = Input<E>> {
        let data = |values| Input::Data(Arc::new(E::convert(values)));
        let (bins, moments) = self.pooled;
        let (bins, moments) = ((bins > 0).then(|| data(pooled.bins)), (moments > 0).then(|| data(pooled.moments)));
        bins.into_iter().chain(moments)
    }

    /// Computes the vector of each parent, in parts: see [`widths`](PlateLayout::widths).
    pub(super) fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        activation: Activation,
        plate: EncodedPlate,
    ) -> Result<Vec<Input<E>>, CpuError> {
        let mut vector = Vec::new();
        vector.extend(self.pooled(plate.pooled));
        if self.flat > 0 {
            vector.push(Input::Data(Arc::new(E::convert(plate.elements.flat(self.flat)))));
        }
        if let Some(rows) = &self.rows {
            let offsets = plate.elements.offsets.clone();
            let hidden = rows.read(graph, activation, plate.elements, &self.children)?;
            vector.push(Input::Node(match plate.beginnings {
                // There is one image for each parent.
                None if matches!(rows, RowLayout::Image(_)) => hidden,
                Some(beginnings) => graph.pool_beginnings(&hidden, beginnings, plate.roots.as_deref())?,
                None => graph.pool(&hidden, &offsets, plate.roots.as_deref())?,
            }));
        }
        Ok(vector)
    }
}

impl RowLayout {
    /// Returns the width of the vector of a row.
    pub(super) fn width(&self) -> usize {
        match self {
            RowLayout::Layers(_, layers) => layers.last().map_or(0, |layer| layer.bias.columns),
            RowLayout::Attention(_, plan) => plan.width(),
            RowLayout::Image(plan) => plan.width(),
            RowLayout::User(own, _) => own.0.shape().outputs,
        }
    }

    /// Computes the vector of each row.
    pub(super) fn read<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        activation: Activation,
        elements: EncodedRows,
        children: &[PlateLayout],
    ) -> Result<Node<E>, CpuError> {
        match self {
            RowLayout::Layers(inputs, layers) => {
                let rows = elements.rows();
                let inputs = inputs.read(graph, activation, elements, children)?;
                let after = |layer| if layer + 1 == layers.len() { activation } else { activation.within() };
                let mut hidden = graph.affine(rows, &inputs, &layers[0], after(0))?;
                for (index, layer) in layers.iter().enumerate().skip(1) {
                    hidden = graph.affine(rows, &[Input::Node(hidden)], layer, after(index))?;
                }
                Ok(hidden)
            }
            RowLayout::Attention(inputs, plan) => {
                let offsets = elements.offsets.clone();
                let inputs = inputs.read(graph, activation, elements, children)?;
                plan.read(graph, &inputs, &offsets)
            }
            RowLayout::Image(plan) => plan.read(graph, activation.within(), E::convert(elements.numbers)),
            RowLayout::User(own, weights) => graph.element_network(own, *weights, elements.numbers),
        }
    }
}

impl RowInputs {
    /// Lays out the first layer that reads rows, and returns it with what it reads.
    fn new(
        builder: &mut Builder,
        name: &str,
        level: &PlateFeatures,
        children: &[PlateLayout],
        width: usize,
    ) -> (RowInputs, Layer) {
        let (numbers, bins) = (level.numbers(), level.bins());
        let vectors = children.iter().zip(&level.children).flat_map(|(plan, level)| plan.widths(level));
        let mut inputs: Vec<usize> = (numbers > 0).then_some(numbers).into_iter().chain(vectors).collect();
        let dense = inputs.len();
        let bound = (3.0 / inputs.iter().sum::<usize>().max(1) as f32).sqrt();
        inputs.extend((bins > 0).then_some(bins));
        // Only two entries of a soft one-hot vector are not 0, whatever its length.
        let initial = |input| Initial::Uniform(if input == dense { 0.5 } else { bound });
        let layer = builder.layer_from(name, &inputs, width, initial, Initial::Zeros);
        (RowInputs { numbers: numbers > 0, bins: bins > 0 }, layer)
    }

    /// Returns the inputs of the first layer.
    fn read<E: Number, T: Tape<E, Cpu>>(
        self,
        graph: &mut Graph<E, T>,
        activation: Activation,
        elements: EncodedRows,
        children: &[PlateLayout],
    ) -> Result<Vec<Input<E>>, CpuError> {
        let mut inputs = Vec::new();
        if self.numbers {
            inputs.push(Input::Data(Arc::new(E::convert(elements.numbers))));
        }
        for (plan, child) in children.iter().zip(elements.children) {
            inputs.extend(plan.read(graph, activation, child)?);
        }
        if self.bins {
            inputs.push(Input::Sparse(Arc::new(elements.bins)));
        }
        Ok(inputs)
    }
}

/// Lays out the convolutions that read images; for the layer after them see [`finish_images`](PlateLayout::finish_images).
fn image_layers(builder: &mut Builder, name: &str, image: &ImageFeatures, architecture: &Architecture) -> RowLayout {
    let ImageEncoder { channels, width, .. } = &architecture.images;
    let mut convolutions: Vec<Convolution> = Vec::new();
    let mut size = (image.height, image.width, 1);
    while convolutions.is_empty() || size.0 > 4 || size.1 > 4 {
        let index = convolutions.len();
        let outputs = channels.get(index).or(channels.last()).map_or(1, |outputs| *outputs);
        let layer = builder.layer(&format!("{name}.convolution.{index}"), &[Convolution::PATCH * size.2], outputs, 1.4);
        let convolution = Convolution::new(size, layer);
        size = convolution.output();
        convolutions.push(convolution);
    }
    RowLayout::Image(ImagePlan::new(convolutions, *width))
}

/// Lays out an attention and the layers after it. Their initial weights are small, so that training starts from rows that are
/// read one by one.
fn half_block(builder: &mut Builder, name: &str, width: usize) -> HalfBlock {
    HalfBlock {
        memory: builder.layer(&format!("{name}.memory"), &[width], 2 * width, 1.0),
        outlet: builder.layer(&format!("{name}.outlet"), &[width], width, 0.5),
        feed: (
            builder.layer(&format!("{name}.first"), &[width], 2 * width, 1.0),
            builder.layer(&format!("{name}.second"), &[2 * width], width, 0.3),
        ),
    }
}
