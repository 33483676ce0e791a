//! Training: simulate, differentiate, update.
//!
//! A step draws data sets in a fixed number of chunks. Chunks are shared among the threads of rayon's current pool; each is
//! simulated, passed forward and back on a tape of its own, and what it contributes to the gradient is summed in chunk order.
//! So the result does not depend, to the bit, on how many threads there are. Where every data set is fresh there is nothing
//! to overfit to: no weight decay, no early stopping.
//!
//! The learning rate warms up and then falls as half a cosine. Predictions use the exponential moving average of the
//! weights.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dfdx::prelude::{Cpu, CpuError, OwnedTape};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::element_network::UserNetwork;
use super::features::FeatureExtractor;
use super::graph::{ChunkGradient, Graph, Weights};
use super::network::Layout;
use super::optimise::Optimiser;
use super::prefix;
use super::{Architecture, Batch, Encoder, Error, Network, PlateShape, Shape, TrainError, Trunk};
use hierarch_core::simd::registers;

/// The `step` of [`TrainingSource::draw`] from which standardisation and bins are fitted.
pub const PILOT: u64 = u64::MAX;
/// The `step` of [`TrainingSource::draw`] that held-out data sets come from.
pub const VALIDATION: u64 = u64::MAX - 1;

/// Data sets in one chunk of the pilot and validation samples.
const SAMPLE_CHUNK: usize = 64;
/// Bytes of a chunk's activations at rows: about what a core's caches hold.
const CHUNK_BYTES: usize = 2 << 20;
/// Data sets in a chunk, at least, so that the layers that read data sets are matrix products.
const CHUNK_SETS: usize = 4;
/// Data sets in the pilot sample, at least, if that is not asked to be smaller.
const LEAST_PILOT: usize = 2048;
/// Numbers that the pilot or validation sample may hold.
const SAMPLE_NUMBERS: usize = 1 << 24;

/// Where data sets come from.
pub trait TrainingSource: Sync {
    /// Why a simulation can fail.
    type Error: Send;

    /// Draws `sets` data sets and their targets (sets x D, row-major, in unconstrained space).
    ///
    /// `first` is the place of the first of them among those of the step. Calls for other steps or places must be independent
    /// draws, and the same (step, first, sets) must give the same data. Steps count
    /// from 0; [`PILOT`] and [`VALIDATION`] are drawn from besides.
    ///
    /// # Errors
    /// Whatever stops the simulator; it ends the training.
    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Self::Error>;
}

/// How long to train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Budget {
    /// Until this much time has passed. What is learned then depends on the machine.
    Time(Duration),
    /// Until this many data sets have been seen, rounded up to whole steps. The result is the same on every run.
    Simulations(u64),
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
    pub fn simulations(simulations: u64) -> Budget {
        Budget::Simulations(simulations)
    }

    /// The share of the budget that is spent.
    fn spent(self, sets: u64, seconds: f64) -> f64 {
        match self {
            Budget::Time(budget) => seconds / budget.as_secs_f64().max(1e-9),
            Budget::Simulations(budget) => sets as f64 / budget.max(1) as f64,
        }
    }
}

