//! The network: what it computes, where its weights lie, and how it predicts.
//!
//! From the innermost plate outwards, the rows of a plate become a vector for each parent: the pooled features of
//! [`features`](super::features), and where rows have several numbers or plates of their own, the mean over rows of a
//! small network that reads them together with the vectors of the nested plates. The last linear layer of that network
//! comes after the mean, as mean(W h + b) = W mean(h) + b: it is the first layer of whatever reads the vector. In the place of
//! that network, [`attention`](super::attention) may read the rows of a data set together.
//!
//! Where rows are images, [`convolution`](super::convolution) makes their vectors. A image is a plate of one row, so that
//! its vector is read by the network of the rows that it is in.
//!
//! The vectors of the outermost plates go through residual blocks
//!
//! ```text
//! x <- x + W2 gelu(W1 normalise(x) + b1) + b2
//! ```
//!
//! to a distribution of the targets: see [`head`](super::head). Each target is measured from the mean, and in units of the
//! standard deviation, that least squares tell of it ([`regression`](super::regression)): what a posterior has in common with
//! that of a linear model need not be learned. A linear path leads around the blocks, too: what is left for conjugate models is
//! nearly linear.

use std::ops::Range;
use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, NoneTape, Tape};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::attention::{AttentionLayout, Block, HalfBlock, Points};
use super::convolution::{Convolution, ImagePlan};
use super::element_network::{ElementNetworkShape, UserNetwork};
use super::estimate::Prediction;
use super::features::{
    EncodedPlate, EncodedRows, FeatureExtractor, ImageFeatures, PlateFeatures, Pooled, Scales, outside_plates,
};
use super::graph::{Graph, Input, Layer, Node, Slot, Weights};
use super::head::{Family, Head, Output};
use super::kernels::{Activation, Number};
use super::train::TrainingRecord;
use super::{Batch, Error, PlateShape, Rows, Shape};
use super::{packed, prefix};

/// Data sets that one thread predicts at once.
const SLICE: usize = 256;
/// Numbers in the data sets that one thread predicts at once, unless it is only one.
const SLICE_NUMBERS: usize = 1 << 16;
/// Rows of a plate that one thread reads at once, if they do not hold more than `SLICE_NUMBERS`.
const TILE: usize = 4096;

/// The sizes of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Soft bins of a plate that has one number in a row; wider rows get fewer for each number. 0: nothing is pooled but
    /// the network that reads single rows.
    pub bins: usize,
    /// What reads the rows of the plates at the top of a data set. Those of nested plates are read by the deep set.
    pub encoder: Encoder,
    /// Widths of the deep set's layers that read single rows, where rows have several numbers or nothing else is pooled.
    pub element_layers: Vec<usize>,
    /// What reads images.
    pub images: ImageEncoder,
    /// What follows each of these layers, and those that read images.
    pub activation: Activation,
    /// The layers that read whole data sets.
    pub trunk: Trunk,
    /// What it says of its targets.
    pub output: Output,
}

/// What reads the rows of a plate, beside the histograms and moments that are pooled of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoder {
    /// A network that reads each row by itself, and the mean over the rows (Zaheer et al., arXiv 1703.06114). Its summaries of
    /// parts of a data set add up.
    #[default]
    DeepSet,
    /// A set transformer with induced points (Lee et al., arXiv 1810.00825), and the mean over the rows: for sets whose
    /// rows mean something only next to each other. Time and memory grow linearly with the number of rows.
    Attention {
        /// Numbers in the vector of a row.
        width: usize,
        /// Heads of the attention; they share the width.
        heads: usize,
        /// Blocks, each of them an attention of the points to the rows, and of the rows to the points.
        blocks: usize,
        /// Learned points, through which the rows hear of each other.
        inducing: usize,
    },
    /// A transformer in which each row reads those before it and itself: it says what is believed after every row, in one pass
    /// (see [`Network::predict_prefixes`]), and learns from all of them. What is pooled is pooled over the rows so far. For
    /// data with one plate at the top, in the order of their rows. Time grows with the square of their number, memory
    /// linearly.
    Causal {
        /// Numbers in the vector of a row.
        width: usize,
        /// Heads of the attention; they share the width.
        heads: usize,
        /// Blocks, each of them an attention.
        blocks: usize,
    },
}

impl Encoder {
    /// A set transformer of a usual size.
    pub const ATTENTION: Encoder = Encoder::Attention { width: 64, heads: 4, blocks: 2, inducing: 16 };

    /// A causal transformer of a usual size.
    pub const CAUSAL: Encoder = Encoder::Causal { width: 64, heads: 4, blocks: 2 };

    /// What is wrong with the sizes, or with reading such data.
    pub(super) fn check(self, shape: &Shape) -> Result<(), String> {
        let (width, heads, blocks, inducing) = match self {
            Encoder::DeepSet => return Ok(()),
            Encoder::Attention { width, heads, blocks, inducing } => (width, heads, blocks, inducing),
            Encoder::Causal { width, heads, blocks } => (width, heads, blocks, 1),
        };
        let sizes = [("width", width), ("heads", heads), ("blocks", blocks), ("inducing", inducing)];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(format!("architecture.encoder has {name}: 0, it must be at least 1"));
        }
        if !width.is_multiple_of(heads) {
            return Err(format!(
                "architecture.encoder has width {width}, which its {heads} heads cannot share equally: make the width a \
                 multiple of the heads"
            ));
        }
        match (self, shape.plates.len()) {
            (Encoder::Causal { .. }, plates) if plates != 1 => Err(format!(
                "a causal encoder reads the rows of one plate in their order, and the data have {plates} plates at the top: \
                 use `Encoder::Attention` or `Encoder::DeepSet`"
            )),
            _ => Ok(()),
        }
    }
}

