//! A training run, step by step.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::chunk::{Chunk, differentiate};
use super::simulator::Simulator;
use super::state::{LEAST_STEPS, State, WORTH, schedule};
use crate::architecture::{Architecture, Encoder};
use crate::batch::Batch;
use crate::element_network::UserNetwork;
use crate::error::{Error, TrainError};
use crate::features::FeatureExtractor;
use crate::held_out::HeldOut;
use crate::layout::Layout;
use crate::network::Network;
use crate::optimise::Optimiser;
use crate::prefix;
use crate::progress::{TrainingProgress, TrainingRecord};
use crate::settings::{Budget, Settings};
use crate::shape::{PlateShape, Shape};
use crate::source::TrainingSource;
use crate::step::{PILOT, VALIDATION};
use crate::weights::Weights;
use hierarch_core::simd::registers;

/// Bytes of the numbers that a chunk's layers make of rows: about what fits in a core's caches.
const CHUNK_BYTES: usize = 2 << 20;
/// The least number of data sets in a chunk, so that the layers that read data sets are matrix products.
const CHUNK_SETS: usize = 4;
/// The least number of data sets in the pilot sample, unless the settings ask for fewer.
const LEAST_PILOT: usize = 2048;

/// The least number of steps after which it can be told whether a network goes on learning.
const FEW_STEPS: u64 = 200;
/// The fall of the validation loss in the second half of a training above which there is a doubt, in nats: what is left to
/// learn is about as much, a factor of 1.3 in the width of one number.
const STILL_FALLING: f64 = 0.05;
/// Evaluations in a training run.
const EVALUATIONS: f64 = 20.0;

/// A training run, step by step.
///
/// ```
/// use hierarch_nn::{Architecture, Batch, Budget, Settings, Shape, Trainer, TrainingRecord, TrainingSource, Trunk};
/// use rand::{RngExt, SeedableRng};
/// use rand_distr::StandardNormal;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// /// theta ~ N(0, 1), and x ~ N(theta, 1).
/// struct OneNumber;
///
/// impl TrainingSource for OneNumber {
///     type Error = std::convert::Infallible;
///
///     fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Self::Error> {
///         let mut rng = Xoshiro256PlusPlus::seed_from_u64(step ^ ((first as u64) << 32));
///         let mut normal = || rng.sample::<f32, _>(StandardNormal);
///         let thetas: Vec<f32> = (0..sets).map(|_| normal()).collect();
///         let x: Vec<f32> = thetas.iter().map(|theta| theta + normal()).collect();
///         Ok((Batch { sets, width: 1, globals: x, plates: vec![] }, thetas))
///     }
/// }
///
/// let shape = Shape { width: 1, targets: 1, ..Shape::default() };
/// let trunk = Trunk::Residual { width: 16, blocks: 1 };
/// let architecture = Architecture { bins: 16, trunk, ..Architecture::sized(&shape) };
/// // Four steps of 256 data sets.
/// let budget = Budget::simulations(1_024);
/// let settings = Settings { architecture, pilot: 512, validation: 256, ..Settings::new(budget) };
/// let mut trainer = Trainer::new(&shape, &OneNumber, &settings)?;
/// while !trainer.done() {
///     let progress = trainer.step()?;
///     println!("{:.0} % done, loss {:.3}", 100.0 * progress.fraction, progress.loss);
/// }
/// let network = trainer.finish();
/// let history: &[TrainingRecord] = network.history();
/// assert_eq!(history.last().map(|record| (record.step, record.sets)), Some((4, 1_024)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a, S> {
    simulator: Simulator<'a, S>,
    pub(crate) settings: Settings,
    chunks: usize,
    /// Its weights are the averaged weights of the last validation.
    pub(crate) network: Network,
    pub(crate) optimiser: Optimiser,
    held_out: (Batch, Vec<f32>),
    pub(crate) state: State,
    /// The averaged weights with the lowest validation loss; `None` if there is no [`patience`](Settings::patience), and
    /// before the first validation.
    pub(crate) best: Option<Vec<f32>>,
    /// The time at which `state.seconds` was right.
    start: Instant,
}

impl<'a, S: TrainingSource> Trainer<'a, S> {
    /// Fits the standardisation to a pilot sample and prepares the first step.
    ///
    /// # Errors
    /// Those of [`train`](crate::train()).
    pub fn new(shape: &'a Shape, source: &'a S, settings: &Settings) -> Result<Self, TrainError<S::Error>> {
        Trainer::with_networks(shape, source, settings, &[])
    }

