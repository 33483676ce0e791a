//! Banks of simulations on disk, for simulators that are too expensive to be run anew in every step of a training.
//!
//! A bank is a folder of shards, each a safetensors file that is written completely or not at all, again and again while it
//! fills. An interrupted simulation resumes with the first data set that is missing. The i-th data set of a bank is the i-th of
//! [`Simulate::run`] with the same seed, so that shards may also be made on several machines and put together.
//!
//! In memory the shards stay separate, and each table of counts takes 2 bytes for a number. Of a large bank only the first
//! shards are in memory: the data of the others stay in their files, and are read when a training needs them, from the page
//! cache of the system as long as it has room. Latent variables are always in memory.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::bank_filling::{Drawing, Filling, create, whole_file};
use super::bank_shards::ShardedBank;
use super::hierarchy::Hierarchy;
use super::shard::{SHARD, Shard};
use super::units::{Units, places};
use super::{BankError, InferenceError};
use crate::files::hold;
use crate::interrupt::Interruptible;
use crate::model::{AnyData, AnyModel, Model, Skipped};
use crate::progress::Progress;
use crate::simulate::{AnySimulate, Simulate};

/// The least number of data sets in a bank that can be trained from.
pub(super) const SMALLEST: usize = 640;
/// The validation share is a multiple of this number of data sets, or of elements: see
/// [`TrainingSource`](crate::nn::TrainingSource).
pub(super) const CHUNK: usize = 64;

/// The bytes of data that a bank has in memory; what is beyond them stays on disk.
const IN_MEMORY: usize = 1 << 30;

/// Simulated data sets, as networks read them, with the globals and locals that they were drawn from. The first gigabyte of data
/// is in memory, and the rest is read from its files when it is needed (of an object store all is in memory).
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let model = Flux::default();
/// let simulations = model.simulate(1_000).seed(1);
/// let bank: Bank<Flux> = simulations.clone().bank(folder)?; // simulated, and written to the folder
/// let bank: Bank<Flux> = simulations.bank(folder)?; // read from it
/// assert_eq!(bank.len(), 1_000);
/// let estimator = model.npe().bank(&bank).train(Budget::simulations(500))?; // far too short, for an example
/// assert_eq!(estimator.model(), &model);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Bank<M: Model> {
    pub(super) any: AnyBank,
    model: PhantomData<fn() -> M>,
}

/// Simulated data sets of some model.
#[derive(Clone, Debug)]
pub(super) struct AnyBank {
    model: Arc<dyn AnyModel>,
    pub(super) hierarchy: Hierarchy,
    sets: usize,
    /// The shard and the row in it of each data set, where not all of the shards are used.
    chosen: Option<Vec<(usize, usize)>>,
    /// Shards of [`SHARD`] data sets each, except the last, which may have fewer, or more than the bank.
    pub(super) shards: Vec<Shard>,
    /// A text that identifies the simulations.
    simulation: String,
    sizes: Vec<(String, usize)>,
    covariates: Option<Arc<dyn AnyData>>,
    /// The simulations that could not be drawn, when the bank was filled.
    skipped: Arc<Skipped>,
}

impl<M: Model, G> Simulate<'_, M, G> {
    /// Runs the simulations that `folder` does not hold yet, on all cores, writes them to it, and reads them all. The
    /// declaration and the params identify the model of a folder: after a change in a function that the model calls,
    /// simulate into another folder.
    ///
    /// `folder` may be an address, as `s3://bucket/bank`: see [object stores](crate::shards#object-stores).
    ///
    /// # Errors
    /// A simulation that cannot be drawn, a file that cannot be written or read, or a folder with simulations of
    /// another model, seed or sizes, or of another version of the library.
    pub fn bank(self, folder: impl AsRef<Path>) -> Result<Bank<M>, InferenceError> {
        let covariates = self.covariates().map(|data| Arc::new(data.clone()) as Arc<dyn AnyData>);
        let any = self.any().bank(folder.as_ref(), covariates, None)?;
        Ok(Bank { any, model: PhantomData })
    }
}

