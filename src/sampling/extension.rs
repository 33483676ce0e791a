//! Sampling and maximising as methods of models.

use super::{FitError, Maximum, Nuts, ProfileLikelihood};
use crate::model::{Likelihood, Model};

/// Methods that sample the posterior of a model and maximise its likelihood; in scope with the prelude.
pub trait SamplingExt: Model {
    /// Prepares Markov chains (NUTS) of the exact posterior given `data`: set the options, then call `run`.
    fn nuts<'a>(&'a self, data: &'a Self::Data) -> Nuts<'a, Self>
    where
        Self: Likelihood,
    {
        Nuts::new(self, data)
    }

    /// Returns the globals with the maximum likelihood, which does not depend on the prior. The search starts at draws
    /// of the prior, so it may miss the highest of many narrow maxima.
    ///
    /// # Errors
    /// The data do not fit the model, the model has continuous locals, or the likelihood has no maximum.
    fn maximize(&self, data: &Self::Data) -> Result<Maximum<Self>, FitError>
    where
        Self: Likelihood,
    {
        ProfileLikelihood::new::<&str>(self, [])?.maximum(data)
    }
}

impl<M: Model> SamplingExt for M {}
