//! The traits that `model!` implements for a model, and the types that its code works with.

use std::marker::PhantomData;

use rand::RngExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::erased_data::typed;
use super::{DataError, Fixed, Frame, Prepared, Scratch, SimulateError, Specification, Stream, Walk, Weights};
use crate::autodiff::Lanes;

/// A hierarchical model; [`model!`](crate::model!) implements it.
///
/// A function of any model works with the traits of its types, or with their columns:
///
/// ```
/// use hierarch::model::{AsNumbers, DataSet, Frame, LocalSet, Model, Simulation};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Schools {
///         global mu ~ Normal(0.0, 1.0);
///         global tau ~ HalfNormal(1.0);
///         plate schools(2..=20) {
///             local theta ~ Normal(mu, tau);
///             observe y ~ Normal(theta, 0.5);
///         }
///     }
/// }
///
/// /// Returns how many numbers a frame holds, with those of the plates in it.
/// fn numbers(frame: &Frame<'_>) -> usize {
///     let own: usize = frame.columns.iter().map(|column| column.values.len()).sum();
///     own + frame.plates.iter().map(numbers).sum::<usize>()
/// }
///
/// /// Returns how many numbers the globals, the locals and the data have.
/// fn counts<M: Model>(set: &Simulation<M>) -> [usize; 3] {
///     let globals = AsNumbers::to_numbers(&set.globals).len();
///     [globals, numbers(&LocalSet::frame(&set.locals)), numbers(&DataSet::frame(&set.data))]
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let set = Schools::default().simulate(1).size(Schools::SCHOOLS, 5).one()?;
/// assert_eq!(counts(&set), [2, 5, 5]);
/// # Ok(())
/// # }
/// ```
pub trait Model: Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The global variables, nuisance parameters among them.
    type Globals: AsNumbers + Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// The local variables, plate by plate.
    type Locals: LocalSet;
    /// The observations and covariates.
    type Data: DataSet<Model = Self>;

    /// Returns names, shapes, supports and plates, as data.
    fn specification(&self) -> Specification;

    /// Draws one data set with its latent variables.
    ///
    /// # Errors
    /// A parameter of a distribution is not valid, or a covariate has neither a distribution nor data to take it from.
    fn draw(&self, plan: &Plan<'_, Self>, rng: &mut Stream) -> Result<Simulation<Self>, SimulateError>;

    #[doc(hidden)]
    fn walk(
        &self,
        data: Option<&Self::Data>,
        globals: Option<&Self::Globals>,
        locals: Option<&Self::Locals>,
        walk: &mut dyn Walk,
    );

    /// Returns the number of unconstrained numbers of all latent variables of `data`: the globals and the continuous
    /// locals.
    fn dimension(&self, data: &Self::Data) -> usize;

    /// Returns the lengths of the globals that are sizes of the model.
    #[doc(hidden)]
    fn lengths(&self) -> Vec<usize> {
        Vec::new()
    }
}

/// A model in which everything but the implicit observations has a density: the explicit part.
///
/// The joint density of a model with an implicit observation, `observe image: [f32; 64] ~ render(a, b);`, is the
/// product of the explicit part and of p(image | globals, continuous locals), which a learned ratio can replace.
/// `model!` implements this trait if that product exists and the explicit part can be computed: no discrete local is
/// behind both an implicit observation and a variable with a density, and the discrete locals behind the latter have
/// finitely many values to sum over.
///
/// ```
/// use hierarch::distributions::{Draw, Normal};
/// use hierarch::model::{Density, Explicit};
/// use hierarch::prelude::*;
///
/// fn expose(brightness: f64, rng: &mut Stream) -> [f32; 4] {
///     [(); 4].map(|()| Normal::new(brightness, 0.1).draw(rng) as f32)
/// }
///
/// model! {
///     pub Stars {
///         global mean ~ Normal(0.0, 1.0);
///         plate stars(1..=5) {
///             local brightness ~ Normal(mean, 1.0);
///             observe image: [f32; 4] ~ expose(brightness);
///         }
///     }
/// }
///
/// /// Returns the log density of the explicit part where all unconstrained numbers are 0.
/// fn at_zero<M: Explicit>(model: &M, data: &M::Data) -> Result<f64, DataError> {
///     let mut density = Density::explicit(model, data)?;
///     let zeros = vec![0.0; density.dimension()];
///     Ok(density.gradient(&zeros, &mut zeros.clone()))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = StarsData { stars: StarsStars { image: vec![[0.0; 4]; 2] } };
/// // Three standard normal densities: of the mean and of two stars. The images have no part in it.
/// let expected = -1.5 * std::f64::consts::TAU.ln();
/// assert!((at_zero(&Stars::default(), &data)? - expected).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
pub trait Explicit: Model {
    /// Whether the density has a part that is the likelihood alone.
    #[doc(hidden)]
    const LIKELIHOOD_ALONE: bool = false;