impl AnySimulate<'_> {
    /// Fills the bank in `folder`, in `units` if its own are not to be taken from its first simulations.
    pub(super) fn bank(
        &self,
        folder: &Path,
        covariates: Option<Arc<dyn AnyData>>,
        units: Option<&Units>,
    ) -> Result<AnyBank, InferenceError> {
        self.bank_of_which(IN_MEMORY, folder, covariates, units)
    }

    /// Does the same, and leaves data on disk when as many bytes as `in_memory` are in memory.
    fn bank_of_which(
        &self,
        in_memory: usize,
        folder: &Path,
        covariates: Option<Arc<dyn AnyData>>,
        units: Option<&Units>,
    ) -> Result<AnyBank, InferenceError> {
        let (sets, fixed) = (self.sets, self.fixed()?);
        let work = Interruptible::begin();
        create(folder)?;
        // Two programs that fill a folder do so one after the other; the second reads what the first has simulated.
        let waiting = Progress::new("waiting for another program that fills the folder", 1);
        let _alone = hold(folder, true, || waiting.set(0, String::new));
        drop(waiting);
        let sharded = ShardedBank::open(self, folder)?;
        let drawing = Drawing::new(self, &fixed, folder, units)?;
        let bar = Progress::new("simulating", sets as u64);
        let mut filling = Filling::new(&drawing, work, &bar);
        let (mut shards, mut bytes) = (Vec::new(), 0);
        for (number, first) in (0..sets).step_by(SHARD).enumerate() {
            let path = whole_file(folder, number);
            // What an interrupted simulation, or a smaller bank, has left may have too few data sets.
            let (mut shard, mut on_disk) =
                drawing.open(&path)?.unwrap_or_else(|| (drawing.empty(), Default::default()));
            let (found, last) = (shard.sets(), (first + SHARD).min(sets));
            if let Some(sharded) = sharded.as_ref().filter(|_| first + found < last)
                && let Some(merged) = sharded.merged(&drawing, number)?.filter(|merged| merged.sets() > found)
            {
                drawing.save(&merged, &path)?;
                shard = merged;
            }
            while first + shard.sets() < last {
                let ended = filling.fill(&mut shard, first, last);
                filling.clock.save(|| drawing.save(&shard, &path))?;
                if ended? {
                    return Err(InferenceError::Interrupted { path: folder.to_owned() });
                }
            }
            if let Some(sharded) = &sharded {
                sharded.discard_pieces(number, shard.sets());
            }
            if shard.sets() > found {
                // Read from the file, it takes no more memory than needed.
                drop(shard);
                let gone = || BankError::DamagedShard { path: path.clone(), reason: "it was removed".to_owned() };
                (shard, on_disk) = drawing.open(&path)?.ok_or_else(gone)?;
            }
            // A file that is not full may be written anew, by a program that makes a larger bank of this one.
            if bytes >= in_memory && shard.sets() == SHARD {
                shard.parts.data.leave_on_disk(&mut on_disk);
            }
            bytes += shard.parts.data.bytes();
            shards.push(shard);
        }
        let simulation = self.describe();
        let Drawing { hierarchy, .. } = drawing;
        Ok(AnyBank {
            model: self.source.model.any_clone(),
            sizes: self.source.sizes.clone(),
            covariates,
            hierarchy,
            sets,
            chosen: None,
            shards,
            simulation,
            skipped: fixed.skipped.clone(),
        })
    }
}

impl<M: Model> Bank<M> {
    /// Returns the number of data sets.
    pub fn len(&self) -> usize {
        self.any.sets
    }

    /// Returns whether there are no data sets.
    pub fn is_empty(&self) -> bool {
        self.any.sets == 0
    }
}

impl AnyBank {
    pub(super) fn len(&self) -> usize {
        self.sets
    }

    /// Returns the shard of a data set, and its row there.
    pub(super) fn place(&self, set: usize) -> (usize, usize) {
        match &self.chosen {
            Some(places) => places[set],
            None => (set / SHARD, set % SHARD),
        }
    }

    /// Adds the data sets of a bank of the same units.
    pub(super) fn append(&mut self, other: AnyBank) {
        let first = self.shards.len();
        let mut places: Vec<(usize, usize)> = (0..self.sets).map(|set| self.place(set)).collect();
        places.extend((0..other.sets).map(|set| other.place(set)).map(|(shard, row)| (first + shard, row)));
        self.shards.extend(other.shards);
        self.simulation = format!("{}; {}", self.simulation, other.simulation);
        (self.sets, self.chosen) = (places.len(), Some(places));
    }

