//! Sampling and maximising as methods of models.

use super::{FitError, Maximum, Nuts, ProfileLikelihood};
use crate::model::{Likelihood, Model};

/// Methods that sample the posterior of a model and maximise its likelihood; in scope with the prelude.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::sampling::{Chains, Maximum, Nuts, SampleError, SamplingExt};
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         observe count ~ Poisson(rate);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (model, data) = (Flux::default(), FluxData { count: 7 });
/// let nuts: Nuts<'_, Flux> = model.nuts(&data).chains(2).draws(500).seed(1);
/// let chains: Chains<Flux> = nuts.run()?;
/// println!("{chains}");
/// assert_eq!((chains.chains(), chains.draws_per_chain()), (2, 500));
/// assert!((chains.mean(Flux::RATE)? - 4.5).abs() < 1.0); // that of Gamma(2 + 7, 1 + 1)
///
/// let best: Maximum<Flux> = model.maximize(&data)?; // whatever the prior says
/// assert!((best.globals.rate - 7.0).abs() < 1e-3);
///
/// let none = model.nuts(&data).chains(0).run();
/// assert!(matches!(none, Err(SampleError::Setting { value: 0, least: 1, .. })));
/// # Ok(())
/// # }
/// ```
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
