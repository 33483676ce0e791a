//! Whether a point is a minimum of a smooth function, and Newton's steps to one that is near, whatever the units of the numbers.
//!
//! The Hessian comes from differences of the gradient along directions that are as long as the function is wide: first along each
//! number, then along the eigenvectors of what was found. In these units it is near the identity, even where it is hopelessly
//! near singular in the numbers themselves, as that of a line far from its data. A point is a minimum if the gain that is left by
//! Newton's quadratic model, the decrement, is far below one nat; no unit and no prior matters to that.

use super::minimise::{Minimum, NoMinimum, minimise};
use crate::linear::{Eigen, dot};

/// The largest number of steps, and of changes of the directions before each.
const STEPS: usize = 20;
const TURNS: usize = 8;
/// From this step on, a search that needs no quadratic model follows each step.
const NEWTON: usize = 3;
/// The largest gain, in nats, that may be left at a minimum.
const LEFT: f64 = 1e-7;
/// The length of differences in units of the width of the function, and the smallest, which is for functions with kinks.
const DIFFERENCE: f64 = 0.1;
const SHORTEST: f64 = 1e-8;
/// A curvature that is smaller, in units of that of the single numbers, is not told from rounding by differences, but by values.
const FAINT: f64 = 1e-4;
/// The rises, in nats, within which the width of a function is read.
const LOW: f64 = 0.05;
const HIGH: f64 = 5.0;
/// How far a direction is followed before it counts as flat, in units of the widths along the single numbers.
const FLAT: f64 = 1e9;
/// As far as a single number goes, in units of its scale.
const FAR: f64 = 1e18;

/// A minimum that has been checked, and the directions along which the function does not change, of a length of one scale.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) minimum: Minimum,
    pub(super) flat: Vec<Vec<f64>>,
}

/// What is found along a direction.
enum Along {
    /// The function rises by half a nat or so at this length.
    Width(f64),
    Flat,
    /// It is lower elsewhere, at `Descent::lower`.
    Lower,
    /// It is not finite beyond some length at which it has not risen yet.
    Wall,
}

/// How a direction counts.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Curved,
    /// Without curvature where the point is, but not flat, as an infimum at infinity.
    Soft,
    Flat,
    /// Of negative curvature, or without any and lower elsewhere.
    Concave,
}

struct Descent<'f> {
    f: &'f mut dyn FnMut(&[f64], &mut [f64]) -> f64,
    scale: &'f [f64],
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    /// The widths of the function along each number.
    widths: Vec<f64>,
    /// Those directions in which the function is as wide as one unit, one after the other, and how each counts.
    directions: Vec<Vec<f64>>,
    kinds: Vec<Kind>,
    /// Whether the function is known to be finite around the point, so that they mean something.
    known: bool,
    /// The lowest point that was seen on the way, with its value.
    lower: Option<(f64, Vec<f64>)>,
    difference: f64,
}

/// Goes from `start`, where `f` must be finite, to a minimum near it; `f` and `scale` are those of
/// [`minimise`](super::minimise::minimise).
pub(super) fn check(
    f: &mut dyn FnMut(&[f64], &mut [f64]) -> f64,
    start: &[f64],
    scale: &[f64],
) -> Result<Checked, NoMinimum> {
    let n = start.len();
    let mut gradient = vec![0.0; n];
    let value = f(start, &mut gradient);
    let mut descent = Descent {
        f,
        scale,
        at: start.to_vec(),
        value,
        gradient,
        widths: scale.to_vec(),
        directions: Vec::new(),
        kinds: Vec::new(),
        known: false,
        lower: None,
        difference: DIFFERENCE,
    };
    for step in 0..STEPS {
        descent.turn();
        match descent.step() {
            Some(true) => return Ok(descent.checked()),
            // Newton's quadratic model is no help where a valley is long and curved.
            Some(false) if step >= NEWTON => descent.slide(),
            Some(false) => {}
            // Across a kink the gradient changes at once: the shorter the difference, the less is left to gain.
            None if descent.difference > SHORTEST => descent.difference *= 0.1,
            None => break,
        }
    }
    let fall = |i: &usize| (descent.gradient[*i] * descent.widths[*i]).abs();
    let steepest = (0..n).max_by(|a, b| fall(a).total_cmp(&fall(b))).unwrap_or(0);
    Err(NoMinimum { at: descent.at, value: descent.value, steepest })
}

