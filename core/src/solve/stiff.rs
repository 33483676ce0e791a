//! Steps for stiff equations: Radau IIA of order 5 (Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.8).
//!
//! The stages of a step solve an equation, by Newton's method with one Jacobian for the whole step. It runs on numbers with derivatives
//! until these are exact as well: at the solution they satisfy the equation's own derivative, which no Jacobian is in.

use super::error::Errors;
use super::failure::Failure;
use super::lu::Lu;
use super::stretch::{Stretch, first_step, place};
use super::tolerance::Tolerance;
use crate::autodiff::{Lanes, Real};

const SOLVER: &str = "ode_stiff";
const STAGES: usize = 3;
const ROOT_6: f64 = 2.449_489_742_783_178;
const NODES: [f64; STAGES] = [(4.0 - ROOT_6) / 10.0, (4.0 + ROOT_6) / 10.0, 1.0];
/// The weights of the slopes of the stages in each; the last is the solution.
const WEIGHTS: [[f64; STAGES]; STAGES] = [
    [(88.0 - 7.0 * ROOT_6) / 360.0, (296.0 - 169.0 * ROOT_6) / 1800.0, (-2.0 + 3.0 * ROOT_6) / 225.0],
    [(296.0 + 169.0 * ROOT_6) / 1800.0, (88.0 + 7.0 * ROOT_6) / 360.0, (-2.0 - 3.0 * ROOT_6) / 225.0],
    [(16.0 - ROOT_6) / 36.0, (16.0 + ROOT_6) / 36.0, 1.0 / 9.0],
];
/// The real eigenvalue of the weights, and the weights of the stages in the estimate of the error.
const REAL: f64 = 0.274_888_829_595_677_4;
const ERROR: [f64; STAGES] = [(-13.0 - 7.0 * ROOT_6) / 3.0, (-13.0 + 7.0 * ROOT_6) / 3.0, -1.0 / 3.0];
/// Newton's method takes a shorter step after this many rounds.
const ROUNDS: usize = 12;

/// A point of a solution.
pub struct Stiff<T, const N: usize> {
    time: T,
    pub state: [T; N],
    step: f64,
    tolerance: Tolerance,
    /// The change in a round of Newton's method that is small enough, where what is tolerated counts as one.
    settled: f64,
    lanes: Vec<Lane>,
    room: Room,
}

/// What a step needs of one lane.
struct Lane {
    /// Of the right-hand side, row by row.
    jacobian: Vec<f64>,
    stages: Lu,
    error: Lu,
}

impl<T: Real, const N: usize> Stiff<T, N> {
    #[inline(always)]
    pub fn new<P: Copy>(
        rhs: &impl Fn(T, [T; N], P) -> [T; N],
        (time, state): (T, [T; N]),
        theta: P,
        tolerance: Tolerance,
    ) -> Result<Self, Failure> {
        // The estimate is of the difference from a solution of order 3: the error of this one, of order 5, is then what was asked for,
        // as in Hairer and Wanner's own program.
        let relative = 0.1 * tolerance.relative.powf(2.0 / 3.0);
        let absolute = relative * tolerance.absolute / tolerance.relative;
        let tolerance = Tolerance { relative, absolute, ..tolerance };
        let slope = rhs(time, state, theta);
        let step =
            first_step(&state, &slope, tolerance).ok_or(Failure::NotFinite { solver: SOLVER, at: place(time) })?;
        let lane = |_| Lane { jacobian: vec![0.0; N * N], stages: Lu::new(STAGES * N), error: Lu::new(N) };
        let settled = (10.0 * f64::EPSILON / relative).max(relative.sqrt().min(0.03));
        let lanes = (0..T::Lanes::WIDTH).map(lane).collect();
        Ok(Self { time, state, step, tolerance, settled, lanes, room: Room::default() })
    }

    /// Follows the solution to the time `to`.
    #[inline(always)]
    pub fn advance<P: Copy>(&mut self, rhs: &impl Fn(T, [T; N], P) -> [T; N], to: T, theta: P) -> Result<(), Failure> {
        let mut stretch = Stretch::new(SOLVER, self.time, to)?;
        let (mut slope, mut known) = ([T::from(0.0); N], false);
        for _ in 0..self.tolerance.steps {
            let share = stretch.share(self.step);
            let step = stretch.length * share;
            let time = stretch.time(share, 0.0);
            if !known {
                slope = rhs(time, self.state, theta);
                self.differentiate(rhs, time, &slope, theta);
                known = true;
            }
            let times = NODES.map(|node| stretch.time(share, node));
            let (mut accepted, mut factor) = (false, 0.25);
            if let Some(changes) = self.stages(rhs, times, step, theta) {
                let error = self.error(step, &slope, &changes);
                accepted = error <= 1.0;
                factor = f64::clamp(0.9 * error.powf(-0.25), 0.2, 8.0);
                if accepted {
                    (0..N).for_each(|i| self.state[i] += changes[STAGES - 1][i]);
                    known = false;
                }
            }
            if stretch.step(&mut self.step, share, factor, accepted)? {
                self.time = to;
                return Ok(());
            }
        }
        Err(stretch.endless(self.tolerance))
    }

