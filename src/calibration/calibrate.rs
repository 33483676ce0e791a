//! Simulations from the prior, each with the draws of an estimator given its data: the input of all checks of
//! calibration.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::data_statistics::frame_statistics;
use super::estimator::{Drawn, Estimator, EstimatorError, LogDensities};
use crate::model::Frame;
use crate::model::typed;
use crate::model::{
    AnySimulation, Generative, Model, Plate, Role, Specification, component_names, global_names, in_element,
};
use crate::progress::Progress;
use crate::shards::ShardError;
use crate::simulate::{AnySimulate, Simulate, SimulateError, Simulated, SimulationSource, stream};

/// The default numbers of simulated data sets, and of draws given each.
const SIMULATIONS: usize = 1000;
const DRAWS: usize = 400;
/// The fewest of each that are informative.
const FEWEST: usize = 20;
/// The number of names that an error shows.
const SHOWN: usize = 8;
/// Separates these simulations from those of a user, and of a training, with the same seed.
const APART: u64 = 0x6361_6c69_6272_6174;

/// Why an estimator cannot be calibrated.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// Too few simulations or draws.
    #[error("{what} are {value}, but must be at least {FEWEST}, and 1000 to tell a width that is 10 % wrong")]
    Few {
        /// Which of the two, simulations or draws.
        what: &'static str,
        /// How many were requested.
        value: usize,
    },
    /// The estimator failed.
    #[error("the estimator failed on simulation {simulation}: {error}")]
    Estimator {
        /// The simulation, counted from 0.
        simulation: usize,
        /// The error that it returned.
        error: EstimatorError,
    },
    /// The draws of an estimator are invalid.
    #[error("on simulation {simulation} the estimator gave {what}")]
    Draws {
        /// The simulation, counted from 0.
        simulation: usize,
        /// What is wrong.
        what: String,
    },
    /// Shards of a calibration are missing, or of other work.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The estimator returns no latent variable of the model.
    #[error("the estimator names {found}, none of which is a latent variable of the model: its variables are {known}")]
    NothingKnown {
        /// The names of the draws.
        found: String,
        /// Those of the model.
        known: String,
    },
}

hierarch_core::debug_as_message!(CalibrationError);

/// A calibration to run; made by `posterior.calibrate()`, or from simulations and an [`Estimator`].
#[derive(Debug)]
#[must_use = "nothing is simulated before `run`"]
pub struct Calibrate<'a, M: Model, E> {
    simulate: Simulate<'a, M>,
    estimator: &'a E,
    draws: usize,
}

impl<'a, M: Model, E: Estimator<M>> Calibrate<'a, M, E> {
    /// Creates a calibration of `estimator` on 1000 data sets simulated from the prior of `model`, with 400 draws given
    /// each.
    ///
    /// ```
    /// use hierarch::calibration::{Calibrate, NutsEstimator};
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Flux {
    ///         global rate ~ Gamma(2.0, 1.0);
    ///         plate events(1..=10) {
    ///             observe energy ~ Exponential(rate);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Flux::default();
    /// let calibration = Calibrate::new(&model, &NutsEstimator::new(&model)).simulations(50).draws(20).run()?;
    /// assert!(calibration.p_min() > 1e-6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(model: &'a M, estimator: &'a E) -> Self
    where
        M: Generative,
    {
        Self::of(model, estimator)
    }

    /// As [`new`](Calibrate::new); an estimator that was trained is of a model that can be drawn.
    pub(super) fn of(model: &'a M, estimator: &'a E) -> Self {
        Self { simulate: Simulate::new(model, SIMULATIONS), estimator, draws: DRAWS }
    }

    /// Sets the number of simulated data sets.
    pub fn simulations(mut self, simulations: usize) -> Self {
        self.simulate.any_mut().sets = simulations;
        self
    }

    /// Sets the number of draws given each data set.
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// Sets the sizes of plates to those of a training.
    #[cfg(feature = "neural")]
    pub(super) fn sizes(self, sizes: &[(String, usize)]) -> Self {
        sizes.iter().fold(self, |calibrate, (plate, size)| calibrate.size(plate, *size))
    }

    /// Simulates and infers, on all cores.
    ///
    /// # Errors
    /// An error of a simulation or of the estimator; draws that are not finite; too few draws.
    pub fn run(self) -> Result<Calibration, CalibrationError> {
        let started = Instant::now();
        let trials = self.trials(0..self.simulate.any().sets)?;
        self.finish(trials, started.elapsed())
    }

    /// Simulates and infers the data sets in `range`.
    pub(super) fn trials(&self, range: Range<usize>) -> Result<Trials, CalibrationError> {
        let estimate =
            |simulation: &dyn AnySimulation, draws, seed| self.estimator.draw(typed(simulation), draws, seed);
        // These simulations differ from those of `simulate` with this seed, on which an estimator may have been
        // trained.
        let mut simulate = self.simulate.any().clone();
        simulate.source.seed ^= APART;
        simulate.source = simulate.source.with_gaps_of_training();
        trials(&simulate, range, self.draws, &estimate)
    }

    /// Puts the trials of all data sets together.
    pub(super) fn finish(&self, trials: Trials, time: Duration) -> Result<Calibration, CalibrationError> {
        Calibration::new(&self.simulate.any().source.model.specification(), trials, self.draws, time)
    }

    /// Returns how many data sets there are, and a text that tells the calibration from others.
    pub(super) fn identity(&self) -> (usize, String) {
        let any = self.simulate.any();
        let specification = any.source.model.specification();
        let (name, fingerprint, draws) = (&specification.name, specification.fingerprint(), self.draws);
        let what = format!("data sets of a calibration of `{name}` ({fingerprint}), {draws} draws, {}", any.describe());
        (any.sets, what)
    }
}

impl<'a, M: Model, E> Simulated<'a, M> for Calibrate<'a, M, E> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.simulate.any_mut().source
    }
}