impl Descent<'_> {
    fn go(&mut self, to: Vec<f64>) {
        let before = self.value;
        self.value = (self.f)(&to, &mut self.gradient);
        self.at = to;
        // Near a kink it stays short.
        if self.value < before - 1e-3 {
            self.difference = DIFFERENCE;
        }
    }

    /// Searches for a minimum in units of the directions, which are those of the last point.
    fn slide(&mut self) {
        let n = self.at.len();
        if self.directions.len() < n {
            return;
        }
        let (from, directions) = (self.at.clone(), std::mem::take(&mut self.directions));
        let place = |z: &[f64]| {
            let mut at = from.clone();
            for (z, direction) in z.iter().zip(&directions) {
                at.iter_mut().zip(direction).for_each(|(at, d)| *at += z * d);
            }
            at
        };
        let mut gradient = vec![0.0; n];
        let mut along = |z: &[f64], slopes: &mut [f64]| {
            let value = (self.f)(&place(z), &mut gradient);
            slopes.iter_mut().zip(&directions).for_each(|(slope, d)| *slope = dot(d, &gradient));
            value
        };
        let end = match minimise(&mut along, &vec![0.0; n], &vec![1.0; n]) {
            Ok(minimum) => minimum.at,
            Err(no) => no.at,
        };
        self.go(place(&end));
    }

    /// Returns the position `t` of `direction` away.
    fn away(&self, t: f64, direction: &[f64]) -> Vec<f64> {
        self.at.iter().zip(direction).map(|(at, d)| at + t * d).collect()
    }

    /// Returns the fall that counts: more than rounding.
    fn fall(&self) -> f64 {
        LEFT + 1e-14 * self.value.abs()
    }

    /// Finds the widths and directions at the point.
    fn turn(&mut self) {
        let n = self.at.len();
        (self.known, self.lower) = (false, None);
        self.kinds = vec![Kind::Curved; n];
        self.directions = Vec::with_capacity(n);
        let mut other = vec![0.0; n];
        for i in 0..n {
            let mut axis = vec![0.0; n];
            axis[i] = self.scale[i];
            let near = self.away(1e-4, &axis);
            let moved = near[i] - self.at[i];
            (self.f)(&near, &mut other);
            let change = other[i] - self.gradient[i];
            let curvature = change / moved;
            let told = change.abs() > 1e-9 * (other[i].abs() + self.gradient[i].abs());
            self.widths[i] = if told && curvature > 0.0 && curvature.is_finite() {
                curvature.sqrt().recip()
            } else {
                match self.along(&axis, FAR) {
                    Along::Width(width) => width * self.scale[i],
                    Along::Flat | Along::Lower | Along::Wall => self.scale[i],
                }
            };
            axis[i] = self.widths[i];
            self.directions.push(axis);
        }
        for turn in 0..TURNS {
            let Some(eigen) = self.hessian().and_then(|hessian| Eigen::new(hessian, n)) else {
                return;
            };
            let mut turned: Vec<Vec<f64>> = eigen.vectors.chunks_exact(n).map(|v| self.combine(v)).collect();
            let mut done = true;
            for (k, (direction, curvature)) in turned.iter_mut().zip(&eigen.values).enumerate() {
                let mut length = curvature.abs().sqrt().recip();
                self.kinds[k] = Kind::Curved;
                if *curvature <= -FAINT {
                    self.kinds[k] = Kind::Concave;
                } else if *curvature < FAINT {
                    let size = direction.iter().zip(&self.widths).map(|(d, w)| (d / w).powi(2)).sum::<f64>().sqrt();
                    let along = self.along(direction, FLAT / size);
                    (length, self.kinds[k]) = match along {
                        Along::Lower => (size.recip(), Kind::Concave),
                        Along::Flat => (size.recip(), Kind::Flat),
                        Along::Width(width) => (width, Kind::Soft),
                        Along::Wall => return,
                    };
                    // The curvature here is not that farther away, even in these units.
                    done &= !matches!(along, Along::Width(width) if turn == 0 || !(0.1..10.0).contains(&width));
                } else if !(0.2..5.0).contains(curvature) {
                    done = false;
                }
                direction.iter_mut().for_each(|d| *d *= length);
            }
            self.directions = turned;
            if done {
                break;
            }
        }
        self.known = true;
    }

    /// Returns the sum of the directions with these weights.
    fn combine(&self, weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.at.len()];
        for (direction, weight) in self.directions.iter().zip(weights) {
            sum.iter_mut().zip(direction).for_each(|(sum, d)| *sum += weight * d);
        }
        sum
    }

    /// Returns the Hessian in units of the directions; `None` where the gradient is not finite on both sides.
    fn hessian(&mut self) -> Option<Vec<f64>> {
        let n = self.at.len();
        let (mut hessian, mut sides) = (vec![0.0; n * n], [vec![0.0; n], vec![0.0; n]]);
        for j in 0..n {
            let mut length = self.difference;
            let finite = (0..20).any(|_| {
                for (side, sign) in sides.iter_mut().zip([1.0, -1.0]) {
                    let at = self.away(sign * length, &self.directions[j]);
                    (self.f)(&at, side);
                }
                let finite = sides.iter().flatten().all(|g| g.is_finite());
                length *= if finite { 1.0 } else { 0.5 };
                finite
            });
            if !finite {
                return None;
            }
            let change: Vec<f64> = sides[0].iter().zip(&sides[1]).map(|(a, b)| (a - b) / (2.0 * length)).collect();
            for i in 0..n {
                let along = 0.5 * dot(&change, &self.directions[i]);
                hessian[i * n + j] += along;
                hessian[j * n + i] += along;
            }
        }
        Some(hessian)
    }

    /// Finds how long a step along `direction` may be, up to `most`, for the function to rise by about half a nat.
    fn along(&mut self, direction: &[f64], most: f64) -> Along {
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0_f64);
        let (mut fell, mut last) = (false, [0.0; 2]);
        let (slope, mut gradient) = (dot(direction, &self.gradient), vec![0.0; self.at.len()]);
        let found = loop {
            let mut rises = [0.0; 2];
            for (rise, sign) in rises.iter_mut().zip([1.0, -1.0]) {
                let at = self.away(sign * t, direction);
                let value = (self.f)(&at, &mut gradient);
                let finite = value.is_finite() && gradient.iter().all(|g| g.is_finite());
                *rise = if finite { value - self.value } else { f64::INFINITY };
                if *rise < -self.fall() {
                    // Of a parabola, one change of the slope says how wide it is, wherever its lowest point may be.
                    let there = dot(direction, &gradient);
                    let change = sign * (there - slope);
                    if change > 1e-6 * (there.abs() + slope.abs()) {
                        return Along::Width((t / change).sqrt());
                    }
                    fell = true;
                    if self.lower.as_ref().is_none_or(|(lowest, _)| value < *lowest) {
                        self.lower = Some((value, at));
                    }
                }
            }
            let rise = rises[0].max(rises[1]);
            if rise < LOW {
                (low, last) = (t, rises);
            } else if rise > HIGH {
                high = t;
            } else {
                break Along::Width(t / (rises[0] + rises[1]).max(LOW).sqrt());
            }
            if low >= most {
                break Along::Flat;
            }
            if high < 1.001 * low || t < 1e-30 {
                // A number without effect has its range, too.
                let still = last.iter().all(|rise| rise.abs() < LEFT) && slope.abs() * low < LEFT;
                break if still && low >= 1.0 { Along::Flat } else { Along::Wall };
            }
            t = match (low > 0.0, high.is_finite()) {
                (true, true) => (low * high).sqrt(),
                (true, false) => (30.0 * t).min(most),
                _ => t / 30.0,
            };
        };
        if fell { Along::Lower } else { found }
    }

    /// Takes Newton's step. `Some(true)` if the point is a minimum, `None` if the step does not lead down.
    fn step(&mut self) -> Option<bool> {
        // In units of the directions the Hessian is the identity, or minus that, of which the step takes the absolute value; of soft
        // and flat ones the curvature is noise.
        let of_curved = |(direction, kind): (&Vec<f64>, &Kind)| match kind {
            Kind::Curved | Kind::Concave => -dot(direction, &self.gradient),
            Kind::Soft | Kind::Flat => 0.0,
        };
        let newton: Vec<f64> = self.directions.iter().zip(&self.kinds).map(of_curved).collect();
        let left = 0.5 * dot(&newton, &newton);
        let direction = self.combine(&newton);
        let mut gradient = vec![0.0; self.at.len()];
        if left <= LEFT {
            if let Some(lower) = self.poll() {
                self.go(lower);
                return Some(false);
            }
            if !self.known || self.kinds.contains(&Kind::Concave) {
                return None;
            }
            // The last step costs one evaluation, and makes the position much better than the value has to be.
            let last = self.away(1.0, &direction);
            let value = (self.f)(&last, &mut gradient);
            if value <= self.value {
                (self.at, self.value, self.gradient) = (last, value, gradient);
            }
            return Some(true);
        }
        let mut t = 1.0;
        for _ in 0..40 {
            let next = self.away(t, &direction);
            let value = (self.f)(&next, &mut gradient);
            if value < self.value - 1e-4 * t * left && gradient.iter().all(|g| g.is_finite()) {
                let lowest = self.lower.take().filter(|(lowest, _)| *lowest < value);
                let before = self.value;
                self.go(lowest.map_or(next, |(_, at)| at));
                // Far less than the model foretells is no gain.
                return (self.value < before - 0.1 * LEFT).then_some(false);
            }
            t *= 0.5;
        }
        self.poll().map(|lower| {
            self.go(lower);
            false
        })
    }

    /// Returns a lower position along a direction of which the curvature says nothing, if there is one.
    fn poll(&mut self) -> Option<Vec<f64>> {
        if let Some((_, at)) = self.lower.take() {
            return Some(at);
        }
        let mut unused = vec![0.0; self.at.len()];
        for k in 0..self.at.len() {
            if !matches!(self.kinds[k], Kind::Soft | Kind::Concave) {
                continue;
            }
            for t in [1.0, 0.25, 0.05, 0.01].into_iter().flat_map(|t| [t, -t]) {
                let at = self.away(t, &self.directions[k]);
                let value = (self.f)(&at, &mut unused);
                if value < self.value - self.fall() && unused.iter().all(|g| g.is_finite()) {
                    return Some(at);
                }
            }
        }
        None
    }

    fn checked(self) -> Checked {
        let of_scale = |direction: &Vec<f64>| {
            let longest = direction.iter().zip(self.scale).map(|(d, s)| (d / s).abs()).fold(0.0, f64::max);
            direction.iter().map(|d| d / longest).collect()
        };
        let flat = self.directions.iter().zip(&self.kinds).filter(|(_, kind)| **kind == Kind::Flat);
        let flat = flat.map(|(direction, _)| of_scale(direction)).collect();
        Checked { minimum: Minimum { at: self.at, value: self.value }, flat }
    }
}
