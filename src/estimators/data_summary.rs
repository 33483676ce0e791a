//! Summaries of data that an estimator keeps: sums, which can be added.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::reach::Beyond;
use super::{FileError, InferenceError};
use crate::model::Model;
use crate::nn::Sums;

/// All that an estimator needs to know of a data set, or of a part of one.
///
/// It is made by [`PosteriorEstimator::summarize`](super::PosteriorEstimator::summarize), and its size does not depend
/// on that of the data. [`merge`](DataSummary::merge) combines the summaries of parts that were seen at different times
/// or on different machines, in any order. (It keeps sums over the elements of plates, and addition commutes.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct DataSummary<M: Model> {
    /// The fingerprint of the estimator's weights.
    pub(super) fingerprint: String,
    /// The sums for each network of the estimator.
    pub(super) sums: Vec<Sums>,
    /// What of the data is farthest from those of the training. Summaries of earlier versions do not say.
    #[serde(default)]
    pub(super) beyond: Beyond,
    model: PhantomData<M>,
}

impl<M: Model> DataSummary<M> {
    pub(super) fn new(fingerprint: String, sums: Vec<Sums>, beyond: Beyond) -> Self {
        Self { fingerprint, sums, beyond, model: PhantomData }
    }

    /// Adds the summary `other`, of a part of the data set that this summary does not include yet.
    ///
    /// # Errors
    /// The other summary was made by another estimator, or its data differ in what was observed outside plates.
    pub fn merge(&mut self, other: &Self) -> Result<(), InferenceError> {
        if self.fingerprint != other.fingerprint {
            return Err(FileError::OtherPosterior {
                summary: other.fingerprint.clone(),
                expected: self.fingerprint.clone(),
            }
            .into());
        }
        self.sums.iter_mut().zip(&other.sums).try_for_each(|(sums, more)| sums.add(more))?;
        self.beyond.join(&other.beyond);
        Ok(())
    }

    /// Returns the number of elements seen of each plate at the top of the model, in the order of the declaration.
    pub fn sizes(&self) -> Vec<usize> {
        self.sums.first().map_or(Vec::new(), Sums::sizes)
    }
}