    /// Whether the density is compiled without optimisation, and runs on plain numbers.
    #[doc(hidden)]
    const DEBUG_BUILD: bool = false;

    /// Makes what the density of a data set is computed from besides the data: for `data` of which elements that are alike were
    /// left out, and the `whole` of them.
    #[doc(hidden)]
    fn prepare(&self, data: &Self::Data, whole: &Self::Data) -> Prepared {
        let _ = (data, whole);
        Prepared::default()
    }

    /// Returns the data with one element in the place of those that are alike, if there are any, and for each plate that may
    /// have such how many each element stands for; nothing if there are none.
    #[doc(hidden)]
    fn compact(&self, data: &Self::Data) -> (Option<Self::Data>, Weights) {
        let _ = data;
        (None, Vec::new())
    }

    /// Returns the log density of the explicit part at the unconstrained numbers `q`, Jacobian included, and writes its
    /// gradient to `gradient`.
    #[doc(hidden)]
    fn log_density_lanes<V: Lanes>(
        &self,
        data: &Self::Data,
        q: &[f64],
        gradient: &mut [f64],
        prepared: &Prepared,
        scratch: &mut Scratch,
        part: DensityPart,
    ) -> f64;
}

/// A model in which every observation has a density, so that its posterior can be sampled exactly: the explicit part is
/// the whole model.
///
/// ```
/// use hierarch::model::log_density;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Mean {
///         global mean ~ Normal(0.0, 1.0);
///         plate events(1..=5) {
///             observe x ~ Normal(mean, 1.0);
///         }
///     }
/// }
///
/// /// Returns the log density of a simulation.
/// fn log_density_of<M: Likelihood>(model: &M, set: &Simulation<M>) -> Result<f64, DataError> {
///     log_density(model, &set.globals, &set.locals, &set.data)
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Mean::default();
/// let set = model.simulate(1).size(Mean::EVENTS, 3).one()?;
/// // Four normal densities, each of which is highest at its mean.
/// assert!(log_density_of(&model, &set)? < -2.0 * std::f64::consts::TAU.ln());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no likelihood, since a function draws one of its observations: infer it with `npe()`",
    label = "no likelihood"
)]
pub trait Likelihood: Explicit {}

/// A model of which data sets can be drawn at given globals. [`model!`](crate::model!) implements it where no `factor` and no
/// `Weighted` says something of data or locals.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be simulated, since a `factor` or a weight in it says what the density of data is, and not how they \
               come about",
    label = "no simulator"
)]
pub trait Simulable: Model {}

/// A model of which globals can be drawn too, so that there are simulations to train and to calibrate with.
/// [`model!`](crate::model!) implements it where, besides, no prior is `Flat` and no `factor` changes it.
#[diagnostic::on_unimplemented(
    message = "the globals of `{Self}` cannot be drawn, since a prior is `Flat`, or changed by a `factor`: simulate at given ones, \
               `.simulate(n).at(&globals)`; what is trained on simulations needs proper priors, such as `Normal(0.0, 10.0)`",
    label = "no prior to draw from"
)]
pub trait Generative: Simulable {}

