//! Sampling and maximising as methods of models.

use super::bridge::bridge;
use super::{Evidence, FitError, Maximum, Nuts, ProfileLikelihood, SampleError};
use crate::draws::Inferred;
use crate::model::{Density, Likelihood, Model};

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
    /// The data do not fit the model, the model has continuous locals, or the likelihood has no maximum, more than one, or none that
    /// the search could reach.
    fn maximize(&self, data: &Self::Data) -> Result<Maximum<Self>, FitError>
    where
        Self: Likelihood,
    {
        ProfileLikelihood::new::<&str>(self, [])?.maximum(data)
    }

    /// Returns the evidence of the model given `data`, from `draws` of the posterior: of chains, of weighted draws, or from elsewhere. With
    /// that of another model of the same data it makes a Bayes factor: see [`Evidence`].
    ///
    /// It is the bridge estimate of Meng & Wong (Statistica Sinica 1996) between the draws and as many of a distribution that is fitted
    /// to others of them; where elements are independent given the globals, their locals are integrated out one by one, so that it stays
    /// exact for thousands of them. Its error takes the autocorrelation of chains into account (Frühwirth-Schnatter, Econometrics Journal 2004).
    /// `seed` decides on the random numbers.
    ///
    /// It takes the draws at their word: of chains that have missed a mode the evidence is off by far more than its error, so look at their
    /// R-hat and warnings first.
    ///
    /// # Errors
    /// The data do not fit the model; the draws are of other data, of some variables alone, or fewer than 100; or a prior is flat.
    fn bridge(&self, data: &Self::Data, draws: &impl Inferred, seed: u64) -> Result<Evidence, SampleError>
    where
        Self: Likelihood,
    {
        let density = Density::new(self, data)?;
        bridge((self, data), &|| Box::new(density.clone()), &draws.as_draws(), seed)
    }
}

impl<M: Model> SamplingExt for M {}
