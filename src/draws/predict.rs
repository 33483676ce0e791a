//! Predictions: observations that have not been made, at covariates, sizes and groups of one's own.

use std::collections::HashMap;
use std::marker::PhantomData;

use rayon::prelude::*;

use super::{Draws, Inferred};
use crate::model::{
    AnyData, AnyModel, Fixed, Frame, Kind, Model, Name, Plate, Purpose, Role, Simulable, SimulateError, Specification,
    UnknownName, Variable, component_names, global_names, in_element, stream_for,
};

/// The default number of draws.
const DRAWS: usize = 1000;

/// Why nothing could be predicted.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The model cannot be simulated with these globals, or the data do not fit it.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The model has no such plate.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A global has no value in the draws.
    #[error(
        "`{name}` has no finite value in draw {draw}: predict from draws of all globals, nuisance parameters among them"
    )]
    Global {
        /// The global, or the component of one.
        name: String,
        /// The draw, counted from 0.
        draw: usize,
    },
    /// The elements of a plate are to be the same, and the draws have none of its locals.
    #[error(
        "the draws have no locals of `{plate}`, so its elements cannot be the same ones: predict from draws of `nuts()` or \
         `joint_npe()`, or leave `.same(\"{plate}\")` out, for others of the same population"
    )]
    NoLocals {
        /// The plate.
        plate: String,
    },
    /// The elements of a plate inside another are to be the same, and some are new.
    #[error(
        "the data have {size} elements of `{plate}`, of which the draws know {known}: which are new cannot be said of a plate inside another, \
         so leave `.same(\"{plate}\")` out, or the new elements"
    )]
    New {
        /// The plate.
        plate: String,
        /// The number of elements in the draws.
        known: usize,
        /// The number of elements in the data.
        size: usize,
    },
    /// What comes after some elements of a sequence depends on their locals, which are not kept.
    #[error(
        "what comes after elements of `{plate}` depends on their locals: say that they are the `.same(\"{plate}\")`, which a plate that is \
         in no other can be"
    )]
    LocalsBefore {
        /// The plate.
        plate: String,
    },
    /// What comes after some elements of a sequence depends on their discrete locals, which have no draws.
    #[error(
        "what comes after elements of `{plate}` depends on their `{state}`, which is summed out: `chains.discrete(..)` draws it up to the \
         last of them"
    )]
    StatesBefore {
        /// The plate.
        plate: String,
        /// The discrete local.
        state: String,
    },
    /// The draws are of nothing.
    #[error("there are no draws to predict from")]
    NoDraws,
}

hierarch_core::debug_as_message!(PredictError);

/// Predicts what would be observed with the covariates, indices and sizes of a data set of one's own, from any posterior.
///
/// Each draw of the posterior gives one simulation, so that the draws of a prediction hold what is not known of the model and the
/// scatter of an observation together. The observations in the data set are not read, and may be any that are possible. Elements
/// of plates are others of the same population, whose locals are drawn anew, but for plates that are said to be the
/// [`same`](Prediction::same).
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Growth {
///         global slope ~ Normal(0.0, 10.0);
///         global spread ~ HalfNormal(1.0);
///         plate plants(1..=100) {
///             local start ~ Normal(0.0, spread);
///             plate days(0..=100) {
///                 given t: f64;
///                 observe height ~ Normal(start + slope * t, 0.1);
///             }
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Growth::default();
/// let days = GrowthDays { offsets: vec![0, 2, 4], t: vec![0.0, 1.0, 0.0, 1.0], height: vec![0.5, 2.5, -0.5, 1.5] };
/// let chains = model.nuts(&GrowthData { plants: GrowthPlants { days } }).run()?;
///
/// // The third day of both plants, and of another.
/// let days = GrowthDays { offsets: vec![0, 1, 2, 3], t: vec![2.0; 3], height: vec![0.0; 3] };
/// let third = GrowthData { plants: GrowthPlants { days } };
/// let predicted = Prediction::new(&model, &third).same(Growth::PLANTS).from(&chains)?;
/// println!("{}", predicted.summary());
/// assert!((predicted.mean("height[0]")? - 4.5).abs() < 0.2);
/// assert!(predicted.sd("height[0]")? < 0.5 && predicted.sd("height[2]")? > 0.5);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is predicted before `from`"]
pub struct Prediction<'a, M: Model> {
    any: AnyPrediction<'a>,
    model: PhantomData<fn() -> M>,
}