/// Runs an estimator, given the simulation whose data it conditions on, the number of draws, and their seed.
type EstimateFn<'a> = &'a (dyn Fn(&dyn AnySimulation, usize, u64) -> Result<Drawn, EstimatorError> + Sync);

/// The trials of some data sets, and the names that the estimator returned for the first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Trials {
    pub(super) judged: Vec<CalibrationTrial>,
    pub(super) found: String,
}

/// Simulates and infers the data sets in `range`: see [`Calibrate::run`].
fn trials(
    simulate: &AnySimulate<'_>,
    range: Range<usize>,
    draws: usize,
    estimate: EstimateFn<'_>,
) -> Result<Trials, CalibrationError> {
    enough(simulate.sets, draws)?;
    let fixed = simulate.fixed()?;
    let specification = simulate.source.model.specification();
    let (progress, done) = (Progress::new("calibrating", range.len() as u64), AtomicU64::new(0));
    let judge = |i: usize| {
        let simulation = simulate.draw(&fixed, i)?;
        let mut rng = stream(simulate.source.seed ^ APART, i as u64);
        let drawn = estimate(&*simulation, draws, rng.random());
        let drawn = drawn.map_err(|error| CalibrationError::Estimator { simulation: i, error })?;
        let found = few_of(&drawn.names);
        let outcome =
            CalibrationTrial::new(&specification, &*simulation, drawn, draws, &mut |n| rng.random_range(0..n));
        progress.set(done.fetch_add(1, Ordering::Relaxed) + 1, String::new);
        let judged = outcome.map_err(|what| CalibrationError::Draws { simulation: i, what })?;
        Ok((judged, found))
    };
    let judged = range.into_par_iter().map(judge).collect::<Result<Vec<_>, CalibrationError>>()?;
    let (judged, found): (Vec<_>, Vec<_>) = judged.into_iter().unzip();
    Ok(Trials { judged, found: found.into_iter().next().unwrap_or_default() })
}

/// Checks that there are enough simulations and draws to be informative.
fn enough(simulations: usize, draws: usize) -> Result<(), CalibrationError> {
    for (what, value) in [("the simulations", simulations), ("the draws", draws)] {
        if value < FEWEST {
            return Err(CalibrationError::Few { what, value });
        }
    }
    Ok(())
}

/// Checks that a number has `count` draws, all finite; otherwise returns what is wrong.
fn whole(name: &str, draws: &[f64], count: usize) -> Result<(), String> {
    if draws.len() != count {
        return Err(format!("{} draws of `{name}`, not {count}", draws.len()));
    }
    match draws.iter().find(|x| !x.is_finite()) {
        Some(x) => Err(format!("a draw of `{name}` that is {x}")),
        None => Ok(()),
    }
}