    /// Prepares a training with element networks of the user's own, `own`: empty, or one entry for each plate, which is
    /// `None` if the plate has no such network. If there are numbers outside plates, the first entry is for them.
    ///
    /// # Errors
    /// Those of [`train`](crate::train()), and if a network cannot read the rows of its plate.
    pub fn with_networks(
        shape: &'a Shape,
        source: &'a S,
        settings: &Settings,
        own: &[Option<UserNetwork>],
    ) -> Result<Self, TrainError<S::Error>> {
        let start = Instant::now();
        settings.check(shape).map_err(TrainError::Settings)?;
        let simulator = Simulator { shape, source };
        let (mut pilot, mut pilot_targets) = simulator.sample(PILOT, settings.pilot.min(LEAST_PILOT))?;
        let affordable = match settings.budget {
            Budget::Simulations(sets) | Budget::UntilConverged(sets) => sets as f64 / 8.0,
            Budget::Time(time) => pilot.sets as f64 * time.as_secs_f64() / (50.0 * start.elapsed().as_secs_f64()),
        };
        simulator.extend(PILOT, settings.pilot.min(affordable as usize), &mut pilot, &mut pilot_targets)?;
        // A network that reads beginnings of data sets is fitted to those.
        let causal = matches!(settings.architecture.encoder, Encoder::Causal { .. });
        let pilot = if causal { prefix::cut(&pilot) } else { pilot };
        let reader = FeatureExtractor::fit(&pilot, &pilot_targets, shape, &settings.architecture);
        Ok(Trainer { start, ..Trainer::prepare(shape, source, settings, reader, own)? })
    }

    /// Prepares a training that has not begun, from what has been fitted to the pilot sample.
    pub(crate) fn prepare(
        shape: &'a Shape,
        source: &'a S,
        settings: &Settings,
        reader: FeatureExtractor,
        own: &[Option<UserNetwork>],
    ) -> Result<Self, TrainError<S::Error>> {
        keep_freed_memory();
        let simulator = Simulator { shape, source };
        let held_out = simulator.sample(VALIDATION, settings.validation)?;
        let plan = Layout::new(&reader, &settings.architecture, own, usize::MAX)
            .map_err(|error| TrainError::network(PILOT, 0, error))?;
        let weights = plan.initialise(settings.seed);
        // Each number has a gradient beside it.
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
            remarks: Vec::new(),
        };
        let linear = if network.reader.linear.is_some() { network.plan.trunk.linear() } else { 0..0 };
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

    /// Starts from the layers with which `other` reads images, and reads pixels in its units. Both networks must read the same
    /// number of images, of the same sizes in the same order.
    ///
    /// # Errors
    /// If `other` reads no images, or its images, or its layers for them, have other sizes.
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

    /// Tells whether the budget is spent, or the validation loss has stopped falling.
    pub fn done(&self) -> bool {
        self.state.fraction >= 1.0 || self.settings.patience.is_some_and(|patience| self.state.stale >= patience)
    }