/// What reads images: convolutions of 3 x 3 pixels in steps of 2, each of which halves the height and the width, until both
/// are 4 or less; and a layer that reads what is left as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEncoder {
    /// What pixels are before the first layer.
    pub stretch: Stretch,
    /// Numbers that each convolution makes of a place. A small image needs the first of them only; a large one, the last
    /// more than once.
    pub channels: Vec<usize>,
    /// Numbers that the layer at the end makes of a image.
    pub width: usize,
}

impl Default for ImageEncoder {
    fn default() -> Self {
        ImageEncoder { stretch: Stretch::Root, channels: vec![16, 32, 64, 96], width: 256 }
    }
}

/// A function of each pixel, after which pixels are measured from their mean and in units of their standard deviation, over
/// all pixels of the pilot sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stretch {
    /// The pixel itself.
    None,
    /// sign(x) sqrt(|x|): the noise of counted photons then has the same size at every brightness (Bartlett 1936).
    Root,
}

impl Stretch {
    #[inline]
    pub(super) fn of(self, pixel: f32) -> f32 {
        match self {
            Stretch::None => pixel,
            Stretch::Root => pixel.abs().sqrt().copysign(pixel),
        }
    }
}

/// The layers that read whole data sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trunk {
    /// Residual blocks, with a linear path around them.
    Residual {
        /// Width of each block.
        width: usize,
        /// How many there are.
        blocks: usize,
    },
    /// A plain network with layers of these widths. The first is linear: the last layer of the network of rows, after the
    /// mean.
    Plain(Vec<usize>),
}

impl Default for Architecture {
    fn default() -> Self {
        Architecture {
            bins: 96,
            encoder: Encoder::DeepSet,
            element_layers: vec![64, 64],
            images: ImageEncoder::default(),
            activation: Activation::Gelu,
            // After equal times on `resonance`, this was closer to the exact posterior than 3 blocks of 256, 4 of 192, 6 of
            // 128 and 8 of 64: what is left after N data sets grows with the number of weights, over N.
            trunk: Trunk::Residual { width: 96, blocks: 6 },
            output: Output::Density(Family::Mixture { components: 6 }),
        }
    }
}

impl Architecture {
    /// The default sizes for data of a shape: wider layers where rows have many numbers, and a mixture of 16 Gaussians where
    /// there are several targets (see [`Family`]). Many targets need no wider network: 6 blocks of 192 were no closer to a
    /// posterior of 10 numbers after as many data sets, and took twice the time.
    pub fn sized(shape: &Shape) -> Architecture {
        // Of an image, its row reads the outcome of the layers for images.
        fn widest(plates: &[PlateShape]) -> usize {
            plates.iter().map(|plate| plate.width.max(widest(&plate.children))).max().unwrap_or(0)
        }
        let mut sized = Architecture::default();
        if widest(&shape.plates) > 8 {
            sized.element_layers = vec![128, 128];
        }
        if shape.targets > 1 {
            sized.output = Family::Mixture { components: 16 }.into();
        }
        sized
    }
}

/// A weight matrix, its name in a file, and its initial values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) slot: Slot,
    initial: Initial,
}

#[derive(Debug, Clone, PartialEq)]
enum Initial {
    /// Uniform in [-bound, bound].
    Uniform(f32),
    Values(Vec<f32>),
}

/// The layers that read one plate.
#[derive(Debug, Clone, PartialEq)]
struct PlateLayout {
    /// Widths of the histograms and of the moments that are pooled.
    pooled: (usize, usize),
    /// Numbers of rows that are told one by one.
    flat: usize,
    rows: Option<RowLayout>,
    children: Vec<PlateLayout>,
}

/// The layers that read single rows.
#[derive(Debug, Clone, PartialEq)]
enum RowLayout {
    Layers(RowInputs, Vec<Layer>),
    Attention(RowInputs, AttentionLayout),
    Image(ImagePlan),
    /// A network of the user's own, and its weights.
    User(UserNetwork, Slot),
}

/// What the first layer reads of a row, beside the vectors of the plates inside it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RowInputs {
    numbers: bool,
    /// Whether there are soft bins.
    bins: bool,
}

/// The layers that read data sets.
#[derive(Debug, Clone, PartialEq)]
enum TrunkLayout {
    Residual {
        inlet: Layer,
        blocks: Vec<(Layer, Layer)>,
        /// Which parts of the vectors of the plates go around the blocks.
        linear: Vec<bool>,
        /// From the normalised output of the blocks and, by the linear path, from some of the vectors of the plates.
        outlet: Layer,
    },
    Plain(Vec<Layer>),
}

/// Where the weights of each layer lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) parameters: Vec<Parameter>,
    /// Weights before this one belong to layers that read rows.
    pub(super) shared: usize,
    activation: Activation,
    levels: Vec<PlateLayout>,
    trunk: TrunkLayout,
    pub(super) head: Head,
}

