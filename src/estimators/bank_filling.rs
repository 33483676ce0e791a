//! How a bank is filled: its data sets, drawn and written to files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::InferenceError;
use super::file::{FINGERPRINT, MODEL, UNITS};
use super::hierarchy::Hierarchy;
use super::shard::{FORMAT, ListsOnDisk, SETS, SHARD, SIMULATION, Shard, VERSION};
use super::units::{self, Units};
use crate::files::{SaveClock, create_folder, exists};
use crate::interrupt::Interruptible;
use crate::model::AnySimulation;
use crate::nn::{self, save_numbers};
use crate::progress::Progress;
use crate::simulate::{AnySimulate, Fixed};

/// The time of simulations that run side by side below which more are started together.
const QUICK: Duration = Duration::from_millis(100);

/// Creates the folder of a bank.
pub(super) fn create(folder: &Path) -> Result<(), InferenceError> {
    let failed = |source| nn::Error::Io { action: "create", path: folder.to_owned(), source };
    Ok(create_folder(folder).map_err(failed)?)
}

/// Returns the path of a file of a bank.
pub(super) fn whole_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:05}.safetensors"))
}

/// What draws the data sets of a bank, and writes them in its units.
pub(super) struct Drawing<'a> {
    pub(super) simulate: &'a AnySimulate<'a>,
    fixed: &'a Fixed<'a>,
    pub(super) hierarchy: Hierarchy,
    /// The first simulations, where the units were taken from them now.
    first: Vec<Box<dyn AnySimulation>>,
    metadata: BTreeMap<String, String>,
}

impl<'a> Drawing<'a> {
    /// Takes the units of the bank in `folder` from its file, or else from its first simulations where none are given, and writes them.
    pub(super) fn new(
        simulate: &'a AnySimulate<'a>,
        fixed: &'a Fixed<'a>,
        folder: &Path,
        units: Option<&Units>,
    ) -> Result<Self, InferenceError> {
        let model = simulate.source.model;
        let (units, first) = units_of(simulate, folder, fixed, units)?;
        let hierarchy = Hierarchy::new(model, true, units);
        let specification = model.specification();
        let metadata = BTreeMap::from([
            (MODEL.to_owned(), specification.name.clone()),
            (FINGERPRINT.to_owned(), specification.fingerprint()),
            (FORMAT.to_owned(), VERSION.to_owned()),
            (SIMULATION.to_owned(), simulate.describe()),
            (UNITS.to_owned(), hierarchy.units.to_text()),
        ]);
        Ok(Self { simulate, fixed, hierarchy, first, metadata })
    }

    fn metadata(&self, sets: &str) -> BTreeMap<String, String> {
        let mut metadata = self.metadata.clone();
        metadata.insert(SETS.to_owned(), sets.to_owned());
        metadata
    }

    pub(super) fn empty(&self) -> Shard {
        Shard::empty(&self.hierarchy)
    }

    /// Reads some data sets of the bank; `None` where there is no file.
    pub(super) fn load(&self, path: &Path) -> Result<Option<Shard>, InferenceError> {
        Ok(self.open(path)?.map(|(shard, _)| shard))
    }

    /// Reads some data sets of the bank, with the lists of their file, in which they may stay.
    pub(super) fn open(&self, path: &Path) -> Result<Option<(Shard, ListsOnDisk)>, InferenceError> {
        Shard::load(path, &self.hierarchy, |sets| self.metadata(sets))
    }

    pub(super) fn save(&self, shard: &Shard, path: &Path) -> Result<(), nn::Error> {
        save_numbers(path, &shard.entries(), self.metadata(&shard.sets().to_string()))
    }

    /// Draws the data set `index` of the bank.
    fn one(&self, index: usize) -> Result<Shard, InferenceError> {
        let (hierarchy, model) = (&self.hierarchy, self.simulate.source.model);
        let shard = match self.first.get(index) {
            Some(simulation) => Shard::of(hierarchy, model, &**simulation),
            None => Shard::of(hierarchy, model, &*self.simulate.draw(self.fixed, index)?),
        };
        hierarchy.check(&shard.parts).map_err(|error| error.after(index))?;
        if let Some(value) = shard.latents.not_finite() {
            let place = "a global or local in the units of networks".to_owned();
            return Err(nn::Error::NotFinite { set: index, place, value }.into());
        }
        Ok(Shard { parts: shard.parts.pack(), ..shard })
    }
}

/// Returns the units of the bank in `folder`: those of its file, or else of its first simulations, which are returned,
/// too.
fn units_of(
    simulate: &AnySimulate<'_>,
    folder: &Path,
    fixed: &Fixed<'_>,
    given: Option<&Units>,
) -> Result<(Units, Vec<Box<dyn AnySimulation>>), InferenceError> {
    let (model, path) = (simulate.source.model, folder.join("units.json"));
    let identity = format!("{}, {}", model.specification().fingerprint(), simulate.describe());
    if let Some(units) = Units::of_file(model, &path, &identity)? {
        return Ok((units, Vec::new()));
    }
    if let Some(units) = given {
        units.write(model, &path, &identity)?;
        return Ok((units.clone(), Vec::new()));
    }
    let first = (0..simulate.sets.min(units::SIMULATIONS)).into_par_iter().map(|i| simulate.draw(fixed, i));
    let first = first.collect::<Result<Vec<_>, _>>()?;
    let units = Units::of_simulations(model, &first);
    // No simulations have no units. Those of others stay with their shards, of which the error is about to tell.
    let is_there = |name: &str| {
        let path = folder.join(name);
        exists(&path).map_err(|source| nn::Error::Io { action: "read", path, source })
    };
    if !first.is_empty() && (!is_there("units.json")? || !is_there("00000.safetensors")?) {
        units.write(model, &path, &identity)?;
    }
    Ok((units, first))
}

/// A bank that is being filled.
pub(super) struct Filling<'a> {
    pub(super) drawing: &'a Drawing<'a>,
    work: Interruptible,
    bar: &'a Progress,
    pub(super) clock: SaveClock,
    /// How many simulations are started together.
    together: usize,
}

impl<'a> Filling<'a> {
    pub(super) fn new(drawing: &'a Drawing<'a>, work: Interruptible, bar: &'a Progress) -> Self {
        Self { drawing, work, bar, clock: SaveClock::default(), together: rayon::current_num_threads() }
    }

    /// Appends the data sets that come after those of a shard, whose first is the data set `first` of the bank, until it ends
    /// before `last` or is to be saved. Returns whether the work is asked to end.
    ///
    /// # Errors
    /// A simulation that cannot be drawn; those before it have been appended.
    pub(super) fn fill(&mut self, shard: &mut Shard, first: usize, last: usize) -> Result<bool, InferenceError> {
        loop {
            let (from, start) = (first + shard.sets(), Instant::now());
            let drawn = (from..(from + self.together).min(last)).into_par_iter().map(|index| self.drawing.one(index));
            for one in drawn.collect::<Vec<_>>() {
                shard.append(&one?);
            }
            if start.elapsed() < QUICK {
                self.together = (2 * self.together).min(SHARD);
            }
            let done = first + shard.sets();
            self.bar.set(done as u64, || format!("{done} data sets,"));
            let must_end = self.work.must_end();
            if must_end || done == last || self.clock.is_due() {
                return Ok(must_end);
            }
        }
    }
}
