//! The network: what it computes, where its weights lie, and how it predicts.
//!
//! From the innermost plate outwards, the rows of a plate become a vector for each parent: the pooled features of
//! [`features`](super::features), and where rows have several numbers or plates of their own, the mean over rows of a
//! small network that reads them together with the vectors of the nested plates. The last linear layer of that network
//! comes after the mean, as mean(W h + b) = W mean(h) + b: it is the first layer of whatever reads the vector.
//!
//! The vectors of the outermost plates go through residual blocks
//!
//! ```text
//! x <- x + W2 silu(W1 normalise(x) + b1) + b2
//! ```
//!
//! to the means and log standard deviations of the targets. A linear path leads around the blocks: what conjugate models
//! need is nearly linear, and need not be learned by anything deeper.

use std::sync::Arc;

use dfdx::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::features::{Encoded, Level, Reader};
use super::ops::{Activation, Graph, Input, Leaf, Matrix, Slot, bound_log_sd, read};
use super::train::Record;
use super::{Batch, Error, Shape};

/// Data sets that one thread predicts at once.
const SLICE: usize = 256;

/// The sizes of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// Soft bins of a plate that has one number in a row; wider rows get fewer for each number.
    pub bins: usize,
    /// Width of the network that reads single rows, where there is one.
    pub row_width: usize,
    /// Width of the network that reads whole data sets.
    pub width: usize,
    /// Its residual blocks.
    pub blocks: usize,
}

impl Default for Architecture {
    fn default() -> Self {
        Architecture { bins: 128, row_width: 64, width: 256, blocks: 3 }
    }
}

/// A weight matrix, its name in a file, and the range of its initial values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) slot: Slot,
    /// Initial values are uniform in [-bound, bound].
    bound: f32,
}

/// A linear map of several inputs: one matrix for each, one bias.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    weights: Vec<Slot>,
    bias: Slot,
}

/// The layers that read one plate.
#[derive(Debug, Clone, PartialEq)]
struct LevelPlan {
    /// Whether anything is pooled.
    pooled: bool,
    rows: Option<RowPlan>,
    children: Vec<LevelPlan>,
}

/// The layers that read single rows: soft bins by table, everything else by `first`.
#[derive(Debug, Clone, PartialEq)]
struct RowPlan {
    /// Whether rows have numbers.
    numbers: bool,
    table: Option<Slot>,
    first: Layer,
    second: Layer,
}

/// Where the weights of each layer lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) parameters: Vec<Parameter>,
    levels: Vec<LevelPlan>,
    /// From the vectors of the plates.
    inlet: Layer,
    blocks: Vec<(Layer, Layer)>,
    /// From the normalised output of the blocks and, by the linear path, from the vectors of the plates.
    outlet: Layer,
}

impl Plan {
    pub(super) fn new(reader: &Reader, architecture: &Architecture) -> Plan {
        let mut builder = Builder::default();
        let mut levels = Vec::new();
        let mut vectors = Vec::new();
        for (index, level) in reader.levels.iter().enumerate() {
            levels.push(builder.level(&format!("plate.{index}"), level, architecture.row_width));
            vectors.extend(vector_widths(level, architecture.row_width));
        }
        let width = architecture.width;
        let inlet = builder.layer("set.inlet", &vectors, width, 1.0);
        let blocks = (0..architecture.blocks)
            .map(|block| {
                let first = builder.layer(&format!("set.block.{block}.first"), &[width], width, 1.0);
                // Small at first, so that training starts from a nearly linear network.
                let second = builder.layer(&format!("set.block.{block}.second"), &[width], width, 0.3);
                (first, second)
            })
            .collect();
        let last: Vec<usize> = std::iter::once(width).chain(vectors).collect();
        // Zero: training starts from the prior's mean and standard deviation.
        let outlet = builder.layer("set.outlet", &last, 2 * reader.targets.len(), 0.0);
        Plan { parameters: builder.parameters, levels, inlet, blocks, outlet }
    }

    /// How many weights there are.
    pub(super) fn length(&self) -> usize {
        self.parameters.last().map_or(0, |parameter| parameter.slot.range().end)
    }

