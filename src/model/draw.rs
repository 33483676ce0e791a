//! Draws of variables, for the code of `model!`.

use rand::RngExt;

use super::{SimulateError, Stream};
use crate::distributions::Draw;

/// Draws a variable.
///
/// # Errors
/// A parameter of its distribution is not valid.
#[inline(always)]
pub fn draw<D: Draw>(variable: &'static str, distribution: &D, rng: &mut Stream) -> Result<D::Value, SimulateError> {
    match distribution.check() {
        Ok(()) => Ok(distribution.draw(rng)),
        Err(error) => Err(SimulateError::Parameter { variable, error }),
    }
}

/// Draws an index: the position of an element of a plate.
///
/// # Errors
/// The plate is empty.
pub fn draw_index(variable: &'static str, size: usize, rng: &mut Stream) -> Result<usize, SimulateError> {
    if size == 0 { Err(SimulateError::EmptyIndex { variable }) } else { Ok(rng.random_range(0..size)) }
}
