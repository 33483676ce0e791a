//! A training with its progress and its checkpoints, common to all estimators.

use std::collections::BTreeMap;
use std::io::ErrorKind::NotFound;
use std::path::Path;

use super::file::TRIAL;
use super::mirror::{Flip, Mirrored};
use super::trial;
use super::{FileError, InferenceError};
use crate::files::SaveClock;
use crate::interrupt::Interruptible;
use crate::model::{AnyModel, Skipped};
use crate::nn::{self, HeldOut, Network, Settings, Shape, TrainError, Trainer, TrainingSource, UserNetwork};
use crate::progress::Progress;
use crate::simulate::SimulateError;

const TRAINING_OF: &str = "hierarch.training.of";

/// What is common to the trainings of all estimators.
pub(super) struct Training<'a> {
    pub(super) model: &'a dyn AnyModel,
    /// A text that identifies what is learned.
    pub(super) of: String,
    pub(super) settings: &'a Settings,
    /// The user's networks that read rows.
    pub(super) networks: &'a [Option<UserNetwork>],
    /// Images that are mirrored at random.
    pub(super) flips: &'a [Flip],
    /// How many numbers of locals end the numbers outside plates; `None` where the locals are the targets.
    pub(super) known: Option<usize>,
    /// A network that reads the same images: the image layers of this one start from its layers.
    pub(super) images: Option<&'a Network>,
    /// The file of the training's checkpoint.
    pub(super) checkpoint: Option<&'a Path>,
    /// The names of the targets, number by number.
    pub(super) names: Vec<String>,
    /// The simulations that could not be drawn.
    pub(super) skipped: Option<&'a Skipped>,
    /// Whether it is one of several networks, which are judged together.
    pub(super) of_several: bool,
}

/// A posterior that is further off on held-out simulations, in its own standard deviations, or whose width is wrong by more,
/// is reported, if chance would do that with a smaller probability than this one.
const OFFSET: f64 = 0.2;
const WIDTH: f64 = 0.1;
const CHANCE: f64 = 1e-4;

/// Says how posteriors of numbers with these `names` are miscalibrated on held-out simulations.
pub(super) fn remarks_on(names: &[String], check: &[HeldOut]) -> Vec<String> {
    names.iter().zip(check).filter_map(|(name, found)| miscalibrated(name, found, check.len())).collect()
}

/// Says how the posterior of `name`, one of `numbers`, is miscalibrated on held-out simulations; `None` if it is not.
fn miscalibrated(name: &str, found: &HeldOut, numbers: usize) -> Option<String> {
    let HeldOut { offset, spread, p } = *found;
    if p * numbers as f64 > CHANCE || (offset.abs() < OFFSET && (spread - 1.0).abs() < WIDTH) {
        return None;
    }
    let width = if spread > 1.0 { ("narrow", spread) } else { ("wide", spread.recip()) };
    Some(format!(
        "on held-out simulations the posterior of `{name}` is too {} by a factor of {:.2}, and {:.2} of its sds too {} \
         (p = {p:.0e}): do not trust it before it is trained longer",
        width.0,
        width.1,
        offset.abs(),
        if offset > 0.0 { "low" } else { "high" }
    ))
}

impl Training<'_> {
    /// Trains a network until the budget is spent, from the beginning or from the checkpoint. `simulations` is a text
    /// that identifies the simulations.
    pub(super) fn fit(
        &self,
        shape: &Shape,
        source: &dyn TrainingSource<Error = SimulateError>,
        simulations: &str,
    ) -> Result<Network, InferenceError> {
        let Training { flips, known, settings, .. } = *self;
        let source = &Mirrored { source, flips, known, seed: settings.seed };
        let flips = if flips.is_empty() { String::new() } else { format!(", {flips:?}") };
        let begun = self.images.map(|network| format!(", begun as {}", network.fingerprint())).unwrap_or_default();
        let identity = format!("{}{flips}{begun}, {simulations}", self.of);
        let metadata = BTreeMap::from([
            (TRAINING_OF.to_owned(), identity.clone()),
            (TRIAL.to_owned(), self.checkpoint.map(|_| trial::trial(self.model)).unwrap_or_default()),
        ]);
        let found = match self.checkpoint {
            None => None,
            Some(path) => match Trainer::resume_with_networks(shape, source, self.settings, self.networks, path) {
                Err(TrainError::Checkpoint(nn::Error::Io { source, .. })) if source.kind() == NotFound => None,
                found => Some((path, found?)),
            },
        };
        let mut trainer = match found {
            Some((path, (trainer, found))) => {
                if found.get(TRAINING_OF) != metadata.get(TRAINING_OF) {
                    let found = found.get(TRAINING_OF).cloned().unwrap_or_default();
                    return Err(FileError::OtherTraining { path: path.to_owned(), found, expected: identity }.into());
                }
                trial::compare(&metadata[TRIAL], found.get(TRIAL), path)?;
                trainer
            }
            None => {
                let mut trainer = Trainer::with_networks(shape, source, self.settings, self.networks)?;
                if let Some(network) = self.images {
                    trainer.read_images_as(network)?;
                }
                trainer
            }
        };
        let work = self.checkpoint.map(|path| (path, Interruptible::begin()));
        // A path that cannot be written is found before the training, and not after its first minutes.
        if let Some(path) = self.checkpoint.filter(|_| !trainer.done()) {
            trainer.save(path, &metadata)?;
        }
        let bar = Progress::new("training", 1000);
        let (mut clock, mut unsaved) = (SaveClock::default(), None);
        while !trainer.done() {
            let p = trainer.step()?;
            bar.set((1000.0 * p.fraction) as u64, || {
                let validation = p.validation.map_or(String::new(), |v| format!(", validation {v:.3}"));
                format!("loss {:.3}{validation} nats, {:.0} sets/s,", p.loss, p.sets as f64 / p.seconds.max(1e-9))
            });
            let Some((path, work)) = &work else { continue };
            let must_end = work.must_end();
            if must_end || trainer.done() || clock.is_due() {
                // A disk that is full or away for a while is no reason to end a training of hours.
                unsaved = clock.save(|| trainer.save(path, &metadata)).err();
            }
            if must_end {
                return Err(unsaved.map_or(InferenceError::Interrupted { path: path.to_path_buf() }, Into::into));
            }
        }
        let (mut network, check) = match self.of_several {
            true => (trainer.finish_unjudged(), Vec::new()),
            false => trainer.finish_checked()?,
        };
        remarks_on(&self.names, &check).into_iter().for_each(|remark| network.remark(remark));
        let unsaved = unsaved.map(|error| format!("the end of the training is not in its checkpoint: {error}"));
        for remark in self.skipped.and_then(Skipped::describe).into_iter().chain(unsaved) {
            network.remark(remark);
        }
        Ok(network)
    }
}
