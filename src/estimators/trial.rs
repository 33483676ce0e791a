//! Whether a file is of the simulator that it is used with, and not only of a declaration that reads the same.
//!
//! A function or a constant that a model uses may change while its declaration does not. So files hold the numbers of a few
//! small simulations, which are run again when they are read. A rejection sampler may go another way by a last bit that
//! another machine's mathematical functions have: most of the simulations must agree, not all.

use std::path::Path;
use std::time::{Duration, Instant};

use super::FileError;
use crate::model::{AnyModel, Fixed, Frame, Plate, PlateSize, Purpose, stream_for};

/// The number of simulations, and of those that must agree.
const SIMULATIONS: usize = 8;
const MOST: usize = 5;
/// The most numbers that are kept of a simulation.
const NUMBERS: usize = 48;
/// The relative difference up to which numbers agree.
const SAME: f64 = 1e-6;
/// A simulation that takes longer is not run for this.
const LONGEST: Duration = Duration::from_millis(50);

/// Returns the numbers of some small simulations as text; empty for a model that is too slow, or that needs covariates.
pub(super) fn trial(model: &dyn AnyModel) -> String {
    serde_json::json!(numbers(model).unwrap_or_default()).to_string()
}

/// Compares the text that [`trial`] wrote to a file with the simulations of `model`.
///
/// # Errors
/// Most of the simulations are others.
pub(super) fn check(model: &dyn AnyModel, text: Option<&String>, path: &Path) -> Result<(), FileError> {
    compare(&trial(model), text, path)
}

/// Compares the text that [`trial`] wrote to a file with that of now, as [`check`] does.
pub(super) fn compare(now: &str, text: Option<&String>, path: &Path) -> Result<(), FileError> {
    let read = |text: &str| serde_json::from_str::<Vec<Vec<f64>>>(text).unwrap_or_default();
    let (saved, now) = (text.map(|text| read(text)).unwrap_or_default(), read(now));
    // Of a simulator that is too slow nothing was kept, and nothing is run.
    if saved.is_empty() || now.is_empty() {
        return Ok(());
    }
    let same = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= SAME * a.abs().max(b.abs());
    let agree = |(a, b): &(&Vec<f64>, &Vec<f64>)| a.len() == b.len() && a.iter().zip(*b).all(same);
    let agree = saved.iter().zip(&now).filter(agree).count();
    if agree < MOST {
        return Err(FileError::OtherSimulator { path: path.to_owned(), agree, of: SIMULATIONS });
    }
    Ok(())
}

fn numbers(model: &dyn AnyModel) -> Option<Vec<Vec<f64>>> {
    let specification = model.specification();
    let mut sizes = Vec::new();
    small(&specification.plates, &mut sizes);
    let fixed = Fixed::new(&specification, &sizes, None, None).ok()?;
    (0..SIMULATIONS as u64)
        .map(|i| {
            let begun = Instant::now();
            let simulation = model.draw(&fixed, &mut stream_for(Purpose::Trial, 0, 0, i)).ok()?;
            let mut numbers = simulation.globals().to_numbers();
            collect(&simulation.data().frame(), &mut numbers);
            numbers.truncate(NUMBERS);
            (begun.elapsed() < LONGEST).then_some(numbers)
        })
        .collect()
}

/// Gives each plate whose size may be chosen a small one.
fn small(plates: &[Plate], sizes: &mut Vec<(String, usize)>) {
    for plate in plates {
        if let PlateSize::Range(low, high) = plate.size {
            sizes.push((plate.name.clone(), low.max(3).min(high)));
        }
        small(&plate.plates, sizes);
    }
}

/// Adds the last numbers of each column, which the most has gone into, depth first.
fn collect(frame: &Frame<'_>, to: &mut Vec<f64>) {
    for column in &frame.columns {
        let n = column.values.len();
        to.extend((n.saturating_sub(4)..n).map(|i| column.values.get(i)));
    }
    frame.plates.iter().for_each(|plate| collect(plate, to));
}
