//! How data sets and targets are read: everything that is fitted to the pilot sample.

use serde::{Deserialize, Serialize};

use super::encoded::EncodedPlate;
use super::image::ImageFeatures;
use super::plate::PlateFeatures;
use super::regression::{Linear, MomentKind};
use crate::architecture::{Architecture, Encoder};
use crate::batch::{Batch, Rows};
use crate::prefix::{self, Prefix};
use crate::shape::{PlateShape, Shape};

/// For each target of each data set, the mean and the standard deviation in whose units the network measures it.
pub(crate) type Scales = Vec<(f32, f32)>;

/// How the plates of a data set are read, and in what units targets are measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureExtractor {
    /// Numbers outside plates (as a plate of one row), then the plates.
    pub(crate) levels: Vec<PlateFeatures>,
    /// Whether there are numbers outside plates.
    pub(crate) outside: bool,
    /// Whether rows are read in their order, so that there is an answer after every row: see [`Encoder::Causal`].
    pub(crate) causal: bool,
    /// Mean and standard deviation of each target.
    pub(crate) targets: Vec<(f32, f32)>,
    /// What the pooled moments say of the targets already; `None` if that would be more noise than help.
    pub(crate) linear: Option<Linear>,
}

impl FeatureExtractor {
    /// Fits to a pilot sample of data of `shape`; `targets` is sets x the targets of a data set.
    pub(crate) fn fit(pilot: &Batch, targets: &[f32], shape: &Shape, architecture: &Architecture) -> FeatureExtractor {
        let dims = shape.targets;
        let moments = |dim: usize| {
            let values = || targets.iter().skip(dim).step_by(dims).map(|value| f64::from(*value));
            let count = pilot.sets.max(1) as f64;
            let mean = values().sum::<f64>() / count;
            let sd = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            (mean as f32, if sd > 0.0 { sd as f32 } else { 1.0 })
        };
        let (fit, numbers_alone) =
            (|rows, shape| PlateFeatures::fit(rows, shape, architecture, 0), PlateShape::default());
        let plates = pilot.plates.iter().zip(&shape.plates);
        let mut plates: Vec<PlateFeatures> = plates.map(|(rows, shape)| fit(rows, shape)).collect();
        // Attention reads all rows, even if they hold only one number.
        plates.iter_mut().for_each(|plate| plate.network |= architecture.encoder != Encoder::DeepSet);
        let outside = outside_plates(pilot);
        let numbers = dims - architecture.output.codes();
        let mut reader = FeatureExtractor {
            outside: outside.is_some(),
            causal: matches!(architecture.encoder, Encoder::Causal { .. }),
            levels: outside.iter().map(|rows| fit(rows, &numbers_alone)).chain(plates).collect(),
            targets: (0..numbers).map(moments).chain((numbers..dims).map(|_| (0.0, 1.0))).collect(),
            linear: None,
        };
        if architecture.output.is_posterior() {
            let encoded = reader.encode(pilot);
            let standardised = reader.standardise(targets, &reader.scales(pilot.sets, &encoded));
            let told: Vec<Vec<(usize, MomentKind)>> = reader.levels.iter().map(PlateFeatures::linear).collect();
            reader.linear = Linear::fit(&told, &moments_of(&encoded), &standardised, dims);
        }
        reader
    }

    /// Returns the units in which the network measures each target of each data set: what least squares predict of the target
    /// from the pooled moments.
    pub(crate) fn scales(&self, sets: usize, plates: &[EncodedPlate]) -> Scales {
        self.scales_of(sets, &moments_of(plates))
    }

    /// Returns the same units from the pooled moments of each plate.
    pub(crate) fn scales_of(&self, sets: usize, moments: &[&[f32]]) -> Scales {
        let prior = self.targets.iter().cycle().take(sets * self.targets.len());
        let Some(linear) = &self.linear else { return prior.copied().collect() };
        let scale = |((mean, log_sd), (prior_mean, prior_sd)): ((f64, f64), &(f32, f32))| {
            let (prior_mean, prior_sd) = (f64::from(*prior_mean), f64::from(*prior_sd));
            ((prior_mean + prior_sd * mean) as f32, (prior_sd * log_sd.exp()) as f32)
        };
        linear.predict(sets, moments).into_iter().zip(prior).map(scale).collect()
    }

