//! The multinomial distribution: n! / (k_1! ... k_N!) p_1^k_1 ... p_N^k_N for counts k whose sum is n. The Dirichlet-multinomial one,
//! where p has a Dirichlet distribution of concentration a: n! Gamma(A) / Gamma(A + n) times the product of
//! Gamma(a_i + k_i) / (k_i! Gamma(a_i)), with A the sum of a.

use rand::Rng;
use rand_distr::Distribution as _;

use super::numeric::{
    count_times, is_count, ln_gamma_ratio, no_probabilities, no_trials, not_whole, require_probabilities, unless,
};
use super::{Dirichlet, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The number of occurrences of each of N categories in n independent trials.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Multinomial};
///
/// // Three trials, one in each category: 3! ways.
/// let counts = Multinomial::new(3.0_f64, [0.5, 0.25, 0.25]);
/// assert!((counts.log_density([1.0, 1.0, 1.0]).exp() - 6.0 * 0.5 * 0.25 * 0.25).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Multinomial<T, const N: usize> {
    n: T,
    probabilities: [T; N],
}

impl<T: Real, const N: usize> Multinomial<T, N> {
    /// Creates Multinomial(n, probabilities), with n = 0, 1, ... and probabilities that sum to one.
    #[inline(always)]
    pub fn new(n: T, probabilities: [T; N]) -> Self {
        Self { n, probabilities }
    }
}

impl<T: Real, const N: usize> Distribution<T> for Multinomial<T, N> {
    type Value = [T; N];

    /// Returns the support of one count; the sum of all is n.
    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    #[inline(always)]
    fn log_density(&self, counts: [T; N]) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let mut bad = no_probabilities(&self.probabilities);
        let mut sum = zero;
        let mut log = self.n.ln_factorial();
        for (k, p) in counts.into_iter().zip(self.probabilities) {
            sum += k;
            log += count_times(k, p.ln()) - k.ln_factorial();
            // A negative probability is not detected where the count is zero.
            bad = p.if_lt(zero, one, bad.max(not_whole(k, self.n)));
        }
        unless(sum.if_lt(self.n, one, self.n.if_lt(sum, one, bad)), log)
    }
}

impl<const N: usize> Draw for Multinomial<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        if self.check().is_err() {
            return [f64::NAN; N];
        }
        // Each count is binomial, given those before it.
        let mut left = self.n;
        let mut remaining: f64 = self.probabilities.iter().sum();
        let mut counts = [0.0; N];
        for (i, (count, p)) in counts.iter_mut().zip(self.probabilities).enumerate() {
            // All that is left goes to the last category with a positive probability, however the rest was rounded.
            let last = self.probabilities[i + 1..].iter().all(|&p| p == 0.0);
            let share = if last { 1.0 } else { (p / remaining).clamp(0.0, 1.0) };
            *count = rand_distr::Binomial::new(left as u64, share).map_or(f64::NAN, |b| b.sample(rng) as f64);
            left -= *count;
            remaining -= p;
        }
        counts
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_count(self.n), "Multinomial", "n", self.n, "a whole number, zero or more")?;
        require_probabilities(&self.probabilities, "Multinomial", "the vector of probabilities")
    }

    fn impossible(&self, x: &[f64; N]) -> Option<(&'static str, f64, String)> {
        no_trials(x, self.n)
    }
}

/// The number of occurrences of each of N categories in n trials with common probabilities that have a Dirichlet distribution.
///
/// ```
/// use hierarch_core::distributions::{DirichletMultinomial, Distribution};
///
/// // With a uniform distribution of the probabilities, all counts with the sum n are alike: three, of two categories.
/// let counts = DirichletMultinomial::new(2.0_f64, [1.0, 1.0]);
/// assert!((counts.log_density([2.0, 0.0]).exp() - 1.0 / 3.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DirichletMultinomial<T, const N: usize> {
    n: T,
    concentrations: [T; N],
}

impl<T: Real, const N: usize> DirichletMultinomial<T, N> {
    /// Creates DirichletMultinomial(n, concentrations), with n = 0, 1, ... and positive concentrations, to which the means are
    /// proportional.
    #[inline(always)]
    pub fn new(n: T, concentrations: [T; N]) -> Self {
        Self { n, concentrations }
    }
}

impl<T: Real, const N: usize> Distribution<T> for DirichletMultinomial<T, N> {
    type Value = [T; N];

    /// Returns the support of one count; the sum of all is n.
    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    #[inline(always)]
    fn log_density(&self, counts: [T; N]) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let (mut bad, mut sum, mut total, mut log) = (zero, zero, zero, self.n.ln_factorial());
        for (k, a) in counts.into_iter().zip(self.concentrations) {
            sum += k;
            total += a;
            log += ln_gamma_ratio(a, k) - k.ln_factorial();
            bad = bad.max(not_whole(k, self.n));
        }
        let bad = sum.if_lt(self.n, one, self.n.if_lt(sum, one, bad));
        unless(bad, log - ln_gamma_ratio(total, self.n))
    }
}

impl<const N: usize> Draw for DirichletMultinomial<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        Multinomial::new(self.n, Dirichlet::new(self.concentrations).draw(rng)).draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "DirichletMultinomial";
        require(is_count(self.n), name, "n", self.n, "a whole number, zero or more")?;
        let positive = N > 0 && self.concentrations.iter().all(|&a| is_positive(a));
        require(positive, name, "the vector of concentrations", self.concentrations, "of positive and finite numbers")
    }

    fn impossible(&self, x: &[f64; N]) -> Option<(&'static str, f64, String)> {
        no_trials(x, self.n)
    }
}
