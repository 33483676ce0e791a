//! Banks that the jobs of an array fill together. Each writes its own range of data sets: files that lie in it are those of the
//! bank; of a file that several share, each writes a piece, and whoever reads the bank puts them together.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::InferenceError;
use super::bank_filling::{Drawing, Filling, create, whole_file};
// A file of a bank, in memory.
use super::shard::{SHARD as BLOCK, Shard as Block};
use crate::files::{self, hold};
use crate::interrupt::Interruptible;
use crate::model::Model;
use crate::progress::Progress;
use crate::shards::{Shard, Sharded, Shards, Work};
use crate::simulate::{AnySimulate, Simulate};

impl<M: Model, G> Simulate<'_, M, G> {
    /// Takes one shard of the simulations, for [`bank`](Sharded::bank): the page of [`shards`](crate::shards) says how.
    pub fn shard(self, shard: Shard) -> Sharded<Self> {
        Sharded { work: self, shard }
    }
}

impl<M: Model, G> Sharded<Simulate<'_, M, G>> {
    /// Runs the simulations of this shard that `folder` does not hold yet, on all cores, and writes them to it. Returns which shards
    /// there are now. When all are there, [`Simulate::bank`] reads the bank, which is to the bit what one program would have written.
    ///
    /// The units of a bank are taken from its first 256 simulations, and each shard runs those where the folder does not hold units
    /// yet. Where that takes long, run `model.simulate(256)` of the same seed into the folder first.
    ///
    /// # Errors
    /// Those of [`Simulate::bank`]; a folder that holds shards of other simulations, or of another number.
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
    /// // In the program of an array: `.shard(Shard::from_env()?)`.
    /// let shards = simulations.clone().shard(Shard::new(1, 3)?).bank(folder)?;
    /// assert_eq!(shards.missing().to_string(), "0,2");
    /// let error = simulations.clone().bank(folder).unwrap_err();
    /// assert!(error.to_string().contains("has 1 of 3 shards, and lacks 0,2"));
    /// for index in [2, 0] {
    ///     simulations.clone().shard(Shard::new(index, 3)?).bank(folder)?;
    /// }
    /// assert_eq!(simulations.bank(folder)?.len(), 1_000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bank(self, folder: impl AsRef<Path>) -> Result<Shards, InferenceError> {
        self.work.any().bank_of(self.shard, folder.as_ref())
    }
}

impl AnySimulate<'_> {
    fn bank_of(&self, shard: Shard, folder: &Path) -> Result<Shards, InferenceError> {
        let (fixed, identity) = (self.fixed()?, identity(self));
        let work = Interruptible::begin();
        create(folder)?;
        let begun = match Shards::of(folder, &identity)? {
            Some(_) => Some(Shards::begin(folder, identity.clone(), shard)?),
            None => None,
        };
        if let Some(shards) = begun.as_ref().filter(|shards| shards.is_there(shard)) {
            return Ok(shards.clone());
        }
        // Beside other shards; who reads the bank waits.
        let waiting = Progress::new("waiting for a program that reads the bank", 1);
        let _shared = hold(folder, false, || waiting.set(0, String::new));
        drop(waiting);
        let drawing = Drawing::new(self, &fixed, folder, None)?;
        // The bank of other simulations stays as it is.
        drawing.load(&whole_file(folder, 0))?;
        let mut shards = begun.map_or_else(|| Shards::begin(folder, identity, shard), Ok)?;
        let range = shard.range(self.sets);
        let bar = Progress::new("simulating", range.end as u64);
        let mut filling = Filling::new(&drawing, work, &bar);
        for number in range.start / BLOCK..range.end.div_ceil(BLOCK) {
            let own = within(&range, number);
            if !own.is_empty() && !simulate_piece(&mut filling, folder, &shards, (number, own))? {
                return Err(InferenceError::Interrupted { path: folder.to_owned() });
            }
        }
        shards.write(shard, &())?;
        Ok(shards)
    }
}

