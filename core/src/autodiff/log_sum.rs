//! The logarithm of a sum of exponentials, with which a discrete variable is summed out.

use super::Real;

/// log(exp(a) + exp(b) + ...) of terms added one by one, with one exponential for each term and no overflow.
///
/// It keeps the largest term m and the sum of exp(term - m), whose derivative is the sum of the terms' derivatives,
/// each times its exp(term - m).
///
/// ```
/// use hierarch_core::autodiff::LogSum;
///
/// // exp(1000) would overflow.
/// let mut sum = LogSum::new();
/// for term in [1000.0, 1000.0 + 3.0_f64.ln()] {
///     sum.push(term);
/// }
/// assert!((sum.finish() - (1000.0 + 4.0_f64.ln())).abs() < 1e-11);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSum<T> {
    state: Option<(T, T)>,
}

impl<T: Real> LogSum<T> {
    /// Creates a sum of no terms.
    #[inline(always)]
    pub fn new() -> Self {
        Self { state: None }
    }

    /// Adds a term.
    #[inline(always)]
    pub fn push(&mut self, term: T) {
        self.state = Some(match self.state {
            None => term.log_sum_start(),
            Some(state) => term.log_sum_push(state),
        });
    }

    /// Returns the logarithm of the sum; minus infinity if there are no terms.
    #[inline(always)]
    pub fn finish(self) -> T {
        // No `map_or`: it is inlined by chance, and otherwise is not compiled for the registers that it runs on.
        match self.state {
            None => T::from(f64::NEG_INFINITY),
            Some(state) => T::log_sum_finish(state),
        }
    }
}

/// Returns the logarithm of the sum of the exponentials of `terms`.
pub fn log_sum_exp(terms: &[f64]) -> f64 {
    let mut sum = LogSum::new();
    terms.iter().for_each(|&term| sum.push(term));
    sum.finish()
}
