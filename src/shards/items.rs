//! Any independent work, piece by piece.

use std::error::Error;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Shard, ShardError, Sharded, Shards, Work};

/// Work of independent pieces: the toys of a scan, the posteriors of thousands of data sets.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::shards::Items;
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
/// let data = model.simulate(6).seed(1).run()?; // or thousands of files
/// let posteriors = Items::new("posteriors of flux, seed 1, 100 draws", data.len());
/// # for shard in [Shard::new(1, 2)?, Shard::new(0, 2)?] {
/// # let posteriors = posteriors.clone();
/// // In the program of an array: `.shard(Shard::from_env()?)`.
/// posteriors.shard(shard).run(folder, |i| {
///     let chains = model.nuts(&data[i].data).seed(i as u64).chains(2).draws(100).run()?;
///     Ok(chains.mean(Flux::RATE)?)
/// })?;
/// # }
/// // When all are there.
/// let means: Vec<f64> = posteriors.merge(folder)?;
/// assert_eq!(means.len(), 6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Items {
    work: Work,
}

impl Items {
    /// Describes work of `count` pieces. `name` tells it from other work, so it says what the results depend on: seeds, settings,
    /// the version of the program.
    pub fn new(name: impl Into<String>, count: usize) -> Self {
        Self { work: Work::new(name, count) }
    }

    /// Takes one shard of the work.
    pub fn shard(self, shard: Shard) -> Sharded<Self> {
        Sharded { work: self, shard }
    }

    /// Returns the results of all pieces, in their order, from the shards in `folder`.
    ///
    /// # Errors
    /// Shards that are missing, of other work or damaged, or with results of another type than `T`.
    pub fn merge<T: DeserializeOwned>(&self, folder: impl AsRef<Path>) -> Result<Vec<T>, ShardError> {
        let shards = Shards::complete(folder.as_ref(), &self.work)?;
        let mut all = Vec::new();
        for (index, range) in shards.ranges().enumerate() {
            let found: Vec<T> = shards.results(index)?;
            if found.len() != range.len() {
                return Err(shards.damaged(index));
            }
            all.extend(found);
        }
        Ok(all)
    }
}

impl Sharded<Items> {
    /// Calls `each` with the numbers of the pieces of this shard, counted from 0 among all, on all cores, and writes what it returns
    /// into `folder`. A shard that is there already is not run again. Returns which shards there are now.
    ///
    /// # Errors
    /// The error of a piece; a folder that holds shards of other work, or cannot be written.
    pub fn run<T: Serialize + Send>(
        self,
        folder: impl AsRef<Path>,
        each: impl Fn(usize) -> Result<T, Box<dyn Error + Send + Sync>> + Sync,
    ) -> Result<Shards, ShardError> {
        let Self { work: Items { work }, shard } = self;
        let range = shard.range(work.items);
        let mut shards = Shards::begin(folder.as_ref(), work, shard)?;
        if shards.is_there(shard) {
            return Ok(shards);
        }
        let each = |item| each(item).map_err(|error| ShardError::Item { item, error });
        let results = range.into_par_iter().map(each).collect::<Result<Vec<T>, _>>()?;
        shards.write(shard, &results)?;
        Ok(shards)
    }
}
