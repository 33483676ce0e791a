//! What a posterior keeps of data: sums, which add up.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::InferenceError;
use crate::model::Model;
use crate::nn::Sums;

/// All that a trained posterior needs to know of a data set, or of a part of one.
///
/// It is made by [`PosteriorEstimator::summarize`](super::PosteriorEstimator::summarize), has a size that does not depend on the data's, and
/// those of parts that were seen at different times or on different machines are put together with
/// [`merge`](DataSummary::merge), in any order. (It keeps sums over the elements of plates, and addition commutes.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct DataSummary<M: Model> {
    /// Of the posterior's weights.
    pub(super) fingerprint: String,
    /// For each network of the posterior.
    pub(super) sums: Vec<Sums>,
    model: PhantomData<M>,
}

impl<M: Model> DataSummary<M> {
    pub(super) fn new(fingerprint: String, sums: Vec<Sums>) -> Self {
        Self { fingerprint, sums, model: PhantomData }
    }

    /// Adds a part of the data set that is not in here yet.
    ///
    /// # Errors
    /// The other summary was made by another posterior, or its data differ in what was observed outside plates.
    pub fn merge(&mut self, other: &Self) -> Result<(), InferenceError> {
        if self.fingerprint != other.fingerprint {
            return Err(InferenceError::OtherPosterior {
                summary: other.fingerprint.clone(),
                expected: self.fingerprint.clone(),
            });
        }
        Ok(self.sums.iter_mut().zip(&other.sums).try_for_each(|(sums, more)| sums.add(more))?)
    }

    /// How many elements of each plate at the top of the model have been seen, in the order of the declaration.
    pub fn sizes(&self) -> Vec<usize> {
        self.sums.first().map_or(Vec::new(), Sums::sizes)
    }
}
