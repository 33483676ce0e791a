//! Calibrations that the jobs of an array run together: the i-th data set, and what is drawn given it, depend on i alone.

use std::path::Path;
use std::time::{Duration, Instant};

use super::calibrate::Trials;
use super::{Calibrate, Calibration, CalibrationError, Estimator};
use crate::model::Model;
use crate::shards::{Shard, Sharded, Shards, Work};

impl<M: Model, E: Estimator<M>> Calibrate<'_, M, E> {
    /// Takes one shard of the calibration, to [`run`](Sharded::run) it: the page of [`shards`](crate::shards) says how.
    pub fn shard(self, shard: Shard) -> Sharded<Self> {
        Sharded { work: self, shard }
    }

    /// Returns the calibration whose shards are in `folder`: to the bit what [`run`](Calibrate::run) would have come to. Its time is
    /// that of all shards together.
    ///
    /// ```
    /// use hierarch::calibration::{Calibrate, NutsEstimator};
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Flux {
    ///         global rate ~ Gamma(2.0, 1.0);
    ///         plate events(1..=10) {
    ///             observe energy ~ Exponential(rate);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let model = Flux::default();
    /// let nuts = NutsEstimator::new(&model);
    /// let calibrate = || Calibrate::new(&model, &nuts).simulations(50).draws(20);
    /// # for index in [1, 0] {
    /// # let shard = Shard::new(index, 2)?;
    /// // In the program of an array: `.shard(Shard::from_env()?)`.
    /// calibrate().shard(shard).run(folder)?;
    /// # }
    /// // When all are there.
    /// println!("{}", calibrate().merge(folder)?.summary());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Shards that are missing or damaged, or of another calibration: of another model, seed, size, number of simulations or of draws.
    /// That the estimator was the same is not known here.
    pub fn merge(&self, folder: impl AsRef<Path>) -> Result<Calibration, CalibrationError> {
        let shards = Shards::complete(folder.as_ref(), &self.work())?;
        let (mut all, mut time) = (Trials::default(), Duration::ZERO);
        for (index, range) in shards.ranges().enumerate() {
            let (trials, took): (Trials, Duration) = shards.results(index)?;
            if trials.judged.len() != range.len() {
                return Err(shards.damaged(index).into());
            }
            if all.judged.is_empty() {
                all.found = trials.found;
            }
            all.judged.extend(trials.judged);
            time += took;
        }
        self.finish(all, time)
    }

    fn work(&self) -> Work {
        let (sets, what) = self.identity();
        Work::new(what, sets)
    }
}

impl<M: Model, E: Estimator<M>> Sharded<Calibrate<'_, M, E>> {
    /// Simulates and infers the data sets of this shard, on all cores, and writes them into `folder`. A shard that is there already
    /// is not run again. Returns which shards there are now; when all are there, [`Calibrate::merge`] reads them.
    ///
    /// # Errors
    /// Those of [`Calibrate::run`]; a folder that holds shards of another calibration, or of another number.
    pub fn run(self, folder: impl AsRef<Path>) -> Result<Shards, CalibrationError> {
        let Self { work: calibrate, shard } = self;
        let (work, started) = (calibrate.work(), Instant::now());
        let range = shard.range(work.items);
        // No work at all: this checks the settings, before anything is written.
        calibrate.trials(0..0)?;
        let mut shards = Shards::begin(folder.as_ref(), work, shard)?;
        if !shards.is_there(shard) {
            let trials = calibrate.trials(range)?;
            shards.write(shard, &(trials, started.elapsed()))?;
        }
        Ok(shards)
    }
}
