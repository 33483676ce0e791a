//! Steps for equations that are not stiff: the pair of orders 5 and 4 by Dormand and Prince (J. Comp. Appl. Math. 6, 1980), whose
//! seven slopes are named as in Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, table II.5.2.

use super::error::Errors;
use super::failure::Failure;
use super::stretch::{Stretch, first_step, place};
use super::tolerance::Tolerance;
use crate::autodiff::Real;

const STAGES: usize = 7;
const NODES: [f64; STAGES] = [0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0];
/// The weights of the slopes before each; the last row is the solution.
const WEIGHTS: [[f64; STAGES - 1]; STAGES] = [
    [0.0; STAGES - 1],
    [1.0 / 5.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0, 0.0],
    [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0, 0.0],
    [19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0, 0.0, 0.0],
    [9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0, 0.0],
    [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The weights of the difference from the solution of order 4.
const DIFFERENCE: [f64; STAGES] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// A point of a solution.
pub struct Explicit<T, const N: usize> {
    time: T,
    pub state: [T; N],
    slope: [T; N],
    /// The length of the next step, in the lane where it is longest.
    step: f64,
}

impl<T: Real, const N: usize> Explicit<T, N> {
    #[inline(always)]
    pub fn new<P: Copy>(
        rhs: &impl Fn(T, [T; N], P) -> [T; N],
        (time, state): (T, [T; N]),
        theta: P,
        tolerance: Tolerance,
    ) -> Result<Self, Failure> {
        let slope = rhs(time, state, theta);
        let step =
            first_step(&state, &slope, tolerance).ok_or(Failure::NotFinite { solver: "ode", at: place(time) })?;
        Ok(Self { time, state, slope, step })
    }

    /// Follows the solution to the time `to`.
    ///
    /// Each lane has its own stretch of time, of which all have done the same share. Its length carries the derivatives of both
    /// of its ends.
    #[inline(always)]
    pub fn advance<P: Copy>(
        &mut self,
        rhs: &impl Fn(T, [T; N], P) -> [T; N],
        to: T,
        theta: P,
        tolerance: Tolerance,
    ) -> Result<(), Failure> {
        let mut stretch = Stretch::new("ode", self.time, to)?;
        for _ in 0..tolerance.steps {
            let share = stretch.share(self.step);
            let step = stretch.length * share;
            let mut slopes = [[T::from(0.0); N]; STAGES];
            slopes[0] = self.slope;
            let mut end = self.state;
            for stage in 1..STAGES {
                for i in 0..N {
                    let mut sum = slopes[0][i] * WEIGHTS[stage][0];
                    for before in 1..stage {
                        sum += slopes[before][i] * WEIGHTS[stage][before];
                    }
                    end[i] = self.state[i] + step * sum;
                }
                slopes[stage] = rhs(stretch.time(share, NODES[stage]), end, theta);
            }
            let mut errors = Errors::new(tolerance);
            for i in 0..N {
                let mut sum = slopes[0][i] * DIFFERENCE[0];
                for stage in 1..STAGES {
                    sum += slopes[stage][i] * DIFFERENCE[stage];
                }
                errors.add(step * sum, self.state[i], end[i]);
            }
            let error = errors.largest();
            let accepted = error <= 1.0;
            if accepted {
                self.state = end;
                self.slope = slopes[STAGES - 1];
            }
            let factor = f64::clamp(0.9 * error.powf(-0.2), 0.2, 10.0);
            if stretch.step(&mut self.step, share, factor, accepted)? {
                self.time = to;
                return Ok(());
            }
        }
        Err(stretch.endless(tolerance))
    }
}
