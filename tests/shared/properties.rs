//! How property tests are run.

use hierarch::prelude::*;
use proptest::test_runner::{Config, RngSeed};

/// That many cases, from a fixed seed, with no file of what failed.
pub fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(crate::seed(1)),
        max_global_rejects: 20,
        ..Config::default()
    }
}

/// One simulation of a model.
pub fn simulate<M: Generative>(model: &M, seed: u64) -> Simulation<M> {
    model.simulate(1).seed(seed).one().unwrap()
}
