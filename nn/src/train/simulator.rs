//! A source of data sets that checks them before anybody reads them.

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::{Error, TrainError};
use crate::shape::Shape;
use crate::source::TrainingSource;

/// Data sets in one chunk of the pilot and validation samples.
const SAMPLE_CHUNK: usize = 64;

/// The largest number of numbers in the pilot or validation sample.
const SAMPLE_NUMBERS: usize = 1 << 24;

/// A source whose data are checked before anybody reads them.
pub(super) struct Simulator<'a, S> {
    pub(super) shape: &'a Shape,
    pub(super) source: &'a S,
}

impl<S: TrainingSource> Simulator<'_, S> {
    /// Draws data sets as [`TrainingSource::draw`] does, and checks them.
    pub(super) fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), TrainError<S::Error>> {
        let failed = |source| TrainError::network(step, first, source);
        let (batch, targets) =
            self.source.draw(step, first, sets).map_err(|source| TrainError::Source { step, first, source })?;
        batch.check(self.shape).map_err(failed)?;
        let dims = self.shape.targets;
        if batch.sets != sets || targets.len() != sets * dims {
            return Err(failed(Error::Shape(format!(
                "{} data sets and {} targets were drawn where {sets} and {} were asked for",
                batch.sets,
                targets.len(),
                sets * dims
            ))));
        }
        match targets.iter().position(|target| !target.is_finite()) {
            Some(at) => Err(failed(Error::NotFinite {
                set: at / dims,
                place: format!("target {}", at % dims),
                value: targets[at],
            })),
            None => Ok((batch, targets)),
        }
    }

    /// Draws `sets` data sets, or fewer if these would hold more than [`SAMPLE_NUMBERS`].
    pub(super) fn sample(&self, step: u64, sets: usize) -> Result<(Batch, Vec<f32>), TrainError<S::Error>> {
        let (mut batch, mut targets) = self.draw(step, 0, sets.min(SAMPLE_CHUNK))?;
        self.extend(step, sets, &mut batch, &mut targets)?;
        Ok((batch, targets))
    }

    /// Draws more data sets until there are `sets`, or fewer if these would hold more than [`SAMPLE_NUMBERS`].
    pub(super) fn extend(
        &self,
        step: u64,
        sets: usize,
        batch: &mut Batch,
        targets: &mut Vec<f32>,
    ) -> Result<(), TrainError<S::Error>> {
        let affordable = SAMPLE_NUMBERS / (batch.numbers() / batch.sets).max(1);
        let chunks = batch.sets.div_ceil(SAMPLE_CHUNK)..sets.min(affordable).div_ceil(SAMPLE_CHUNK);
        let more: Vec<_> =
            chunks.into_par_iter().map(|chunk| self.draw(step, chunk * SAMPLE_CHUNK, SAMPLE_CHUNK)).collect();
        for drawn in more {
            let (next, next_targets) = drawn?;
            batch.append(&next);
            targets.extend(next_targets);
        }
        Ok(())
    }
}
