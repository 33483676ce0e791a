//! The Dirichlet distribution: density Gamma(a_1 + ... + a_N) / (Gamma(a_1) ... Gamma(a_N)) x_1^(a_1 - 1) ... x_N^(a_N - 1)
//! for positive x whose sum is one, with respect to the first N - 1 of them.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Open01};

use super::numeric::{PARTS_TOLERANCE, no_part, unless};
use super::{Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// Probabilities of N categories; their means are proportional to the concentration.
///
/// ```
/// use hierarch_core::distributions::{Dirichlet, Distribution};
///
/// // With the concentration (2, 1, 1) the density is Gamma(4) x_1.
/// let shares = Dirichlet::new([2.0_f64, 1.0, 1.0]);
/// assert!((shares.log_density([0.5, 0.3, 0.2]).exp() - 6.0 * 0.5).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dirichlet<T, const N: usize> {
    concentration: [T; N],
}

impl<T: Real, const N: usize> Dirichlet<T, N> {
    /// Creates Dirichlet(concentration), with positive numbers.
    #[inline(always)]
    pub fn new(concentration: [T; N]) -> Self {
        Self { concentration }
    }
}

impl<T: Real, const N: usize> Distribution<T> for Dirichlet<T, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Simplex
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let (mut sum, mut total, mut log, mut bad) = (zero, zero, zero, zero);
        for (x, a) in x.into_iter().zip(self.concentration) {
            sum += x;
            total += a;
            log += (a - 1.0) * x.ln() - a.ln_gamma();
            bad = x.if_le(zero, one, bad);
        }
        bad = T::from(PARTS_TOLERANCE).if_lt((sum - 1.0).abs(), one, bad);
        // The density at the numbers over their sum, whose logarithm is the first term of its series.
        log -= (total - N as f64) * (sum - 1.0);
        unless(bad, log + total.ln_gamma())
    }
}

impl<const N: usize> Draw for Dirichlet<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        // Gamma numbers over their sum, computed by their logarithms, since numbers of a small shape underflow, and all
        // of them may. A gamma number of shape a is one of shape a + 1 times a uniform number to the power of 1 / a.
        let logs = self.concentration.map(|a| match rand_distr::Gamma::new(a + 1.0, 1.0) {
            Ok(gamma) if a > 0.0 => gamma.sample(rng).ln() + rng.sample::<f64, _>(Open01).ln() / a,
            _ => f64::NAN,
        });
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let parts = logs.map(|log| (log - largest).exp());
        let sum: f64 = parts.iter().sum();
        parts.map(|part| part / sum)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let positive = N > 0 && self.concentration.iter().all(|&a| is_positive(a));
        require(positive, "Dirichlet", "the concentration", self.concentration, "of positive and finite numbers")
    }

    fn impossible(&self, x: &[f64; N]) -> Option<(&'static str, f64, String)> {
        no_part(x)
    }
}
