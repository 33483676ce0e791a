//! Random models against plain programs that say the same; see `hierarch_tests::random`.

#![allow(missing_docs)]

// Which of its functions the models use depends on their seed.
#[allow(dead_code, unused_imports)]
mod check;
#[allow(warnings, clippy::all)]
#[rustfmt::skip]
mod models;

use hierarch_tests::random;

#[test]
fn models_are_those_that_are_written_now() {
    let written = random::write(random::SEED, random::COUNT);
    assert!(
        written == include_str!("models.rs"),
        "cargo run --release -p hierarch-tests --bin random_models > tests/language/random/models.rs"
    );
}
