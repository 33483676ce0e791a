//! The log density of a model in unconstrained space, and its gradient.

use super::{DataError, DensityPart, Explicit, Likelihood, Model, Scratch, check};
use crate::autodiff::{Lanes, WithLanes, with_lanes};

/// A factor that a density gets besides those of the model's statements, such as a learned ratio.
pub(crate) trait Factor: std::fmt::Debug + Send + Sync {
    /// The logarithm of the factor at unconstrained numbers; its gradient is added to `gradient`.
    fn add(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;

    /// The same with buffers of its own, for another thread.
    fn copy(&self) -> Box<dyn Factor>;
}

impl Clone for Box<dyn Factor> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

/// The log density of a model's latent variables, given a data set, in the unconstrained space: the globals first and then
/// the continuous locals plate by plate, each variable's components one after the other and each component's elements side
/// by side. Discrete locals are summed out.
///
/// [`Density::new`] takes everything in; [`Density::explicit`] leaves out the factors of implicit observations.
#[derive(Clone, Debug)]
pub struct Density<'a, M: Model> {
    model: &'a M,
    data: &'a M::Data,
    dimension: usize,
    scratch: Scratch,
    /// The model's own function, on the widest registers of this machine.
    evaluate: Evaluate<M>,
    without_lanes: Evaluate<M>,
    /// How much of the model's own density counts.
    part: DensityPart,
    factor: Option<Box<dyn Factor>>,
}

type Evaluate<M> = fn(&M, &<M as Model>::Data, &[f64], &mut [f64], &mut Scratch, DensityPart) -> f64;

impl<'a, M: Model> Density<'a, M> {
    /// The density given a data set.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn new(model: &'a M, data: &'a M::Data) -> Result<Self, DataError>
    where
        M: Likelihood,
    {
        Self::explicit(model, data)
    }

    /// The same without the factors of the implicit observations: the prior of the globals and of the continuous locals, and
    /// the density of the observations that have one. A continuous local that feeds an implicit observation alone is among
    /// them; a discrete one, or a plate that is only simulated, is not, since its probabilities sum to one.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn explicit(model: &'a M, data: &'a M::Data) -> Result<Self, DataError>
    where
        M: Explicit,
    {
        check(model, data)?;
        Ok(Self::unchecked(model, data))
    }

    /// The same for data that are known to fit, or of which nothing but the sizes is read.
    fn unchecked(model: &'a M, data: &'a M::Data) -> Self
    where
        M: Explicit,
    {
        Self {
            model,
            data,
            dimension: model.dimension(data),
            scratch: Scratch::default(),
            evaluate: |model, data, q, gradient, scratch, part| {
                with_lanes(InLanes { model, data, q, gradient, scratch, part })
            },
            without_lanes,
            part: DensityPart::Whole,
            factor: None,
        }
    }

    /// The prior of the globals alone. `data` is a data set without elements, so that there are no locals.
    pub(crate) fn of_globals(model: &'a M, data: &'a M::Data) -> Self
    where
        M: Explicit,
    {
        Self { part: DensityPart::Prior, ..Self::unchecked(model, data) }
    }

    /// The same with a factor besides.
    pub(crate) fn with_factor(self, factor: Box<dyn Factor>) -> Self {
        Self { factor: Some(factor), ..self }
    }

    /// How many unconstrained numbers there are.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The log of the joint density of latents and data at `q`, Jacobian included; its gradient goes to `gradient`.
    ///
    /// # Panics
    /// `q` or `gradient` is not of the density's dimension.
    #[inline]
    pub fn gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        let value = self.run(self.evaluate, q, gradient, self.part);
        match &mut self.factor {
            Some(factor) => value + factor.add(q, gradient),
            None => value,
        }
    }

    /// The same for the prior of the globals alone, Jacobian included.
    ///
    /// # Panics
    /// `q` or `gradient` is not of the density's dimension.
    pub fn prior_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        self.run(self.evaluate, q, gradient, DensityPart::Prior)
    }

    /// The same as [`Density::gradient`], one element at a time: what the lanes are tested against.
    ///
    /// # Panics
    /// `q` or `gradient` is not of the density's dimension.
    pub fn gradient_without_lanes(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        self.run(self.without_lanes, q, gradient, DensityPart::Whole)
    }

    #[inline]
    fn run(&mut self, evaluate: Evaluate<M>, q: &[f64], gradient: &mut [f64], part: DensityPart) -> f64 {
        assert_eq!((q.len(), gradient.len()), (self.dimension, self.dimension), "the position's dimension");
        evaluate(self.model, self.data, q, gradient, &mut self.scratch, part)
    }
}

/// A density without the model's types: what samplers and optimisers run on.
pub(crate) trait AnyDensity: Send {
    /// How many unconstrained numbers there are.
    fn dimension(&self) -> usize;

    /// The log density at `q`, Jacobian included; its gradient goes to `gradient`.
    fn gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;

    /// The same for the prior of the globals alone.
    fn prior_gradient(&mut self, q: &[f64], gradient: &mut [f64]) -> f64;
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
}

/// Makes a density for each thread that asks.
pub(crate) type Densities<'a> = &'a (dyn Fn() -> Box<dyn AnyDensity + 'a> + Sync);

struct InLanes<'a, M: Model> {
    model: &'a M,
    data: &'a M::Data,
    q: &'a [f64],
    gradient: &'a mut [f64],
    scratch: &'a mut Scratch,
    part: DensityPart,
}

impl<M: Explicit> WithLanes for InLanes<'_, M> {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        let Self { model, data, q, gradient, scratch, part } = self;
        if V::WIDTH == 1 {
            return without_lanes(model, data, q, gradient, scratch, part);
        }
        model.log_density_lanes::<V>(data, q, gradient, scratch, part)
    }
}

/// The density on plain numbers. Not inlined, so that there is one of it to compile.
#[inline(never)]
fn without_lanes<M: Explicit>(
    model: &M,
    data: &M::Data,
    q: &[f64],
    gradient: &mut [f64],
    scratch: &mut Scratch,
    part: DensityPart,
) -> f64 {
    model.log_density_lanes::<f64>(data, q, gradient, scratch, part)
}