impl Layout {
    /// `own` are the user's networks for the levels that the reader reads; nothing at all if there are none.
    pub(super) fn new(
        reader: &FeatureExtractor,
        architecture: &Architecture,
        own: &[Option<UserNetwork>],
    ) -> Result<Layout, Error> {
        let mut builder = Builder::default();
        let mut levels = Vec::new();
        let (mut vectors, mut linear) = (Vec::new(), Vec::new());
        for (index, level) in reader.levels.iter().enumerate() {
            let name = format!("plate.{index}");
            let plan = match own.get(index) {
                Some(Some(_)) if architecture.encoder != Encoder::DeepSet => {
                    return Err(Error::Shape(format!(
                        "the rows of {name} have a network of the user's own, and are to be read by attention: it is one or \
                         the other"
                    )));
                }
                Some(Some(own)) => builder.own_level(&name, level, own)?,
                _ => builder.level(&name, level, architecture, index >= usize::from(reader.outside)),
            };
            vectors.extend(plan.widths(level));
            linear.extend(plan.linear());
            levels.push(plan);
        }
        let shared = builder.end();
        for (index, level) in levels.iter_mut().enumerate() {
            builder.finish_images(&format!("plate.{index}"), level);
        }
        let (says, targets) = (architecture.output, reader.targets.len());
        let context = match &architecture.trunk {
            Trunk::Residual { width, .. } => *width,
            Trunk::Plain(widths) => *widths.last().unwrap_or(&0),
        };
        let trunk = match &architecture.trunk {
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
                TrunkLayout::Residual { inlet, blocks, linear, outlet: builder.outlet(&last, says, targets) }
            }
            Trunk::Plain(widths) => {
                let mut layers = Vec::new();
                let mut inputs = vectors;
                for (index, width) in widths.iter().enumerate() {
                    layers.push(builder.layer(&format!("set.{index}"), &inputs, *width, 1.4));
                    inputs = vec![*width];
                }
                layers.push(builder.outlet(&inputs, says, targets));
                TrunkLayout::Plain(layers)
            }
        };
        let head = Head::new(says, targets, context, &mut builder);
        let Builder { parameters } = builder;
        Ok(Layout { parameters, shared, activation: architecture.activation, levels, trunk, head })
    }

    /// The weights of the linear path around the blocks.
    pub(super) fn linear(&self) -> Range<usize> {
        match &self.trunk {
            TrunkLayout::Residual { outlet, .. } => {
                let end = outlet.bias.offset;
                outlet.weights.get(1).map_or(end, |first| first.offset)..end
            }
            TrunkLayout::Plain(_) => 0..0,
        }
    }

    /// How many weights there are.
    pub(super) fn length(&self) -> usize {
        self.parameters.last().map_or(0, |parameter| parameter.slot.range().end)
    }

    /// The sizes of the user's networks of rows, for each level.
    pub(super) fn own_shapes(&self) -> Vec<Option<ElementNetworkShape>> {
        let shape = |level: &PlateLayout| match &level.rows {
            Some(RowLayout::User(own, _)) => Some(own.0.shape()),
            _ => None,
        };
        self.levels.iter().map(shape).collect()
    }

    /// How many numbers the layers that read rows make of some data sets.
    pub(super) fn row_activations(&self, batch: &Batch) -> usize {
        fn count(plan: &PlateLayout, rows: &Rows) -> usize {
            let own: usize = plan.rows.as_ref().map_or(0, |plan| match plan {
                RowLayout::Layers(_, layers) => layers.iter().map(|layer| layer.bias.columns).sum(),
                RowLayout::Attention(_, plan) => plan.activations(),
                RowLayout::Image(plan) => plan.activations(),
                RowLayout::User(own, _) => own.0.shape().outputs,
            });
            let children = plan.children.iter().zip(&rows.children).map(|(plan, rows)| count(plan, rows));
            rows.rows() * own + children.sum::<usize>()
        }
        let outside = outside_plates(batch);
        self.levels.iter().zip(outside.iter().chain(&batch.plates)).map(|(plan, rows)| count(plan, rows)).sum()
    }

    /// The matrices of the layers that read images, image after image.
    pub(super) fn image_slots(&self) -> Vec<Slot> {
        fn visit(levels: &[PlateLayout], to: &mut Vec<Slot>) {
            for level in levels {
                if let Some(RowLayout::Image(plan)) = &level.rows {
                    to.extend(plan.layers().flat_map(|layer| layer.weights.iter().chain([&layer.bias])));
                }
                visit(&level.children, to);
            }
        }
        let mut all = Vec::new();
        visit(&self.levels, &mut all);
        all
    }

    /// All matrices, one behind the other.
    pub(super) fn slots(&self) -> Vec<Slot> {
        self.parameters.iter().map(|parameter| parameter.slot).collect()
    }

    /// Random weights to start from.
    pub(super) fn initialise(&self, seed: u64) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weights = Vec::with_capacity(self.length());
        for parameter in &self.parameters {
            match &parameter.initial {
                Initial::Uniform(bound) => {
                    let draw = |_| bound * (2.0 * random.random::<f32>() - 1.0);
                    weights.extend(parameter.slot.range().map(draw));
                }
                Initial::Values(values) => weights.extend_from_slice(values),
            }
        }
        weights
    }

    /// The outputs for each data set.
    pub(super) fn forward<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        sets: usize,
        plates: Vec<EncodedPlate>,
    ) -> Result<TrunkOutput<E>, CpuError> {
        let mut vectors = Vec::new();
        for (plan, plate) in self.levels.iter().zip(plates) {
            vectors.extend(plan.read(graph, self.activation, plate)?);
        }
        self.judge(graph, sets, vectors)
    }

    /// The same from the vectors of the plates.
    fn judge<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        sets: usize,
        vectors: Vec<Input<E>>,
    ) -> Result<TrunkOutput<E>, CpuError> {
        match &self.trunk {
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
                    context = graph.affine(sets, &[Input::Node(context)], layer, self.activation.within())?;
                }
                let output = graph.affine(sets, &[Input::Node(context.clone())], &layers[last], Activation::None)?;
                Ok(TrunkOutput { output, context })
            }
        }
    }
}