/// In words: `60 s`, `1000000 data sets`.
impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Budget::Time(time) => write!(f, "{:.0} s", time.as_secs_f64()),
            Budget::Simulations(sets) => write!(f, "{sets} data sets"),
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
    pub batch_size: usize,
    /// Chunks of a step, at least: the most threads that can share it. There are more where a chunk's share would not fit
    /// in cache.
    pub chunks: usize,
    /// The learning rate at its peak.
    pub learning_rate: f64,
    /// The share of each weight that is taken off in a step, in units of the learning rate. 0 where every simulation is
    /// fresh and there is nothing to overfit to.
    pub weight_decay: f64,
    /// Stop when as many validations in a row have not been the best one, and return the weights of the best; `None`: never,
    /// and return the last. For simulations that are seen more than once.
    pub patience: Option<usize>,
    /// Data sets in the pilot sample, to which all is fitted that is not learned step by step: fewer if they are large, and
    /// beyond 2048 no more than an eighth of a budget of data sets, or than a fiftieth of one of time is enough for.
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
            batch_size: 256,
            chunks: 8,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            patience: None,
            pilot: 1 << 14,
            validation: 2048,
            seed: 0,
        }
    }

    fn check<E>(&self, shape: &Shape) -> Result<(), TrainError<E>> {
        let Architecture { bins, encoder, element_layers, images, trunk, output, .. } = &self.architecture;
        let mut plates = shape.plates.iter().enumerate();
        plates.try_for_each(|(index, plate)| plate.check(&format!("plate {index}"))).map_err(TrainError::Settings)?;
        if images.channels.is_empty() {
            return Err(TrainError::Settings(
                "architecture.images has no channels, it must have at least one".to_owned(),
            ));
        }
        let widths: &[usize] = match trunk {
            Trunk::Residual { width, .. } => std::slice::from_ref(width),
            Trunk::Plain(widths) => widths,
        };
        let sizes = [
            ("batch_size", self.batch_size),
            ("chunks", self.chunks),
            ("pilot", self.pilot),
            ("validation", self.validation),
            ("the number of targets", shape.targets),
        ];
        let widths = element_layers.iter().chain(widths).chain(&images.channels).chain([&images.width]);
        let widths = widths.map(|width| ("a width of the architecture", *width));
        if let Some((name, _)) = sizes.into_iter().chain(widths).find(|(_, size)| *size == 0) {
            return Err(TrainError::Settings(format!("{name} is 0, it must be at least 1")));
        }
        output.check(shape.targets).map_err(TrainError::Settings)?;
        if matches!(trunk, Trunk::Plain(widths) if widths.is_empty()) {
            return Err(TrainError::Settings(
                "the network of data sets has no layers, it must have at least 1".to_owned(),
            ));
        }
        encoder.check(shape).map_err(TrainError::Settings)?;
        if *bins == 0 && element_layers.is_empty() && *encoder == Encoder::DeepSet {
            return Err(TrainError::Settings(
                "an architecture without bins and without layers for rows reads nothing".to_owned(),
            ));
        }
        if self.batch_size < self.chunks {
            return Err(TrainError::Settings(format!(
                "{} sets in a step cannot be split into {} chunks",
                self.batch_size, self.chunks
            )));
        }
        let least = output.least_sets();
        if self.batch_size / self.chunks < least || self.validation < least {
            return Err(TrainError::Settings(format!(
                "{least} data sets are needed to tell one from the others, where a chunk of a step has {} and the validation \
                 sample {}: have more sets or fewer chunks in a step, or tell from fewer",
                self.batch_size / self.chunks,
                self.validation
            )));
        }
        if least > 1 && matches!(encoder, Encoder::Causal { .. }) {
            return Err(TrainError::Settings("a ratio cannot be learned from beginnings of data sets".to_owned()));
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
pub struct TrainingRecord {
    /// Steps done.
    pub step: u64,
    /// Data sets seen.
    pub sets: u64,
    /// Seconds since training began.
    pub seconds: f64,
    /// Mean of -ln q(targets | data) over the data sets seen since the last record, under the weights of the moment, nats. With
    /// [`Encoder::Causal`], of data sets and of beginnings of them.
    pub loss: f64,
    /// The same over the validation sample, under the averaged weights, nats.
    pub validation: f64,
    /// The share of the steps' work since the last record that went into drawing data sets.
    pub simulation: f64,
}

/// How far training has come; given to the callback after every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingProgress {
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
    /// The latest validation, if there was one: see [`TrainingRecord::validation`].
    pub validation: Option<f64>,
}

/// Trains a network of the given shape on data sets from `source`.
///
/// # Errors
/// If the settings cannot be used; if the source fails, or draws data of another shape or numbers that are not finite; and
/// if the loss diverges. Each error names step, chunk and data set, as far as there is one.
pub fn train<S: TrainingSource>(
    shape: &Shape,
    source: &S,
    settings: &Settings,
    mut progress: impl FnMut(&TrainingProgress),
) -> Result<Network, TrainError<S::Error>> {
    let mut trainer = Trainer::new(shape, source, settings)?;
    while !trainer.done() {
        progress(&trainer.step()?);
    }
    Ok(trainer.finish())
}

/// A training run, step by step.
pub struct Trainer<'a, S> {
    simulator: Simulator<'a, S>,
    pub(super) settings: Settings,
    chunks: usize,
    /// Its weights are the averaged ones of the last validation.
    pub(super) network: Network,
    pub(super) optimiser: Optimiser,
    held_out: (Batch, Vec<f32>),
    pub(super) state: State,
    /// The averaged weights with the lowest validation loss, where those are asked for.
    pub(super) best: Option<Vec<f32>>,
    /// When `state.seconds` was right.
    start: Instant,
}

