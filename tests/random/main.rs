//! Random models against plain programs that say the same; see `hierarch_tests::random`.

#![allow(missing_docs)]

mod check;
#[allow(warnings, clippy::all)]
#[rustfmt::skip]
mod models;

use hierarch_tests::{random, seed};

#[test]
fn densities_are_those_of_plain_programs() {
    let failed: Vec<String> = models::ALL
        .iter()
        .filter_map(|(name, run)| run(seed(1000)).err().map(|error| format!("{name}: {error}")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn models_are_those_that_are_written_now() {
    let written = random::write(random::SEED, models::ALL.len());
    assert!(
        written == include_str!("models.rs"),
        "cargo run --release -p hierarch-tests --bin random_models > tests/random/models.rs"
    );
}