/// What the layers that read data sets make of each.
pub(super) struct TrunkOutput<E: Number> {
    /// What the answer is read off.
    pub(super) output: Node<E>,
    /// What the output was made of.
    pub(super) context: Node<E>,
}

impl PlateLayout {
    /// The widths of the parts of a parent's vector: its pooled features, and the mean of the network over its rows (where
    /// sizes vary, also times sqrt(n); where rows are read in their order, behind what became of the last).
    fn widths(&self, level: &PlateFeatures) -> Vec<usize> {
        let (bins, moments) = self.pooled;
        let causal = matches!(&self.rows, Some(RowLayout::Attention(_, plan)) if plan.causal());
        let parts = 1 + usize::from(level.ragged()) + usize::from(causal);
        let rows = parts * self.rows.as_ref().map_or(0, RowLayout::width);
        [bins, moments, rows, self.flat].into_iter().filter(|width| *width > 0).collect()
    }

    /// Which parts of the vector go around the blocks, too: those that are few, and of which a posterior may be a linear
    /// function. Histograms are neither.
    fn linear(&self) -> impl Iterator<Item = bool> {
        let (bins, moments) = self.pooled;
        let parts = [(bins > 0, false), (moments > 0, true), (self.rows.is_some(), true)];
        parts.into_iter().filter(|(there, _)| *there).map(|(_, linear)| linear)
    }

    /// What is pooled, as inputs.
    fn pooled<E: Number>(&self, pooled: Pooled) -> impl Iterator<Item = Input<E>> {
        let data = |values| Input::Data(Arc::new(E::convert(values)));
        let (bins, moments) = self.pooled;
        let (bins, moments) = ((bins > 0).then(|| data(pooled.bins)), (moments > 0).then(|| data(pooled.moments)));
        bins.into_iter().chain(moments)
    }

    /// The vector of each parent, in parts: see [`widths`](PlateLayout::widths).
    fn read<E: Number, T: Tape<E, Cpu>>(
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
                // One for each parent.
                None if matches!(rows, RowLayout::Image(_)) => hidden,
                Some(beginnings) => graph.pool_beginnings(&hidden, beginnings, plate.roots.as_deref())?,
                None => graph.pool(&hidden, &offsets, plate.roots.as_deref())?,
            }));
        }
        Ok(vector)
    }
}

impl RowLayout {
    fn width(&self) -> usize {
        match self {
            RowLayout::Layers(_, layers) => layers.last().map_or(0, |layer| layer.bias.columns),
            RowLayout::Attention(_, plan) => plan.width(),
            RowLayout::Image(plan) => plan.width(),
            RowLayout::User(own, _) => own.0.shape().outputs,
        }
    }

