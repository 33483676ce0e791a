//! The categorical distribution over 0, ..., N - 1, by its probabilities or by logits, of which they are the softmax:
//! exp(logit_k) / (exp(logit_0) + ... + exp(logit_{N-1})).

use rand::{Rng, RngExt};

use super::numeric::{log_probability, no_probabilities, not_whole, pick, require_probabilities, unless};
use super::{Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::{LogSum, Real};

/// One of N categories, each with its probability.
///
/// ```
/// use hierarch_core::distributions::{Categorical, Distribution, Finite};
///
/// let kind = Categorical::new([0.2_f64, 0.3, 0.5]);
/// assert_eq!(kind.categories(), 3);
/// assert!((kind.log_density(2.0).exp() - 0.5).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Categorical<T, const N: usize> {
    probabilities: [T; N],
}

impl<T: Real, const N: usize> Categorical<T, N> {
    /// Creates Categorical(probabilities), which must sum to one.
    #[inline(always)]
    pub fn new(probabilities: [T; N]) -> Self {
        Self { probabilities }
    }
}

/// Returns the number at position `x` of an array, for a whole `x` in it.
#[inline(always)]
pub(crate) fn at<T: Real, const N: usize>(numbers: &[T; N], x: T) -> T {
    let mut chosen = T::from(f64::NAN);
    for (k, &number) in numbers.iter().enumerate() {
        chosen = T::from(k as f64).if_le(x, number, chosen);
    }
    chosen
}

#[inline(always)]
pub(crate) fn whole_below<T: Real>(n: usize) -> Support<T> {
    Support::Whole(T::from(0.0), T::from(n as f64 - 1.0))
}

impl<T: Real, const N: usize> Distribution<T> for Categorical<T, N> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        whole_below(N)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = at(&self.probabilities, x).ln();
        let bad = not_whole(x, T::from(N as f64 - 1.0)).max(no_probabilities(&self.probabilities));
        unless(bad, log_probability(log))
    }
}

impl<T: Real, const N: usize> Finite<T> for Categorical<T, N> {
    #[inline(always)]
    fn categories(&self) -> usize {
        N
    }
}

impl<const N: usize> Draw for Categorical<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        pick(&self.probabilities, rng.random()).map_or(f64::NAN, |k| k as f64)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require_probabilities(&self.probabilities, "Categorical", "the vector of probabilities")
    }
}

/// One of N categories, by logits.
///
/// ```
/// use hierarch_core::distributions::{CategoricalLogit, Distribution};
///
/// // Odds of 1 : 2 : 3.
/// let kind = CategoricalLogit::new([0.0, 2.0_f64.ln(), 3.0_f64.ln()]);
/// assert!((kind.log_density(1.0).exp() - 2.0 / 6.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CategoricalLogit<T, const N: usize> {
    logits: [T; N],
}

impl<T: Real, const N: usize> CategoricalLogit<T, N> {
    /// Creates CategoricalLogit(logits), with any real numbers; adding the same number to all changes nothing.
    #[inline(always)]
    pub fn new(logits: [T; N]) -> Self {
        Self { logits }
    }
}

impl<T: Real, const N: usize> Distribution<T> for CategoricalLogit<T, N> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        whole_below(N)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let mut sum = LogSum::new();
        for logit in self.logits {
            sum.push(logit);
        }
        unless(not_whole(x, T::from(N as f64 - 1.0)), at(&self.logits, x) - sum.finish())
    }
}

impl<T: Real, const N: usize> Finite<T> for CategoricalLogit<T, N> {
    #[inline(always)]
    fn categories(&self) -> usize {
        N
    }
}

impl<const N: usize> Draw for CategoricalLogit<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let largest = self.logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = self.logits.map(|logit| (logit - largest).exp());
        let sum: f64 = weights.iter().sum();
        pick(&weights.map(|weight| weight / sum), rng.random()).map_or(f64::NAN, |k| k as f64)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let finite = N > 0 && self.logits.iter().all(|logit| logit.is_finite());
        require(finite, "CategoricalLogit", "the vector of logits", self.logits, "of finite numbers")
    }
}
