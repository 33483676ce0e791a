//! The estimators as methods of models.

use super::{JointNpe, Npe, Nre, StatisticTraining};
use crate::model::{Model, Name};

/// Trains estimators of a model; in scope with the prelude.
pub trait EstimatorExt: Model {
    /// Trains an amortized posterior over the globals: set what is to be inferred, then `train`.
    fn npe(&self) -> Npe<'_, Self> {
        Npe::new(self)
    }

    /// Trains an amortized joint posterior over the globals and all locals: set what is to be different, then `train`.
    fn joint_npe(&self) -> JointNpe<'_, Self> {
        JointNpe::new(self)
    }

    /// Trains an amortized ratio of the likelihood to the evidence: set how, then `train`.
    fn nre(&self) -> Nre<'_, Self> {
        Nre::new(self)
    }

    /// Trains a test statistic of a scalar global: set the hypotheses, then `train`.
    fn test_statistic(&self, interest: impl Into<Name>) -> StatisticTraining<'_, Self> {
        StatisticTraining::new(self, interest)
    }
}

impl<M: Model> EstimatorExt for M {}