    /// Random weights to start from.
    pub(super) fn initialise(&self, seed: u64) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weights = Vec::with_capacity(self.length());
        for parameter in &self.parameters {
            weights.extend(parameter.slot.range().map(|_| parameter.bound * (2.0 * random.random::<f32>() - 1.0)));
        }
        weights
    }

    /// Means and log standard deviations of the standardised targets, sets x 2 D.
    pub(super) fn forward<T: Tape<f32, Cpu>>(
        &self,
        graph: &mut Graph<T>,
        sets: usize,
        plates: Vec<Encoded>,
    ) -> Result<Matrix, CpuError> {
        let mut vectors = Vec::new();
        for (plan, plate) in self.levels.iter().zip(plates) {
            vectors.extend(plan.read(graph, plate)?);
        }
        let mut x = self.inlet.apply(graph, sets, &vectors, None, Activation::None)?;
        for (first, second) in &self.blocks {
            let normal = Input::Node(graph.layer_norm(&x)?);
            let hidden = Input::Node(first.apply(graph, sets, &[normal], None, Activation::Silu)?);
            x = second.apply(graph, sets, &[hidden], Some(&x), Activation::None)?;
        }
        let normal = Input::Node(graph.layer_norm(&x)?);
        let last: Vec<Input> = std::iter::once(normal).chain(vectors).collect();
        self.outlet.apply(graph, sets, &last, None, Activation::None)
    }
}

impl Layer {
    fn apply<T: Tape<f32, Cpu>>(
        &self,
        graph: &mut Graph<T>,
        rows: usize,
        inputs: &[Input],
        residual: Option<&Matrix>,
        activation: Activation,
    ) -> Result<Matrix, CpuError> {
        let inputs: Vec<(Input, Slot)> = inputs.iter().cloned().zip(self.weights.iter().copied()).collect();
        graph.affine(rows, &inputs, self.bias, residual, activation)
    }
}

impl LevelPlan {
    /// The vector of each parent, in parts: see [`vector_widths`].
    fn read<T: Tape<f32, Cpu>>(&self, graph: &mut Graph<T>, plate: Encoded) -> Result<Vec<Input>, CpuError> {
        let mut vector = Vec::new();
        if self.pooled {
            vector.push(Input::Data(Arc::new(plate.pooled)));
        }
        let Some(plan) = &self.rows else {
            return Ok(vector);
        };
        let rows = plate.offsets.last().copied().unwrap_or(0);
        let mut inputs = Vec::new();
        if plan.numbers {
            inputs.push(Input::Data(Arc::new(plate.numbers)));
        }
        for (plan, child) in self.children.iter().zip(plate.children) {
            inputs.extend(plan.read(graph, child)?);
        }
        let looked_up = match plan.table {
            Some(table) => Some(graph.lookup(plate.bins, table)?),
            None => None,
        };
        let hidden = plan.first.apply(graph, rows, &inputs, looked_up.as_ref(), Activation::Silu)?;
        let hidden = plan.second.apply(graph, rows, &[Input::Node(hidden)], None, Activation::Silu)?;
        let pooled = graph.pool(&hidden, &plate.offsets, plate.roots.as_deref())?;
        vector.push(Input::Node(pooled));
        Ok(vector)
    }
}

/// The widths of the parts of a plate's vector: its pooled features, and the mean of the network over its rows (where
/// sizes vary, also times sqrt(n)).
fn vector_widths(level: &Level, row_width: usize) -> Vec<usize> {
    let mut widths = Vec::new();
    if level.pooled() > 0 {
        widths.push(level.pooled());
    }
    if level.network {
        widths.push(if level.ragged() { 2 * row_width } else { row_width });
    }
    widths
}

/// Lays out weights one behind the other.
#[derive(Default)]
struct Builder {
    parameters: Vec<Parameter>,
}

impl Builder {
    fn slot(&mut self, name: String, rows: usize, columns: usize, bound: f32) -> Slot {
        let offset = self.parameters.last().map_or(0, |parameter| parameter.slot.range().end);
        let slot = Slot { offset, rows, columns };
        self.parameters.push(Parameter { name, slot, bound });
        slot
    }

    /// Weights such that inputs of variance 1 give outputs of variance `gain`^2.
    fn layer(&mut self, name: &str, inputs: &[usize], columns: usize, gain: f32) -> Layer {
        let bound = gain * (3.0 / inputs.iter().sum::<usize>().max(1) as f32).sqrt();
        let weights = inputs
            .iter()
            .enumerate()
            .map(|(index, rows)| self.slot(format!("{name}.weight.{index}"), *rows, columns, bound))
            .collect();
        let bias = self.slot(format!("{name}.bias"), 1, columns, 0.0);
        Layer { weights, bias }
    }

