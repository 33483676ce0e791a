//! Confidence sets of which the jobs of an array compute the statistics together.

use std::path::Path;

use super::construction::Learning;
use super::{Construction, Neyman, NeymanError};
use crate::model::Model;
use crate::shards::{Shard, Sharded, Shards, Work};

impl<'a, M: Model> Construction<'a, M> {
    /// Takes one shard of the construction, to [`run`](Sharded::run) it: the page of [`shards`](crate::shards) says how.
    pub fn shard(self, shard: Shard) -> Sharded<Self> {
        Sharded { work: self, shard }
    }

    /// Learns the critical values from the shards in `folder`: to the bit what [`run`](Construction::run) would have come to. Levels
    /// may be others than those of the shards.
    ///
    /// ```
    /// use hierarch::calibration::Construction;
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Flux {
    ///         global rate ~ Uniform(0.0, 50.0);
    ///         observe count ~ Poisson(rate + 3.0);
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let model = Flux::default();
    /// let far = |data: &FluxData, rate: f64| {
    ///     Ok::<_, std::convert::Infallible>((data.count as f64 - rate - 3.0).abs() / (rate + 3.0).sqrt())
    /// };
    /// let construct = || Construction::new(model.simulate(10_000).seed(1), "rate", 0.0..=50.0, &[0.95], far);
    /// # for index in [1, 0] {
    /// # let shard = Shard::new(index, 2)?;
    /// // In the program of an array: `.shard(Shard::from_env()?)`.
    /// construct()?.shard(shard).run(folder)?;
    /// # }
    /// // When all are there.
    /// let neyman: Neyman<'_, Flux> = construct()?.merge(folder)?;
    /// println!("{:?}", neyman.confidence_sets(&FluxData { count: 20 })?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Shards that are missing or damaged, or of another construction: of another model, seed, range or number of simulations. That
    /// the statistic was the same is not known here.
    pub fn merge(self, folder: impl AsRef<Path>) -> Result<Neyman<'a, M>, NeymanError> {
        let (sets, _, what) = self.any.identity();
        let shards = Shards::complete(folder.as_ref(), &Work::new(what, sets))?;
        let mut all = Learning::default();
        for (index, range) in shards.ranges().enumerate() {
            let Learning { found, repeats } = shards.results(index)?;
            if found.len() != range.len() {
                return Err(shards.damaged(index).into());
            }
            all.found.extend(found);
            all.repeats.extend(repeats);
        }
        self.learned(all)
    }
}

impl<M: Model> Sharded<Construction<'_, M>> {
    /// Computes the statistics of the simulations of this shard, on all cores, and writes them into `folder`. A shard that is there
    /// already is not run again. Returns which shards there are now; when all are there, [`Construction::merge`] reads them.
    ///
    /// # Errors
    /// Those of [`Construction::run`]; a folder that holds shards of another construction, or of another number.
    pub fn run(self, folder: impl AsRef<Path>) -> Result<Shards, NeymanError> {
        let Self { work: Construction { any, .. }, shard } = self;
        let (sets, places, what) = any.identity();
        // No work at all: this checks the settings, before anything is written.
        any.learning(0..0, 0..0)?;
        let mut shards = Shards::begin(folder.as_ref(), Work::new(what, sets), shard)?;
        if !shards.is_there(shard) {
            shards.write(shard, &any.learning(shard.range(sets), shard.range(places))?)?;
        }
        Ok(shards)
    }
}
