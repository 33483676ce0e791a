//! Simulation of data sets from a model, in parallel; the results do not depend on the number of threads.
//!
//! ```
//! use hierarch::prelude::*;
//! use hierarch::simulate::Simulate;
//!
//! model! {
//!     pub Flux {
//!         global rate ~ Gamma(2.0, 1.0);
//!         plate events(1..=100) {
//!             observe energy ~ Exponential(rate);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Flux::default();
//! let simulate: Simulate<'_, Flux> = model.simulate(20).size(Flux::EVENTS, 50).seed(1);
//! let sets: Vec<Simulation<Flux>> = simulate.clone().run()?;
//! assert_eq!(sets[0], simulate.one()?); // the same seed gives the same numbers
//! assert!(sets.iter().all(|set| set.data.events.energy.len() == 50));
//!
//! // Other data at the globals of the first.
//! let others = model.simulate(5).at(&sets[0].globals).run()?;
//! assert!(others.iter().all(|other| other.globals == sets[0].globals));
//! # Ok(())
//! # }
//! ```

mod impossible;
mod source;

pub use source::{Simulated, SimulationSource};

pub(crate) use crate::model::Fixed;
pub use crate::model::{Plan, SimulateError, Simulation, Stream, draw, draw_index, stream};

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use impossible::impossible;

use crate::model::{
    AnyData, AnyGlobals, AnyModel, AnySimulation, Generative, MissingValues, Model, Simulable, into_typed, typed,
};

/// Simulates a model; in scope with the prelude.
pub trait SimulateExt: Model {
    /// Prepares `simulations` simulated data sets: set what is held fixed, then call `run`.
    fn simulate(&self, simulations: usize) -> Simulate<'_, Self>
    where
        Self: Simulable,
    {
        Simulate::new(self, simulations)
    }
}

impl<M: Model> SimulateExt for M {}

/// Globals that are drawn from their prior.
#[derive(Clone, Copy, Debug)]
pub enum FromPrior {}

/// Globals at values that are given.
#[derive(Clone, Copy, Debug)]
pub enum AtGlobals {}

/// Simulations that are ready to run; made by `model.simulate(simulations)`. `G` says where their globals come from.
#[derive(Clone, Debug)]
#[must_use = "nothing is simulated before `run`"]
pub struct Simulate<'a, M: Model, G = FromPrior> {
    any: AnySimulate<'a>,
    of: PhantomData<fn() -> (M, G)>,
}

impl<'a, M: Model> Simulate<'a, M> {
    /// Prepares `sets` data sets of `model`, with seed 0.
    pub fn new(model: &'a M, sets: usize) -> Self {
        Self { any: AnySimulate::new(model, sets), of: PhantomData }
    }

    /// Runs only the first of the simulations.
    ///
    /// # Errors
    /// It cannot be drawn, or a size or data set does not fit the model.
    pub fn one(self) -> Result<Simulation<M>, SimulateError>
    where
        M: Generative,
    {
        self.run_one()
    }

    /// Runs the simulations on all cores.
    ///
    /// # Errors
    /// A simulation cannot be drawn (the first such error is returned), or a size or data set does not fit the model.
    pub fn run(self) -> Result<Vec<Simulation<M>>, SimulateError>
    where
        M: Generative,
    {
        self.run_all()
    }
}

impl<M: Model> Simulate<'_, M, AtGlobals> {
    /// Runs only the first of the simulations.
    ///
    /// # Errors
    /// It cannot be drawn, or a size or data set does not fit the model.
    pub fn one(self) -> Result<Simulation<M>, SimulateError> {
        self.run_one()
    }

    /// Runs the simulations on all cores.
    ///
    /// # Errors
    /// A simulation cannot be drawn (the first such error is returned), or a size or data set does not fit the model.
    pub fn run(self) -> Result<Vec<Simulation<M>>, SimulateError> {
        self.run_all()
    }
}