/// How far a training is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: u64,
    pub(super) sets: u64,
    /// Share of the budget spent.
    pub(super) fraction: f64,
    /// Seconds spent before the training was resumed, or when it was saved.
    pub(super) seconds: f64,
    /// Mean loss since the last validation.
    pub(super) since: Mean,
    /// Seconds of all threads since the last validation: of drawing data sets, and of all work on chunks.
    pub(super) simulation: f64,
    pub(super) work: f64,
    /// Validations since the best one.
    pub(super) stale: usize,
}

impl<'a, S: TrainingSource> Trainer<'a, S> {
    /// Fits the standardisation to a pilot sample and prepares the first step.
    ///
    /// # Errors
    /// Those of [`train`].
    pub fn new(shape: &'a Shape, source: &'a S, settings: &Settings) -> Result<Self, TrainError<S::Error>> {
        Trainer::with_networks(shape, source, settings, &[])
    }

    /// The same with networks of the user's own for the rows of some plates: none at all, or `None` where a plate has none.
    pub fn with_networks(
        shape: &'a Shape,
        source: &'a S,
        settings: &Settings,
        own: &[Option<UserNetwork>],
    ) -> Result<Self, TrainError<S::Error>> {
        let start = Instant::now();
        settings.check(shape)?;
        let simulator = Simulator { shape, source };
        let (mut pilot, mut pilot_targets) = simulator.sample(PILOT, settings.pilot.min(LEAST_PILOT))?;
        let affordable = match settings.budget {
            Budget::Simulations(sets) => sets as f64 / 8.0,
            Budget::Time(time) => pilot.sets as f64 * time.as_secs_f64() / (50.0 * start.elapsed().as_secs_f64()),
        };
        simulator.extend(PILOT, settings.pilot.min(affordable as usize), &mut pilot, &mut pilot_targets)?;
        // A network that reads beginnings is fitted to those.
        let causal = matches!(settings.architecture.encoder, Encoder::Causal { .. });
        let pilot = if causal { prefix::cut(&pilot) } else { pilot };
        let reader = FeatureExtractor::fit(&pilot, &pilot_targets, shape, &settings.architecture);
        Ok(Trainer { start, ..Trainer::prepare(shape, source, settings, reader, own)? })
    }

    /// A training that has not begun.
    pub(super) fn prepare(
        shape: &'a Shape,
        source: &'a S,
        settings: &Settings,
        reader: FeatureExtractor,
        own: &[Option<UserNetwork>],
    ) -> Result<Self, TrainError<S::Error>> {
        keep_freed_memory();
        let simulator = Simulator { shape, source };
        let held_out = simulator.sample(VALIDATION, settings.validation)?;
        let plan =
            Layout::new(&reader, &settings.architecture, own).map_err(|error| TrainError::network(PILOT, 0, error))?;
        let weights = plan.initialise(settings.seed);
        // Each activation is there twice, with its gradient.
        let bytes = 8 * plan.row_activations(&held_out.0) / held_out.0.sets;
        let most = CHUNK_BYTES.checked_div(bytes).unwrap_or(usize::MAX).max(CHUNK_SETS);
        let affordable = settings.batch_size / settings.architecture.output.least_sets();
        let chunks = settings.batch_size.div_ceil(most).min(affordable).max(settings.chunks);
        let network = Network {
            shape: shape.clone(),
            architecture: settings.architecture.clone(),
            reader,
            plan,
            weights: Arc::new(Weights::new(weights.clone())),
            history: Vec::new(),
            registers: vec![registers()],
        };
        let linear = if network.reader.linear.is_some() { network.plan.linear() } else { 0..0 };
        Ok(Trainer {
            simulator,
            settings: settings.clone(),
            chunks,
            optimiser: Optimiser::new(weights, network.plan.slots(), linear),
            network,
            held_out,
            state: State::default(),
            best: None,
            start: Instant::now(),
        })
    }

