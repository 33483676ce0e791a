//! Banks as what networks are trained from.

use std::ops::Range;

use super::bank::{AnyBank, CHUNK};
use super::epochs::in_epochs;
use super::hierarchy::{EncodedData, Hierarchy};
use super::link::Link;
use super::local_task::Task;
use super::shard::{SHARD, Shard};
use super::units::{Target, places};
use super::{BankError, InferenceError};
use crate::model::AnyModel;
use crate::nn::{Batch, PILOT, Settings, TrainingSource, VALIDATION};
use crate::simulate::SimulateError;

impl AnyBank {
    /// Returns a source of data sets from the bank, for a training with `settings`.
    pub(super) fn source<'a>(
        &'a self,
        model: &dyn AnyModel,
        targets: &[Target],
        settings: &Settings,
    ) -> Result<BankSource<'a>, InferenceError> {
        self.check(model)?;
        let stored = self.units().targets(model, targets.iter().map(|target| (**target).clone()).collect());
        let links = places(&stored).zip(places(targets)).map(|((at, stored), (_, own))| (at, stored, own)).collect();
        Ok(BankSource { bank: self, links, sets: settings.batch_size, seed: settings.seed })
    }

    /// Returns the elements that a network for locals can be trained on, and those that are held out.
    ///
    /// # Errors
    /// Too few elements that are held out, or none to train on.
    pub(super) fn elements<'a>(
        &'a self,
        hierarchy: &'a Hierarchy,
        task: Task,
    ) -> Result<BankElements<'a>, InferenceError> {
        let path = &hierarchy.plates[task.plate].path;
        let training = ElementRuns::of(&self.shards, path, 0..self.training());
        let validation = ElementRuns::of(&self.shards, path, self.training()..self.len());
        if validation.count < CHUNK || training.count == 0 {
            let (plate, elements) = (hierarchy.plates[task.plate].name.clone(), validation.count);
            return Err(BankError::FewElements { plate, elements, least: CHUNK }.into());
        }
        Ok(BankElements { bank: self, hierarchy, task, training, validation, sets: 0, seed: 0 })
    }
}

/// Checks that what was asked for of data that stay on disk could be read.
fn all_read(data: &EncodedData) -> Result<(), SimulateError> {
    data.data
        .unread()
        .map_or(Ok(()), |(path, error)| Err(SimulateError::Unread { path: path.to_owned(), error: error.to_string() }))
}

/// A bank as a source for the training of a network for globals: every epoch visits all of the training share once, in
/// an order of its own.
pub(super) struct BankSource<'a> {
    bank: &'a AnyBank,
    /// For each number that is inferred its place in a shard, its link there, and its own.
    links: Vec<(usize, Link, Link)>,
    /// The number of data sets in a step.
    sets: usize,
    seed: u64,
}

impl TrainingSource for BankSource<'_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let training = self.bank.training();
        let mut batch = self.bank.hierarchy.encoder.batch();
        let mut targets = Vec::with_capacity(sets * self.links.len());
        for place in first..first + sets {
            let set = match step {
                PILOT => place % training,
                VALIDATION => training + place % self.bank.validation(),
                _ => in_epochs(step * self.sets as u64 + place as u64, training, self.seed),
            };
            let (shard, set) = self.bank.place(set);
            let Shard { parts, latents } = &self.bank.shards[shard];
            parts.data.push(set..set + 1, &mut batch);
            all_read(parts)?;
            let numbers = latents.globals.len() / parts.data.sets;
            let globals = &latents.globals[set * numbers..(set + 1) * numbers];
            let own = |&(at, stored, own): &(usize, Link, Link)| match globals[at] {
                z if stored == own => z,
                z => own.forward(stored.inverse(f64::from(z))) as f32,
            };
            targets.extend(self.links.iter().map(own));
        }
        Ok((batch, targets))
    }
}

/// The elements of a plate in some data sets of a bank: one run of them in each shard.
pub(super) struct ElementRuns {
    pub(super) count: usize,
    /// For each run, the number of its first element, its shard, and its row there.
    runs: Vec<(usize, usize, usize)>,
}

impl ElementRuns {
    pub(super) fn of(shards: &[Shard], path: &[usize], sets: Range<usize>) -> Self {
        let (mut count, mut runs) = (0, Vec::new());
        for (number, shard) in shards.iter().enumerate() {
            let within = |set: usize| set.saturating_sub(number * SHARD).min(SHARD);
            // The last shard may hold more than the bank does.
            let rows = shard.parts.data.rows_of(path, within(sets.start)..within(sets.end));
            if !rows.is_empty() {
                runs.push((count, number, rows.start));
                count += rows.len();
            }
        }
        Self { count, runs }
    }

    /// Returns the shard and the row of an element.
    pub(super) fn place(&self, element: usize) -> (usize, usize) {
        let (first, shard, row) = self.runs[self.runs.partition_point(|run| run.0 <= element) - 1];
        (shard, row + element - first)
    }
}

/// A bank as a source for the training of a network for locals: every epoch visits each element of the training share
/// once, in an order of its own, so that the elements of a step are from as many data sets as possible.
///
/// Data sets with many elements are seen often. That changes nothing: the posterior of an element does not depend on
/// how many there are, except in plates of random size, and there the network reads the number.
pub(super) struct BankElements<'a> {
    bank: &'a AnyBank,
    hierarchy: &'a Hierarchy,
    task: Task,
    training: ElementRuns,
    validation: ElementRuns,
    /// The number of elements in a step.
    sets: usize,
    seed: u64,
}

impl BankElements<'_> {
    /// Returns the number of elements to train from, and the number that are held out.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.training.count, self.validation.count / CHUNK * CHUNK)
    }

    /// Takes the batch size and the seed from `settings`.
    pub(super) fn for_training(self, settings: &Settings) -> Self {
        Self { sets: settings.batch_size, seed: settings.seed, ..self }
    }

    /// Returns a text that identifies the simulations.
    pub(super) fn simulation(&self) -> String {
        self.bank.simulation()
    }
}

impl TrainingSource for BankElements<'_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let (mut batch, mut targets) = self.task.batch(self.hierarchy, sets);
        for place in first..first + sets {
            let (elements, position) = match step {
                PILOT => (&self.training, place as u64),
                VALIDATION => (&self.validation, place as u64),
                _ => (&self.training, step * self.sets as u64 + place as u64),
            };
            let (shard, row) = elements.place(in_epochs(position, elements.count, self.seed));
            let Shard { parts, latents } = &self.bank.shards[shard];
            self.task.push(self.hierarchy, (parts, latents), row, &mut batch, &mut targets);
            all_read(parts)?;
        }
        Ok((batch, targets))
    }
}