    fn level(&mut self, name: &str, level: &Level, width: usize) -> LevelPlan {
        let children: Vec<LevelPlan> = level
            .children
            .iter()
            .enumerate()
            .map(|(index, child)| self.level(&format!("{name}.{index}"), child, width))
            .collect();
        let rows = level.network.then(|| {
            let mut inputs = Vec::new();
            if level.numbers() > 0 {
                inputs.push(level.numbers());
            }
            for child in &level.children {
                inputs.extend(vector_widths(child, width));
            }
            RowPlan {
                numbers: level.numbers() > 0,
                table: (level.bins() > 0).then(|| self.slot(format!("{name}.table"), level.bins(), width, 0.5)),
                first: self.layer(&format!("{name}.first"), &inputs, width, 1.0),
                second: self.layer(&format!("{name}.second"), &[width], width, 1.0),
            }
        });
        LevelPlan { pooled: level.pooled() > 0, rows, children }
    }
}

/// Gaussians over the targets, in unconstrained space: one diagonal Gaussian for each data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussians {
    /// Numbers in a target.
    pub dims: usize,
    /// Row-major, sets x `dims`.
    pub mean: Vec<f64>,
    /// Standard deviations, row-major, sets x `dims`.
    pub sd: Vec<f64>,
}

/// A trained network: from data sets to Gaussians over the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(super) shape: Shape,
    pub(super) architecture: Architecture,
    pub(super) reader: Reader,
    pub(super) plan: Plan,
    pub(super) weights: Arc<Vec<f32>>,
    pub(super) history: Vec<Record>,
}

impl Network {
    /// What the network reads and infers.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its sizes.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How its training went.
    pub fn history(&self) -> &[Record] {
        &self.history
    }

    /// How many weights it has.
    pub fn weight_count(&self) -> usize {
        self.weights.len()
    }

    /// The Gaussian that the network believes for each data set.
    ///
    /// # Errors
    /// If the batch does not have the network's [`shape`](Network::shape), or holds a number that is not finite.
    pub fn predict(&self, batch: &Batch) -> Result<Gaussians, Error> {
        batch.check(&self.shape)?;
        let dims = self.shape.targets;
        let mut gaussians =
            Gaussians { dims, mean: Vec::with_capacity(batch.sets * dims), sd: Vec::with_capacity(batch.sets * dims) };
        for outputs in self.outputs(batch)? {
            for row in outputs.chunks_exact(2 * dims) {
                for (dim, (mean, sd)) in self.reader.targets.iter().enumerate() {
                    let (mean, sd) = (f64::from(*mean), f64::from(*sd));
                    gaussians.mean.push(mean + sd * f64::from(row[dim]));
                    gaussians.sd.push(sd * f64::from(bound_log_sd(row[dims + dim])).exp());
                }
            }
        }
        Ok(gaussians)
    }

    /// -ln q(target | data) of each data set, in nats of the targets as they were given; `targets` is sets x D.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict), and if `targets` has the wrong length.
    pub fn losses(&self, batch: &Batch, targets: &[f32]) -> Result<Vec<f64>, Error> {
        let gaussians = self.predict(batch)?;
        if targets.len() != gaussians.mean.len() {
            return Err(Error::Shape(format!(
                "{} targets where {} data sets have {} each",
                targets.len(),
                batch.sets,
                gaussians.dims
            )));
        }
        let half_log_two_pi = 0.5 * std::f64::consts::TAU.ln();
        let terms =
            gaussians.mean.iter().zip(&gaussians.sd).zip(targets).map(|((mean, sd), target)| {
                half_log_two_pi + sd.ln() + 0.5 * ((f64::from(*target) - mean) / sd).powi(2)
            });
        let terms: Vec<f64> = terms.collect();
        Ok(terms.chunks_exact(gaussians.dims).map(|set| set.iter().sum()).collect())
    }

    /// The outputs for slices of the batch, in order. A single small batch stays on the calling thread.
    fn outputs(&self, batch: &Batch) -> Result<Vec<Vec<f32>>, Error> {
        if batch.sets <= SLICE {
            return Ok(vec![self.output(batch)?]);
        }
        (0..batch.sets.div_ceil(SLICE))
            .into_par_iter()
            .map(|slice| self.output(&batch.slice(slice * SLICE..((slice + 1) * SLICE).min(batch.sets))))
            .collect()
    }

    fn output(&self, batch: &Batch) -> Result<Vec<f32>, Error> {
        let no_gradients: Leaf = Cpu::default().try_zeros_like(&(0,))?;
        let mut graph = Graph::<NoneTape>::new(self.weights.clone(), no_gradients);
        let output = self.plan.forward(&mut graph, batch.sets, self.reader.encode(batch))?;
        Ok(read(&output))
    }
}
