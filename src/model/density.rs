//! The log density of a model in unconstrained space, and its gradient.

use std::sync::Arc;

use super::{DataError, DensityPart, DensityPlan, Explicit, Likelihood, Model, Prepared, Scratch, check};
use crate::autodiff::{Lanes, WithLanes, with_lanes};

/// A factor of a density besides those of the model's statements, such as a learned ratio.
pub(crate) trait Factor: std::fmt::Debug + Send + Sync {
    /// Returns the logarithm of the factor at the unconstrained numbers `q`, and adds its gradient to `gradient`.
    fn add(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;

    /// Returns a copy with its own buffers, for another thread.
    fn copy(&self) -> Box<dyn Factor>;
}

impl Clone for Box<dyn Factor> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

/// The log density of a model's latent variables, given a data set, in the unconstrained space. The globals come first,
/// then the continuous locals plate by plate: for each variable its components in turn, for each component all
/// elements. Discrete locals are summed out.
///
/// [`Density::new`] includes every factor; [`Density::explicit`] leaves out those of implicit observations.
#[derive(Clone, Debug)]
pub struct Density<'a, M: Model> {
    model: &'a M,
    data: &'a M::Data,
    dimension: usize,
    /// The data with one element in the place of those that are alike; `None` if none are.
    compact: Option<Arc<M::Data>>,
    /// What is made once of the data, and shared by copies.
    prepared: Arc<Prepared>,
    scratch: Scratch,
    /// The model's own density, on the widest registers of this machine.
    evaluate: Evaluate<M>,
    without_lanes: Evaluate<M>,
    /// The part of the model's own density that counts.
    part: DensityPart,
    likelihood_alone: bool,
    factor: Option<Box<dyn Factor>>,
}

type Evaluate<M> = fn(&M, &<M as Model>::Data, &[f64], &mut [f64], &Prepared, &mut Scratch, DensityPart) -> f64;

impl<'a, M: Model> Density<'a, M> {
    /// Makes the density of the latent variables given `data`.
    ///
    /// # Errors
    /// The data do not fit the model.
    pub fn new(model: &'a M, data: &'a M::Data) -> Result<Self, DataError>
    where
        M: Likelihood,
    {
        Self::explicit(model, data)
    }

    /// Makes the density without the factors of the implicit observations: the prior of the globals and of the
    /// continuous locals, times the density of the observations that have one. A continuous local that only an implicit
    /// observation depends on is included; a discrete one, or a plate that is only simulated, is not, since its
    /// probabilities sum to one.
    ///
    /// # Errors
    /// The data do not fit the model.
    pub fn explicit(model: &'a M, data: &'a M::Data) -> Result<Self, DataError>
    where
        M: Explicit,
    {
        check(model, data)?;
        Ok(Self::unchecked(model, data))
    }

    /// Makes the density for data that are known to fit, or of which only the sizes are read.
    fn unchecked(model: &'a M, data: &'a M::Data) -> Self
    where
        M: Explicit,
    {
        let (compact, weights) = model.compact(data);
        let prepared = model.prepare(compact.as_ref().unwrap_or(data), data).with_weights(weights);
        Self {
            model,
            data,
            dimension: model.dimension(data),
            compact: compact.map(Arc::new),
            prepared: Arc::new(prepared),
            scratch: Scratch::default(),
            evaluate: match M::DEBUG_BUILD {
                // Without optimisation each number has a place of its own on the stack: in registers of eight they are megabytes.
                true => without_lanes,
                false => |model, data, q, gradient, prepared, scratch, part| {
                    with_lanes(InLanes { model, data, q, gradient, prepared, scratch, part })
                },
            },
            without_lanes,
            part: DensityPart::Whole,
            likelihood_alone: M::LIKELIHOOD_ALONE,
            factor: None,
        }
    }

    /// Makes the prior density of the globals alone. `data` is a data set without elements, so that there are no
    /// locals.
    pub(crate) fn of_globals(model: &'a M, data: &'a M::Data) -> Self
    where
        M: Explicit,
    {
        Self { part: DensityPart::Prior, ..Self::unchecked(model, data) }
    }

    /// Adds a factor to the density.
    pub(crate) fn with_factor(self, factor: Box<dyn Factor>) -> Self {
        Self { factor: Some(factor), ..self }
    }

