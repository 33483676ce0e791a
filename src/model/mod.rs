//! What a model is: the traits that `model!` implements, its specification, its densities and the checks of its data.

mod check;
mod density;
pub(crate) mod diagram;
pub(crate) mod erased;
mod slots;
pub(crate) mod specification;
#[doc(hidden)]
pub mod walk;

pub(crate) use check::{Extent, allowed, check_local_frames, columns, groups};
pub use check::{check, check_locals};
pub(crate) use density::{AnyDensity, Densities, Factor, component_names, global_names};
pub use density::{
    Density, Scratch, constrain, constrain_with_derived, derived_names, log_density, log_jacobian, log_jacobian_of_all,
    log_prior, names, unconstrain,
};
pub(crate) use erased::{AnyData, AnyGlobals, AnyLocals, AnyModel, AnySimulation};
pub use slots::{GlobalSlot, LocalRange, LocalSlot, LocalValues, global_slots, local_ranges, local_slots};
pub use specification::{Kind, Plate, PlateSize, Role, Specification, Variable};
#[doc(hidden)]
pub use walk::{Derived, DerivedNumbers, DerivedOther};
pub use walk::{Place, Slot, Walk};

use serde::{Serialize, de::DeserializeOwned};

use crate::autodiff::Lanes;
#[cfg(feature = "neural")]
use crate::estimators::{JointNpe, Npe, Nre, StatisticTraining};
use crate::io::{DataSet, LocalSet};
use crate::sampling::{FitError, Maximum, Nuts, ProfileLikelihood};
use crate::simulate::{Plan, Simulate, SimulateError, Simulation, Stream};

/// A hierarchical model; [`model!`](crate::model!) implements it.
pub trait Model: Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The global variables, nuisance parameters among them.
    type Globals: AsNumbers + Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// The local variables, plate by plate.
    type Locals: LocalSet;
    /// What is observed and given.
    type Data: DataSet<Model = Self>;

    /// Names, shapes, supports and plates, as data.
    fn specification(&self) -> Specification;

    /// Draws one data set.
    ///
    /// # Errors
    /// A parameter of a distribution that makes no sense, or a covariate that nothing says how to draw.
    fn draw(&self, plan: &Plan<'_, Self>, rng: &mut Stream) -> Result<Simulation<Self>, SimulateError>;

    #[doc(hidden)]
    fn walk(
        &self,
        data: Option<&Self::Data>,
        globals: Option<&Self::Globals>,
        locals: Option<&Self::Locals>,
        walk: &mut dyn Walk,
    );

    /// How many unconstrained numbers stand for the latent variables of a data set: the globals and the continuous locals.
    fn dimension(&self, data: &Self::Data) -> usize;

    /// Simulates `sets` data sets: set what is to be fixed, then `run`.
    fn simulate(&self, sets: usize) -> Simulate<'_, Self> {
        Simulate::new(self, sets)
    }

    /// Trains an amortized posterior over the globals: set what is to be inferred, then `train`.
    #[cfg(feature = "neural")]
    fn npe(&self) -> Npe<'_, Self> {
        Npe::new(self)
    }

    /// Trains an amortized joint posterior over the globals and all locals: set what is to be different, then `train`.
    #[cfg(feature = "neural")]
    fn joint_npe(&self) -> JointNpe<'_, Self> {
        JointNpe::new(self)
    }

    /// Trains an amortized ratio of the likelihood to the evidence: set how, then `train`.
    #[cfg(feature = "neural")]
    fn nre(&self) -> Nre<'_, Self> {
        Nre::new(self)
    }

    /// Trains a test statistic of a scalar global: set the hypotheses, then `train`.
    #[cfg(feature = "neural")]
    fn test_statistic(&self, interest: &str) -> StatisticTraining<'_, Self> {
        StatisticTraining::new(self, interest)
    }

    /// Needs the feature `neural`.
    #[cfg(not(feature = "neural"))]
    fn npe(&self) -> std::convert::Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

    /// Needs the feature `neural`.
    #[cfg(not(feature = "neural"))]
    fn joint_npe(&self) -> std::convert::Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

    /// Needs the feature `neural`.
    #[cfg(not(feature = "neural"))]
    fn nre(&self) -> std::convert::Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

    /// Needs the feature `neural`.
    #[cfg(not(feature = "neural"))]
    fn test_statistic(&self, _: &str) -> std::convert::Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

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
        ProfileLikelihood::new(self, &[])?.maximum(data)
    }
}

/// A model of which everything but its implicit observations has a density, the explicit part.
///
/// The joint density of a model with an implicit observation, `observe image: [f32; 64] ~ render(a, b);`, is the product of
/// the explicit part and of p(image | globals, continuous locals), for which a learned ratio can stand in. `model!` implements
/// this trait if that product exists and the explicit part can be worked out: no discrete local stands behind both an
/// implicit observation and anything that has a density, and those behind the latter have finitely many values to sum over.
pub trait Explicit: Model {
    /// The log density of the explicit part at unconstrained numbers, Jacobian included, and its gradient.
    #[doc(hidden)]
    fn log_density_lanes<V: Lanes>(
        &self,
        data: &Self::Data,
        q: &[f64],
        gradient: &mut [f64],
        scratch: &mut Scratch,
        part: DensityPart,
    ) -> f64;
}

/// A model of which every observation has a density, so that its posterior can be sampled exactly: the explicit part is the
/// whole.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no likelihood, since a function draws one of its observations: infer it with `npe()`",
    label = "no likelihood"
)]
pub trait Likelihood: Explicit {}

/// What no model is where the library is built without networks: the message is all there is of it.
#[cfg(not(feature = "neural"))]
#[diagnostic::on_unimplemented(
    message = "neural estimators need the feature `neural` of hierarch, which is off",
    label = "needs the feature `neural`",
    note = "in Cargo.toml, leave out `default-features = false`, or say `features = [\"neural\"]`"
)]
pub trait Neural {}

/// How much of a density is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DensityPart {
    /// The prior of the globals alone.
    Prior,
    /// The joint density of the globals, the continuous locals and the data, but for implicit observations.
    Whole,
}

/// A struct of numbers as a row of numbers.
pub trait AsNumbers: Sized {
    /// The numbers in the order of the declaration, vectors one component after the other.
    fn to_numbers(&self) -> Vec<f64>;
    /// The struct from as many numbers; what is missing is NaN.
    fn from_numbers(numbers: &[f64]) -> Self;
}
