//! The estimators as methods of models.

use super::{JointNpe, Npe, Nre, StatisticTraining};
use crate::model::{Generative, Model, Name};

/// Trains estimators of a model; in scope with the prelude.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// /// Returns the names of what is inferred of any model.
/// fn inferred<M: EstimatorExt + Generative>(model: &M, data: &M::Data) -> Result<Vec<String>, InferenceError> {
///     let estimator = model.npe().train(Budget::simulations(500))?; // far too short, for an example
///     Ok(estimator.condition(data)?.names())
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9] } };
/// assert_eq!(inferred(&Flux::default(), &data)?, ["rate"]);
/// # Ok(())
/// # }
/// ```
pub trait EstimatorExt: Model {
    /// Prepares the training of an amortized posterior over the globals: set what is to be inferred, then call `train`.
    fn npe(&self) -> Npe<'_, Self>
    where
        Self: Generative,
    {
        Npe::new(self)
    }

    /// Prepares the training of an amortized joint posterior over the globals and all locals: set the options, then
    /// call `train`.
    fn joint_npe(&self) -> JointNpe<'_, Self>
    where
        Self: Generative,
    {
        JointNpe::new(self)
    }

    /// Prepares the training of an amortized ratio of the likelihood to the evidence: set the options, then call
    /// `train`.
    fn nre(&self) -> Nre<'_, Self>
    where
        Self: Generative,
    {
        Nre::new(self)
    }

    /// Prepares the training of a test statistic of the scalar global `interest`: set the hypotheses, then call
    /// `train`.
    fn test_statistic(&self, interest: impl Into<Name>) -> StatisticTraining<'_, Self>
    where
        Self: Generative,
    {
        StatisticTraining::new(self, interest)
    }
}

impl<M: Model> EstimatorExt for M {}
