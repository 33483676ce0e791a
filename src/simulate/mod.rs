//! Simulation: data sets from a model, in parallel and the same whatever the threads.

mod plan;

pub use plan::{Plan, draw, draw_index};

use rand::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::distributions::ParameterError;
use crate::io::DataError;
use crate::model::{Model, check};

/// The random numbers of one simulated data set.
pub type Stream = rand_xoshiro::Xoshiro256PlusPlus;

/// The stream of random numbers that a seed and a position name: the i-th data set of a run always gets the same one.
pub fn stream(seed: u64, index: u64) -> Stream {
    // SplitMix64's mixing function makes 256 bits of state from the pair, so that neighbours share nothing.
    let mix = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let key = mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ index.wrapping_mul(0xd134_2543_de82_ef95);
    let mut state = [0u8; 32];
    for (i, word) in state.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *word = mix(key.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))).to_le_bytes();
    }
    Stream::from_seed(state)
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

/// Why a model could not be simulated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A parameter of a distribution makes no sense.
    #[error("`{variable}` cannot be drawn: {error}")]
    Parameter {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        error: ParameterError,
    },
    /// Nothing says how to draw a covariate.
    #[error(
        "the covariate `{variable}` has no distribution: hand in data to take it from with `.given(&data)` or `.like(&data)`, \
         or declare `given {variable} ~ ...`"
    )]
    NoCovariate {
        /// The covariate.
        variable: &'static str,
    },
    /// An index into a plate without elements.
    #[error("`{variable}` cannot be drawn: the plate that it names an element of is empty")]
    EmptyIndex {
        /// The covariate.
        variable: &'static str,
    },
    /// There is nothing to learn from: simulations have no elements.
    #[error("the plate `{plate}` had no element in any of many simulations in a row: give it a larger `size`")]
    NoElements {
        /// The plate.
        plate: String,
    },
    /// No alternative to a hypothesis is possible.
    #[error(
        "no value of `{variable}` that is to be tested, and none at the given distances from it, is within the support: \
         choose other hypotheses or smaller distances"
    )]
    NoAlternative {
        /// The global.
        variable: String,
    },
    /// A plate of that name does not exist.
    #[error("the model has no plate `{plate}`; its plates are {known}")]
    UnknownPlate {
        /// The name asked for.
        plate: String,
        /// The names there are.
        known: String,
    },
    /// A plate cannot have that size.
    #[error("the plate `{plate}` cannot have {size} elements: the model allows {low} to {high}")]
    PlateSize {
        /// The plate.
        plate: &'static str,
        /// The size.
        size: usize,
        /// The smallest size.
        low: usize,
        /// The largest size.
        high: usize,
    },
    /// The data that covariates are taken from do not fit the model.
    #[error("the data that covariates are taken from: {0}")]
    Covariates(#[from] DataError),
}

/// Simulations to be run; made by `model.simulate(sets)`.
#[derive(Clone, Debug)]
#[must_use = "nothing is simulated before `run`"]
pub struct Simulate<'a, M: Model> {
    model: &'a M,
    sets: usize,
    seed: u64,
    sizes: Vec<(String, usize)>,
    globals: Option<M::Globals>,
    covariates: Option<(&'a M::Data, bool)>,
    random_sizes: bool,
}

impl<'a, M: Model> Simulate<'a, M> {
    /// `sets` data sets of a model, from seed 0.
    pub fn new(model: &'a M, sets: usize) -> Self {
        Self { model, sets, seed: 0, sizes: Vec::new(), globals: None, covariates: None, random_sizes: false }
    }

    /// The seed: the same gives the same data sets, each by its position.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The size of a plate. Without it, a size is drawn: from its range, half uniformly and half log-uniformly, or from its
    /// distribution.
    pub fn size(mut self, plate: &str, elements: usize) -> Self {
        self.sizes.push((plate.to_owned(), elements));
        self
    }

    /// The values of the globals, which else are drawn from their prior.
    pub fn at(mut self, globals: &M::Globals) -> Self {
        self.globals = Some(globals.clone());
        self
    }

    /// Takes the sizes, indices and covariates of a data set as they are.
    pub fn like(mut self, data: &'a M::Data) -> Self {
        (self.covariates, self.random_sizes) = (Some((data, true)), false);
        self
    }

    /// Replicates a data set: what could have been seen in its place. Sizes, indices and covariates are as they are, as for
    /// [`like`](Simulate::like), but for plates of random size, `plate events(n ~ Poisson(rate))`, which are a part of what
    /// is seen: these are drawn with all that is inside them, their covariates from the rows of the data set.
    pub fn replicate(mut self, data: &'a M::Data) -> Self {
        (self.covariates, self.random_sizes) = (Some((data, true)), true);
        self
    }

    /// Draws the covariates of each element from the rows of a data set.
    pub fn given(mut self, data: &'a M::Data) -> Self {
        (self.covariates, self.random_sizes) = (Some((data, false)), false);
        self
    }

    /// Runs the simulations on all cores.
    ///
    /// # Errors
    /// The first that cannot be drawn, or a size or data set that does not fit the model.
    pub fn run(self) -> Result<Vec<Simulation<M>>, SimulateError> {
        let plan = self.plan()?;
        // Several sets for each task, so that handing them out costs nothing beside drawing them.
        (0..self.sets).into_par_iter().with_min_len(16).map(|i| self.draw(&plan, i)).collect()
    }

    pub(crate) fn model(&self) -> &'a M {
        self.model
    }

    pub(crate) fn sets_of(mut self, sets: usize) -> Self {
        self.sets = sets;
        self
    }

    pub(crate) fn fixed_sizes(&self) -> &[(String, usize)] {
        &self.sizes
    }

    /// The data set that covariates are taken from.
    pub(crate) fn covariates(&self) -> Option<&'a M::Data> {
        self.covariates.map(|(data, _)| data)
    }

    pub(crate) fn sets(&self) -> usize {
        self.sets
    }

    pub(crate) fn first_seed(&self) -> u64 {
        self.seed
    }

    /// What is fixed, as text: the same for the same simulations.
    pub(crate) fn describe(&self) -> String {
        let covariates = self.covariates.map(|(data, follow)| (serde_json::json!(data).to_string(), follow));
        let globals = self.globals.as_ref().map(|g| serde_json::json!(g).to_string());
        let anew = if self.random_sizes { ", random sizes anew" } else { "" };
        format!("seed {}, sizes {:?}, globals {globals:?}, covariates {covariates:?}{anew}", self.seed, self.sizes)
    }

    /// The data set at a position.
    pub(crate) fn draw(&self, plan: &Plan<'_, M>, position: usize) -> Result<Simulation<M>, SimulateError> {
        self.model.draw(plan, &mut stream(self.seed, position as u64))
    }

    pub(crate) fn plan(&self) -> Result<Plan<'_, M>, SimulateError> {
        if let Some((data, _)) = self.covariates {
            check(self.model, data)?;
        }
        let plan = Plan::new(self.model, &self.sizes, self.globals.as_ref(), self.covariates)?;
        Ok(if self.random_sizes { plan.with_random_sizes(self.model) } else { plan })
    }
}
