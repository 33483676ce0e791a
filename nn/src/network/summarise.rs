//! Data sets as sums over their elements, and predictions from these sums.

use std::sync::Arc;

use dfdx::prelude::NoneTape;
use rayon::prelude::*;

use super::Network;
use super::slices::SLICE_NUMBERS;
use super::sums::{PlateSums, Sums};
use crate::batch::{Batch, Rows};
use crate::error::Error;
use crate::features::{PlateFeatures, Pooled, Scales, outside_plates};
use crate::graph::{Graph, Input};
use crate::plate_layers::{PlateLayout, RowLayout};
use crate::prediction::Prediction;
use crate::trunk::TrunkOutput;

/// Rows of a plate that one thread reads at once, if they do not hold more than [`SLICE_NUMBERS`].
const TILE: usize = 4096;

impl Network {
    /// Returns what the network keeps of one data set, or of a part of one.
    ///
    /// # Errors
    /// If the batch is not one data set, does not have the network's [`shape`](Network::shape), or holds a number that is
    /// not finite; and if the network reads rows by attention, so that there are no sums.
    pub fn summarise(&self, batch: &Batch) -> Result<Sums, Error> {
        if !self.keeps_sums() {
            return Err(Error::NoSums);
        }
        batch.check(&self.shape)?;
        if batch.sets != 1 {
            return Err(Error::Shape(format!("{} data sets where one is to be summarised", batch.sets)));
        }
        let outside = outside_plates(batch);
        let rows = outside.iter().chain(&batch.plates);
        let parts = self.reader.levels.iter().zip(&self.plan.levels).zip(rows);
        let plates =
            parts.map(|((level, plan), rows)| self.sums_of(level, plan, rows)).collect::<Result<_, Error>>()?;
        Ok(Sums { outside: batch.globals.clone(), plates })
    }

    /// Sums over the rows of one plate.
    pub(super) fn sums_of(&self, level: &PlateFeatures, plan: &PlateLayout, rows: &Rows) -> Result<PlateSums, Error> {
        let of_part = |rows: &Rows| -> Result<PlateSums, Error> {
            let elements = level.read(rows);
            let moments = level.sums(&elements.numbers, &elements.offsets);
            let mut hidden = Vec::new();
            if let Some(row_plan) = &plan.rows {
                let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
                let node = row_plan.read(&mut graph, self.plan.activation, elements, &plan.children)?;
                hidden.resize(row_plan.width(), 0.0);
                for row in node.values.chunks_exact(row_plan.width()) {
                    hidden.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
                }
            }
            Ok(PlateSums { rows: rows.rows() as u64, moments, hidden, image: level.image.is_some() })
        };
        let count = rows.rows();
        let length = (SLICE_NUMBERS / (rows.numbers() / count.max(1)).max(1)).clamp(1, TILE);
        if count <= length {
            return of_part(rows);
        }
        // Tiles bound the memory and keep every core busy. Their number and order depend only on the data.
        let tiles: Vec<Result<PlateSums, Error>> = (0..count.div_ceil(length))
            .into_par_iter()
            .map(|tile| of_part(&rows.part(tile * length..((tile + 1) * length).min(count))))
            .collect();
        let mut tiles = tiles.into_iter();
        let first = tiles.next().unwrap_or_else(|| of_part(rows))?;
        tiles.try_fold(first, |mut sums, tile| {
            sums.add(&tile?);
            Ok(sums)
        })
    }

    /// Returns the prediction for a data set, from the sums that the network keeps of it.
    ///
    /// # Errors
    /// If the sums are those of a network of another shape.
    pub fn conclude(&self, sums: &Sums) -> Result<Prediction, Error> {
        let (judged, scales) = self.judge_sums(sums)?;
        self.read(&judged.output.values, &judged.context.values, &scales)
    }

    /// Returns what the layers that read data sets make of a data set, and the scales of its targets, from what the network
    /// keeps of it.
    pub(super) fn judge_sums(&self, sums: &Sums) -> Result<(TrunkOutput<f32>, Scales), Error> {
        let levels = &self.reader.levels;
        let fits = |(level, plan, plate): (&PlateFeatures, &PlateLayout, &PlateSums)| {
            plate.moments.len() == level.moments_width()
                && plate.hidden.len() == plan.rows.as_ref().map_or(0, RowLayout::width)
        };
        let mut parts =
            levels.iter().zip(&self.plan.levels).zip(&sums.plates).map(|((level, plan), plate)| (level, plan, plate));
        if sums.plates.len() != levels.len() || !parts.clone().all(fits) {
            return Err(Error::Shape("the sums were made by another network".to_owned()));
        }
        let (mut vectors, mut moments) = (Vec::new(), Vec::new());
        for (level, plan, plate) in &mut parts {
            let pooled = level.pool(&plate.moments, &[plate.rows as usize]);
            moments.push(pooled.moments.clone());
            let parts = self.vector(level, plan, plate, pooled);
            vectors.extend(parts.into_iter().map(|part| Input::Data(Arc::new(part))));
        }
        let moments: Vec<&[f32]> = moments.iter().map(Vec::as_slice).collect();
        let mut graph = Graph::<f32, NoneTape>::new(self.weights.clone(), self.plan.shared)?;
        Ok((self.plan.judge(&mut graph, 1, vectors)?, self.reader.scales_of(1, &moments)))
    }

    /// Returns the vector of a plate of one data set, in parts.
    pub(super) fn vector(
        &self,
        level: &PlateFeatures,
        plan: &PlateLayout,
        plate: &PlateSums,
        pooled: Pooled,
    ) -> Vec<Vec<f32>> {
        let sizes = [plate.rows as usize];
        let Pooled { bins, moments } = pooled;
        let mut parts: Vec<Vec<f32>> = [bins, moments].into_iter().filter(|part| !part.is_empty()).collect();
        if plan.rows.is_some() {
            let inverse = 1.0 / plate.rows.max(1) as f64;
            let mean = plate.hidden.iter().map(|sum| (sum * inverse) as f32);
            let mut pooled: Vec<f32> = mean.clone().collect();
            if let Some(roots) = level.roots(&sizes) {
                pooled.extend(mean.map(|mean| roots[0] * mean));
            }
            parts.push(pooled);
        }
        parts
    }
}
