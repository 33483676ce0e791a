//! Where the weights of each layer of a network lie, and the forward pass through all of them.

use dfdx::prelude::{Cpu, CpuError, Tape};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::activation::Activation;
use super::architecture::{Architecture, Encoder, Trunk};
use super::batch::{Batch, Rows};
use super::builder::{Builder, Initial, Parameter};
use super::element_network::{ElementNetworkShape, UserNetwork};
use super::error::Error;
use super::features::{EncodedPlate, FeatureExtractor, outside_plates};
use super::graph::{Graph, Input};
use super::head::Head;
use super::kernels::Number;
use super::plate_layers::{PlateLayout, RowLayout};
use super::trunk::{TrunkLayout, TrunkOutput};
use super::weights::Slot;

/// Where the weights of each layer lie. Levels are what is read of a data set: first the numbers outside plates as a plate
/// of one row, if there are any, then the plates at the top.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) parameters: Vec<Parameter>,
    /// Weights before this one belong to layers that read rows.
    pub(super) shared: usize,
    pub(super) activation: Activation,
    pub(super) levels: Vec<PlateLayout>,
    pub(super) trunk: TrunkLayout,
    pub(super) head: Head,
}

impl Layout {
    /// Lays out a network of the sizes of `architecture` for what `reader` reads. `own` are the user's element networks,
    /// one entry for each level, or empty if there are none. There are at most `most` weights.
    ///
    /// # Errors
    /// If a network of the user's own cannot be used, or there would be more weights.
    pub(super) fn new(
        reader: &FeatureExtractor,
        architecture: &Architecture,
        own: &[Option<UserNetwork>],
        most: usize,
    ) -> Result<Layout, Error> {
        let mut builder = Builder::new(most);
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
                Some(Some(own)) => PlateLayout::own(&mut builder, &name, level, own)?,
                _ => PlateLayout::new(&mut builder, &name, level, architecture, index >= usize::from(reader.outside)),
            };
            vectors.extend(plan.widths(level));
            linear.extend(plan.linear());
            levels.push(plan);
        }
        let shared = builder.end();
        for (index, level) in levels.iter_mut().enumerate() {
            level.finish_images(&mut builder, &format!("plate.{index}"));
        }
        let (says, targets) = (architecture.output, reader.targets.len());
        let context = match &architecture.trunk {
            Trunk::Residual { width, .. } => *width,
            Trunk::Plain(widths) => *widths.last().unwrap_or(&0),
        };
        let bias = Head::first_bias(says, targets);
        let trunk = TrunkLayout::new(&mut builder, &architecture.trunk, vectors, linear, bias);
        let head = Head::new(says, targets, context, &mut builder);
        let parameters = builder.finish().map_err(Error::Shape)?;
        Ok(Layout { parameters, shared, activation: architecture.activation, levels, trunk, head })
    }

    /// Returns how many weights there are.
    pub(super) fn length(&self) -> usize {
        self.parameters.last().map_or(0, |parameter| parameter.slot.range().end)
    }

    /// Returns the sizes of the user's element networks, level by level.
    pub(super) fn own_shapes(&self) -> Vec<Option<ElementNetworkShape>> {
        let shape = |level: &PlateLayout| match &level.rows {
            Some(RowLayout::User(own, _)) => Some(own.0.shape()),
            _ => None,
        };
        self.levels.iter().map(shape).collect()
    }

    /// Counts the numbers that the layers that read rows make of all data sets of a batch.
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

    /// Returns the matrices of the layers that read images, image after image.
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

    /// Returns all matrices, one behind the other.
    pub(super) fn slots(&self) -> Vec<Slot> {
        self.parameters.iter().map(|parameter| parameter.slot).collect()
    }

    /// Draws random initial weights.
    pub(super) fn initialise(&self, seed: u64) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weights = Vec::with_capacity(self.length());
        for parameter in &self.parameters {
            match &parameter.initial {
                Initial::Uniform(bound) => {
                    let draw = |_| bound * (2.0 * random.random::<f32>() - 1.0);
                    weights.extend(parameter.slot.range().map(draw));
                }
                Initial::Zeros => weights.resize(parameter.slot.range().end, 0.0),
                Initial::Values(values) => weights.extend_from_slice(values),
            }
        }
        weights
    }

    /// Computes the outputs for each of `sets` data sets.
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

    /// Computes the outputs for each of `sets` data sets from the vectors of its plates, given in parts.
    pub(super) fn judge<E: Number, T: Tape<E, Cpu>>(
        &self,
        graph: &mut Graph<E, T>,
        sets: usize,
        vectors: Vec<Input<E>>,
    ) -> Result<TrunkOutput<E>, CpuError> {
        self.trunk.read(graph, sets, vectors, self.activation)
    }
}
