//! Training: simulate, differentiate, update.
//!
//! A step draws fresh data sets in a fixed number of chunks. Chunks are shared among the threads of rayon's current pool;
//! each is simulated, passed forward and back on a tape of its own, and the gradients are summed in chunk order. So the
//! result does not depend, to the bit, on how many threads there are. As no data set is ever seen twice, there is nothing
//! to overfit to: no weight decay, no early stopping.
//!
//! The optimiser is Adam (Kingma & Ba, arXiv 1412.6980) with warm-up and cosine decay. Predictions use the exponential
//! moving average of its weights.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dfdx::prelude::*;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::features::Reader;
use super::network::Plan;
use super::ops::{Graph, Leaf, take_leaf};
use super::{Architecture, Batch, Error, Network, Shape, TrainError};

/// The `step` of [`Source::draw`] from which standardisation and bins are fitted.
pub const PILOT: u64 = u64::MAX;
/// The `step` of [`Source::draw`] that held-out data sets come from.
pub const VALIDATION: u64 = u64::MAX - 1;

/// Data sets in one chunk of the pilot and validation samples.
const SAMPLE_CHUNK: usize = 64;
/// Numbers that the pilot or validation sample may hold.
const SAMPLE_NUMBERS: usize = 1 << 24;
/// Weights that one task of the optimiser updates.
const WEIGHTS_CHUNK: usize = 1 << 14;

/// Where data sets come from.
pub trait Source: Sync {
    /// Why a simulation can fail.
    type Error: Send;

    /// Draws `sets` data sets and their targets (sets x D, row-major, in unconstrained space).
    ///
    /// Chunks of one step must be independent draws, and the same (step, chunk, sets) must give the same data. Steps count
    /// from 0; [`PILOT`] and [`VALIDATION`] are drawn from besides.
    ///
    /// # Errors
    /// Whatever stops the simulator; it ends the training.
    fn draw(&self, step: u64, chunk: usize, sets: usize) -> Result<(Batch, Vec<f32>), Self::Error>;
}

/// How long to train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Budget {
    /// Until this much time has passed. What is learned then depends on the machine.
    Time(Duration),
    /// Until this many data sets have been seen, rounded up to whole steps. The result is the same on every run.
    Sets(u64),
}

impl Budget {
    /// A time in minutes; none if negative or not a number.
    pub fn minutes(minutes: f64) -> Budget {
        Budget::seconds(60.0 * minutes)
    }

    /// A time in seconds; none if negative or not a number.
    pub fn seconds(seconds: f64) -> Budget {
        let time = Duration::try_from_secs_f64(seconds.max(0.0));
        Budget::Time(time.unwrap_or(Duration::MAX))
    }

    /// A number of data sets.
    pub fn sets(sets: u64) -> Budget {
        Budget::Sets(sets)
    }

    /// The share of the budget that is spent.
    fn spent(self, sets: u64, time: Duration) -> f64 {
        match self {
            Budget::Time(budget) => time.as_secs_f64() / budget.as_secs_f64().max(1e-9),
            Budget::Sets(budget) => sets as f64 / budget.max(1) as f64,
        }
    }
}

/// How to train. The default suits models from one global and a hundred events upwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// When to stop.
    pub budget: Budget,
    /// Sizes of the network.
    pub architecture: Architecture,
    /// Data sets in a step.
    pub sets: usize,
    /// Chunks of a step: the most threads that can share it. Part of what the result depends on.
    pub chunks: usize,
    /// The learning rate at its peak.
    pub learning_rate: f64,
    /// Data sets in the pilot sample (fewer if they are large).
    pub pilot: usize,
    /// Data sets in the validation sample (fewer if they are large).
    pub validation: usize,
    /// Seed of the initial weights.
    pub seed: u64,
}

impl Settings {
    /// The default settings with a budget.
    pub fn new(budget: Budget) -> Settings {
        Settings {
            budget,
            architecture: Architecture::default(),
            sets: 256,
            chunks: 8,
            learning_rate: 1e-3,
            pilot: 2048,
            validation: 2048,
            seed: 0,
        }
    }

