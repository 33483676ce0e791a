//! Random walks along a plate.

use rand::Rng;

use super::{Field, State, log_normal};
use crate::distributions::{Draw, Normal, ParameterError, is_positive, require};

/// A walk along the elements that begins at zero, before the first of them: of order 1, x_t - x_{t-1} ~ Normal(0, sd), or of order
/// 2, x_t - 2 x_{t-1} + x_{t-2} ~ Normal(0, sd). Where it begins, and with what step, is added: `level + slope * t + x`.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal};
/// use hierarch_core::fields::{Field, RandomWalk};
///
/// let step = Normal::new(0.0, 0.5);
/// let expected = step.log_density(1.0) + step.log_density(-0.25);
/// assert!((RandomWalk::of_order_1(2).log_density(&[0.5], &[1.0, 0.75]) - expected).abs() < 1e-12);
/// let expected = step.log_density(1.0) + step.log_density(0.75 - 2.0);
/// assert!((RandomWalk::of_order_2(2).log_density(&[0.5], &[1.0, 0.75]) - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
pub struct RandomWalk {
    elements: usize,
    /// What x_t has of x_{t-1} and x_{t-2}.
    before: [f64; 2],
}

impl RandomWalk {
    /// Creates a walk of which the steps are independent.
    pub fn of_order_1(elements: usize) -> Self {
        Self { elements, before: [1.0, 0.0] }
    }

    /// Creates a walk of which the changes of steps are independent.
    pub fn of_order_2(elements: usize) -> Self {
        Self { elements, before: [2.0, -1.0] }
    }

    fn expected(&self, before: &[f64]) -> f64 {
        let back = |k: usize| before.len().checked_sub(k).map_or(0.0, |at| before[at]);
        self.before[0] * back(1) + self.before[1] * back(2)
    }

    /// Returns what of element `t` its predecessors do not say.
    fn innovation(&self, x: &[f64], t: usize) -> f64 {
        x[t] - self.expected(&x[..t])
    }
}

impl Field for RandomWalk {
    fn check(&self, arguments: &[f64]) -> Result<(), ParameterError> {
        require(is_positive(arguments[0]), "RandomWalk", "the sd", arguments[0], "positive and finite")
    }

    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError> {
        self.check(arguments)?;
        let step = Normal::new(0.0, arguments[0]);
        let mut x = known.to_vec();
        for _ in known.len()..self.elements {
            let next = self.expected(&x) + step.draw(rng);
            x.push(next);
        }
        Ok(x)
    }

    fn log_density(&self, arguments: &[f64], values: &[f64]) -> f64 {
        let squares = (0..values.len()).map(|t| self.innovation(values, t).powi(2)).sum();
        log_normal(values.len() as f64, squares, arguments[0])
    }

    fn backward(&self, arguments: &[f64], state: State<'_>, by_free: &mut [f64], by_arguments: &mut [f64]) {
        let (x, sd) = (state.values, arguments[0]);
        let (precision, mut squares) = (1.0 / (sd * sd), 0.0);
        by_free.iter_mut().zip(state.adjoint).for_each(|(by, adjoint)| *by += adjoint);
        for t in 0..x.len() {
            let innovation = self.innovation(x, t);
            squares += innovation * innovation;
            let slope = innovation * precision;
            by_free[t] -= slope;
            for (k, of) in self.before.iter().enumerate() {
                if let Some(at) = t.checked_sub(k + 1) {
                    by_free[at] += of * slope;
                }
            }
        }
        by_arguments[0] += (squares * precision - x.len() as f64) / sd;
    }
}
