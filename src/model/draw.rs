//! Draws of variables, for the code of `model!`.

use rand::RngExt;

use super::{SimulateError, Stream};
use crate::distributions::{Draw, ParameterError};

/// What is drawn: a number, or an array of such.
pub trait Drawn {
    /// Returns a number that is infinite or NaN, if there is one.
    fn not_finite(&self) -> Option<f64>;
}

macro_rules! real {
    ($($number:ty),*) => {$(
        impl Drawn for $number {
            #[inline(always)]
            fn not_finite(&self) -> Option<f64> {
                (!self.is_finite()).then_some(f64::from(*self))
            }
        }
    )*};
}
real!(f32, f64);

macro_rules! whole {
    ($($number:ty),*) => {$(
        impl Drawn for $number {
            #[inline(always)]
            fn not_finite(&self) -> Option<f64> {
                None
            }
        }
    )*};
}
whole!(u64, usize, bool);

impl<T: Drawn, const N: usize> Drawn for [T; N] {
    #[inline(always)]
    fn not_finite(&self) -> Option<f64> {
        self.iter().find_map(Drawn::not_finite)
    }
}

/// Draws a variable.
///
/// # Errors
/// A parameter of its distribution is not valid, or the draw is not finite: the first of the variables that go astray is
/// named, and not one whose parameter it is.
#[inline(always)]
pub fn draw<D: Draw<Value: Drawn>>(
    variable: &'static str,
    distribution: &D,
    rng: &mut Stream,
) -> Result<D::Value, SimulateError> {
    if let Err(error) = distribution.check() {
        return Err(invalid(variable, error));
    }
    let drawn = distribution.draw(rng);
    if !D::IS_FINITE && drawn.not_finite().is_some() {
        return Err(infinite(variable, &drawn));
    }
    Ok(drawn)
}

/// Makes the error apart from the loop that draws.
#[cold]
#[inline(never)]
fn invalid(variable: &'static str, error: ParameterError) -> SimulateError {
    SimulateError::Parameter { variable, error }
}

/// Makes the error apart from the loop that draws.
#[cold]
#[inline(never)]
fn infinite(variable: &'static str, drawn: &dyn Drawn) -> SimulateError {
    SimulateError::Infinite { variable, value: drawn.not_finite().unwrap_or(f64::NAN) }
}

/// Draws an index: the position of an element of a plate.
///
/// # Errors
/// The plate is empty.
pub fn draw_index(variable: &'static str, size: usize, rng: &mut Stream) -> Result<usize, SimulateError> {
    if size == 0 { Err(SimulateError::EmptyIndex { variable }) } else { Ok(rng.random_range(0..size)) }
}

/// Returns what a function has drawn for a variable; `globals` are those of the simulation, with their names.
///
/// # Errors
/// A number of it is not finite.
pub fn output<T: Drawn>(
    variable: &'static str,
    drawn: T,
    globals: &dyn Fn() -> Vec<String>,
) -> Result<T, SimulateError> {
    match drawn.not_finite() {
        Some(value) => Err(SimulateError::Output { variable, value, globals: globals().join(", ") }),
        None => Ok(drawn),
    }
}