    /// Starts from the layers with which another network reads images, and reads pixels in its units. Images are taken in
    /// their order: there must be as many, of the same sizes.
    ///
    /// # Errors
    /// If the other network reads no images, or if they, or its layers for them, are others.
    pub fn read_images_as(&mut self, other: &Network) -> Result<(), Error> {
        let Architecture { images, activation, .. } = &self.network.architecture;
        if !other.reads_images(&self.network.shape.plates, images, *activation) {
            let words = |Network { shape, architecture: Architecture { images, activation, .. }, .. }: &Network| {
                format!("of images of {:?} pixels ({images:?}, {activation:?})", PlateShape::images(&shape.plates))
            };
            let (found, own) = (words(other), words(&self.network));
            return Err(Error::Shape(format!("a network {found} cannot begin one {own}")));
        }
        let mut weights = self.optimiser.weights.values.clone();
        for (to, from) in self.network.plan.image_slots().into_iter().zip(other.plan.image_slots()) {
            weights[to.range()].copy_from_slice(&other.weights.values[from.range()]);
        }
        self.network.reader.read_images_as(&other.reader);
        let zeros = vec![0.0; weights.len()];
        self.optimiser.restore(weights.clone(), weights, zeros.clone(), zeros, 0);
        Ok(())
    }

    /// Whether the budget is spent, or the validation loss has stopped falling.
    pub fn done(&self) -> bool {
        self.state.fraction >= 1.0 || self.settings.patience.is_some_and(|patience| self.state.stale >= patience)
    }

    /// Draws data sets and takes one step; now and then also looks at the validation sample.
    ///
    /// # Errors
    /// Those of [`train`].
    pub fn step(&mut self) -> Result<TrainingProgress, TrainError<S::Error>> {
        let (sets, chunks) = (self.settings.batch_size, self.chunks);
        let step = self.state.step;
        let chunk = |chunk: usize| -> Result<Chunk, TrainError<S::Error>> {
            let start = Instant::now();
            let (first, last) = (sets * chunk / chunks, sets * (chunk + 1) / chunks);
            let (batch, targets) = self.simulator.draw(step, first, last - first)?;
            let simulation = start.elapsed().as_secs_f64();
            let place = step * sets as u64 + first as u64;
            let (loss, gradient) =
                self.differentiate(&batch, &targets, place).map_err(|failure| failure.at(step, first))?;
            Ok(Chunk { loss, gradient, simulation, work: start.elapsed().as_secs_f64() })
        };
        let done: Vec<Result<Chunk, _>> = (0..chunks).into_par_iter().map(chunk).collect();
        let done = done.into_iter().collect::<Result<Vec<_>, _>>()?;
        let loss = done.iter().map(|chunk| chunk.loss).sum::<f64>() / sets as f64;
        self.state.since.add(loss);
        self.state.simulation += done.iter().map(|chunk| chunk.simulation).sum::<f64>();
        self.state.work += done.iter().map(|chunk| chunk.work).sum::<f64>();
        let gradients: Vec<_> = done.into_iter().map(|chunk| chunk.gradient).collect();
        let rate = self.settings.learning_rate * schedule(self.state.fraction);
        let read = sets * self.network.reader.readings();
        self.optimiser.update(&gradients, self.network.plan.shared, read, rate, self.settings.weight_decay);

        let before = self.state.fraction;
        let seconds = self.seconds();
        self.state.step += 1;
        self.state.sets += sets as u64;
        self.state.fraction = self.settings.budget.spent(self.state.sets, seconds).min(1.0);
        if (before * EVALUATIONS).floor() < (self.state.fraction * EVALUATIONS).floor() {
            self.validate()?;
        }
        Ok(TrainingProgress {
            step: self.state.step,
            sets: self.state.sets,
            seconds,
            fraction: self.state.fraction,
            loss,
            validation: self.network.history.last().map(|record| record.validation),
        })
    }

    /// Seconds of training.
    pub(super) fn seconds(&self) -> f64 {
        self.state.seconds + self.start.elapsed().as_secs_f64()
    }