impl<'a, M: Model, G> Simulate<'a, M, G> {
    /// Fixes the values of the globals, which are otherwise drawn from their prior.
    pub fn at(mut self, globals: &M::Globals) -> Simulate<'a, M, AtGlobals> {
        self.any.globals = Some(Arc::new(globals.clone()));
        Simulate { any: self.any, of: PhantomData }
    }

    /// Takes the sizes, indices and covariates of `data` unchanged.
    pub fn same_design_as(mut self, data: &'a M::Data) -> Self {
        self.any.follow(data, false);
        self
    }

    /// Replicates `data`: simulates data sets that could have been observed instead. Sizes, indices and covariates are
    /// unchanged, as with [`same_design_as`](Simulate::same_design_as). Only plates of random size, `plate events(n ~
    /// Poisson(rate))`, are drawn anew with everything inside them, since their size is part of the observation; their
    /// covariates are drawn from the rows of `data`.
    pub fn replicate(mut self, data: &'a M::Data) -> Self {
        self.any.follow(data, true);
        self
    }

    fn run_one(self) -> Result<Simulation<M>, SimulateError> {
        Ok(into_typed(self.any.draw(&self.any.fixed()?, 0)?))
    }

    fn run_all(self) -> Result<Vec<Simulation<M>>, SimulateError> {
        Ok(self.any.run()?.into_iter().map(|one| into_typed(one)).collect())
    }

    /// Returns the data set that covariates are taken from.
    pub(crate) fn covariates(&self) -> Option<&'a M::Data> {
        self.any.covariates().map(|(data, _)| typed(data))
    }

    /// Returns the simulations without the model's types.
    pub(crate) fn any(&self) -> &AnySimulate<'a> {
        &self.any
    }

    pub(crate) fn any_mut(&mut self) -> &mut AnySimulate<'a> {
        &mut self.any
    }
}

impl<'a, M: Model, G> Simulated<'a, M> for Simulate<'a, M, G> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.any.source
    }
}

/// Checks that each global has a value that it can have.
///
/// # Errors
/// A value outside the support, or one that is not finite.
fn check_globals(model: &dyn AnyModel, globals: &dyn AnyGlobals) -> Result<(), SimulateError> {
    let specification = model.specification();
    for (name, found) in globals.lengths() {
        let variable = specification.variables.iter().find(|v| v.name == name);
        if let Some(expected) = variable.map(|v| v.shape.clone()).filter(|shape| !shape.contains(&found)) {
            return Err(SimulateError::Length { name, found, expected: expected.first().copied().unwrap_or(0) });
        }
    }
    let (q, values) = (model.unconstrain(globals, None), globals.to_numbers());
    for slot in model.global_slots() {
        let outside = |at: &usize| q[*at].is_nan() || q[*at].is_infinite();
        let infinite = slot.values.clone().position(|at| !values[at].is_finite());
        if let Some(i) = infinite.or_else(|| slot.free.clone().position(|at| outside(&at))) {
            let (name, value) = (slot.components[i].clone(), values[slot.values.start + i]);
            return Err(SimulateError::OutsideSupport { name, value });
        }
    }
    if let Some(at) = impossible(model, globals, &values) {
        let name = model
            .global_slots()
            .into_iter()
            .find(|slot| slot.values.contains(&at))
            .map_or_else(String::new, |slot| slot.name);
        return Err(SimulateError::OutsideSupport { name, value: values[at] });
    }
    Ok(())
}

/// The smallest number of data sets per parallel task, so that starting a task costs little compared with drawing them.
const TOGETHER: usize = 16;

/// Calls `draw` on all cores with ranges of positions that together are `0..sets`. The ranges are long, and are split
/// when a core is idle.
///
/// # Errors
/// The error of the first range that has one.
fn in_parallel(
    sets: usize,
    draw: &(dyn Fn(Range<usize>) -> Result<(), SimulateError> + Sync),
) -> Result<(), SimulateError> {
    let halves = |all: Range<usize>| {
        let middle = all.start + all.len() / 2;
        if all.len() < 2 * TOGETHER { (all, None) } else { (all.start..middle, Some(middle..all.end)) }
    };
    let failed = rayon::iter::split(0..sets, halves).find_map_first(|positions| draw(positions).err());
    failed.map_or(Ok(()), Err)
}

/// Globals that are drawn from another distribution than their prior, with what identifies it.
#[derive(Clone)]
pub(crate) struct DrawnGlobals<'a> {
    pub(crate) of: String,
    /// Returns their numbers.
    pub(crate) draw: Arc<DrawNumbers<'a>>,
}

type DrawNumbers<'a> = dyn Fn(&mut Stream) -> Result<Vec<f64>, SimulateError> + Send + Sync + 'a;

impl std::fmt::Debug for DrawnGlobals<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.of)
    }
}

