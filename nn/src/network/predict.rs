//! Predictions for data sets.

use std::sync::Arc;

use dfdx::prelude::NoneTape;
use rayon::prelude::*;

use super::Network;
use super::slices::in_slices;
use crate::batch::{Batch, Rows};
use crate::error::Error;
use crate::features::{EncodedPlate, Scales, outside_plates};
use crate::graph::{Graph, Input};
use crate::prediction::Prediction;
use crate::prefix;
use crate::shape::Shape;
use crate::trunk::TrunkOutput;

impl Network {
    /// Returns the prediction for each data set, in the space of the targets.
    ///
    /// # Errors
    /// If the batch does not have the network's [`shape`](Network::shape), or holds a number that is not finite.
    pub fn predict(&self, batch: &Batch) -> Result<Vec<Prediction>, Error> {
        let slices = self.judge_batch(batch)?;
        let read = |(judged, scales): &(TrunkOutput<f32>, Scales)| self.read_all(judged, scales);
        let estimates = slices.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(estimates.into_iter().flatten().collect())
    }

    /// Returns what the layers that read data sets make of each, and the scales of its targets, in slices of the data sets.
    pub(super) fn judge_batch(&self, batch: &Batch) -> Result<Vec<(TrunkOutput<f32>, Scales)>, Error> {
        batch.check(&self.shape)?;
        in_slices(batch, 1, |sets| {
            let batch = batch.slice(sets);
            self.judge(batch.sets, self.reader.encode(&batch))
        })
    }

    /// Returns what the layers that read data sets make of each of `sets` data sets, and the scales of its targets.
    fn judge(&self, sets: usize, plates: Vec<EncodedPlate>) -> Result<(TrunkOutput<f32>, Scales), Error> {
        let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
        let scales = self.reader.scales(sets, &plates);
        Ok((self.plan.forward(&mut graph, sets, plates)?, scales))
    }

    /// Returns for each data set the predictions after each of its rows; the last is that for the whole data set.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict), and if the network does not read rows in their order: see
    /// [`Encoder::Causal`](crate::Encoder::Causal).
    pub fn predict_prefixes(&self, batch: &Batch) -> Result<Vec<Vec<Prediction>>, Error> {
        if !self.reader.causal {
            return Err(Error::NoPrefixes);
        }
        batch.check(&self.shape)?;
        let of_set = |set: usize| {
            let batch = batch.slice(set..set + 1);
            let prefixes = prefix::every(&batch);
            let (judged, scales) = self.judge(prefixes.len(), self.reader.encode_prefixes(&batch, &prefixes))?;
            self.read_all(&judged, &scales)
        };
        (0..batch.sets).into_par_iter().map(of_set).collect()
    }

    /// Returns the prediction for each of some data sets.
    fn read_all(&self, judged: &TrunkOutput<f32>, scales: &[(f32, f32)]) -> Result<Vec<Prediction>, Error> {
        let TrunkOutput { output, context } = judged;
        let rows = output.values.chunks_exact(output.columns).zip(context.values.chunks_exact(context.columns));
        let rows = rows.zip(scales.chunks_exact(self.shape.targets));
        rows.map(|((output, context), scales)| self.read(output, context, scales)).collect()
    }

    /// Returns the predictions for data sets that share their plates and differ in the numbers outside them.
    /// `plates` are those of one data set; `outside` has a row for each data set.
    ///
    /// # Errors
    /// Those of [`predict`](Network::predict).
    pub fn predict_outside(&self, plates: &[Rows], outside: &[f32]) -> Result<Vec<Prediction>, Error> {
        let width = self.shape.width;
        if width == 0 {
            return self.predict(&Batch { sets: 1, plates: plates.to_vec(), ..Batch::default() });
        }
        let batch = Batch { sets: outside.len() / width, width, globals: outside.to_vec(), plates: Vec::new() };
        batch.check(&Shape { plates: Vec::new(), ..self.shape.clone() })?;
        let first = outside.get(..width).unwrap_or_default().to_vec();
        let one = Batch { sets: 1, width, globals: first, plates: plates.to_vec() };
        one.check(&self.shape)?;
        if !self.keeps_sums() {
            let mut all = one.slice(0..0);
            for set in outside.chunks_exact(width) {
                all.append(&Batch { globals: set.to_vec(), ..one.clone() });
            }
            return self.predict(&all);
        }
        let (mut shared, mut shared_moments) = (Vec::new(), Vec::new());
        for ((level, plan), rows) in self.reader.levels.iter().zip(&self.plan.levels).skip(1).zip(plates) {
            let sums = self.sums_of(level, plan, rows)?;
            let pooled = level.pool(&sums.moments, &[sums.rows as usize]);
            shared_moments.push(pooled.moments.clone());
            shared.extend(self.vector(level, plan, &sums, pooled));
        }
        let slices = in_slices(&batch, 1, |sets| {
            let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
            let (level, plan) = (&self.reader.levels[0], &self.plan.levels[0]);
            let sets = batch.slice(sets);
            let (mut vectors, mut moments) = (Vec::new(), Vec::new());
            if let Some(rows) = outside_plates(&sets) {
                let outside = level.encode(&rows);
                moments.push(outside.pooled.moments.clone());
                vectors.extend(plan.read(&mut graph, self.plan.activation, outside)?);
            }
            moments.extend(shared_moments.iter().map(|moments| moments.repeat(sets.sets)));
            vectors.extend(shared.iter().map(|part| Input::Data(Arc::new(part.repeat(sets.sets)))));
            let moments: Vec<&[f32]> = moments.iter().map(Vec::as_slice).collect();
            let scales = self.reader.scales_of(sets.sets, &moments);
            self.read_all(&self.plan.judge(&mut graph, sets.sets, vectors)?, &scales)
        })?;
        Ok(slices.into_iter().flatten().collect())
    }
}