struct AnyPrediction<'a> {
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    same: Vec<String>,
    after: Vec<(String, usize)>,
    draws: usize,
    seed: u64,
}

impl<'a, M: Simulable> Prediction<'a, M> {
    /// Prepares predictions of `model` for the covariates, indices and sizes of `data`: 1000 draws, from seed 0.
    pub fn new(model: &'a M, data: &'a M::Data) -> Self {
        let any = AnyPrediction { model, data, same: Vec::new(), after: Vec::new(), draws: DRAWS, seed: 0 };
        Self { any, model: PhantomData }
    }

    /// Says that the elements of `plate` are those that the posterior knows, in the same order: they keep their locals. Elements
    /// beyond those are others of the same population. Elements of a plate inside of it are new ones unless that plate, too, is the
    /// same, which it can be where none of its elements is new.
    pub fn same(mut self, plate: impl Into<Name>) -> Self {
        self.any.same.push(plate.into().to_string());
        self
    }

    /// Says that the first `elements` of each sequence in `plate` have been observed as the data say, so that the others are
    /// what comes after these. If they have locals, they are to be the [`same`](Prediction::same) as well.
    ///
    /// ```
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Series {
    ///         global phi ~ Uniform(-1.0, 1.0);
    ///         plate days(1..=100) {
    ///             observe y ~ Normal(phi * prev(y, 1, 0.0), 0.1);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Series::default();
    /// let y: Vec<f64> = (0..30).map(|t| 8.0 * 0.9_f64.powi(t)).collect();
    /// let chains = model.nuts(&SeriesData { days: SeriesDays { y: y.clone() } }).run()?;
    ///
    /// // Two days more, whatever stands there.
    /// let more = SeriesData { days: SeriesDays { y: [y, vec![0.0; 2]].concat() } };
    /// let predicted = Prediction::new(&model, &more).after(Series::DAYS, 30).from(&chains)?;
    /// assert!((predicted.mean("y[31]")? - 8.0 * 0.9_f64.powi(31)).abs() < 0.02);
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(mut self, plate: impl Into<Name>, elements: usize) -> Self {
        self.any.after.push((plate.into().to_string(), elements));
        self
    }

    /// Sets the number of draws; there are fewer if the posterior has fewer.
    pub fn draws(mut self, draws: usize) -> Self {
        self.any.draws = draws;
        self
    }

    /// Sets the seed. The same seed gives the same draws on any number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.any.seed = seed;
        self
    }

    /// Draws what would be observed, by name: `x`, or `x[17]` for the element of a plate, `x[17][1]` for a component there.
    /// [`Draws::summary`] gives means and intervals.
    ///
    /// # Errors
    /// No draws; globals without a value; no locals of a plate that is the same; an error of a simulation.
    pub fn from<P: Inferred + ?Sized>(&self, posterior: &P) -> Result<Draws, PredictError> {
        self.any.from(&posterior.names(), &posterior.thinned(self.any.draws))
    }
}