    fn check<E>(&self, shape: &Shape) -> Result<(), TrainError<E>> {
        let sizes = [
            ("sets", self.sets),
            ("chunks", self.chunks),
            ("pilot", self.pilot),
            ("validation", self.validation),
            ("architecture.row_width", self.architecture.row_width),
            ("architecture.width", self.architecture.width),
            ("the number of targets", shape.targets),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(TrainError::Settings(format!("{name} is 0, it must be at least 1")));
        }
        if self.sets < self.chunks {
            return Err(TrainError::Settings(format!(
                "{} sets in a step cannot be split into {} chunks",
                self.sets, self.chunks
            )));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(TrainError::Settings(format!(
                "the learning rate is {}, it must be positive",
                self.learning_rate
            )));
        }
        Ok(())
    }
}

/// One evaluation on the validation sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps done.
    pub step: u64,
    /// Data sets seen.
    pub sets: u64,
    /// Seconds since training began.
    pub seconds: f64,
    /// Mean of -ln q(targets | data) over the data sets seen since the last record, under the weights of the moment, nats.
    pub loss: f64,
    /// The same over the validation sample, under the averaged weights, nats.
    pub validation: f64,
}

/// How far training has come; given to the callback after every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Data sets seen.
    pub sets: u64,
    /// Seconds since training began.
    pub seconds: f64,
    /// Share of the budget spent, 0 to 1.
    pub fraction: f64,
    /// Mean of -ln q(targets | data) over the data sets of this step, nats.
    pub loss: f64,
    /// The latest validation, if there was one: see [`Record::validation`].
    pub validation: Option<f64>,
}

/// Trains a network of the given shape on data sets from `source`.
///
/// # Errors
/// If the settings cannot be used; if the source fails, or draws data of another shape or numbers that are not finite; and
/// if the loss diverges. Each error names step, chunk and data set, as far as there is one.
pub fn train<S: Source>(
    shape: &Shape,
    source: &S,
    settings: &Settings,
    mut progress: impl FnMut(&Progress),
) -> Result<Network, TrainError<S::Error>> {
    let start = Instant::now();
    settings.check(shape)?;
    keep_freed_memory();
    let simulator = Simulator { shape, source };
    let (pilot, pilot_targets) = simulator.sample(PILOT, settings.pilot)?;
    let reader = Reader::fit(&pilot, &pilot_targets, shape.targets, settings.architecture.bins);
    drop(pilot);
    let held_out = simulator.sample(VALIDATION, settings.validation)?;

    let plan = Plan::new(&reader, &settings.architecture);
    let weights = Arc::new(plan.initialise(settings.seed));
    let mut optimiser = Adam::new(weights.to_vec());
    let leaf: Leaf = Cpu::default().try_zeros_like(&(weights.len(),)).map_err(|error| no_chunk(PILOT, error.into()))?;
    let mut network = Network {
        shape: shape.clone(),
        architecture: settings.architecture.clone(),
        reader,
        plan,
        weights,
        history: Vec::new(),
    };
    let nats = network.reader.targets.iter().map(|(_, sd)| f64::from(*sd).ln()).sum::<f64>()
        + 0.5 * shape.targets as f64 * std::f64::consts::TAU.ln();
    let mut since = Mean::default();
    let (mut step, mut sets, mut fraction) = (0, 0, 0.0);

    while fraction < 1.0 {
        let chunks: Vec<Result<Chunk, TrainError<S::Error>>> = (0..settings.chunks)
            .into_par_iter()
            .map(|chunk| {
                let first = settings.sets * chunk / settings.chunks;
                let last = settings.sets * (chunk + 1) / settings.chunks;
                let (batch, targets) = simulator.draw(step, chunk, last - first)?;
                differentiate(&network, &optimiser.weights, &leaf, &batch, &targets)
                    .map_err(|failure| failure.at(step, chunk))
            })
            .collect();
        let chunks = chunks.into_iter().collect::<Result<Vec<Chunk>, _>>()?;
        let loss = chunks.iter().map(|chunk| chunk.loss).sum::<f64>() / settings.sets as f64 + nats;
        optimiser.update(&chunks, settings.sets, settings.learning_rate * schedule(fraction));

        step += 1;
        sets += settings.sets as u64;
        since.add(loss);
        let before = fraction;
        fraction = settings.budget.spent(sets, start.elapsed()).min(1.0);
        if (before * EVALUATIONS).floor() < (fraction * EVALUATIONS).floor() {
            network.weights = Arc::new(optimiser.average.clone());
            let losses = network.losses(&held_out.0, &held_out.1).map_err(|error| no_chunk(VALIDATION, error))?;
            network.history.push(Record {
                step,
                sets,
                seconds: start.elapsed().as_secs_f64(),
                loss: since.take(),
                validation: losses.iter().sum::<f64>() / losses.len() as f64,
            });
        }
        progress(&Progress {
            step,
            sets,
            seconds: start.elapsed().as_secs_f64(),
            fraction,
            loss,
            validation: network.history.last().map(|record| record.validation),
        });
    }
    Ok(network)
}

