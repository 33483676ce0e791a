//! Banks of simulations on disk, for simulators that are too expensive to be run anew in every step of a training.
//!
//! A bank is a folder of shards, each a safetensors file that is written whole or not at all. A simulation that was
//! interrupted goes on with the first shard that is missing. The i-th data set of a bank is the i-th of
//! [`Simulate::run`] with the same seed, so that shards may also be made on several machines and put together.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::InferenceError;
use super::encode::Encoder;
use super::link::push_targets;
use super::posterior::{FINGERPRINT, MODEL};
use crate::model::{GlobalSlot, Model, global_slots, unconstrain};
use crate::nn::{Batch, PILOT, Shape, Source, VALIDATION};
use crate::progress::Progress;
use crate::simulate::{Simulate, SimulateError};

/// Data sets in a shard.
const SHARD: usize = 1024;
/// The smallest bank that can be trained from.
const SMALLEST: usize = 640;
/// Data sets that are taken off the validation share at once: see [`Source`].
const CHUNK: usize = 64;

const SIMULATION: &str = "hierarch.simulation";
const SETS: &str = "hierarch.sets";

/// Simulated data sets in memory, as a network reads them, with the globals that they were drawn from.
#[derive(Clone, Debug)]
pub struct Bank<M: Model> {
    model: M,
    batch: Batch,
    /// In unconstrained space, sets x numbers of all globals.
    globals: Vec<f32>,
    /// Says which simulations these are.
    simulation: String,
    sizes: Vec<(String, usize)>,
}

impl<'a, M: Model> Simulate<'a, M> {
    /// Runs the simulations that a folder does not hold yet, on all cores, writes them to it, and reads them all.
    ///
    /// # Errors
    /// A simulation that cannot be drawn, a file that cannot be written or read, or a folder with simulations of another
    /// model, seed or sizes.
    pub fn bank(self, folder: impl AsRef<Path>) -> Result<Bank<M>, InferenceError> {
        let folder = folder.as_ref();
        let (model, sets, simulation) = (self.model(), self.sets(), self.describe());
        let specification = model.specification();
        let encoder = Encoder::new(&specification);
        let (width, plates) = encoder.shape();
        let shape = Shape { width, plates, targets: 0 };
        let mut bank = Bank {
            model: model.clone(),
            batch: encoder.batch(),
            globals: Vec::new(),
            simulation,
            sizes: self.fixed_sizes().to_vec(),
        };
        let plan = self.plan()?;
        let bar = Progress::new("simulating", sets as u64);
        for (shard, first) in (0..sets).step_by(SHARD).enumerate() {
            let path = folder.join(format!("{shard:05}.safetensors"));
            let last = (first + SHARD).min(sets);
            let metadata = |sets: usize| {
                BTreeMap::from([
                    (MODEL.to_owned(), specification.name.clone()),
                    (FINGERPRINT.to_owned(), specification.fingerprint()),
                    (SIMULATION.to_owned(), bank.simulation.clone()),
                    (SETS.to_owned(), sets.to_string()),
                ])
            };
            // A shard may have been the last of a smaller bank, or be cut short now.
            let found = if path.exists() { Some(Batch::load(&path, &shape)?) } else { None };
            if let Some((batch, _, found)) = &found
                && *found != metadata(batch.sets)
            {
                let text = |found: &BTreeMap<String, String>| {
                    let entry = |key: &str| found.get(key).map_or("?", String::as_str);
                    format!("data sets of `{}` ({}), {}", entry(MODEL), entry(FINGERPRINT), entry(SIMULATION))
                };
                let (found, expected) = (text(found), text(&metadata(last - first)));
                return Err(InferenceError::OtherSimulations { path, found, expected });
            }
            let (batch, globals) = match found {
                Some((batch, globals, _)) if batch.sets >= last - first => {
                    let stride = globals.len() / batch.sets;
                    (batch.slice(0..last - first), globals[..(last - first) * stride].to_vec())
                }
                _ => {
                    let simulate = |index: usize| -> Result<(Batch, Vec<f32>), SimulateError> {
                        let simulation = self.draw(&plan, index)?;
                        let mut batch = encoder.batch();
                        encoder.push(&simulation.data, &mut batch);
                        let globals = unconstrain(model, &simulation.globals, None);
                        Ok((batch, globals.into_iter().map(|q| q as f32).collect()))
                    };
                    let drawn: Vec<Result<_, SimulateError>> = (first..last).into_par_iter().map(simulate).collect();
                    let (mut batch, mut globals) = (encoder.batch(), Vec::new());
                    for set in drawn {
                        let (one, numbers) = set?;
                        batch.append(&one);
                        globals.extend(numbers);
                    }
                    batch.check(&shape)?;
                    batch.save(&path, &globals, metadata(batch.sets))?;
                    (batch, globals)
                }
            };
            bank.batch.append(&batch);
            bank.globals.extend(globals);
            bar.set(last as u64, || format!("{last} data sets,"));
        }
        Ok(bank)
    }
}