    /// Leaves out the data sets whose globals, as unconstrained numbers, are none to `keep`.
    pub(super) fn retain(&mut self, keep: &(dyn Fn(&[f64]) -> bool + Sync)) {
        let size = self.hierarchy.globals.iter().map(|global| global.free.end).max().unwrap_or(0);
        let kept = (0..self.sets).into_par_iter().map(|set| self.place(set)).filter(|&(shard, row)| {
            let globals = &self.shards[shard].latents.globals;
            let numbers = globals.len() / self.shards[shard].sets();
            let mut q = vec![f64::NAN; size];
            for ((at, link), z) in places(&self.hierarchy.globals).zip(&globals[row * numbers..]) {
                q[at] = link.inverse(f64::from(*z));
            }
            keep(&q)
        });
        let kept: Vec<(usize, usize)> = kept.collect();
        (self.sets, self.chosen) = (kept.len(), Some(kept));
    }

    /// Returns a text that identifies the simulations.
    pub(super) fn simulation(&self) -> String {
        format!("{} data sets, {}", self.len(), self.simulation)
    }

    /// Returns the sizes that were fixed.
    pub(super) fn sizes(&self) -> &[(String, usize)] {
        &self.sizes
    }

    /// Returns the data that covariates were taken from.
    pub(super) fn covariates(&self) -> Option<&dyn AnyData> {
        self.covariates.as_deref()
    }

    /// Returns the simulations that could not be drawn.
    pub(super) fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// Returns the units of its numbers.
    pub(super) fn units(&self) -> &Units {
        &self.hierarchy.units
    }

    /// Returns the number of data sets that are held out: a tenth, the last ones.
    pub(super) fn validation(&self) -> usize {
        self.len() / 10 / CHUNK * CHUNK
    }

    /// Returns the number of data sets that are trained on.
    pub(super) fn training(&self) -> usize {
        self.len() - self.validation()
    }