/// Lets glibc keep the memory that a step frees for the next step. It gives memory back to the system beyond twice the
/// largest block ever freed, and every step would fault it in again, which costs a third of the speed. Freeing one large
/// block, never touched, raises that limit; other allocators do not mind.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(24 << 20)));
}

/// Evaluations in a training run.
const EVALUATIONS: f64 = 20.0;

/// The share of the peak learning rate when a share of the budget is spent: linear warm-up, then half a cosine to 0.
fn schedule(fraction: f64) -> f64 {
    const WARM_UP: f64 = 0.03;
    if fraction < WARM_UP {
        (fraction / WARM_UP).max(0.01)
    } else {
        0.5 * (1.0 + (std::f64::consts::PI * (fraction - WARM_UP) / (1.0 - WARM_UP)).cos())
    }
}

/// An error that no chunk is to blame for.
fn no_chunk<E>(step: u64, source: Error) -> TrainError<E> {
    TrainError::Network { step, chunk: 0, source }
}

/// The mean of what was added since it was last taken.
#[derive(Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn take(&mut self) -> f64 {
        let mean = self.sum / self.count.max(1) as f64;
        *self = Mean::default();
        mean
    }
}

/// A source whose data are checked before anybody reads them.
struct Simulator<'a, S> {
    shape: &'a Shape,
    source: &'a S,
}

impl<S: Source> Simulator<'_, S> {
    fn draw(&self, step: u64, chunk: usize, sets: usize) -> Result<(Batch, Vec<f32>), TrainError<S::Error>> {
        let failed = |source| TrainError::Network { step, chunk, source };
        let (batch, targets) =
            self.source.draw(step, chunk, sets).map_err(|source| TrainError::Source { step, chunk, source })?;
        batch.check(self.shape).map_err(failed)?;
        let dims = self.shape.targets;
        if batch.sets != sets || targets.len() != sets * dims {
            return Err(failed(Error::Shape(format!(
                "{} data sets and {} targets were drawn where {sets} and {} were asked for",
                batch.sets,
                targets.len(),
                sets * dims
            ))));
        }
        match targets.iter().position(|target| !target.is_finite()) {
            Some(at) => Err(failed(Error::NotFinite {
                set: at / dims,
                place: format!("target {}", at % dims),
                value: targets[at],
            })),
            None => Ok((batch, targets)),
        }
    }

    /// Draws up to `sets` data sets, as many as memory is meant for.
    fn sample(&self, step: u64, sets: usize) -> Result<(Batch, Vec<f32>), TrainError<S::Error>> {
        let (mut batch, mut targets) = self.draw(step, 0, sets.min(SAMPLE_CHUNK))?;
        let affordable = SAMPLE_NUMBERS / (batch.numbers() / batch.sets).max(1);
        let chunks = sets.min(affordable).div_ceil(SAMPLE_CHUNK).max(1);
        let more: Vec<_> = (1..chunks).into_par_iter().map(|chunk| self.draw(step, chunk, SAMPLE_CHUNK)).collect();
        for drawn in more {
            let (next, next_targets) = drawn?;
            batch.append(&next);
            targets.extend(next_targets);
        }
        Ok((batch, targets))
    }
}

/// What a chunk contributes to a step: the sums over its data sets of the loss (of standardised targets) and its gradient.
struct Chunk {
    loss: f64,
    gradient: Vec<f32>,
}

/// Why a chunk has no gradient.
enum Failure {
    Network(Error),
    NotFinite { set: usize, loss: f32 },
}

impl Failure {
    fn at<E>(self, step: u64, chunk: usize) -> TrainError<E> {
        match self {
            Failure::Network(source) => TrainError::Network { step, chunk, source },
            Failure::NotFinite { set, loss } => TrainError::NotFinite { step, chunk, set, loss },
        }
    }
}

impl From<CpuError> for Failure {
    fn from(error: CpuError) -> Self {
        Failure::Network(error.into())
    }
}

