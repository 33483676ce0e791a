//! Sampling and maximising as methods of models.

use super::{FitError, Maximum, Nuts, ProfileLikelihood};
use crate::model::{Likelihood, Model};

/// Samples the posterior of a model, and maximises its likelihood; in scope with the prelude.
pub trait SamplingExt: Model {
    /// Samples the exact posterior given a data set: set the chains, then `run`.
    fn nuts<'a>(&'a self, data: &'a Self::Data) -> Nuts<'a, Self>
    where
        Self: Likelihood,
    {
        Nuts::new(self, data)
    }

    /// The globals at which the data are likeliest, whatever the prior. The search starts at draws of the prior: the highest of
    /// many narrow maxima may be missed.
    ///
    /// # Errors
    /// Data that do not fit the model, a model with continuous locals, and a likelihood that has no maximum.
    fn maximize(&self, data: &Self::Data) -> Result<Maximum<Self>, FitError>
    where
        Self: Likelihood,
    {
        ProfileLikelihood::new::<&str>(self, [])?.maximum(data)
    }
}

impl<M: Model> SamplingExt for M {}
