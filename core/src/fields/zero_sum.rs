//! Numbers along a plate that sum to zero.

use rand::Rng;

use super::{Field, State, all_known, log_normal};
use crate::distributions::{Draw, Normal, ParameterError, is_positive, require};

/// Normal numbers given that their sum is zero: the [`ZeroSumNormal`](crate::distributions::ZeroSumNormal) of the elements of a
/// plate.
///
/// ```
/// use hierarch_core::distributions::{Distribution, ZeroSumNormal};
/// use hierarch_core::fields::{Field, ZeroSum};
///
/// let expected = ZeroSumNormal::new(0.5_f64).log_density([0.4, -0.1, -0.3]);
/// assert!((ZeroSum::new(3).log_density(&[0.5], &[0.4, -0.1, -0.3]) - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
pub struct ZeroSum {
    elements: usize,
}

impl ZeroSum {
    /// Creates it for a number of elements.
    pub fn new(elements: usize) -> Self {
        Self { elements }
    }
}

/// Writes `free` less its mean, and returns the log density of what is lost of it: the mean, times the square root of the number
/// of elements, is standard normal whatever the arguments.
pub fn centre(free: &[f64], values: &mut [f64]) -> f64 {
    if free.is_empty() {
        return 0.0;
    }
    let mean = mean(free);
    values.iter_mut().zip(free).for_each(|(x, free)| *x = free - mean);
    log_normal(1.0, free.len() as f64 * mean * mean, 1.0)
}

/// Returns the mean of some numbers.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Tells whether the sum of some numbers is zero but for rounding.
pub fn sums_to_zero(x: &[f64]) -> bool {
    x.iter().sum::<f64>().abs() <= 1e-8 * (1.0 + x.iter().map(|x| x.abs()).sum::<f64>())
}

impl Field for ZeroSum {
    fn check(&self, arguments: &[f64]) -> Result<(), ParameterError> {
        require(is_positive(arguments[0]), "ZeroSumNormal", "the sd", arguments[0], "positive and finite")
    }

    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError> {
        self.check(arguments)?;
        if let Some(known) = all_known("ZeroSumNormal", known, self.elements)? {
            return Ok(known);
        }
        let one = Normal::new(0.0, arguments[0]);
        let x: Vec<f64> = (0..self.elements).map(|_| one.draw(rng)).collect();
        let mean = mean(&x);
        Ok(x.into_iter().map(|x| x - mean).collect())
    }

    fn log_density(&self, arguments: &[f64], values: &[f64]) -> f64 {
        if !sums_to_zero(values) {
            return f64::NEG_INFINITY;
        }
        let squares = values.iter().map(|x| x * x).sum();
        log_normal(values.len().saturating_sub(1) as f64, squares, arguments[0])
    }

    fn constrain(&self, _: &[f64], free: &[f64], values: &mut [f64]) -> f64 {
        centre(free, values)
    }

    fn backward(&self, arguments: &[f64], state: State<'_>, by_free: &mut [f64], by_arguments: &mut [f64]) {
        let (sd, x) = (arguments[0], state.values);
        let (lost, adjoint, precision) = (mean(state.free), mean(state.adjoint), 1.0 / (sd * sd));
        for ((by, a), x) in by_free.iter_mut().zip(state.adjoint).zip(x) {
            *by += a - adjoint - x * precision - lost;
        }
        let squares: f64 = x.iter().map(|x| x * x).sum();
        by_arguments[0] += (squares * precision - x.len().saturating_sub(1) as f64) / sd;
    }
}