/// Simulates the data sets `own` of a file, and writes them. Returns whether it came to its end.
fn simulate_piece(
    filling: &mut Filling<'_>,
    folder: &Path,
    shards: &Shards,
    (number, own): (usize, Range<usize>),
) -> Result<bool, InferenceError> {
    let drawing = filling.drawing;
    let (all, whole) = (block(shards.items(), number), whole_file(folder, number));
    let path = shards.folder().join(piece(number, &own));
    let target = if own == all { &whole } else { &path };
    let has = |path: &Path, sets: usize| Ok::<_, InferenceError>(drawing.load(path)?.is_some_and(|b| b.sets() >= sets));
    if has(&whole, all.len())? || has(target, own.len())? {
        return Ok(true);
    }
    // Under a name of its own: what has the name of a piece is whole.
    let begun = path.with_extension("begun");
    let fits = |block: &Block| block.sets() <= own.len();
    let mut block = drawing.load(&begun)?.filter(fits);
    if block.is_none() && own.start == 0 {
        // What was simulated for the units, or was interrupted.
        block = drawing.load(&whole)?.filter(fits);
    }
    let mut block = block.unwrap_or_else(|| drawing.empty());
    while block.sets() < own.len() {
        let ended = filling.fill(&mut block, number * BLOCK + own.start, number * BLOCK + own.end);
        let is_part = block.sets() < own.len();
        if is_part {
            filling.clock.save(|| drawing.save(&block, &begun))?;
        }
        if ended? && is_part {
            return Ok(false);
        }
    }
    filling.clock.save(|| drawing.save(&block, target))?;
    remove(&begun);
    Ok(true)
}

/// Identifies the simulations of a bank.
fn identity(simulate: &AnySimulate<'_>) -> Work {
    let specification = simulate.source.model.specification();
    let (name, fingerprint) = (&specification.name, specification.fingerprint());
    Work::new(format!("simulations of `{name}` ({fingerprint}), {}", simulate.describe()), simulate.sets)
}

/// Returns which data sets of a file there are in a bank of `sets`.
fn block(sets: usize, number: usize) -> Range<usize> {
    within(&(0..sets), number)
}

/// Returns which data sets of a file are in a range of those of the bank.
fn within(range: &Range<usize>, number: usize) -> Range<usize> {
    let at = |set: usize| set.saturating_sub(number * BLOCK).min(BLOCK);
    at(range.start)..at(range.end)
}

fn piece(number: usize, own: &Range<usize>) -> String {
    format!("{number:05}.{:04}-{:04}.safetensors", own.start, own.end)
}

/// Removes what is not needed any more. That it fails changes nothing but the space that it takes.
fn remove(path: &Path) {
    let _ = files::remove(path);
}

/// A folder that shards have been written to.
pub(super) struct ShardedBank {
    shards: Shards,
}

impl ShardedBank {
    /// Returns the shards in the folder of a bank, if there are some.
    ///
    /// # Errors
    /// They are of other simulations.
    pub(super) fn open(simulate: &AnySimulate<'_>, folder: &Path) -> Result<Option<Self>, InferenceError> {
        let shards = Shards::of(folder, &identity(simulate))?;
        Ok(shards.map(|shards| Self { shards }))
    }

    /// Returns the pieces of a file, in their order, with what each holds.
    fn pieces(&self, number: usize) -> impl Iterator<Item = (PathBuf, Range<usize>)> + '_ {
        let ranges = self.shards.ranges().map(move |range| within(&range, number)).filter(|own| !own.is_empty());
        ranges.map(move |own| (self.shards.folder().join(piece(number, &own)), own))
    }

    /// Puts the pieces of a file together; `None` where one was removed after all had been there, or where the bank is to be larger.
    ///
    /// # Errors
    /// Shards are missing, or a piece is damaged.
    pub(super) fn merged(&self, drawing: &Drawing<'_>, number: usize) -> Result<Option<Block>, InferenceError> {
        let mut merged = drawing.empty();
        for (path, own) in self.pieces(number) {
            match drawing.load(&path)? {
                Some(piece) if piece.sets() == own.len() => merged.append(&piece),
                _ => {
                    self.shards.all_there()?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(merged))
    }

    /// Removes the pieces of a file that has `sets` data sets, if these are all.
    pub(super) fn discard_pieces(&self, number: usize, sets: usize) {
        if sets >= block(self.shards.items(), number).len() {
            self.pieces(number).for_each(|(path, _)| remove(&path));
        }
    }
}