impl<M: Model> Bank<M> {
    /// How many data sets there are.
    pub fn len(&self) -> usize {
        self.batch.sets
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.batch.sets == 0
    }

    /// Which simulations these are.
    pub(super) fn simulation(&self) -> String {
        format!("{} data sets, {}", self.len(), self.simulation)
    }

    /// Sizes that were fixed.
    pub(super) fn sizes(&self) -> &[(String, usize)] {
        &self.sizes
    }

    /// Data sets that are held out: a tenth.
    pub(super) fn validation(&self) -> usize {
        self.len() / 10 / CHUNK * CHUNK
    }

    /// Data sets that are learned from.
    pub(super) fn training(&self) -> usize {
        self.len() - self.validation()
    }

    /// Draws from the bank for a training in steps of `sets`.
    pub(super) fn source<'a>(
        &'a self,
        model: &M,
        targets: &'a [GlobalSlot],
        sets: usize,
        seed: u64,
    ) -> Result<BankSource<'a, M>, InferenceError> {
        if *model != self.model {
            let name = |model: &M| format!("{model:?}");
            return Err(InferenceError::OtherBank { found: name(&self.model), expected: name(model) });
        }
        if self.len() < SMALLEST {
            return Err(InferenceError::SmallBank { sets: self.len(), least: SMALLEST });
        }
        let stride = global_slots(model).iter().map(|g| g.free.end).max().unwrap_or(0);
        Ok(BankSource { bank: self, targets, stride, sets, seed })
    }
}

/// A bank as the training sees it: in every epoch all of its training share once, in an order of its own.
pub(super) struct BankSource<'a, M: Model> {
    bank: &'a Bank<M>,
    targets: &'a [GlobalSlot],
    /// Numbers of all globals.
    stride: usize,
    /// Data sets of a step.
    sets: usize,
    seed: u64,
}

impl<M: Model> Source for BankSource<'_, M> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let training = self.bank.training();
        let place = |i: usize| match step {
            PILOT => (first + i) % training,
            VALIDATION => training + (first + i) % self.bank.validation(),
            _ => {
                let position = step * self.sets as u64 + (first + i) as u64;
                let (epoch, at) = (position / training as u64, position % training as u64);
                shuffled(at, training as u64, self.seed ^ epoch.wrapping_mul(0x9e37_79b9_7f4a_7c15)) as usize
            }
        };
        let mut batch = self.bank.batch.slice(0..0);
        let mut targets = Vec::with_capacity(sets * self.targets.len());
        for at in (0..sets).map(place) {
            batch.append(&self.bank.batch.slice(at..at + 1));
            let q = &self.bank.globals[at * self.stride..(at + 1) * self.stride];
            let q: Vec<f64> = q.iter().map(|q| f64::from(*q)).collect();
            push_targets(&q, self.targets, &mut targets);
        }
        Ok((batch, targets))
    }
}

/// The place of `at` in a permutation of 0..length that a key names: a Feistel network over the next power of 4, walked
/// until it lands inside.
fn shuffled(mut at: u64, length: u64, key: u64) -> u64 {
    let half = (64 - (length.max(2) - 1).leading_zeros()).div_ceil(2);
    let mask = (1u64 << half) - 1;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..4u64 {
            let mixed =
                (right ^ key.rotate_left(round as u32 * 16)).wrapping_add(round).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (left, right) = (right, left ^ ((mixed ^ (mixed >> 32)) & mask));
        }
        at = (left << half) | right;
        if at < length {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shuffled;

    #[test]
    fn an_epoch_visits_every_data_set_once_and_each_in_another_order() {
        for length in [1, 2, 3, 5, 64, 1000, 1025] {
            let order = |key| (0..length).map(|at| shuffled(at, length, key)).collect::<Vec<_>>();
            let mut sorted = order(7);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..length).collect::<Vec<_>>());
            if length > 5 {
                assert_ne!(order(7), order(8));
                assert_ne!(order(7), (0..length).collect::<Vec<_>>());
            }
        }
    }
}