    /// What the network of rows makes of each row.
    fn read<E: Number, T: Tape<E, Cpu>>(
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
    /// What the first layer reads of each row.
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

/// Lays out weights one behind the other.
#[derive(Default)]
pub(super) struct Builder {
    parameters: Vec<Parameter>,
}

impl Builder {
    pub(super) fn end(&self) -> usize {
        self.parameters.last().map_or(0, |parameter| parameter.slot.range().end)
    }

    fn slot(&mut self, name: String, rows: usize, columns: usize, initial: Initial) -> Slot {
        let slot = Slot { offset: self.end(), rows, columns };
        self.parameters.push(Parameter { name, slot, initial });
        slot
    }

    /// Weights such that inputs of variance 1 give outputs of variance `gain`^2.
    pub(super) fn layer(&mut self, name: &str, inputs: &[usize], columns: usize, gain: f32) -> Layer {
        let bound = gain * (3.0 / inputs.iter().sum::<usize>().max(1) as f32).sqrt();
        self.layer_from(name, inputs, columns, |_| Initial::Uniform(bound), vec![0.0; columns])
    }

    fn layer_from(
        &mut self,
        name: &str,
        inputs: &[usize],
        columns: usize,
        initial: impl Fn(usize) -> Initial,
        bias: Vec<f32>,
    ) -> Layer {
        let weights = inputs
            .iter()
            .enumerate()
            .map(|(index, rows)| self.slot(format!("{name}.weight.{index}"), *rows, columns, initial(index)))
            .collect();
        let bias = self.slot(format!("{name}.bias"), 1, columns, Initial::Values(bias));
        Layer { weights, bias }
    }

    /// Zero but for the bias: training starts from the prior's mean and standard deviation, if from nothing better.
    fn outlet(&mut self, inputs: &[usize], says: Output, targets: usize) -> Layer {
        let bias = Head::first_bias(says, targets);
        self.layer_from("set.outlet", inputs, says.outputs(targets), |_| Initial::Uniform(0.0), bias)
    }

    /// `top`: whether the plate is at the top of the data set.
    fn level(&mut self, name: &str, level: &PlateFeatures, architecture: &Architecture, top: bool) -> PlateLayout {
        let plan = |(index, child): (usize, &PlateFeatures)| {
            self.level(&format!("{name}.{index}"), child, architecture, false)
        };
        let children: Vec<PlateLayout> = level.children.iter().enumerate().map(plan).collect();
        let rows = match architecture.encoder {
            _ if level.image.is_some() => level.image.as_ref().map(|image| self.image(name, image, architecture)),
            Encoder::Attention { width, heads, blocks, .. } | Encoder::Causal { width, heads, blocks } if top => {
                let inducing = match architecture.encoder {
                    Encoder::Attention { inducing, .. } => Some(inducing),
                    _ => None,
                };
                let (inputs, inlet) = self.row_layer(&format!("{name}.inlet"), level, &children, width);
                let block = |block| {
                    let name = format!("{name}.block.{block}");
                    let points = inducing.map(|inducing| Points {
                        initial: self.slot(format!("{name}.points"), inducing, width, Initial::Uniform(1.7)),
                        part: self.part(&format!("{name}.points"), width),
                    });
                    let query = self.layer(&format!("{name}.query"), &[width], width, 0.1);
                    Block { points, query, part: self.part(&name, width) }
                };
                let blocks = (0..blocks).map(block).collect();
                Some(RowLayout::Attention(inputs, AttentionLayout { heads, inlet, blocks }))
            }
            _ if !level.network => None,
            _ => architecture.element_layers.split_first().map(|(first, others)| {
                let (inputs, inlet) = self.row_layer(&format!("{name}.row.0"), level, &children, *first);
                let mut layers = vec![inlet];
                for (index, width) in others.iter().enumerate() {
                    let inputs = [layers[index].bias.columns];
                    // Bins that rows are shared out among must differ at first, or their histogram tells nothing.
                    let shared_out = architecture.activation == Activation::Softmax && index + 1 == others.len();
                    let gain = if shared_out { 6.0 } else { 1.0 };
                    layers.push(self.layer(&format!("{name}.row.{}", index + 1), &inputs, *width, gain));
                }
                RowLayout::Layers(inputs, layers)
            }),
        };
        PlateLayout { pooled: level.pooled(), flat: level.flat, rows, children }
    }

    /// The convolutions that read images; see [`finish_images`](Builder::finish_images) for the layer after them.
    fn image(&mut self, name: &str, image: &ImageFeatures, architecture: &Architecture) -> RowLayout {
        let ImageEncoder { channels, width, .. } = &architecture.images;
        let mut convolutions: Vec<Convolution> = Vec::new();
        let mut size = (image.height, image.width, 1);
        while convolutions.is_empty() || size.0 > 4 || size.1 > 4 {
            let index = convolutions.len();
            let outputs = channels.get(index).or(channels.last()).map_or(1, |outputs| *outputs);
            let layer =
                self.layer(&format!("{name}.convolution.{index}"), &[Convolution::PATCH * size.2], outputs, 1.4);
            let convolution = Convolution::new(size, layer);
            size = convolution.output();
            convolutions.push(convolution);
        }
        RowLayout::Image(ImagePlan::new(convolutions, *width))
    }

    /// The layers after the convolutions, in this level and in those inside it. They have many weights and read few rows, and
    /// so they stand behind all layers whose gradient each chunk adds up for itself (see [`graph`](super::graph)).
    fn finish_images(&mut self, name: &str, level: &mut PlateLayout) {
        for (index, child) in level.children.iter_mut().enumerate() {
            self.finish_images(&format!("{name}.{index}"), child);
        }
        if let Some(RowLayout::Image(plan)) = &mut level.rows {
            plan.outlet = self.layer(&format!("{name}.image"), &[plan.features()], plan.width(), 1.0);
        }
    }

    /// The first layer that reads rows.
    fn row_layer(
        &mut self,
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
        let layer = self.layer_from(name, &inputs, width, initial, vec![0.0; width]);
        (RowInputs { numbers: numbers > 0, bins: bins > 0 }, layer)
    }

    /// One attention and the layers after it. Small at first, so that training starts from rows read one by one.
    fn part(&mut self, name: &str, width: usize) -> HalfBlock {
        HalfBlock {
            memory: self.layer(&format!("{name}.memory"), &[width], 2 * width, 1.0),
            outlet: self.layer(&format!("{name}.outlet"), &[width], width, 0.5),
            feed: (
                self.layer(&format!("{name}.first"), &[width], 2 * width, 1.0),
                self.layer(&format!("{name}.second"), &[2 * width], width, 0.3),
            ),
        }
    }

    fn own_level(&mut self, name: &str, level: &PlateFeatures, own: &UserNetwork) -> Result<PlateLayout, Error> {
        let ElementNetworkShape { inputs, weights, .. } = own.0.shape();
        if level.children.iter().any(|child| child.image.is_some()) {
            return Err(Error::Shape(format!(
                "a network of the user's own reads the rows of {name}, whose images it cannot read: leave it out"
            )));
        }
        if inputs != level.numbers() {
            let numbers = level.numbers();
            return Err(Error::Shape(format!(
                "the network of rows for {name} reads {inputs} numbers, where its rows have {numbers}"
            )));
        }
        let values = own.0.weights()?;
        let slot = self.slot(format!("{name}.own"), 1, weights, Initial::Values(values));
        Ok(PlateLayout {
            pooled: level.pooled(),
            flat: level.flat,
            rows: Some(RowLayout::User(own.clone(), slot)),
            children: Vec::new(),
        })
    }
}

/// What a network keeps of a data set: sums over the elements of its plates. Those of two parts of the data add up to
/// those of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Numbers outside plates, which every part has.
    pub outside: Vec<f32>,
    /// Numbers outside plates as a plate of one row, if there are any; then the plates, those that are images among them.
    plates: Vec<PlateSums>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PlateSums {
    rows: u64,
    /// Over rows, of what is pooled.
    moments: Vec<f64>,
    /// Over rows, of what the network of rows makes of each.
    hidden: Vec<f64>,
    /// Whether it is a image outside plates, which every part has.
    image: bool,
}

impl PlateSums {
    fn add(&mut self, other: &PlateSums) {
        self.rows += other.rows;
        let add = |sums: &mut [f64], more: &[f64]| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.moments, &other.moments);
        add(&mut self.hidden, &other.hidden);
    }
}

impl Sums {
    /// Adds the sums of another part of the data set.
    ///
    /// # Errors
    /// If the numbers outside plates differ, or the sums are those of another network.
    pub fn add(&mut self, other: &Sums) -> Result<(), Error> {
        if self.outside != other.outside {
            return Err(Error::Shape(format!(
                "the parts differ in what was observed outside plates: {:?} and {:?}",
                self.outside, other.outside
            )));
        }
        let lengths =
            |sums: &Sums| -> Vec<_> { sums.plates.iter().map(|p| (p.moments.len(), p.hidden.len())).collect() };
        if lengths(self) != lengths(other) {
            return Err(Error::Shape("the sums were made by different networks".to_owned()));
        }
        // The plate that stands for the numbers outside is the same in both.
        let first = usize::from(!self.outside.is_empty());
        let pairs = || self.plates.iter().zip(&other.plates);
        if pairs().any(|(sums, more)| sums.image && sums.hidden != more.hidden) {
            return Err(Error::Shape("the parts differ in a image that was observed outside plates".to_owned()));
        }
        let pairs = self.plates[first..].iter_mut().zip(&other.plates[first..]);
        pairs.filter(|(sums, _)| !sums.image).for_each(|(sums, more)| sums.add(more));
        Ok(())
    }

