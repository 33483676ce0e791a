//! The joint posterior of globals and locals, given one data set.

use std::borrow::Cow;
use std::sync::Arc;

use super::joint_distribution::AnyJointPosterior;
use super::posterior::REFINED;
use super::{InferenceError, Posterior};
use crate::draws::{Draws, Inferred};
use crate::model::{AsNumbers, Frame, Likelihood, LocalSet, Model, Name, UnknownName};
use crate::sampling::{Proposal, Refined, SampleError, WeightedDraws, importance_sample, refine_until};
use crate::simulate::Stream;

/// A joint distribution over globals and locals: draws of the globals, and for each of these, locals given them.
///
/// Numbers are named as in [`Chains`](crate::sampling::Chains): `mass`, `slope[17]` for the element of a plate,
/// `pair[17][1]` for a component in an element; the discrete locals of finite support follow, `signal[17]`.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Peak {
///         global fraction ~ Uniform(0.0, 1.0);
///         plate events(1..=20) {
///             local signal ~ Bernoulli(fraction);
///             observe x ~ Normal(if signal { 3.0 } else { 0.0 }, 1.0);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let estimator = Peak::default().joint_npe().train(Budget::simulations(500))?; // far too short, for an example
/// let data = PeakData { events: PeakEvents { x: vec![0.3, 2.8] } };
/// let posterior: JointPosterior<Peak> = estimator.condition(&data)?;
/// assert_eq!(posterior.names(), ["fraction", "signal[0]", "signal[1]"]);
/// let of_second = posterior.probabilities(Peak::SIGNAL.at(1))?; // that it is background, and that it is signal
/// assert!(of_second.len() == 2 && (of_second.iter().sum::<f64>() - 1.0).abs() < 1e-3);
/// for draw in posterior.draws(3, 1)? {
///     println!("{:.2} {:?}", draw.globals.fraction, draw.locals.events.signal);
///     assert_eq!(draw.locals.events.signal.len(), 2);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct JointPosterior<M: Model> {
    any: Arc<AnyJointPosterior>,
    globals: Option<Posterior<M>>,
}

/// A draw of all latent variables.
#[derive(Clone, Debug, PartialEq)]
pub struct JointDraw<M: Model> {
    /// The globals.
    pub globals: M::Globals,
    /// The locals.
    pub locals: M::Locals,
}

impl<M: Model> JointPosterior<M> {
    pub(super) fn of(any: AnyJointPosterior) -> Self {
        let globals = any.globals.clone().map(Posterior::of_shared);
        Self { any: Arc::new(any), globals }
    }

    /// Returns the posterior of the globals alone; `None` where the model has none, or each element was inferred alone.
    pub fn globals(&self) -> Option<&Posterior<M>> {
        self.globals.as_ref()
    }

    /// Returns `count` independent draws with the log density of each, in the constrained space; `None` where each
    /// element was inferred alone, or where a plate has a discrete local, given whose value the other densities are.
    pub(crate) fn sample_with_log_density(&self, count: usize, seed: u64) -> Option<(Vec<Vec<f64>>, Vec<f64>)> {
        self.any.sample_with_log_density(count, seed)
    }

    /// Returns `count` independent draws of all globals and locals.
    ///
    /// # Errors
    /// A posterior in which each element was inferred alone, which has no globals; and a model with discrete locals of
    /// infinite support, which are not inferred.
    pub fn draws(&self, count: usize, seed: u64) -> Result<Vec<JointDraw<M>>, InferenceError> {
        let values = self.any.draws(count, seed)?;
        let lengths = self.any.model().lengths();
        let typed = |(globals, locals): (Vec<f64>, Frame<'static>)| {
            Ok(JointDraw {
                globals: M::Globals::from_lengths(&globals, &lengths),
                locals: M::Locals::from_frame(locals)?,
            })
        };
        values.into_iter().map(typed).collect()
    }

    /// Returns the probabilities of the values 0, 1, ... of a discrete local in an element, `signal[17]`.
    ///
    /// # Errors
    /// There is no discrete local of that name.
    pub fn probabilities(&self, name: impl Into<Name>) -> Result<Vec<f64>, UnknownName> {
        self.any.probabilities(name.into().as_str())
    }

    /// Returns the log density of `globals` and `locals`, in the constrained space; discrete locals enter with their
    /// probabilities.
    ///
    /// # Errors
    /// Locals that do not belong to the data; and a posterior in which each element was inferred alone, which has no
    /// joint density.
    pub fn log_density(&self, globals: &M::Globals, locals: &M::Locals) -> Result<f64, InferenceError> {
        self.any.log_density(globals, locals)
    }

    /// Returns the exact posterior of globals and locals, by importance sampling with this posterior as the proposal:
    /// see [`Posterior::importance_sample`]. `data` must be those that the posterior was conditioned on.
    ///
    /// # Errors
    /// Data that do not fit the model, a posterior in which each element was inferred alone, a model with continuous
    /// locals in plates below a discrete local, and draws that are all impossible under the model.
    pub fn importance_sample(&self, model: &M, data: &M::Data) -> Result<WeightedDraws<M>, SampleError>
    where
        M: Likelihood,
    {
        // Random numbers of its own for each data set: the same ones would make all results wrong in the same direction.
        importance_sample(model, data, self, REFINED, crate::model::DataSet::frame(data).hash())
    }

    /// Returns the exact posterior of globals and locals, however far off this one is: see [`Posterior::refine_until`]. Where elements are
    /// independent given the globals it begins with the posterior of these.
    ///
    /// # Errors
    /// Those of [`Posterior::refine_until`], and a posterior in which each element was inferred alone.
    pub fn refine_until(&self, model: &M, data: &M::Data, k_hat: f64) -> Result<Refined<M>, SampleError>
    where
        M: Likelihood,
    {
        refine_until(model, data, self, k_hat, REFINED, crate::model::DataSet::frame(data).hash())
    }
}

impl<M: Model> Inferred for JointPosterior<M> {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(self.any.representative())
    }

    /// Returns independent draws: of the globals, then the continuous locals, then the discrete ones.
    fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        self.any.sample(count, seed)
    }

    fn thinned(&self, count: usize) -> Vec<Vec<f64>> {
        self.any.sample(count, 0)
    }

    fn names(&self) -> Vec<String> {
        self.any.names()
    }

    /// Returns those of the estimator: what speaks against all its posteriors.
    fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }
}

impl<M: Model> Proposal for JointPosterior<M> {
    fn latent_names(&self) -> Vec<String> {
        Proposal::latent_names(&*self.any)
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        Proposal::draw(&*self.any, rng, q, log_density);
    }

    fn of_globals(&self) -> Option<&dyn Proposal> {
        self.globals.as_ref().map(|globals| globals as &dyn Proposal)
    }
}

impl<M: Model> std::fmt::Display for JointPosterior<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.any.representative().summary().fmt(f)?;
        self.any.warnings().iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}