fn differentiate(
    network: &Network,
    weights: &Arc<Vec<f32>>,
    leaf: &Leaf,
    batch: &Batch,
    targets: &[f32],
) -> Result<Chunk, Failure> {
    let reader = &network.reader;
    let standardised: Vec<f32> =
        targets.iter().zip(reader.targets.iter().cycle()).map(|(target, (mean, sd))| (target - mean) / sd).collect();
    let mut graph = Graph::<OwnedTape<f32, Cpu>>::new(weights.clone(), leaf.clone());
    let output = network.plan.forward(&mut graph, batch.sets, reader.encode(batch))?;
    let (total, losses) = graph.gaussian_loss(&output, &standardised)?;
    if let Some(set) = losses.iter().position(|loss| !loss.is_finite()) {
        return Err(Failure::NotFinite { set, loss: losses[set] });
    }
    let mut gradients = total.try_backward()?;
    Ok(Chunk { loss: losses.iter().map(|loss| f64::from(*loss)).sum(), gradient: take_leaf(&mut gradients, leaf)? })
}

/// Adam, and the moving average of the weights it visits.
struct Adam {
    weights: Arc<Vec<f32>>,
    average: Vec<f32>,
    gradient: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    // Shorter memories than usual: at first the posterior, and with it the scale of the gradient, narrows quickly.
    const FIRST: f32 = 0.95;
    const SECOND: f32 = 0.98;
    const EPSILON: f32 = 1e-8;
    /// Steps that the moving average reaches back, once there have been as many.
    const AVERAGE: f32 = 300.0;
    /// The largest norm of a gradient (of the mean loss) that is taken at its word.
    const CLIP: f64 = 5.0;

    fn new(weights: Vec<f32>) -> Adam {
        let zeros = vec![0.0; weights.len()];
        Adam {
            average: weights.clone(),
            weights: Arc::new(weights),
            gradient: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
            steps: 0,
        }
    }

    /// One step along the mean gradient over `sets` data sets.
    fn update(&mut self, chunks: &[Chunk], sets: usize, rate: f64) {
        let norms: Vec<f64> = self
            .gradient
            .par_chunks_mut(WEIGHTS_CHUNK)
            .enumerate()
            .map(|(index, gradient)| {
                let range = index * WEIGHTS_CHUNK..index * WEIGHTS_CHUNK + gradient.len();
                let parts: Vec<&[f32]> = chunks.iter().map(|chunk| &chunk.gradient[range.clone()]).collect();
                sum_scaled(gradient, &parts, 1.0 / sets as f32)
            })
            .collect();
        let norm = norms.iter().sum::<f64>().sqrt();
        let clip = (Self::CLIP / norm.max(Self::CLIP)) as f32;

        self.steps = self.steps.saturating_add(1);
        let first_bias = 1.0 - Self::FIRST.powi(self.steps);
        let second_bias = 1.0 - Self::SECOND.powi(self.steps);
        let rate = rate as f32 / first_bias;
        let forget = 1.0 / (0.1 * self.steps as f32 + 1.0).min(Self::AVERAGE);
        // No chunk of the last step lives on, so this never copies.
        let weights = Arc::make_mut(&mut self.weights);
        (
            weights.par_chunks_mut(WEIGHTS_CHUNK),
            self.average.par_chunks_mut(WEIGHTS_CHUNK),
            self.first.par_chunks_mut(WEIGHTS_CHUNK),
            self.second.par_chunks_mut(WEIGHTS_CHUNK),
            self.gradient.par_chunks(WEIGHTS_CHUNK),
        )
            .into_par_iter()
            .for_each(|(weights, average, first, second, gradient)| {
                pulp::Arch::new().dispatch(|| {
                    let moments = first.iter_mut().zip(second).zip(gradient);
                    for ((weight, average), ((first, second), gradient)) in weights.iter_mut().zip(average).zip(moments)
                    {
                        let gradient = clip * gradient;
                        *first += (1.0 - Self::FIRST) * (gradient - *first);
                        *second += (1.0 - Self::SECOND) * (gradient * gradient - *second);
                        *weight -= rate * *first / ((*second / second_bias).sqrt() + Self::EPSILON);
                        *average += forget * (*weight - *average);
                    }
                });
            });
    }
}

/// Writes factor x (sum of the parts, in order) and returns the square of its norm.
fn sum_scaled(output: &mut [f32], parts: &[&[f32]], factor: f32) -> f64 {
    pulp::Arch::new().dispatch(|| {
        output.fill(0.0);
        for part in parts {
            for (output, value) in output.iter_mut().zip(*part) {
                *output += factor * value;
            }
        }
    });
    output.iter().map(|value| f64::from(*value).powi(2)).sum()
}
