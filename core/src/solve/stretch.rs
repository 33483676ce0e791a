//! A stretch of time between two of those that a solution is wanted at, and the lengths of the steps in it.

use super::error::Errors;
use super::failure::Failure;
use super::tolerance::Tolerance;
use crate::autodiff::{Lanes, Real};

/// A stretch of time, of which each lane may have its own, and the share of it that is done in all of them.
pub struct Stretch<T> {
    solver: &'static str,
    from: T,
    to: T,
    /// With the derivatives of both ends.
    pub length: T,
    /// The length in the lane where it is longest.
    longest: f64,
    done: f64,
}

impl<T: Real> Stretch<T> {
    #[inline(always)]
    pub fn new(solver: &'static str, from: T, to: T) -> Result<Self, Failure> {
        let length = to - from;
        let lanes = length.part(0);
        let mut longest: f64 = 0.0;
        for i in 0..T::Lanes::WIDTH {
            let own = lanes.lane(i).abs();
            if !own.is_finite() {
                return Err(Failure::NotFinite { solver, at: place(to) });
            }
            longest = longest.max(own);
        }
        Ok(Self { solver, from, to, length, longest, done: 0.0 })
    }

    /// Returns the share of the whole that a step of this length is, or all that is left if that is hardly more: there would be a
    /// tiny step after it.
    #[inline(always)]
    pub fn share(&self, step: f64) -> f64 {
        let (left, share) = (1.0 - self.done, step / self.longest);
        // Not so where the stretch is of no length, and the share is infinite or NaN.
        if 1.01 * share < left { share } else { left }
    }

    /// Returns the time at a `node` of a step of that `share`, between 0 and 1.
    #[inline(always)]
    pub fn time(&self, share: f64, node: f64) -> T {
        if node == 1.0 && self.done + share >= 1.0 {
            self.to
        } else {
            self.from + self.length * (self.done + share * node)
        }
    }

    /// Goes on after a step of that `share`, or tries again if it was not `accepted`, with a next `step` that is longer by a
    /// `factor`. Returns whether all is done.
    #[inline(always)]
    pub fn step(&mut self, step: &mut f64, share: f64, factor: f64, accepted: bool) -> Result<bool, Failure> {
        let next = share * self.longest * factor;
        if !accepted {
            *step = next;
            if share * factor < 4.0 * f64::EPSILON {
                return Err(Failure::Vanished { solver: self.solver, at: self.at() });
            }
            return Ok(false);
        }
        let left = 1.0 - self.done;
        // A step that was cut short says nothing against the length that was wanted.
        *step = if share < left { next } else { step.max(next) };
        self.done = if share < left { self.done + share } else { 1.0 };
        Ok(self.done >= 1.0)
    }

    /// Says that there were too many steps.
    pub fn endless(&self, tolerance: Tolerance) -> Failure {
        Failure::Steps { solver: self.solver, at: self.at(), steps: tolerance.steps }
    }

    fn at(&self) -> f64 {
        place(self.from + self.length * self.done)
    }
}

/// Returns a number in the first lane, for a message.
pub fn place<T: Real>(x: T) -> f64 {
    x.part(0).lane(0)
}

/// Returns the length of the first step, in which the state changes by a hundredth (Hairer, Norsett and Wanner I, section II.4); `None`
/// if a number is not finite.
#[inline(always)]
pub fn first_step<T: Real, const N: usize>(state: &[T; N], slope: &[T; N], tolerance: Tolerance) -> Option<f64> {
    let (mut size, mut change) = (Errors::new(tolerance), Errors::new(tolerance));
    for i in 0..N {
        size.add(state[i], state[i], state[i]);
        change.add(slope[i], state[i], state[i]);
    }
    let (size, change) = (size.largest(), change.largest());
    if !size.is_finite() || !change.is_finite() {
        return None;
    }
    Some(if size < 1e-5 || change < 1e-5 { 1e-6 } else { 0.01 * size / change })
}
