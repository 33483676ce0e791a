//! Writes random models with their checks: `random_models [SEED COUNT]`. Without numbers it writes `tests/language/random/models.rs`; others
//! may stand there for a while, to look for what fails.

use hierarch_tests::random;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers = std::env::args().skip(1).map(|argument| argument.parse()).collect::<Result<Vec<u64>, _>>()?;
    let (seed, count) = match numbers[..] {
        [seed, count] => (seed, count as usize),
        _ => (random::SEED, random::COUNT),
    };
    print!("{}", random::write(seed, count));
    Ok(())
}