    fn validate(&mut self) -> Result<(), TrainError<S::Error>> {
        self.network.weights = Arc::new(Weights::new(self.optimiser.average.clone()));
        let (batch, targets) = &self.held_out;
        let losses =
            self.network.training_losses(batch, targets).map_err(|error| TrainError::network(VALIDATION, 0, error))?;
        let validation = losses.iter().sum::<f64>() / losses.len() as f64;
        if self.settings.patience.is_some() {
            let best = self.network.history.iter().map(|record| record.validation).fold(f64::INFINITY, f64::min);
            if validation < best {
                self.best = Some(self.optimiser.average.clone());
                self.state.stale = 0;
            } else {
                self.state.stale += 1;
            }
        }
        self.network.history.push(TrainingRecord {
            step: self.state.step,
            sets: self.state.sets,
            seconds: self.seconds(),
            loss: self.state.since.take(),
            validation,
            simulation: std::mem::take(&mut self.state.simulation) / std::mem::take(&mut self.state.work).max(1e-9),
        });
        Ok(())
    }

    /// The network with the averaged weights; where there is a [`patience`](Settings::patience), with those that had the
    /// lowest validation loss.
    pub fn finish(mut self) -> Network {
        self.network.weights = Arc::new(Weights::new(self.best.unwrap_or(self.optimiser.average)));
        self.network
    }

    /// The sum over data sets of the loss, nats of the targets as they are, and its gradient (as often as each set is read).
    fn differentiate(&self, batch: &Batch, targets: &[f32], place: u64) -> Result<(f64, ChunkGradient<f32>), Failure> {
        let Network { reader, plan, .. } = &self.network;
        let readings = reader.readings();
        let plates = reader.encode_to_learn(batch, place);
        let scales = reader.scales(batch.sets * readings, &plates);
        let standardised = reader.standardise(&reader.targets_to_learn(targets), &scales);
        let mut graph = Graph::<f32, OwnedTape<f32, Cpu>>::new(self.optimiser.weights.clone(), plan.shared)?;
        let judged = plan.forward(&mut graph, batch.sets * readings, plates)?;
        let loss = plan.head.loss(graph, &judged, &standardised)?;
        if let Some(at) = loss.each.iter().position(|loss| !loss.is_finite()) {
            return Err(Failure::NotFinite { set: at / readings, loss: loss.each[at] });
        }
        let sum: f64 = plan.head.in_nats(&loss.each, &scales).iter().sum();
        Ok((sum / readings as f64, loss.backward()?))
    }
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

/// The mean of what was added since it was last taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mean {
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

impl<S: TrainingSource> Simulator<'_, S> {
    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), TrainError<S::Error>> {
        let failed = |source| TrainError::network(step, first, source);
        let (batch, targets) =
            self.source.draw(step, first, sets).map_err(|source| TrainError::Source { step, first, source })?;
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
        self.extend(step, sets, &mut batch, &mut targets)?;
        Ok((batch, targets))
    }

    /// Draws more data sets, up to `sets` in all, as many as memory is meant for.
    fn extend(
        &self,
        step: u64,
        sets: usize,
        batch: &mut Batch,
        targets: &mut Vec<f32>,
    ) -> Result<(), TrainError<S::Error>> {
        let affordable = SAMPLE_NUMBERS / (batch.numbers() / batch.sets).max(1);
        let chunks = batch.sets.div_ceil(SAMPLE_CHUNK)..sets.min(affordable).div_ceil(SAMPLE_CHUNK);
        let more: Vec<_> =
            chunks.into_par_iter().map(|chunk| self.draw(step, chunk * SAMPLE_CHUNK, SAMPLE_CHUNK)).collect();
        for drawn in more {
            let (next, next_targets) = drawn?;
            batch.append(&next);
            targets.extend(next_targets);
        }
        Ok(())
    }
}

/// What one chunk contributes to a step.
struct Chunk {
    /// Summed over its data sets.
    loss: f64,
    gradient: ChunkGradient<f32>,
    /// Seconds of drawing its data sets, and of all that was done with them.
    simulation: f64,
    work: f64,
}

/// Why a chunk has no gradient.
enum Failure {
    Network(Error),
    NotFinite { set: usize, loss: f32 },
}

impl Failure {
    fn at<E>(self, step: u64, first: usize) -> TrainError<E> {
        match self {
            Failure::Network(source) => TrainError::network(step, first, source),
            Failure::NotFinite { set, loss } => TrainError::NotFinite { step, set: first + set, loss },
        }
    }
}

impl From<CpuError> for Failure {
    fn from(error: CpuError) -> Self {
        Failure::Network(error.into())
    }
}
