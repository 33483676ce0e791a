//! Draws of variables, for the code of `model!`.

use std::error::Error;

use rand::RngExt;

use super::{SimulateError, Stream};
use crate::distributions::{Draw, FiniteDraws};
use crate::fields::Field;

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

impl<T: Drawn> Drawn for Vec<T> {
    fn not_finite(&self) -> Option<f64> {
        self.iter().find_map(Drawn::not_finite)
    }
}

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

/// The distribution that a variable was drawn from. Its method `finite` is that of [`CheckDrawn`], but the type's own where a
/// draw is always finite. A constant of the distribution in its place costs the loop that draws a sixth of its speed: the
/// compiler removes what is never run too late.
#[derive(Debug)]
pub struct DrawnFrom<'a, D>(pub &'a D);

impl<D: FiniteDraws> DrawnFrom<'_, D> {
    /// Returns what was drawn.
    ///
    /// # Errors
    /// None.
    #[inline(always)]
    pub fn finite<T>(self, _: &'static str, drawn: T) -> Result<T, SimulateError> {
        Ok(drawn)
    }
}

/// Checks what was drawn from any distribution.
pub trait CheckDrawn: Sized {
    /// Returns what was drawn for a variable.
    ///
    /// # Errors
    /// It is not finite: the first of the variables that go astray is named, and not one whose parameter it is.
    #[inline(always)]
    fn finite<T: Drawn>(self, variable: &'static str, drawn: T) -> Result<T, SimulateError> {
        match drawn.not_finite() {
            None => Ok(drawn),
            Some(value) => Err(SimulateError::Infinite { variable, value }),
        }
    }
}

impl<D> CheckDrawn for DrawnFrom<'_, D> {}

/// Draws the values of all elements of a plate at once, the first of which are `known`.
///
/// # Errors
/// An argument is not valid, the map does not fit the elements, or what was drawn is not finite.
pub fn draw_of_plate(
    variable: &'static str,
    field: &dyn Field,
    arguments: &[f64],
    known: &[f64],
    rng: &mut Stream,
) -> Result<Vec<f64>, SimulateError> {
    let drawn = field.draw(arguments, known, rng).map_err(|error| SimulateError::Parameter { variable, error })?;
    match drawn.iter().find(|x| !x.is_finite()) {
        Some(&value) => Err(SimulateError::Infinite { variable, value }),
        None => Ok(drawn),
    }
}

/// Draws an index: the position of an element of a plate.
///
/// # Errors
/// The plate is empty.
pub fn draw_index(variable: &'static str, size: usize, rng: &mut Stream) -> Result<usize, SimulateError> {
    if size == 0 { Err(SimulateError::EmptyIndex { variable }) } else { Ok(rng.random_range(0..size)) }
}

/// Why a function drew nothing.
#[derive(Debug)]
pub struct Failure {
    /// The message of the function.
    pub message: String,
    /// Whether another draw may succeed.
    pub of_one_draw: bool,
}

/// What a function that draws an observation returns: what was drawn, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a function that draws an observation returns a number, an array of numbers, or one of these in a `Result` with a \
               `String` as its error, not `{Self}`",
    label = "not what is observed"
)]
pub trait Outcome {
    /// What was drawn.
    type Drawn: Drawn;
    /// Returns what was drawn.
    ///
    /// # Errors
    /// The error of the function.
    fn outcome(self) -> Result<Self::Drawn, Failure>;
}

impl<T: Drawn> Outcome for T {
    type Drawn = T;
    #[inline(always)]
    fn outcome(self) -> Result<T, Failure> {
        Ok(self)
    }
}

macro_rules! error {
    ($($error:ty),*) => {$(
        impl<T: Drawn> Outcome for Result<T, $error> {
            type Drawn = T;
            #[inline(always)]
            fn outcome(self) -> Result<T, Failure> {
                self.map_err(|error| Failure { message: error.to_string(), of_one_draw: true })
            }
        }
    )*};
}
error!(String, &'static str, Box<dyn Error>, Box<dyn Error + Send + Sync>);

/// Returns what a function has drawn for a variable; `globals` are those of the simulation, with their names.
///
/// # Errors
/// The function returned an error, or a number that is not finite.
pub fn output<O: Outcome>(
    variable: &'static str,
    outcome: O,
    globals: &dyn Fn() -> Vec<String>,
) -> Result<O::Drawn, SimulateError> {
    let drawn = match outcome.outcome() {
        Ok(drawn) => drawn,
        Err(Failure { message, of_one_draw }) => {
            return Err(SimulateError::Failed { variable, message, of_one_draw, globals: globals().join(", ") });
        }
    };
    match drawn.not_finite() {
        Some(value) => Err(SimulateError::Output { variable, value, globals: globals().join(", ") }),
        None => Ok(drawn),
    }
}

/// Keeps the value of an element of a sequence, for those after it.
#[doc(hidden)]
pub fn remember<T: Clone>(values: &mut Vec<T>, element: usize, value: T) {
    match values.get_mut(element) {
        Some(known) => *known = value,
        // What an element leaves out is never read.
        None => values.resize(element + 1, value),
    }
}