    /// Checks that a posterior of a model can be learned from the bank.
    pub(super) fn check(&self, model: &dyn AnyModel) -> Result<(), InferenceError> {
        if !model.is(&*self.model) {
            let (found, expected) = (format!("{:?}", self.model), format!("{model:?}"));
            return Err(BankError::OtherBank { found, expected }.into());
        }
        if self.len() < SMALLEST {
            return Err(BankError::SmallBank { sets: self.len(), least: SMALLEST }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::bank_source::ElementRuns;
    use super::super::epochs::in_epochs;
    use super::super::local_task::Task;
    use super::super::shard::{SIMULATION, Shard};
    use super::*;
    use crate::nn::{PILOT, Settings, TrainingSource, save_numbers};
    use crate::prelude::*;
    use crate::simulate::SimulateError;

    model! {
        /// Locals on two levels, discrete ones, a plate of random size that names elements of another.
        pub Camp {
            global mu ~ Normal(0.0, 1.0);
            global p ~ Uniform(0.0, 1.0);
            observe weather ~ Normal(mu, 1.0);
            plate cameras(1..=3) {
                local gain ~ LogNormal(0.0, 0.1);
                observe dark ~ Poisson(3.0);
            }
            plate shots(n ~ Poisson(2.0)) {
                given camera: index(cameras);
                local lit ~ Bernoulli(p);
                local level ~ Normal(mu, 1.0);
                observe y ~ Normal(level * gain[camera] + if lit { 1.0 } else { 0.0 }, 0.5);
                plate spots(1..=3) {
                    local size ~ Uniform(0.0, 2.0);
                    observe seen ~ Poisson(size + 1.0);
                }
            }
        }
    }

    fn simulate(model: &Camp) -> Simulate<'_, Camp> {
        model.simulate(SHARD + 200).seed(5)
    }

    /// Every element of every task is what it is in its own simulation, from memory and from disk, in the order of the
    /// data sets, the held-out ones last.
    #[test]
    fn elements_of_a_bank_are_those_of_its_simulations() {
        let (model, folder) = (Camp::default(), tempfile::tempdir().unwrap());
        let simulations = simulate(&model).run().unwrap();
        let read = |in_memory| simulate(&model).any().bank_of_which(in_memory, folder.path(), None, None).unwrap();
        let bytes = |bank: &AnyBank| bank.shards.iter().map(|shard| shard.parts.data.bytes()).collect::<Vec<_>>();
        let banks = [read(IN_MEMORY), read(IN_MEMORY), read(0)];
        assert_eq!(bytes(&banks[2]), [0, bytes(&banks[0])[1]]);
        for bank in banks {
            for around in [true, false] {
                let hierarchy = Hierarchy::new(&model, around, bank.units().clone());
                let tasks = Task::all(&hierarchy);
                assert_eq!(tasks.len(), 4);
                for task in tasks {
                    let path = &hierarchy.plates[task.plate].path;
                    for sets in [0..bank.training(), bank.training()..bank.len(), 1000..1030] {
                        let (mut expected, mut expected_targets) = task.batch(&hierarchy, 0);
                        for simulation in &simulations[sets.clone()] {
                            let Shard { parts, latents } = Shard::of(&hierarchy, &model, simulation);
                            for element in 0..hierarchy.elements(&parts, task.plate) {
                                let of = (&parts, &latents);
                                task.push(&hierarchy, of, element, &mut expected, &mut expected_targets);
                            }
                        }
                        let elements = ElementRuns::of(&bank.shards, path, sets);
                        let (mut found, mut targets) = task.batch(&hierarchy, 0);
                        for (shard, row) in (0..elements.count).map(|element| elements.place(element)) {
                            let Shard { parts, latents } = &bank.shards[shard];
                            task.push(&hierarchy, (parts, latents), row, &mut found, &mut targets);
                        }
                        assert_eq!((found, targets), (expected, expected_targets));
                    }
                }
            }
        }
    }

    /// The data sets that a network of globals reads are those of the simulations, with the targets of fresh ones.
    #[test]
    fn data_sets_of_a_bank_are_its_simulations() {
        let (model, folder) = (Camp::default(), tempfile::tempdir().unwrap());
        let simulations = simulate(&model).run().unwrap();
        let bank = simulate(&model).bank(folder.path()).unwrap();
        let p = &bank.any.hierarchy.globals[1..];
        let settings = Settings { batch_size: 100, seed: 1, ..Settings::new(crate::nn::Budget::simulations(0)) };
        let (found, targets) = bank.any.source(&model, p, &settings).unwrap().draw(PILOT, 990, 100).unwrap();
        let (mut expected, mut expected_targets) = (bank.any.hierarchy.encoder.batch(), Vec::new());
        for simulation in &simulations[990..1090] {
            bank.any.hierarchy.encoder.push(&DataSet::frame(&simulation.data), &mut expected);
            let q = crate::model::unconstrain(&model, &simulation.globals, None);
            super::super::units::push_targets(&q, p, &mut expected_targets);
        }
        assert_eq!((found, targets), (expected, expected_targets));

        let any = simulate(&model).any().bank_of_which(0, folder.path(), None, None).unwrap();
        let source = any.source(&model, &any.hierarchy.globals, &settings).unwrap();
        source.draw(PILOT, 990, 100).unwrap();
        std::fs::remove_file(folder.path().join("00000.safetensors")).unwrap();
        let error = source.draw(PILOT, 990, 100).unwrap_err();
        assert!(matches!(&error, SimulateError::Unread { path, .. } if path.ends_with("00000.safetensors")), "{error}");
    }

    /// A shard of an earlier version, which had no locals and did not say which version it was.
    #[test]
    fn simulations_without_locals_are_to_be_run_anew() {
        let (model, folder) = (Camp::default(), tempfile::tempdir().unwrap());
        let path = folder.path().join("00000.safetensors");
        let metadata = BTreeMap::from([(SIMULATION.to_owned(), simulate(&model).any().describe())]);
        save_numbers(&path, &[], metadata).unwrap();
        let error = simulate(&model).bank(folder.path()).unwrap_err();
        assert!(matches!(error, InferenceError::Bank(BankError::OtherFormat { .. })), "{error}");
        assert!(
            error.to_string().contains("00000.safetensors")
                && error.to_string().contains("format 1, and this version of hierarch reads format 3")
        );
    }

    #[test]
    fn an_epoch_visits_every_data_set_once_and_each_in_another_order() {
        for length in [1, 2, 3, 5, 64, 1000, 1025] {
            let order = |epoch: u64| {
                (epoch * length..(epoch + 1) * length).map(|at| in_epochs(at, length as usize, 7)).collect::<Vec<_>>()
            };
            let mut sorted = order(0);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..length as usize).collect::<Vec<_>>());
            if length > 5 {
                assert_ne!(order(0), order(1));
                assert_ne!(order(0), sorted);
            }
        }
    }
}