impl AnyPrediction<'_> {
    fn from(&self, names: &[String], draws: &[Vec<f64>]) -> Result<Draws, PredictError> {
        let specification = self.model.specification();
        let at: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let globals = global_names(&specification);
        let count = draws.iter().map(Vec::len).min().unwrap_or(0);
        if count == 0 {
            return Err(PredictError::NoDraws);
        }
        let frame = self.data.frame();
        let kept = self.kept(&specification, &frame, &at)?;
        self.model.check(self.data).map_err(SimulateError::from)?;
        let mut fixed = Fixed::new(&specification, &[], None, Some((self.data, true)))?;
        for (plate, elements) in &self.after {
            fixed = fixed.after(&specification, plate, *elements)?;
            self.has_known_locals(&specification.plates, plate)?;
        }
        let one = |draw: usize| -> Result<Vec<f64>, PredictError> {
            let value = |name: &String| at.get(name.as_str()).map_or(f64::NAN, |i| draws[*i][draw]);
            let numbers: Vec<f64> = globals.iter().map(value).collect();
            if let Some(i) = numbers.iter().position(|x| !x.is_finite()) {
                return Err(PredictError::Global { name: globals[i].clone(), draw });
            }
            let locals: Vec<(String, Vec<f64>)> = kept
                .iter()
                .map(|(name, columns)| (name.clone(), columns.iter().map(|column| draws[*column][draw]).collect()))
                .collect();
            let globals = self.model.globals(&numbers);
            let mut rng = stream_for(Purpose::Prediction, self.seed, 0, draw as u64);
            let drawn = self.model.draw(&fixed.at_all(&*globals, &locals), &mut rng)?;
            let mut seen = Vec::new();
            observed(
                &specification.variables,
                &specification.plates,
                &specification,
                &drawn.data().frame(),
                &mut |_, x| {
                    seen.push(x);
                },
            );
            Ok(seen)
        };
        let rows = (0..count).into_par_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        let mut names = Vec::new();
        observed(&specification.variables, &specification.plates, &specification, &frame, &mut |name, _| {
            names.push(name());
        });
        let column = |i: usize| rows.iter().map(|row| row[i]).collect();
        Ok(Draws::new(names.into_iter().enumerate().map(|(i, name)| (name, column(i)))))
    }

    /// Returns whether what comes after elements of the plate `name` is determined by what is known of them.
    fn has_known_locals(&self, plates: &[Plate], name: &str) -> Result<(), PredictError> {
        for plate in plates {
            self.has_known_locals(&plate.plates, name)?;
            let mut locals = plate.variables.iter().filter(|v| plate.name == name && v.role == Role::Local);
            if let Some(state) = locals.clone().find(|v| v.kind != Kind::Real) {
                return Err(PredictError::StatesBefore { plate: name.to_owned(), state: state.name.clone() });
            }
            if locals.next().is_some() && !self.same.iter().any(|same| same == name) {
                return Err(PredictError::LocalsBefore { plate: name.to_owned() });
            }
        }
        Ok(())
    }

    /// The locals that elements keep, each with the columns of its numbers: element after element, components side by side.
    fn kept(
        &self,
        specification: &Specification,
        frame: &Frame<'_>,
        at: &HashMap<&str, usize>,
    ) -> Result<Vec<(String, Vec<usize>)>, PredictError> {
        let mut plates = Vec::new();
        in_data(specification, &specification.plates, frame, &mut plates);
        let known: Vec<&str> = plates.iter().map(|(plate, _)| plate.name.as_str()).collect();
        let mut kept = Vec::new();
        for name in &self.same {
            let (plate, frame) = plates[UnknownName::find("plate", name, &known)?];
            let before = kept.len();
            for variable in plate.variables.iter().filter(|v| v.role == Role::Local && v.kind == Kind::Real) {
                let components = component_names(variable);
                let of_element = |i: usize| -> Option<Vec<usize>> {
                    components.iter().map(|name| at.get(in_element(variable, name, i).as_str()).copied()).collect()
                };
                let columns: Vec<Vec<usize>> = (0..frame.size).map_while(of_element).collect();
                // An element that is new shifts those of all groups behind its own.
                if frame.offsets.is_some() && !columns.is_empty() && columns.len() != frame.size {
                    return Err(PredictError::New { plate: name.clone(), known: columns.len(), size: frame.size });
                }
                if !columns.is_empty() {
                    kept.push((variable.name.clone(), columns.concat()));
                }
            }
            if kept.len() == before && frame.size > 0 {
                return Err(PredictError::NoLocals { plate: name.clone() });
            }
        }
        Ok(kept)
    }
}

/// Lists the plates of the data with their frames, those inside after the one around.
fn in_data<'p>(
    specification: &'p Specification,
    plates: &'p [Plate],
    frame: &'p Frame<'p>,
    all: &mut Vec<(&'p Plate, &'p Frame<'p>)>,
) {
    for (plate, frame) in specification.data_plates(plates).zip(&frame.plates) {
        all.push((plate, frame));
        in_data(specification, &plate.plates, frame, all);
    }
}

/// Visits what is observed of a data set: the name of each number, and the number.
fn observed(
    variables: &[Variable],
    plates: &[Plate],
    specification: &Specification,
    frame: &Frame<'_>,
    see: &mut dyn FnMut(&dyn Fn() -> String, f64),
) {
    for column in &frame.columns {
        let Some(v) = variables.iter().find(|v| v.name == column.name && v.role == Role::Observed) else { continue };
        let components = component_names(v);
        for at in 0..column.values.len() {
            let (i, c) = (at / column.width, at % column.width);
            let name = || match frame.name.is_empty() {
                true => components[c].clone(),
                false => in_element(v, &components[c], i),
            };
            see(&name, column.values.get(at));
        }
    }
    for (plate, frame) in specification.data_plates(plates).zip(&frame.plates) {
        observed(&plate.variables, &plate.plates, specification, frame, see);
    }
}