    /// Works out the Jacobian of the right-hand side, whose value here is `slope`, from differences along the solution.
    #[inline(always)]
    fn differentiate<P: Copy>(&mut self, rhs: &impl Fn(T, [T; N], P) -> [T; N], time: T, slope: &[T; N], theta: P) {
        let zero = T::Lanes::splat(0.0);
        let least = self.tolerance.absolute / self.tolerance.relative;
        for j in 0..N {
            let (at, along) = (self.state[j].part(0), slope[j].part(0));
            let size = at.abs().at_least(least) * T::Lanes::splat(f64::EPSILON.sqrt());
            let moved = at + along.if_lt(zero, -size, size);
            let mut state = self.state;
            state[j] = T::from_parts(|k| if k == 0 { moved } else { state[j].part(k) });
            let there = rhs(time, state, theta);
            for (l, lane) in self.lanes.iter_mut().enumerate() {
                for i in 0..N {
                    let difference = there[i].part(0).lane(l) - slope[i].part(0).lane(l);
                    lane.jacobian[i * N + j] = difference / (moved.lane(l) - at.lane(l));
                }
            }
        }
    }

    /// Returns the changes from the state to that at each stage of a `step`; `None` if Newton's method does not find them.
    #[inline(always)]
    fn stages<P: Copy>(
        &mut self,
        rhs: &impl Fn(T, [T; N], P) -> [T; N],
        times: [T; STAGES],
        step: T,
        theta: P,
    ) -> Option<[[T; N]; STAGES]> {
        for (l, lane) in self.lanes.iter_mut().enumerate() {
            let (h, jacobian) = (step.part(0).lane(l), &lane.jacobian);
            let unit = |row: usize, column: usize| if row == column { 1.0 } else { 0.0 };
            let of_stages = |row: usize, column: usize| {
                unit(row, column) - h * WEIGHTS[row / N][column / N] * jacobian[row % N * N + column % N]
            };
            let of_error = |row: usize, column: usize| unit(row, column) - h * REAL * jacobian[row * N + column];
            if !lane.stages.factorise(of_stages) || !lane.error.factorise(of_error) {
                return None;
            }
        }
        let mut changes = [[T::from(0.0); N]; STAGES];
        let mut before = f64::INFINITY;
        for _ in 0..ROUNDS {
            let mut slopes = changes;
            for stage in 0..STAGES {
                let mut state = self.state;
                (0..N).for_each(|i| state[i] += changes[stage][i]);
                slopes[stage] = rhs(times[stage], state, theta);
            }
            let mut corrections = changes;
            for stage in 0..STAGES {
                for i in 0..N {
                    let mut sum = slopes[0][i] * WEIGHTS[stage][0];
                    for other in 1..STAGES {
                        sum += slopes[other][i] * WEIGHTS[stage][other];
                    }
                    corrections[stage][i] -= step * sum;
                }
            }
            self.room.solve(&self.lanes, |lane| &lane.stages, corrections.as_flattened_mut());
            let mut errors = Errors::new(self.tolerance);
            for stage in 0..STAGES {
                for i in 0..N {
                    changes[stage][i] -= corrections[stage][i];
                    errors.add(corrections[stage][i], self.state[i], self.state[i] + changes[stage][i]);
                }
            }
            let size = errors.largest();
            // What all further rounds would change, if each changes as much less than the one before as this one did.
            let rate = size / before;
            let left = if 0.0 < rate && rate < 1.0 { size * rate / (1.0 - rate) } else { f64::INFINITY };
            if size.min(left) <= self.settled {
                return Some(changes);
            }
            if rate >= 1.0 || !size.is_finite() {
                return None;
            }
            before = size;
        }
        None
    }

    /// Returns the error of a step, where what is tolerated counts as one, from `slope` at its start. (The second
    /// estimate of Hairer and Wanner, which takes away more of what decays fast, lets errors of 1000 times the tolerance pass.)
    #[inline(always)]
    fn error(&mut self, step: T, slope: &[T; N], changes: &[[T; N]; STAGES]) -> f64 {
        let mut error = *slope;
        for i in 0..N {
            let mut sum = step * slope[i];
            for stage in 0..STAGES {
                sum += changes[stage][i] * ERROR[stage];
            }
            error[i] = sum * REAL;
        }
        self.room.solve(&self.lanes, |lane| &lane.error, &mut error);
        let mut errors = Errors::new(self.tolerance);
        for i in 0..N {
            errors.add(error[i], self.state[i], self.state[i] + changes[STAGES - 1][i]);
        }
        errors.largest()
    }
}

/// Room to solve equations in, of each part of numbers and in each lane.
#[derive(Default)]
struct Room {
    right: Vec<f64>,
    solved: Vec<f64>,
}

impl Room {
    /// Replaces `b` by the x with matrix x = b, for the matrix of each lane.
    #[inline(always)]
    fn solve<T: Real>(&mut self, lanes: &[Lane], matrix: impl Fn(&Lane) -> &Lu, b: &mut [T]) {
        let size = b.len();
        self.right.resize(size, 0.0);
        self.solved.resize(T::PARTS * lanes.len() * size, 0.0);
        for k in 0..T::PARTS {
            for (l, lane) in lanes.iter().enumerate() {
                (0..size).for_each(|i| self.right[i] = b[i].part(k).lane(l));
                let at = (k * lanes.len() + l) * size;
                matrix(lane).solve(&self.right, &mut self.solved[at..at + size]);
            }
        }
        for (i, x) in b.iter_mut().enumerate() {
            *x = T::from_parts(|k| T::Lanes::from_fn(|l| self.solved[(k * lanes.len() + l) * size + i]));
        }
    }
}
