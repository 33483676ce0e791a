//! Minimisation of a smooth function of a few numbers, by the method of Broyden, Fletcher, Goldfarb & Shanno (BFGS).
//!
//! The line search is that of Lewis & Overton, *Nonsmooth optimization via quasi-Newton methods* (Mathematical
//! Programming 2013): it halves and doubles the step until the weak Wolfe conditions hold.

use crate::linear::dot;

/// The largest number of steps, and of trials within a step.
const STEPS: usize = 500;
const TRIALS: usize = 60;
/// Wolfe's constants, for the decrease and for the slope.
const DECREASE: f64 = 1e-4;
const SLOPE: f64 = 0.9;
/// A Newton step that would gain less than this is the last.
const GAIN: f64 = 1e-9;
/// The smallest gain of a long step along one number for which the search goes on.
const WORTH: f64 = 1e-8;

/// The minimum of a function.
#[derive(Clone, Debug)]
pub(crate) struct Minimum {
    pub(crate) at: Vec<f64>,
    pub(crate) value: f64,
}

/// The result if no minimum was found: the last position with its value, and the number along which the function still
/// falls most.
#[derive(Clone, Debug)]
pub(crate) struct NoMinimum {
    pub(crate) at: Vec<f64>,
    pub(crate) value: f64,
    pub(super) steepest: usize,
}

/// Finds a minimum from `start`, where `f` must be finite. `f` returns its value and writes its gradient to its second
/// argument; the search backs away from a value that is not finite. `scale` is the typical range of each number.
///
/// If the function falls ever more slowly as a number goes to infinity, it is followed until there is nothing left to
/// gain: the value is then the infimum.
pub(crate) fn minimise(
    f: &mut dyn FnMut(&[f64], &mut [f64]) -> f64,
    start: &[f64],
    scale: &[f64],
) -> Result<Minimum, NoMinimum> {
    let n = start.len();
    let (mut at, mut gradient) = (start.to_vec(), vec![0.0; n]);
    let mut value = f(&at, &mut gradient);
    let mut inverse = diagonal(scale);
    let (mut next, mut next_gradient) = (at.clone(), gradient.clone());
    // The length of the first direction is wrong by as much as the scale is.
    let mut fresh = true;
    for _ in 0..STEPS {
        let mut direction: Vec<f64> = (0..n).map(|i| -dot(&inverse[i * n..(i + 1) * n], &gradient)).collect();
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 || !slope.is_finite() {
            inverse = diagonal(scale);
            direction = gradient.iter().zip(scale).map(|(g, s)| -g * s * s).collect();
            slope = dot(&direction, &gradient);
            fresh = true;
        }
        let still = slope >= -GAIN || slope.is_nan();
        let length = direction.iter().zip(scale).map(|(d, s)| (d / s).powi(2)).sum::<f64>().sqrt();
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, if fresh { length.recip().min(1.0) } else { 1.0 });
        // A rounding error is not an increase.
        let rounding = 1e-14 * value.abs();
        let mut found = None;
        for _ in 0..if still { 0 } else { TRIALS } {
            next.iter_mut().zip(&at).zip(&direction).for_each(|((next, at), d)| *next = at + t * d);
            let trial = f(&next, &mut next_gradient);
            let finite = trial.is_finite() && next_gradient.iter().all(|g| g.is_finite());
            if !finite || trial > value + DECREASE * t * slope + rounding {
                high = t;
            } else if dot(&next_gradient, &direction) < SLOPE * slope {
                low = t;
            } else {
                found = Some(trial);
                break;
            }
            t = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * t };
        }
        if let Some(trial) = found {
            let step: Vec<f64> = next.iter().zip(&at).map(|(next, at)| next - at).collect();
            let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(next, g)| next - g).collect();
            update(&mut inverse, &step, &change, fresh.then_some(scale));
            value = trial;
            at.copy_from_slice(&next);
            gradient.copy_from_slice(&next_gradient);
            fresh = false;
        } else {
            // Nothing more is gained along the direction: this is the minimum only if a long step gains nothing either.
            match probe(f, &at, value, scale) {
                Some(better) => at = better,
                None if still || slope > -WORTH => return Ok(Minimum { at, value }),
                None => break,
            }
            value = f(&at, &mut gradient);
            inverse = diagonal(scale);
            fresh = true;
        }
    }
    let fall = |i: &usize| (gradient[*i] * scale[*i]).abs();
    let steepest = (0..n).max_by(|a, b| fall(a).total_cmp(&fall(b))).unwrap_or(0);
    Err(NoMinimum { at, value, steepest })
}

fn diagonal(scale: &[f64]) -> Vec<f64> {
    let n = scale.len();
    (0..n * n).map(|at| if at % (n + 1) == 0 { scale[at / n].powi(2) } else { 0.0 }).collect()
}