/// The part of a model's density that is evaluated.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DensityPart {
    /// The prior of the globals alone.
    Prior,
    /// The joint density of the globals, the continuous locals and the data, without implicit observations.
    Whole,
    /// That without the prior of the globals, where the model has it by itself.
    Likelihood,
}

/// A struct of numbers that can be converted to and from a row of numbers.
pub trait AsNumbers: Sized {
    /// Returns the numbers in the order of the declaration, vectors component by component.
    fn to_numbers(&self) -> Vec<f64>;
    /// Makes the struct from its numbers; a missing number is NaN. Of vectors whose lengths are sizes of the model, all are taken
    /// to be of one length.
    fn from_numbers(numbers: &[f64]) -> Self;

    /// Makes the struct from its numbers, with the `lengths` of the vectors whose lengths are sizes of the model.
    #[doc(hidden)]
    fn from_lengths(numbers: &[f64], lengths: &[usize]) -> Self {
        let _ = lengths;
        Self::from_numbers(numbers)
    }

    /// Returns the names of the vectors whose lengths are sizes of the model, and how many dimensions each has.
    #[doc(hidden)]
    fn open() -> &'static [(&'static str, usize)] {
        &[]
    }

    /// Returns the names and lengths of the vectors whose lengths are sizes of the model.
    #[doc(hidden)]
    fn lengths(&self) -> Vec<(&'static str, usize)> {
        Vec::new()
    }
}

/// Makes globals from their numbers, whose `names` tell how long vectors are.
pub(crate) fn globals_of<G: AsNumbers>(numbers: &[f64], names: &[String]) -> G {
    let lengths = G::open().iter().flat_map(|(vector, dimensions)| {
        let own = names.iter().filter_map(|name| name.strip_prefix(vector)?.strip_prefix('[')).collect::<Vec<_>>();
        let in_first_row = own.iter().filter(|name| name.starts_with("0]")).count();
        match dimensions {
            1 => vec![own.len()],
            _ => vec![own.len().checked_div(in_first_row).unwrap_or(0), in_first_row],
        }
    });
    G::from_lengths(numbers, &lengths.collect::<Vec<_>>())
}

/// A data set of a model.
pub trait DataSet:
    Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + Sized + 'static
{
    /// The model it belongs to.
    type Model: Model<Data = Self>;
    /// Returns its columns, borrowed.
    fn frame(&self) -> Frame<'_>;
    /// Makes a data set from columns in the order of the declaration.
    ///
    /// # Errors
    /// A column is of another type or length than the model's.
    fn from_frame(frame: Frame<'_>) -> Result<Self, DataError>;
}

/// The local variables of a data set of a model.
pub trait LocalSet:
    Clone + std::fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + Sized + 'static
{
    /// Returns their columns, borrowed: the same tree of plates as the data's frame, also plates without locals, each
    /// with its locals in the order of the declaration. Offsets are in the data only; the size is the length of the
    /// columns, or 0 without columns. Plates that are not in the data, which are only simulated, are left out.
    fn frame(&self) -> Frame<'_>;
    /// Makes the locals from columns in the order of [`frame`](LocalSet::frame); plates that are not in the data are
    /// empty.
    ///
    /// # Errors
    /// A column is of another type than the model's, or there are too few columns.
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
    /// The simulated data set.
    pub data: M::Data,
}

/// What is held fixed while a model is drawn, in the model's types, for the code of `model!`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plan<'a, M: Model> {
    fixed: &'a Fixed<'a>,
    model: PhantomData<fn() -> M>,
}

impl<'a, M: Model> Plan<'a, M> {
    pub(crate) fn of(fixed: &'a Fixed<'a>) -> Self {
        Self { fixed, model: PhantomData }
    }