/// The names that an estimator returns, or the first of them.
fn few_of(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        _ if names.len() > SHOWN => format!("{}, ...", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}

/// The names of the parameters of a model: the components of its globals, then of its locals, plate by plate.
fn parameter_names(specification: &Specification) -> Vec<String> {
    fn visit(all: &Specification, plates: &[Plate], names: &mut Vec<String>) {
        for plate in all.data_plates(plates) {
            names.extend(plate.variables.iter().filter(|v| v.role == Role::Local).flat_map(component_names));
            visit(all, &plate.plates, names);
        }
    }
    let mut names = global_names(specification);
    visit(specification, &specification.plates, &mut names);
    names
}

/// For each parameter its true value in a simulation, and its name in an estimator's draws. For the locals of a plate
/// they are those of one element, which `choose` selects given the number of elements; `None` where there is no
/// element.
fn parameters(
    specification: &Specification,
    simulation: &dyn AnySimulation,
    choose: &mut dyn FnMut(usize) -> usize,
) -> Vec<Option<(f64, String)>> {
    fn visit(
        all: &Specification,
        plates: &[Plate],
        data: &Frame<'_>,
        locals: &Frame<'_>,
        choose: &mut dyn FnMut(usize) -> usize,
        found: &mut Vec<Option<(f64, String)>>,
    ) {
        for (plate, (data, locals)) in all.data_plates(plates).zip(data.plates.iter().zip(&locals.plates)) {
            let element = (data.size > 0).then(|| choose(data.size));
            let variables = plate.variables.iter().filter(|v| v.role == Role::Local);
            for (variable, column) in variables.zip(&locals.columns) {
                for (component, name) in component_names(variable).into_iter().enumerate() {
                    let of =
                        |i: usize| (column.values.get(i * column.width + component), in_element(variable, &name, i));
                    found.push(element.map(of));
                }
            }
            visit(all, &plate.plates, data, locals, choose, found);
        }
    }
    let globals = simulation.globals().to_numbers();
    let mut found: Vec<_> = globals.into_iter().zip(global_names(specification)).map(Some).collect();
    let (data, locals) = (simulation.data().frame(), simulation.locals().frame());
    visit(specification, &specification.plates, &data, &locals, choose, &mut found);
    found
}

impl LogDensities {
    /// Checks that there are as many log densities as draws, and none is NaN; otherwise returns what is wrong.
    fn check(&self, count: usize) -> Result<(), String> {
        let Self { truth, draws } = self;
        let nans = draws.iter().filter(|x| x.is_nan()).count();
        if draws.len() == count && nans == 0 && !truth.is_nan() {
            return Ok(());
        }
        let what = format!("{} log densities for {count} draws, {nans} of them NaN, and {truth}", draws.len());
        Err(what + " at the true values")
    }
}

/// The true values of one simulation and an estimator's draws given its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationTrial {
    /// For each parameter its true value; NaN where the simulation, or the estimator, does not have the parameter.
    pub truth: Vec<f64>,
    /// For each parameter its draws, or none.
    pub draws: Vec<Vec<f64>>,
    /// ln of the posterior density, where it is known.
    pub log_densities: Option<LogDensities>,
    /// Plain statistics of the data, by name.
    pub statistics: Vec<(String, f64)>,
}