    /// How many elements of each plate have been summed.
    pub fn sizes(&self) -> Vec<usize> {
        let plates = &self.plates[usize::from(!self.outside.is_empty())..];
        plates.iter().filter(|plate| !plate.image).map(|plate| plate.rows as usize).collect()
    }
}

/// A trained network: from data sets to distributions of the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(super) shape: Shape,
    pub(super) architecture: Architecture,
    pub(super) reader: FeatureExtractor,
    pub(super) plan: Layout,
    pub(super) weights: Arc<Weights<f32>>,
    pub(super) history: Vec<TrainingRecord>,
    pub(super) registers: Vec<String>,
}

impl Network {
    /// What the network reads and infers.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether it reads images, those of some plates, and by layers of such sizes.
    pub fn reads_images(&self, plates: &[PlateShape], encoder: &ImageEncoder, activation: Activation) -> bool {
        let (images, own) = (PlateShape::images(&self.shape.plates), &self.architecture);
        !images.is_empty()
            && images == PlateShape::images(plates)
            && (&own.images, own.activation) == (encoder, activation)
    }

    /// Its sizes.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How its training went.
    pub fn history(&self) -> &[TrainingRecord] {
        &self.history
    }

    /// On which vector registers it was trained, as [`instruction_set`](hierarch_core::simd::instruction_set) names them: one entry, or
    /// several in their order where the training was resumed on others. None in files from before these were kept.
    pub fn registers(&self) -> &[String] {
        &self.registers
    }

    /// A short text that is almost surely another for any other network (FNV-1a of its weights).
    pub fn fingerprint(&self) -> String {
        format!("{:016x}", packed::hash_numbers(hierarch_core::hash::NOTHING, self.weights.values.iter().copied()))
    }

    /// How many weights it has.
    pub fn weight_count(&self) -> usize {
        self.weights.values.len()
    }

    /// Whether the network has [`summarise`](Network::summarise): whether it reads rows one by one.
    pub fn keeps_sums(&self) -> bool {
        self.architecture.encoder == Encoder::DeepSet
    }

    /// What the network keeps of one data set, or of a part of one.
    ///
    /// # Errors
    /// If the batch is not one data set, does not have the network's [`shape`](Network::shape), or holds a number that is
    /// not finite; and if the network reads rows by attention, for which no sums can stand.
    pub fn summarise(&self, batch: &Batch) -> Result<Sums, Error> {
        if !self.keeps_sums() {
            return Err(Error::NoSums);
        }
        batch.check(&self.shape)?;
        if batch.sets != 1 {
            return Err(Error::Shape(format!("{} data sets where one is to be summarised", batch.sets)));
        }
        let outside = outside_plates(batch);
        let rows = outside.iter().chain(&batch.plates);
        let parts = self.reader.levels.iter().zip(&self.plan.levels).zip(rows);
        let plates =
            parts.map(|((level, plan), rows)| self.sums_of(level, plan, rows)).collect::<Result<_, Error>>()?;
        Ok(Sums { outside: batch.globals.clone(), plates })
    }

    fn sums_of(&self, level: &PlateFeatures, plan: &PlateLayout, rows: &Rows) -> Result<PlateSums, Error> {
        let of_part = |rows: &Rows| -> Result<PlateSums, Error> {
            let elements = level.read(rows);
            let moments = level.sums(&elements.numbers, &elements.offsets);
            let mut hidden = Vec::new();
            if let Some(row_plan) = &plan.rows {
                let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
                let node = row_plan.read(&mut graph, self.plan.activation, elements, &plan.children)?;
                hidden.resize(row_plan.width(), 0.0);
                for row in node.values.chunks_exact(row_plan.width()) {
                    hidden.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
                }
            }
            Ok(PlateSums { rows: rows.rows() as u64, moments, hidden, image: level.image.is_some() })
        };
        let count = rows.rows();
        let length = (SLICE_NUMBERS / (rows.numbers() / count.max(1)).max(1)).clamp(1, TILE);
        if count <= length {
            return of_part(rows);
        }
        // Tiles bound the memory and occupy every core; their number and order depend on the data alone.
        let tiles: Vec<Result<PlateSums, Error>> = (0..count.div_ceil(length))
            .into_par_iter()
            .map(|tile| of_part(&rows.part(tile * length..((tile + 1) * length).min(count))))
            .collect();
        let mut tiles = tiles.into_iter();
        let first = tiles.next().unwrap_or_else(|| of_part(rows))?;
        tiles.try_fold(first, |mut sums, tile| {
            sums.add(&tile?);
            Ok(sums)
        })
    }

