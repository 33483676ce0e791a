//! How exact a solution is to be.

use crate::autodiff::Real;

/// How exact the solution of a differential equation is to be, and how long it may take.
///
/// The error of each step is at most `absolute` + `relative` |x|, for each number x of the state and for each of its derivatives.
/// The whole solution is as exact as that to a factor of ten or so, where the equation does not blow errors up by itself.
///
/// ```
/// use hierarch_core::solve::{Tolerance, ode};
///
/// let decay = |_, [y]: [f64; 1], rate: f64| [-rate * y];
/// let tight = Tolerance::default().relative(1e-12).absolute(1e-14);
/// let [[y]] = ode(decay, [2.0], [3.0], 0.5, tight);
/// assert!((y - 2.0 * f64::exp(-1.5)).abs() < 1e-11);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    pub(super) relative: f64,
    pub(super) absolute: f64,
    pub(super) steps: usize,
}

impl Default for Tolerance {
    /// Returns 1e-6 relative, 1e-8 absolute, and at most 10,000 steps from one time to the next.
    fn default() -> Self {
        Self { relative: 1e-6, absolute: 1e-8, steps: 10_000 }
    }
}

impl Tolerance {
    /// Sets the error of a step beside the number itself, 1e-6; at least 1e-14 is taken.
    #[inline(always)]
    pub fn relative<T: Real>(self, relative: T) -> Self {
        // In a model a literal is a number with derivatives.
        Self { relative: relative.value().max(1e-14), ..self }
    }

    /// Sets the error of a step of numbers near zero, 1e-8. A state that is counted in millionths asks for a smaller one.
    #[inline(always)]
    pub fn absolute<T: Real>(self, absolute: T) -> Self {
        Self { absolute: absolute.value().max(f64::MIN_POSITIVE), ..self }
    }

    /// Sets the largest number of steps from one time to the next, 10,000. Where that is not enough, the solution is NaN.
    #[inline(always)]
    pub fn steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }
}