/// Updates the inverse Hessian with a step and the change of the gradient along it; eq. 6.17 of Nocedal & Wright,
/// *Numerical Optimization* (2006). The first one, from the scale, is rescaled by this step, eq. 6.20.
fn update(inverse: &mut [f64], step: &[f64], change: &[f64], first: Option<&[f64]>) {
    let (n, curvature) = (step.len(), dot(step, change));
    if curvature <= 0.0 || curvature.is_nan() {
        return;
    }
    if let Some(scale) = first {
        let size: f64 = change.iter().zip(scale).map(|(c, s)| (c * s).powi(2)).sum();
        let factor = curvature / size;
        inverse.iter_mut().zip(diagonal(scale)).for_each(|(inverse, d)| *inverse = factor * d);
    }
    let pulled: Vec<f64> = (0..n).map(|i| dot(&inverse[i * n..(i + 1) * n], change)).collect();
    let factor = (1.0 + dot(change, &pulled) / curvature) / curvature;
    for i in 0..n {
        for j in 0..n {
            inverse[i * n + j] += factor * step[i] * step[j] - (pulled[i] * step[j] + step[i] * pulled[j]) / curvature;
        }
    }
}

/// Returns a better position, a step of one or ten scales away along one of the numbers, if there is one.
fn probe(f: &mut dyn FnMut(&[f64], &mut [f64]) -> f64, at: &[f64], value: f64, scale: &[f64]) -> Option<Vec<f64>> {
    let mut gradient = vec![0.0; at.len()];
    let steps = [1.0, -1.0, 10.0, -10.0];
    let tried = steps.iter().flat_map(|step| (0..at.len()).map(move |i| (i, step)));
    tried.into_iter().find_map(|(i, step)| {
        let mut position = at.to_vec();
        position[i] += step * scale[i];
        let better = f(&position, &mut gradient) < value - WORTH && gradient.iter().all(|g| g.is_finite());
        better.then_some(position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(f: impl Fn(&[f64], &mut [f64]) -> f64, start: &[f64], scale: &[f64]) -> (Result<Minimum, NoMinimum>, usize) {
        let mut calls = 0;
        let found = minimise(
            &mut |x, g| {
                calls += 1;
                f(x, g)
            },
            start,
            scale,
        );
        (found, calls)
    }

    #[test]
    fn a_curved_valley() {
        let rosenbrock = |x: &[f64], g: &mut [f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            g[0] = -2.0 * a - 400.0 * x[0] * b;
            g[1] = 200.0 * b;
            a * a + 100.0 * b * b
        };
        let (found, calls) = run(rosenbrock, &[-1.2, 1.0], &[1.0, 1.0]);
        let found = found.unwrap();
        assert!(found.value < 1e-9 && (found.at[0] - 1.0).abs() < 1e-4 && calls < 150, "{found:?} {calls}");
    }

    #[test]
    fn numbers_of_very_different_scale() {
        let bowl = |x: &[f64], g: &mut [f64]| {
            let (a, b) = ((x[0] - 3e6) / 1e5, (x[1] + 2e-7) / 1e-7);
            g[0] = (2.0 * a + b) / 1e5;
            g[1] = (2.0 * b + a) / 1e-7;
            1000.0 + a * a + a * b + b * b
        };
        // The scale of the second is a thousand times too wide.
        let (found, calls) = run(bowl, &[0.0, 0.0], &[1e6, 1e-4]);
        let found = found.unwrap();
        assert!(found.value - 1000.0 < 1e-9 && (found.at[1] + 2e-7).abs() < 1e-11 && calls < 60, "{found:?} {calls}");
    }

    /// An infimum at infinity, approached as exp(-x); and from a start where the function is flat to 1e-9.
    #[test]
    fn an_infimum_at_infinity() {
        let tail = |x: &[f64], g: &mut [f64]| {
            g[0] = -7.0 * (-x[0]).exp();
            g[1] = 2.0 * (x[1] - 1.0);
            7.0 * (-x[0]).exp() + (x[1] - 1.0).powi(2)
        };
        let (found, calls) = run(tail, &[-3.0, 0.0], &[2.0, 2.0]);
        assert!(found.unwrap().value < 1e-7 && calls < 150, "{calls}");
    }

    #[test]
    fn a_function_without_bound_or_with_an_edge() {
        let fall = |x: &[f64], g: &mut [f64]| {
            g.copy_from_slice(&[1.0, -1e3]);
            x[0] - 1e3 * x[1]
        };
        let (slope, _) = run(fall, &[0.0, 0.0], &[1.0, 1.0]);
        assert_eq!(slope.unwrap_err().steepest, 1);
        // -ln(1 - x) is infinite beyond 1.
        let edge = |x: &[f64], g: &mut [f64]| {
            g[0] = 1.0 / (1.0 - x[0]) - 50.0;
            -(1.0 - x[0]).ln() - 50.0 * x[0]
        };
        let (found, _) = run(edge, &[0.0], &[10.0]);
        assert!((found.unwrap().at[0] - 0.98).abs() < 1e-6);
    }
}