    /// Says what is done with the elements of each plate: why the density is fast or slow.
    pub fn plan(&self) -> DensityPlan {
        self.prepared.plan(&self.model.specification())
    }

    /// Returns the number of unconstrained numbers.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Returns the log of the joint density of latent variables and data at `q`, Jacobian included, and writes its
    /// gradient to `gradient`.
    ///
    /// # Panics
    /// The length of `q` or `gradient` is not the density's dimension.
    #[inline]
    pub fn gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        let value = self.run(self.evaluate, q, gradient, self.part);
        match &mut self.factor {
            Some(factor) => value + factor.add(q, gradient),
            None => value,
        }
    }

    /// Returns the log density of the prior of the globals alone at `q`, Jacobian included, and writes its gradient to
    /// `gradient`.
    ///
    /// # Panics
    /// The length of `q` or `gradient` is not the density's dimension.
    pub fn prior_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        self.run(self.evaluate, q, gradient, DensityPart::Prior)
    }

    /// Returns the log density at `q` less that of the prior of the globals, and writes its gradient to `gradient`. Without
    /// continuous locals it is the log likelihood, which has no Jacobian.
    pub(crate) fn likelihood_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        if self.likelihood_alone && self.factor.is_none() {
            return self.run(self.evaluate, q, gradient, DensityPart::Likelihood);
        }
        let mut of_prior = vec![0.0; gradient.len()];
        let prior = self.prior_gradient(q, &mut of_prior);
        let whole = self.gradient(q, gradient);
        gradient.iter_mut().zip(of_prior).for_each(|(whole, prior)| *whole -= prior);
        whole - prior
    }

    /// Computes [`Density::gradient`] one element at a time, as a reference for tests of the lanes.
    ///
    /// # Panics
    /// The length of `q` or `gradient` is not the density's dimension.
    pub fn gradient_without_lanes(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        self.run(self.without_lanes, q, gradient, DensityPart::Whole)
    }

    #[inline]
    fn run(&mut self, evaluate: Evaluate<M>, q: &[f64], gradient: &mut [f64], part: DensityPart) -> f64 {
        assert_eq!((q.len(), gradient.len()), (self.dimension, self.dimension), "the position's dimension");
        let data = self.compact.as_deref().unwrap_or(self.data);
        evaluate(self.model, data, q, gradient, &self.prepared, &mut self.scratch, part)
    }
}

/// A density without the model's types, for samplers and optimisers.
pub(crate) trait AnyDensity: Send {
    /// Returns the number of unconstrained numbers.
    fn dimension(&self) -> usize;

    /// Returns the log density at `q`, Jacobian included, and writes its gradient to `gradient`.
    fn gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;

    /// Returns the log density of the prior of the globals alone at `q`, and writes its gradient to `gradient`.
    fn prior_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;

    /// Returns the log density at `q` less that of the prior of the globals, and writes its gradient to `gradient`.
    fn likelihood_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;
}

impl<M: Model> AnyDensity for Density<'_, M> {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        Density::gradient(self, q, gradient)
    }

    fn prior_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        Density::prior_gradient(self, q, gradient)
    }

    fn likelihood_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        Density::likelihood_gradient(self, q, gradient)
    }
}

/// Makes a density for each thread that needs one.
pub(crate) type Densities<'a> = &'a (dyn Fn() -> Box<dyn AnyDensity + 'a> + Sync);

struct InLanes<'a, M: Model> {
    model: &'a M,
    data: &'a M::Data,
    q: &'a [f64],
    gradient: &'a mut [f64],
    prepared: &'a Prepared,
    scratch: &'a mut Scratch,
    part: DensityPart,
}

impl<M: Explicit> WithLanes for InLanes<'_, M> {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        let Self { model, data, q, gradient, prepared, scratch, part } = self;
        if V::WIDTH == 1 {
            return without_lanes(model, data, q, gradient, prepared, scratch, part);
        }
        model.log_density_lanes::<V>(data, q, gradient, prepared, scratch, part)
    }
}

/// Evaluates the density on plain numbers. It is not inlined, so that it is compiled only once.
#[inline(never)]
fn without_lanes<M: Explicit>(
    model: &M,
    data: &M::Data,
    q: &[f64],
    gradient: &mut [f64],
    prepared: &Prepared,
    scratch: &mut Scratch,
    part: DensityPart,
) -> f64 {
    model.log_density_lanes::<f64>(data, q, gradient, prepared, scratch, part)
}