    /// What the network believes, from what it keeps of a data set.
    ///
    /// # Errors
    /// If the sums are those of a network of another shape.
    pub fn conclude(&self, sums: &Sums) -> Result<Prediction, Error> {
        let (judged, scales) = self.judge_sums(sums)?;
        self.read(&judged.output.values, &judged.context.values, &scales)
    }

    /// What the layers that read data sets make of one, from what the network keeps of it.
    pub(super) fn judge_sums(&self, sums: &Sums) -> Result<(TrunkOutput<f32>, Scales), Error> {
        let levels = &self.reader.levels;
        let fits = |(level, plan, plate): (&PlateFeatures, &PlateLayout, &PlateSums)| {
            plate.moments.len() == level.moments_width()
                && plate.hidden.len() == plan.rows.as_ref().map_or(0, RowLayout::width)
        };
        let mut parts =
            levels.iter().zip(&self.plan.levels).zip(&sums.plates).map(|((level, plan), plate)| (level, plan, plate));
        if sums.plates.len() != levels.len() || !parts.clone().all(fits) {
            return Err(Error::Shape("the sums were made by another network".to_owned()));
        }
        let (mut vectors, mut moments) = (Vec::new(), Vec::new());
        for (level, plan, plate) in &mut parts {
            let pooled = level.pool(&plate.moments, &[plate.rows as usize]);
            moments.push(pooled.moments.clone());
            let parts = self.vector(level, plan, plate, pooled);
            vectors.extend(parts.into_iter().map(|part| Input::Data(Arc::new(part))));
        }
        let moments: Vec<&[f32]> = moments.iter().map(Vec::as_slice).collect();
        let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
        Ok((self.plan.judge(&mut graph, 1, vectors)?, self.reader.scales_of(1, &moments)))
    }

    /// The vector of a plate of one data set, in parts.
    fn vector(&self, level: &PlateFeatures, plan: &PlateLayout, plate: &PlateSums, pooled: Pooled) -> Vec<Vec<f32>> {
        let sizes = [plate.rows as usize];
        let Pooled { bins, moments } = pooled;
        let mut parts: Vec<Vec<f32>> = [bins, moments].into_iter().filter(|part| !part.is_empty()).collect();
        if plan.rows.is_some() {
            let inverse = 1.0 / plate.rows.max(1) as f64;
            let mean = plate.hidden.iter().map(|sum| (sum * inverse) as f32);
            let mut pooled: Vec<f32> = mean.clone().collect();
            if let Some(roots) = level.roots(&sizes) {
                pooled.extend(mean.map(|mean| roots[0] * mean));
            }
            parts.push(pooled);
        }
        parts
    }

    fn read(&self, output: &[f32], context: &[f32], scales: &[(f32, f32)]) -> Result<Prediction, Error> {
        self.plan.head.read(&self.weights, output, context, scales)
    }

    /// What the network believes of each data set, in the space of the targets.
    ///
    /// # Errors
    /// If the batch does not have the network's [`shape`](Network::shape), or holds a number that is not finite.
    pub fn predict(&self, batch: &Batch) -> Result<Vec<Prediction>, Error> {
        let slices = self.judge_batch(batch)?;
        let read = |(judged, scales): &(TrunkOutput<f32>, Scales)| self.read_all(judged, scales);
        let estimates = slices.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(estimates.into_iter().flatten().collect())
    }

    /// What the layers that read data sets make of each, and the scales of its targets, in slices of the data sets.
    pub(super) fn judge_batch(&self, batch: &Batch) -> Result<Vec<(TrunkOutput<f32>, Scales)>, Error> {
        batch.check(&self.shape)?;
        in_slices(batch, 1, |sets| {
            let batch = batch.slice(sets);
            self.judge(batch.sets, self.reader.encode(&batch))
        })
    }

    fn judge(&self, sets: usize, plates: Vec<EncodedPlate>) -> Result<(TrunkOutput<f32>, Scales), Error> {
        let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
        let scales = self.reader.scales(sets, &plates);
        Ok((self.plan.forward(&mut graph, sets, plates)?, scales))
    }

    /// What the network believes after each row of each data set, from one row on. The last is what it believes of the set.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict), and if the network does not read rows in their order: see
    /// [`Encoder::Causal`].
    pub fn predict_prefixes(&self, batch: &Batch) -> Result<Vec<Vec<Prediction>>, Error> {
        if !self.reader.causal {
            return Err(Error::NoPrefixes);
        }
        batch.check(&self.shape)?;
        let of_set = |set: usize| {
            let batch = batch.slice(set..set + 1);
            let prefixes = prefix::every(&batch);
            let (judged, scales) = self.judge(prefixes.len(), self.reader.encode_prefixes(&batch, &prefixes))?;
            self.read_all(&judged, &scales)
        };
        (0..batch.sets).into_par_iter().map(of_set).collect()
    }

    fn read_all(&self, judged: &TrunkOutput<f32>, scales: &[(f32, f32)]) -> Result<Vec<Prediction>, Error> {
        let TrunkOutput { output, context } = judged;
        let rows = output.values.chunks_exact(output.columns).zip(context.values.chunks_exact(context.columns));
        let rows = rows.zip(scales.chunks_exact(self.shape.targets));
        rows.map(|((output, context), scales)| self.read(output, context, scales)).collect()
    }

