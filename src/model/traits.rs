//! What `model!` implements for a model, and what the code that it makes is handed.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::erased_data::typed;
use super::{DataError, Fixed, Frame, Scratch, SimulateError, Specification, Stream, Walk};
use crate::autodiff::Lanes;

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

/// A data set of some model.
pub trait DataSet:
    Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + Sized + 'static
{
    /// The model it belongs to.
    type Model: Model<Data = Self>;
    /// Its columns, borrowed.
    fn frame(&self) -> Frame<'_>;
    /// A data set from columns in the order of the declaration.
    ///
    /// # Errors
    /// A column of another type or length than the model's.
    fn from_frame(frame: Frame<'_>) -> Result<Self, DataError>;
}

/// The local variables of a data set of some model.
pub trait LocalSet:
    Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + Sized + 'static
{
    /// Their columns, borrowed: the same tree of plates as the data's frame, each with its locals in the order of the
    /// declaration, whether there are any or not. Offsets stand in the data; the size is the length of the columns, 0
    /// without any. Plates that are not in the data, which are only ever simulated, are left out.
    fn frame(&self) -> Frame<'_>;
    /// The locals from columns in that order; plates that are not in the data are empty.
    ///
    /// # Errors
    /// A column of another type than the model's, or too few of them.
    fn from_frame(frame: Frame<'_>) -> Result<Self, DataError>;
}

/// A data set with the latent variables that it was drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Simulation<M: Model> {
    /// The globals.
    pub globals: M::Globals,
    /// The locals.
    pub locals: M::Locals,
    /// What would have been seen.
    pub data: M::Data,
}

/// What is held fixed while a model is drawn, in the model's types: what the code that `model!` makes asks for.
#[derive(Debug)]
pub struct Plan<'a, M: Model> {
    fixed: &'a Fixed<'a>,
    model: PhantomData<fn() -> M>,
}

impl<'a, M: Model> Plan<'a, M> {
    pub(crate) fn of(fixed: &'a Fixed<'a>) -> Self {
        Self { fixed, model: PhantomData }
    }

    /// The globals, where they are fixed.
    pub fn globals(&self) -> Option<&'a M::Globals> {
        self.fixed.globals.map(|globals| typed(globals))
    }

    /// The value of a local of an element, where it is fixed.
    #[inline]
    pub fn kept<const N: usize>(&self, plate: usize, name: &str, element: usize) -> Option<[f64; N]> {
        if self.fixed.locals.is_empty() {
            return None;
        }
        self.fixed.kept(plate, name, element, N)?.try_into().ok()
    }

    /// The data whose sizes, indices and covariates are followed in a plate.
    pub fn like_in(&self, plate: usize) -> Option<&'a M::Data> {
        self.fixed.covariates.filter(|c| c.1 && !self.fixed.anew[plate]).map(|c| typed(c.0))
    }

    /// The data that covariates come from.
    pub fn covariates(&self) -> Option<&'a M::Data> {
        self.fixed.covariates.map(|c| typed(c.0))
    }

    /// The row that an element of a plate takes its covariates from: its own, or any.
    pub fn row(
        &self,
        plate: usize,
        element: usize,
        len: impl Fn(&M::Data) -> usize,
        rng: &mut Stream,
    ) -> Option<(usize, &'a M::Data)> {
        let data = self.covariates()?;
        Some((self.fixed.row(plate, element, || len(data), rng)?, data))
    }

    /// The size of a plate that may have `low` to `high` elements. Where nothing says which, half of the sizes are uniform
    /// and half log-uniform, so that a network sees many of every order of magnitude and of the largest.
    ///
    /// # Errors
    /// The size asked for is not allowed.
    pub fn size(
        &self,
        plate: usize,
        name: &'static str,
        low: usize,
        high: usize,
        like: Option<usize>,
        rng: &mut Stream,
    ) -> Result<usize, SimulateError> {
        self.fixed.size(plate, name, (low, high), like, rng)
    }

    /// The size of a plate of random size, where something says which.
    pub fn random_size(&self, plate: usize, like: Option<usize>) -> Option<usize> {
        self.fixed.forced[plate].or(like).or(self.fixed.sizes[plate])
    }
}