    /// Returns the globals if they are fixed.
    pub fn globals(&self) -> Option<&'a M::Globals> {
        self.fixed.globals.map(|globals| typed(globals))
    }

    /// Ends the draw, if the globals alone are asked for.
    ///
    /// # Errors
    /// They are: it holds them.
    #[inline]
    pub fn only_globals(&self, globals: impl FnOnce() -> M::Globals) -> Result<(), SimulateError> {
        match self.fixed.only_globals {
            false => Ok(()),
            true => Err(SimulateError::OnlyGlobals { numbers: globals().to_numbers() }),
        }
    }

    /// Passes a `factor`, which says nothing of how what it stands for is drawn. That `of_prior` concerns the globals alone, so
    /// it has no part where these are fixed.
    ///
    /// # Errors
    /// What it stands for is to be drawn.
    pub fn factor(&self, of_prior: bool) -> Result<(), SimulateError> {
        match of_prior && self.fixed.globals.is_some() {
            true => Ok(()),
            false => Err(SimulateError::Factor),
        }
    }

    /// Returns the value of the local `name` in `element` of `plate`, if it is fixed.
    #[inline]
    pub fn kept<const N: usize>(&self, plate: usize, name: &str, element: usize) -> Option<[f64; N]> {
        if self.fixed.locals.is_empty() {
            return None;
        }
        self.fixed.kept(plate, name, element, N)?.try_into().ok()
    }

    /// Returns the numbers of the vector local `name` in `element` of `plate`, if it is fixed.
    pub fn kept_vector(&self, plate: usize, name: &str, element: usize, len: usize) -> Option<&'a [f64]> {
        self.fixed.kept(plate, name, element, len)
    }

    /// Returns the data whose sizes, indices and covariates are used unchanged in `plate`, if there are any.
    pub fn like_in(&self, plate: usize) -> Option<&'a M::Data> {
        self.fixed.covariates.filter(|c| c.1 && !self.fixed.anew[plate]).map(|c| typed(c.0))
    }

    /// Returns the data that covariates are taken from, if there are any.
    pub fn covariates(&self) -> Option<&'a M::Data> {
        self.fixed.covariates.map(|c| typed(c.0))
    }

    /// Returns the data in which the observations of an element of `plate` stand, if it is one of those that were seen; `at` is its
    /// position in its sequence.
    #[inline]
    pub fn seen(&self, plate: usize, at: usize) -> Option<&'a M::Data> {
        if at >= self.fixed.seen[plate] {
            return None;
        }
        self.fixed.covariates.filter(|c| c.1).map(|c| typed(c.0))
    }

    /// Draws the share of an observation's values that are missing in this simulation; `None` if none is.
    pub fn share_missing(&self, rng: &mut Stream) -> Option<f64> {
        self.fixed.share_missing(rng)
    }

    /// Returns whether mechanisms of the model say what is missing in a plate, or outside plates.
    #[inline]
    pub fn has_mechanisms(&self, plate: Option<usize>) -> bool {
        self.fixed.has_mechanisms(plate)
    }

    /// Returns whether a value of an observation is there: as in the data that are followed, where that is asked for and they `hold`
    /// it, or else by chance.
    #[inline]
    pub fn is_there(
        &self,
        plate: Option<usize>,
        holds: impl FnOnce(&M::Data) -> bool,
        share: Option<f64>,
        rng: &mut Stream,
    ) -> bool {
        match (self.fixed.pattern(plate), share) {
            (_, Some(share)) => rng.random::<f64>() >= share,
            (Some(data), None) => holds(typed(data)),
            (None, None) => true,
        }
    }

    /// Returns the row from which `element` of `plate` takes its covariates, with the data: its own row, or a random
    /// one.
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

    /// Returns the size of a plate that may have `low` to `high` elements. If the size is not fixed, half of the sizes
    /// are drawn uniformly and half log-uniformly, so that a network sees many sizes of every order of magnitude and
    /// many of the largest.
    ///
    /// # Errors
    /// The fixed size is not within these bounds.
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

    /// Returns the size of a plate of random size, if it is fixed.
    pub fn random_size(&self, plate: usize, like: Option<usize>) -> Option<usize> {
        self.fixed.forced[plate].or(like).or(self.fixed.sizes[plate])
    }
}