    /// Returns targets in their units; there is one scale for each.
    pub(crate) fn standardise(&self, targets: &[f32], scales: &[(f32, f32)]) -> Vec<f32> {
        targets.iter().zip(scales).map(|(target, (mean, sd))| (target - mean) / sd).collect()
    }

    /// Returns how images are read, image after image.
    pub(crate) fn images(&self) -> Vec<&ImageFeatures> {
        fn visit<'a>(levels: &'a [PlateFeatures], to: &mut Vec<&'a ImageFeatures>) {
            for level in levels {
                to.extend(&level.image);
                visit(&level.children, to);
            }
        }
        let mut all = Vec::new();
        visit(&self.levels, &mut all);
        all
    }

    /// Reads images from now on as `other` does, which must have as many.
    pub(crate) fn read_images_as(&mut self, other: &FeatureExtractor) {
        fn visit(levels: &mut [PlateFeatures], from: &mut impl Iterator<Item = ImageFeatures>) {
            for level in levels {
                if level.image.is_some() {
                    level.image = from.next();
                }
                visit(&mut level.children, from);
            }
        }
        visit(&mut self.levels, &mut other.images().into_iter().cloned());
    }

    /// Returns what the network reads of each plate.
    pub(crate) fn encode(&self, batch: &Batch) -> Vec<EncodedPlate> {
        if self.causal {
            return self.encode_prefixes(batch, &prefix::whole(batch));
        }
        let outside = outside_plates(batch);
        self.levels.iter().zip(outside.iter().chain(&batch.plates)).map(|(level, rows)| level.encode(rows)).collect()
    }

    /// Returns how often each data set is read in training.
    pub(crate) fn readings(&self) -> usize {
        if self.causal { prefix::SAMPLE } else { 1 }
    }

    /// Returns what the network reads of data sets in training, each [`readings`](FeatureExtractor::readings) times.
    /// `place` is the place of the first of them among all that are drawn.
    pub(crate) fn encode_to_learn(&self, batch: &Batch, place: u64) -> Vec<EncodedPlate> {
        if self.causal { self.encode_prefixes(batch, &prefix::sample(batch, place)) } else { self.encode(batch) }
    }

    /// Repeats the targets of each data set as often as the data set is read in training.
    pub(crate) fn targets_to_learn(&self, targets: &[f32]) -> Vec<f32> {
        let often = |targets| std::iter::repeat_n(targets, self.readings());
        targets.chunks_exact(self.targets.len().max(1)).flat_map(often).flatten().copied().collect()
    }

    /// Returns what the network reads of beginnings of data sets. In `prefixes` those of a data set stand next to each other,
    /// shorter ones first.
    pub(crate) fn encode_prefixes(&self, batch: &Batch, prefixes: &[Prefix]) -> Vec<EncodedPlate> {
        let outside = |prefix: &Prefix| &batch.globals[prefix.set * batch.width..(prefix.set + 1) * batch.width];
        let globals = prefixes.iter().flat_map(outside).copied().collect();
        let outside = outside_plates(&Batch { sets: prefixes.len(), width: batch.width, globals, plates: Vec::new() });
        let (levels, plates) = self.levels.split_at(usize::from(self.outside).min(self.levels.len()));
        let outside = levels.iter().zip(&outside).map(|(level, rows)| level.encode(rows));
        let plates = plates.iter().zip(&batch.plates).map(|(level, rows)| level.encode_prefixes(rows, prefixes));
        outside.chain(plates).collect()
    }
}

/// Returns the pooled moments of each plate.
fn moments_of(plates: &[EncodedPlate]) -> Vec<&[f32]> {
    plates.iter().map(|plate| plate.pooled.moments.as_slice()).collect()
}

/// Returns the numbers outside plates as a plate that has one row in every data set; `None` if there are none.
pub(crate) fn outside_plates(batch: &Batch) -> Option<Rows> {
    (batch.width > 0).then(|| Rows {
        width: batch.width,
        features: batch.globals.clone(),
        offsets: (0..=batch.sets).collect(),
        children: Vec::new(),
    })
}
