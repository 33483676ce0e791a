//! Where a solver gave up. What it returns then is NaN, so that a density rejects the point; why is kept for the error of a
//! sampler that found no other.

use std::cell::Cell;
use std::fmt;

use crate::autodiff::{Lanes, Real};

/// Why a solver gave up.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    /// At a time, after a number of steps since the time before.
    Steps { solver: &'static str, at: f64, steps: usize },
    /// At a time, where no step was short enough.
    Vanished { solver: &'static str, at: f64 },
    /// At a time or a point, where the function is not finite.
    NotFinite { solver: &'static str, at: f64 },
    /// `root` has the same sign at both ends.
    NoRoot { low: f64, high: f64 },
    /// `integral` does not settle.
    Unsettled { low: f64, high: f64 },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps { solver: "ode", at, steps } => {
                write!(
                    f,
                    "`ode` gave up at time {at} after {steps} steps: `ode_stiff` is for stiff equations, and `Tolerance::steps` allows more"
                )
            }
            Self::Steps { solver, at, steps } => {
                write!(f, "`{solver}` gave up at time {at} after {steps} steps: `Tolerance::steps` allows more")
            }
            Self::Vanished { solver, at } => {
                write!(
                    f,
                    "`{solver}` gave up at time {at}, where no step is short enough: the solution may be infinite there"
                )
            }
            Self::NotFinite { solver, at } => {
                write!(f, "`{solver}` gave up at {at}, where the function that it was given is not finite")
            }
            Self::NoRoot { low, high } => {
                write!(f, "`root` found none between {low} and {high}, where the function has the same sign or is NaN")
            }
            Self::Unsettled { low, high } => {
                write!(
                    f,
                    "`integral` from {low} to {high} does not settle: it may be infinite, or the function may jump"
                )
            }
        }
    }
}

thread_local! {
    static LAST: Cell<Option<Failure>> = const { Cell::new(None) };
}

/// Returns the last failure on this thread since the last call, in words.
pub fn take_failure() -> Option<String> {
    LAST.take().map(|failure| failure.to_string())
}

/// Keeps a failure. Where it may be that of one lane alone, the block is run again element by element, so that the others lose
/// nothing by it.
pub fn keep<T: Real>(failure: Failure) {
    LAST.set(Some(failure));
    T::Lanes::from_fn(|i| i as f64).uniform();
}