impl CalibrationTrial {
    fn new(
        specification: &Specification,
        simulation: &dyn AnySimulation,
        drawn: Drawn,
        count: usize,
        choose: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Self, String> {
        if let Some(known) = &drawn.log_densities {
            known.check(count)?;
        }
        if drawn.names.len() != drawn.draws.len() {
            return Err(format!("{} names for {} columns of draws", drawn.names.len(), drawn.draws.len()));
        }
        let columns: HashMap<String, Vec<f64>> = drawn.names.into_iter().zip(drawn.draws).collect();
        let (mut truth, mut draws) = (Vec::new(), Vec::new());
        for parameter in parameters(specification, simulation, choose) {
            let column = parameter.and_then(|(value, name)| Some((value, columns.get(&name)?, name)));
            let Some((value, column, name)) = column else {
                truth.push(f64::NAN);
                draws.push(Vec::new());
                continue;
            };
            whole(&name, column, count)?;
            truth.push(value);
            draws.push(column.clone());
        }
        let statistics = frame_statistics(&simulation.data().frame());
        Ok(Self { truth, draws, log_densities: drawn.log_densities, statistics })
    }

    /// Checks that all parts fit together; otherwise returns what does not.
    fn check(&self, names: &[String], count: usize) -> Result<(), String> {
        let (truths, columns, expected) = (self.truth.len(), self.draws.len(), names.len());
        if truths != expected || columns != expected {
            return Err(format!("{truths} true values and draws of {columns} parameters, not {expected}"));
        }
        for ((name, truth), draws) in names.iter().zip(&self.truth).zip(&self.draws) {
            whole(name, draws, if truth.is_nan() { 0 } else { count })?;
        }
        self.log_densities.as_ref().map_or(Ok(()), |known| known.check(count))
    }
}

/// Simulations from the prior, each with an estimator's draws given its data: see [`Calibrate`].
#[derive(Clone, Debug)]
pub struct Calibration {
    pub(super) names: Vec<String>,
    pub(super) judged: Vec<CalibrationTrial>,
    pub(super) draws: usize,
    time: Duration,
}

impl Calibration {
    fn new(
        specification: &Specification,
        Trials { mut judged, found }: Trials,
        draws: usize,
        time: Duration,
    ) -> Result<Self, CalibrationError> {
        let mut names = parameter_names(specification);
        let told: Vec<bool> = (0..names.len()).map(|p| judged.iter().any(|j| !j.truth[p].is_nan())).collect();
        if !told.contains(&true) {
            return Err(CalibrationError::NothingKnown { found, known: names.join(", ") });
        }
        for one in &mut judged {
            one.truth = kept(std::mem::take(&mut one.truth), &told);
            one.draws = kept(std::mem::take(&mut one.draws), &told);
        }
        names = kept(names, &told);
        Ok(Self { names, judged, draws, time })
    }

    /// Creates a calibration from draws made without a model: `names` of the parameters, and for each simulation its
    /// true values and draws. All parameters for which a simulation has a true value have the same number of draws.
    ///
    /// ```
    /// use hierarch::calibration::{Calibration, CalibrationError, CalibrationTrial};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // The true value of one parameter, and draws given the data: 0, 1, ..., 19.
    /// let trial = |i: i32| CalibrationTrial {
    ///     truth: vec![f64::from(i) - 0.5],
    ///     draws: vec![(0..20).map(f64::from).collect()],
    ///     log_densities: None,
    ///     statistics: Vec::new(),
    /// };
    /// let calibration = Calibration::from_judged(vec!["mass".to_owned()], (0..=20).map(trial).collect())?;
    /// assert_eq!(calibration.judged()[3].truth, [2.5]);
    /// assert_eq!(calibration.ranks()[0].ranks[3], 3);
    ///
    /// let few = Calibration::from_judged(vec!["mass".to_owned()], vec![trial(0)]);
    /// assert!(matches!(few, Err(CalibrationError::Few { value: 1, .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fewer than 20 simulations or draws; draws, log densities or true values that do not fit together.
    pub fn from_judged(names: Vec<String>, judged: Vec<CalibrationTrial>) -> Result<Self, CalibrationError> {
        let draws = judged.iter().flat_map(|one| &one.draws).map(Vec::len).find(|n| *n > 0).unwrap_or(0);
        enough(judged.len(), draws)?;
        for (simulation, one) in judged.iter().enumerate() {
            one.check(&names, draws).map_err(|what| CalibrationError::Draws { simulation, what })?;
        }
        Ok(Self { names, judged, draws, time: Duration::ZERO })
    }

    /// Returns the names of the parameters: `mass`, `mu[0]` for a component, and `slope` for a local, of one element of
    /// each data set, chosen at random.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the true values and draws of each simulation.
    pub fn judged(&self) -> &[CalibrationTrial] {
        &self.judged
    }

    /// Returns the number of draws given each data set.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// Returns the time that simulations and inference took.
    pub fn time(&self) -> Duration {
        self.time
    }
}

/// Returns those of `all` that are to be kept.
fn kept<T>(all: Vec<T>, keep: &[bool]) -> Vec<T> {
    all.into_iter().zip(keep).filter_map(|(x, keep)| keep.then_some(x)).collect()
}