    /// What the network believes of data sets that share their plates and differ in the numbers outside them: `plates` is
    /// one data set, `outside` has a row for each.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict).
    pub fn predict_outside(&self, plates: &[Rows], outside: &[f32]) -> Result<Vec<Prediction>, Error> {
        let width = self.shape.width;
        if width == 0 {
            return self.predict(&Batch { sets: 1, plates: plates.to_vec(), ..Batch::default() });
        }
        let batch = Batch { sets: outside.len() / width, width, globals: outside.to_vec(), plates: Vec::new() };
        batch.check(&Shape { plates: Vec::new(), ..self.shape.clone() })?;
        let first = outside.get(..width).unwrap_or_default().to_vec();
        let one = Batch { sets: 1, width, globals: first, plates: plates.to_vec() };
        one.check(&self.shape)?;
        if !self.keeps_sums() {
            let mut all = one.slice(0..0);
            for set in outside.chunks_exact(width) {
                all.append(&Batch { globals: set.to_vec(), ..one.clone() });
            }
            return self.predict(&all);
        }
        let (mut shared, mut shared_moments) = (Vec::new(), Vec::new());
        for ((level, plan), rows) in self.reader.levels.iter().zip(&self.plan.levels).skip(1).zip(plates) {
            let sums = self.sums_of(level, plan, rows)?;
            let pooled = level.pool(&sums.moments, &[sums.rows as usize]);
            shared_moments.push(pooled.moments.clone());
            shared.extend(self.vector(level, plan, &sums, pooled));
        }
        let slices = in_slices(&batch, 1, |sets| {
            let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
            let (level, plan) = (&self.reader.levels[0], &self.plan.levels[0]);
            let sets = batch.slice(sets);
            let (mut vectors, mut moments) = (Vec::new(), Vec::new());
            if let Some(rows) = outside_plates(&sets) {
                let outside = level.encode(&rows);
                moments.push(outside.pooled.moments.clone());
                vectors.extend(plan.read(&mut graph, self.plan.activation, outside)?);
            }
            moments.extend(shared_moments.iter().map(|moments| moments.repeat(sets.sets)));
            vectors.extend(shared.iter().map(|part| Input::Data(Arc::new(part.repeat(sets.sets)))));
            let moments: Vec<&[f32]> = moments.iter().map(Vec::as_slice).collect();
            let scales = self.reader.scales_of(sets.sets, &moments);
            self.read_all(&self.plan.judge(&mut graph, sets.sets, vectors)?, &scales)
        })?;
        Ok(slices.into_iter().flatten().collect())
    }

    /// -ln q(target | data) of each data set, in nats of the targets as they were given; `targets` is sets x D.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict), and if `targets` has the wrong length.
    pub fn losses(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f64>, Error> {
        self.losses_of(batch, targets, <[f32]>::to_vec, |batch, _| self.reader.encode(batch))
    }

    /// The same of what training minimises: where the network reads rows in their order, the mean over beginnings.
    pub(super) fn training_losses(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f64>, Error> {
        let targets_to_learn = |targets: &[f32]| self.reader.targets_to_learn(targets);
        let each = self.losses_of(batch, targets, targets_to_learn, |batch, place| {
            self.reader.encode_to_learn(batch, place as u64)
        })?;
        let readings = self.reader.readings();
        Ok(each.chunks_exact(readings).map(|losses| losses.iter().sum::<f64>() / readings as f64).collect())
    }

    /// The losses for what is read of some data sets, and of their targets; also given is the place of the first of them.
    fn losses_of(
        &self,
        batch: &Batch,
        targets: &[f32],
        of_targets: impl Fn(&[f32]) -> Vec<f32> + Sync,
        encode: impl Fn(&Batch, usize) -> Vec<EncodedPlate> + Sync,
    ) -> Result<Vec<f64>, Error> {
        batch.check(&self.shape)?;
        let dims = self.shape.targets;
        if targets.len() != batch.sets * dims {
            return Err(Error::Shape(format!(
                "{} targets where {} data sets have {dims} each",
                targets.len(),
                batch.sets
            )));
        }
        let slices = in_slices(batch, self.architecture.output.least_sets(), |sets| {
            let targets = of_targets(&targets[sets.start * dims..sets.end * dims]);
            let place = sets.start;
            let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
            let plates = encode(&batch.slice(sets), place);
            let scales = self.reader.scales(targets.len() / dims, &plates);
            let judged = self.plan.forward(&mut graph, targets.len() / dims, plates)?;
            let loss = self.plan.head.loss(graph, &judged, &self.reader.standardise(&targets, &scales))?;
            Ok(self.plan.head.in_nats(&loss.each, &scales))
        })?;
        Ok(slices.into_iter().flatten().collect())
    }
}

/// Something of slices of the data sets, in order, of `least` sets if there are as many. A single small slice stays on the
/// calling thread.
fn in_slices<R: Send>(
    batch: &Batch,
    least: usize,
    of: impl Fn(Range<usize>) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let sets = batch.sets;
    let length = (SLICE_NUMBERS / (batch.numbers() / sets.max(1)).max(1)).clamp(1, SLICE);
    if sets <= length {
        return Ok(vec![of(0..sets)?]);
    }
    let slices = sets.div_ceil(length).min(sets / least).max(1);
    let slice = |slice: usize| of(slice * sets / slices..(slice + 1) * sets / slices);
    (0..slices).into_par_iter().map(slice).collect()
}
