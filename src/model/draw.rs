//! How a variable is drawn: what the code that `model!` makes calls.

use rand::RngExt;

use super::{SimulateError, Stream};
use crate::distributions::Draw;

/// Draws a variable.
///
/// # Errors
/// A parameter of its distribution makes no sense.
#[inline(always)]
pub fn draw<D: Draw>(variable: &'static str, distribution: &D, rng: &mut Stream) -> Result<D::Value, SimulateError> {
    match distribution.check() {
        Ok(()) => Ok(distribution.draw(rng)),
        Err(error) => Err(SimulateError::Parameter { variable, error }),
    }
}

/// Draws an element of a plate.
///
/// # Errors
/// The plate is empty.
pub fn draw_index(variable: &'static str, size: usize, rng: &mut Stream) -> Result<usize, SimulateError> {
    if size == 0 { Err(SimulateError::EmptyIndex { variable }) } else { Ok(rng.random_range(0..size)) }
}
