//! The estimators as methods of models.

use super::{JointNpe, Npe, Nre, StatisticTraining};
use crate::model::{Model, Name};

/// Trains estimators of a model; in scope with the prelude.
pub trait EstimatorExt: Model {
    /// Prepares the training of an amortized posterior over the globals: set what is to be inferred, then call `train`.
    fn npe(&self) -> Npe<'_, Self> {
        Npe::new(self)
    }

    /// Prepares the training of an amortized joint posterior over the globals and all locals: set the options, then
    /// call `train`.
    fn joint_npe(&self) -> JointNpe<'_, Self> {
        JointNpe::new(self)
    }

    /// Prepares the training of an amortized ratio of the likelihood to the evidence: set the options, then call
    /// `train`.
    fn nre(&self) -> Nre<'_, Self> {
        Nre::new(self)
    }

    /// Prepares the training of a test statistic of the scalar global `interest`: set the hypotheses, then call
    /// `train`.
    fn test_statistic(&self, interest: impl Into<Name>) -> StatisticTraining<'_, Self> {
        StatisticTraining::new(self, interest)
    }
}

impl<M: Model> EstimatorExt for M {}