    /// Draws data sets and takes one step; some steps are followed by a validation.
    ///
    /// # Errors
    /// Those of [`train`](crate::train()).
    pub fn step(&mut self) -> Result<TrainingProgress, TrainError<S::Error>> {
        let (sets, chunks) = (self.settings.batch_size, self.chunks);
        let step = self.state.step;
        let chunk = |chunk: usize| -> Result<Chunk, TrainError<S::Error>> {
            let start = Instant::now();
            let (first, last) = (sets * chunk / chunks, sets * (chunk + 1) / chunks);
            let (batch, targets) = self.simulator.draw(step, first, last - first)?;
            let simulation = start.elapsed().as_secs_f64();
            let place = step * sets as u64 + first as u64;
            let (loss, gradient) = differentiate(&self.network, &self.optimiser.weights, &batch, &targets, place)
                .map_err(|failure| failure.at(step, first))?;
            Ok(Chunk { loss, gradient, simulation, work: start.elapsed().as_secs_f64() })
        };
        let done: Vec<Result<Chunk, _>> = (0..chunks).into_par_iter().map(chunk).collect();
        let done = done.into_iter().collect::<Result<Vec<_>, _>>()?;
        let loss = done.iter().map(|chunk| chunk.loss).sum::<f64>() / sets as f64;
        self.state.since.add(loss);
        self.state.simulation += done.iter().map(|chunk| chunk.simulation).sum::<f64>();
        self.state.work += done.iter().map(|chunk| chunk.work).sum::<f64>();
        let gradients: Vec<_> = done.into_iter().map(|chunk| chunk.gradient).collect();
        let share = match self.settings.budget {
            Budget::UntilConverged(_) => self.state.plateau(),
            Budget::Time(_) | Budget::Simulations(_) => schedule(self.state.fraction),
        };
        let rate = self.settings.learning_rate * share;
        let read = sets * self.network.reader.readings();
        let decay = self.settings.weight_decay;
        if !self.optimiser.update(&gradients, self.network.plan.shared, read, rate, decay) {
            return Err(TrainError::Gradient { step });
        }

        let before = self.state.fraction;
        let seconds = self.seconds();
        self.state.step += 1;
        self.state.sets += sets as u64;
        if let Budget::UntilConverged(most) = self.settings.budget {
            self.state.fraction = self.state.spent(most).min(1.0);
            self.judge_progress(most)?;
        } else {
            self.state.fraction = self.settings.budget.spent(self.state.sets, seconds).min(1.0);
            if (before * EVALUATIONS).floor() < (self.state.fraction * EVALUATIONS).floor() {
                self.validate()?;
            }
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

    /// Returns the seconds of training so far, also those before it was resumed.
    pub(crate) fn seconds(&self) -> f64 {
        self.state.seconds + self.start.elapsed().as_secs_f64()
    }

    /// In a training until it has converged: validates when a fifth more data sets were seen than at the last validation, and
    /// lets the learning rate fall when more training stops paying, or has to end.
    fn judge_progress(&mut self, most: u64) -> Result<(), TrainError<S::Error>> {
        let State { step, sets, fall, fraction, .. } = self.state;
        let last = self.network.history.last().map_or(0, |record| record.step);
        match fall {
            Some((start, end)) => {
                let quarters = |sets: u64| 4 * (sets - start) / (end - start).max(1);
                if quarters(sets) > quarters(sets - self.settings.batch_size as u64) || fraction >= 1.0 {
                    self.validate()?;
                }
            }
            None if step >= 25 && step as f64 >= 1.2 * last as f64 => {
                self.validate()?;
                self.state.converged = step >= LEAST_STEPS && self.gain_of_half().is_some_and(|gain| gain < WORTH);
                if self.state.converged {
                    self.state.fall = Some((sets, (sets + sets / 3).min(most.max(sets + 1))));
                }
            }
            None => {}
        }
        if self.state.fall.is_none() && 4 * sets >= 3 * most {
            self.state.fall = Some((sets, most.max(sets + 1)));
        }
        Ok(())
    }

    /// Returns by how much the validation loss has fallen since half as many data sets were seen as now; `None` if there is
    /// no validation from then.
    fn gain_of_half(&self) -> Option<f64> {
        let last = self.network.history.last()?;
        let half = self.network.history.iter().rev().find(|record| 2 * record.sets <= last.sets)?;
        Some(half.validation - last.validation)
    }

    /// Says what speaks against a trained network: that it was trained for too short a time. `None` if nothing does.
    fn doubt(&self) -> Option<String> {
        let State { step, sets, converged, stale, .. } = self.state;
        // A training that stopped by itself had learned what there was to learn.
        if converged || self.settings.patience.is_some_and(|patience| stale >= patience) {
            return None;
        }
        let advice = match self.settings.budget {
            Budget::UntilConverged(_) => "allow more simulations",
            Budget::Time(_) | Budget::Simulations(_) => "train longer, or with `Budget::until_converged`",
        };
        if step < FEW_STEPS {
            return Some(format!(
                "it was trained for {step} steps, with {sets} data sets: too few to tell whether it has learned what there \
                 is to learn; {advice}"
            ));
        }
        let gain = self.gain_of_half().filter(|gain| *gain > STILL_FALLING)?;
        Some(format!(
            "the loss on held-out simulations fell by {gain:.2} nats in the second half of the training and would fall on: \
             posteriors are wider than they need be; {advice}"
        ))
    }

    /// Evaluates the averaged weights on the validation sample, and records the loss.
    fn validate(&mut self) -> Result<(), TrainError<S::Error>> {
        self.network.weights = Arc::new(Weights::new(self.optimiser.average.clone()));
        let (batch, targets) = &self.held_out;
        let losses =
            self.network.training_losses(batch, targets).map_err(|error| TrainError::network(VALIDATION, 0, error))?;
        if let Some(set) = losses.iter().position(|loss| !loss.is_finite()) {
            return Err(TrainError::NotFinite { step: VALIDATION, set, loss: losses[set] as f32 });
        }
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

    /// Returns the network, as [`finish`](Trainer::finish) does, and how well its predictions are calibrated on the
    /// validation sample.
    ///
    /// # Errors
    /// Those of [`train`](crate::train()).
    pub fn finish_checked(self) -> Result<(Network, Vec<HeldOut>), TrainError<S::Error>> {
        let held_out = self.held_out.clone();
        let network = self.finish();
        let check = network.check_held_out(&held_out.0, &held_out.1);
        let check = check.map_err(|error| TrainError::network(VALIDATION, 0, error))?;
        Ok((network, check))
    }

    /// Returns the network with the averaged weights. If there is a [`patience`](Settings::patience), these are the averaged
    /// weights that had the lowest validation loss.
    pub fn finish(self) -> Network {
        let doubt = self.doubt();
        let mut network = self.finish_unjudged();
        network.remarks.extend(doubt);
        network
    }

    /// Returns the network, as [`finish`](Trainer::finish) does, without a remark on whether it was trained for long enough: for
    /// one of several that were trained for different times.
    pub fn finish_unjudged(mut self) -> Network {
        self.network.weights = Arc::new(Weights::new(self.best.unwrap_or(self.optimiser.average)));
        self.network
    }
}

/// Lets glibc keep the memory that a step frees for the next step. What glibc holds beyond twice the largest block ever freed
/// it gives back to the system, and every step would fault it in again, which costs a third of the speed. Freeing one large
/// block, which is never touched, raises that limit. Other allocators are not harmed.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(24 << 20)));
}
