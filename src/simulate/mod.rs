//! Simulation: data sets from a model, in parallel and the same whatever the threads.

pub(crate) use crate::model::Fixed;
pub use crate::model::{Plan, SimulateError, Simulation, Stream, draw, draw_index, stream};

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::model::{AnyData, AnyGlobals, AnyModel, AnySimulation, Model, typed};

/// Simulates a model; in scope with the prelude.
pub trait SimulateExt: Model {
    /// Simulates `simulations` data sets: set what is to be fixed, then `run`.
    fn simulate(&self, simulations: usize) -> Simulate<'_, Self> {
        Simulate::new(self, simulations)
    }
}

impl<M: Model> SimulateExt for M {}

/// Simulations to be run; made by `model.simulate(sets)`.
#[derive(Clone, Debug)]
#[must_use = "nothing is simulated before `run`"]
pub struct Simulate<'a, M: Model> {
    any: AnySimulate<'a>,
    model: PhantomData<fn() -> M>,
}

impl<'a, M: Model> Simulate<'a, M> {
    /// `sets` data sets of a model, from seed 0.
    pub fn new(model: &'a M, sets: usize) -> Self {
        Self { any: AnySimulate::new(model, sets), model: PhantomData }
    }

    /// The seed: the same gives the same data sets, each by its position.
    pub fn seed(mut self, seed: u64) -> Self {
        self.any.seed = seed;
        self
    }

    /// The size of a plate. Without it, a size is drawn: from its range, half uniformly and half log-uniformly, or from its
    /// distribution.
    pub fn size(mut self, plate: &str, elements: usize) -> Self {
        self.any.sizes.push((plate.to_owned(), elements));
        self
    }

    /// The values of the globals, which else are drawn from their prior.
    pub fn at(mut self, globals: &M::Globals) -> Self {
        self.any.globals = Some(Arc::new(globals.clone()));
        self
    }

    /// Takes the sizes, indices and covariates of a data set as they are.
    pub fn same_design_as(mut self, data: &'a M::Data) -> Self {
        self.any.follow(data, true, false);
        self
    }

    /// Replicates a data set: what could have been seen in its place. Sizes, indices and covariates are as they are, as for
    /// [`same_design_as`](Simulate::same_design_as), but for plates of random size, `plate events(n ~ Poisson(rate))`, which are a part of what
    /// is seen: these are drawn with all that is inside them, their covariates from the rows of the data set.
    pub fn replicate(mut self, data: &'a M::Data) -> Self {
        self.any.follow(data, true, true);
        self
    }

    /// Draws the covariates of each element from the rows of a data set.
    pub fn covariates_from(mut self, data: &'a M::Data) -> Self {
        self.any.follow(data, false, false);
        self
    }

    /// Runs the simulations on all cores.
    ///
    /// # Errors
    /// The first that cannot be drawn, or a size or data set that does not fit the model.
    pub fn run(self) -> Result<Vec<Simulation<M>>, SimulateError> {
        let model: &M = typed(self.any.model);
        let fixed = self.any.fixed()?;
        let plan = Plan::of(&fixed);
        let drawn = Mutex::new(Vec::new());
        in_parallel(self.any.sets, &|positions| {
            let first = positions.start;
            let mut some = Vec::with_capacity(positions.len());
            for position in positions {
                some.push(model.draw(&plan, &mut stream(self.any.seed, position as u64))?);
            }
            drawn.lock().unwrap_or_else(PoisonError::into_inner).push((first, some));
            Ok(())
        })?;
        let mut drawn = drawn.into_inner().unwrap_or_else(PoisonError::into_inner);
        drawn.sort_unstable_by_key(|(first, _)| *first);
        let mut all = Vec::with_capacity(self.any.sets);
        drawn.iter_mut().for_each(|(_, some)| all.append(some));
        Ok(all)
    }

    /// The data set that covariates are taken from.
    pub(crate) fn covariates(&self) -> Option<&'a M::Data> {
        self.any.covariates.map(|(data, _)| typed(data))
    }

    /// The same without the model's types.
    pub(crate) fn any(&self) -> &AnySimulate<'a> {
        &self.any
    }

    pub(crate) fn any_mut(&mut self) -> &mut AnySimulate<'a> {
        &mut self.any
    }
}

/// The fewest data sets that one task draws, so that handing the tasks out costs nothing beside drawing them.
const TOGETHER: usize = 16;

/// Runs `draw` on all cores for runs of positions that together are `0..sets`: long ones, unless a core has nothing to do.
///
/// # Errors
/// That of the first run that has one.
pub(crate) fn in_parallel(
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

/// Simulations of some model.
#[derive(Clone, Debug)]
pub(crate) struct AnySimulate<'a> {
    pub(crate) model: &'a dyn AnyModel,
    pub(crate) sets: usize,
    pub(crate) seed: u64,
    /// The sizes that are fixed.
    pub(crate) sizes: Vec<(String, usize)>,
    globals: Option<Arc<dyn AnyGlobals>>,
    /// A data set and whether it is followed element by element, or drawn from.
    covariates: Option<(&'a dyn AnyData, bool)>,
    random_sizes: bool,
}

impl<'a> AnySimulate<'a> {
    pub(crate) fn new(model: &'a dyn AnyModel, sets: usize) -> Self {
        Self { model, sets, seed: 0, sizes: Vec::new(), globals: None, covariates: None, random_sizes: false }
    }

    /// Takes covariates from a data set: element by element or not, with random sizes anew or as they are.
    pub(crate) fn follow(&mut self, data: &'a dyn AnyData, each: bool, random_sizes: bool) {
        (self.covariates, self.random_sizes) = (Some((data, each)), random_sizes);
    }

    /// What is fixed, as text: the same for the same simulations.
    pub(crate) fn describe(&self) -> String {
        let covariates = self.covariates.map(|(data, follow)| (data.frame().digest(), follow));
        let globals = self.globals.as_ref().map(|globals| globals.to_numbers());
        let anew = if self.random_sizes { ", random sizes anew" } else { "" };
        format!("seed {}, sizes {:?}, globals {globals:?}, covariates {covariates:?}{anew}", self.seed, self.sizes)
    }

    /// The data set at a position.
    pub(crate) fn draw(&self, fixed: &Fixed<'_>, position: usize) -> Result<Box<dyn AnySimulation>, SimulateError> {
        self.model.draw(fixed, &mut stream(self.seed, position as u64))
    }

    pub(crate) fn fixed(&self) -> Result<Fixed<'_>, SimulateError> {
        if let Some((data, _)) = self.covariates {
            self.model.check(data)?;
        }
        let fixed = Fixed::new(&self.model.specification(), &self.sizes, self.globals.as_deref(), self.covariates)?;
        Ok(if self.random_sizes { fixed.with_random_sizes(&self.model.specification()) } else { fixed })
    }
}