/// Simulations of any model.
#[derive(Clone, Debug)]
pub(crate) struct AnySimulate<'a> {
    pub(crate) source: SimulationSource<'a>,
    pub(crate) sets: usize,
    globals: Option<Arc<dyn AnyGlobals>>,
    /// Where globals come from, if that is not their prior.
    pub(crate) drawn: Option<DrawnGlobals<'a>>,
    /// A data set whose design is used unchanged, and whether plates of random size are drawn anew.
    design: Option<(&'a dyn AnyData, bool)>,
}

impl<'a> AnySimulate<'a> {
    pub(crate) fn new(model: &'a dyn AnyModel, sets: usize) -> Self {
        Self { source: SimulationSource::new(model), sets, globals: None, drawn: None, design: None }
    }

    /// Takes sizes, indices and covariates from `data`; plates of random size are drawn anew if `random_sizes` is true.
    pub(crate) fn follow(&mut self, data: &'a dyn AnyData, random_sizes: bool) {
        self.design = Some((data, random_sizes));
    }

    /// Returns the data set that covariates are taken from, and whether it is followed element by element.
    fn covariates(&self) -> Option<(&'a dyn AnyData, bool)> {
        let drawn_from = self.source.covariates.map(|data| (data, false));
        self.design.map(|(data, _)| (data, true)).or(drawn_from)
    }

    /// Describes what is fixed, in a text that is the same for the same simulations.
    pub(crate) fn describe(&self) -> String {
        let covariates = self.covariates().map(|(data, follow)| (data.frame().digest(), follow));
        let globals = self.globals.as_ref().map(|globals| globals.to_numbers());
        let anew = if self.design.is_some_and(|(_, anew)| anew) { ", random sizes anew" } else { "" };
        let SimulationSource { seed, sizes, missing, .. } = &self.source;
        let missing = missing.map_or(String::new(), |share| format!(", missing {share}"));
        let drawn = self.drawn.as_ref().map_or(String::new(), |drawn| format!(", {}", drawn.of));
        format!("seed {seed}, sizes {sizes:?}, globals {globals:?}, covariates {covariates:?}{anew}{missing}{drawn}")
    }

    /// Draws the data set at `position`.
    pub(crate) fn draw(&self, fixed: &Fixed<'_>, position: usize) -> Result<Box<dyn AnySimulation>, SimulateError> {
        let (model, mut rng) = (self.source.model, stream(self.source.seed, position as u64));
        match &self.drawn {
            None => model.draw(fixed, &mut rng),
            Some(drawn) => fixed.skipped.retry(|| {
                let globals = model.globals(&(drawn.draw)(&mut rng)?);
                model.any_draw(&fixed.at(&*globals), &mut rng)
            }),
        }
    }

    /// Draws all data sets on all cores.
    fn run(&self) -> Result<Vec<Box<dyn AnySimulation>>, SimulateError> {
        let fixed = self.fixed()?;
        let drawn = Mutex::new(Vec::new());
        in_parallel(self.sets, &|positions| {
            let first = positions.start;
            let some = positions.map(|position| self.draw(&fixed, position)).collect::<Result<Vec<_>, _>>()?;
            drawn.lock().unwrap_or_else(PoisonError::into_inner).push((first, some));
            Ok(())
        })?;
        let mut drawn = drawn.into_inner().unwrap_or_else(PoisonError::into_inner);
        drawn.sort_unstable_by_key(|(first, _)| *first);
        Ok(drawn.into_iter().flat_map(|(_, some)| some).collect())
    }

    pub(crate) fn fixed(&self) -> Result<Fixed<'_>, SimulateError> {
        let SimulationSource { model, sizes, covariates, .. } = &self.source;
        if self.design.is_some() && covariates.is_some() {
            return Err(SimulateError::TwoCovariates);
        }
        if let Some((data, _)) = self.covariates() {
            model.check(data)?;
        }
        if let Some(globals) = &self.globals {
            check_globals(*model, &**globals)?;
        }
        let specification = model.specification();
        let fixed = Fixed::new(&specification, sizes, self.globals.as_deref(), self.covariates())?;
        let missing = match (self.source.missing()?, self.design) {
            (Some(missing), _) => missing,
            (None, Some(_)) => MissingValues::AsInData,
            (None, None) => MissingValues::ByModel,
        };
        let fixed = fixed.with_missing(missing);
        let anew = self.design.is_some_and(|(_, anew)| anew);
        Ok(if anew { fixed.with_random_sizes(&specification) } else { fixed })
    }
}
