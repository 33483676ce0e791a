//! Categories by their probabilities, by logits, and by cutpoints.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Open01, StandardNormal};

use crate::autodiff::{LogSum, Real};
use crate::distributions::numeric::{
    log_difference, log_probability, no_probabilities, not_whole, pick, require_probabilities, unless,
};
use crate::distributions::{Distribution, Draw, Finite, ParameterError, Support, require};

/// The support of `count` categories.
fn whole_below<T: Real>(count: usize) -> Support<T> {
    Support::Whole(T::from(0.0), T::from(count as f64 - 1.0))
}

/// Returns the number at the position `x`; NaN where there is none.
fn at<T: Real>(numbers: &[T], x: T) -> T {
    let position = x.value();
    let inside = position >= 0.0 && position < numbers.len() as f64;
    if inside { numbers[position as usize] } else { T::from(f64::NAN) }
}

/// See [`Categorical`](crate::distributions::Categorical).
#[derive(Clone, Debug)]
pub struct Categorical<T> {
    probabilities: Vec<T>,
}

impl<T: Real> Categorical<T> {
    /// Creates Categorical(probabilities), with probabilities that sum to one.
    pub fn new(probabilities: impl AsRef<[T]>) -> Self {
        Self { probabilities: probabilities.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for Categorical<T> {
    type Value = T;

    fn support(&self) -> Support<T> {
        whole_below(self.probabilities.len())
    }

    fn log_density(&self, x: T) -> T {
        let last = T::from(self.probabilities.len() as f64 - 1.0);
        let bad = not_whole(x, last).max(no_probabilities(&self.probabilities));
        unless(bad, log_probability(at(&self.probabilities, x).ln()))
    }
}

impl<T: Real> Finite<T> for Categorical<T> {
    fn categories(&self) -> usize {
        self.probabilities.len()
    }
}

impl Draw for Categorical<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        pick(&self.probabilities, rng.random()).map_or(f64::NAN, |k| k as f64)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require_probabilities(&self.probabilities, "Categorical", "the vector of probabilities")
    }
}

/// See [`CategoricalLogit`](crate::distributions::CategoricalLogit).
#[derive(Clone, Debug)]
pub struct CategoricalLogit<T> {
    logits: Vec<T>,
}

impl<T: Real> CategoricalLogit<T> {
    /// Creates CategoricalLogit(logits).
    pub fn new(logits: impl AsRef<[T]>) -> Self {
        Self { logits: logits.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for CategoricalLogit<T> {
    type Value = T;

    fn support(&self) -> Support<T> {
        whole_below(self.logits.len())
    }

    fn log_density(&self, x: T) -> T {
        let mut sum = LogSum::new();
        self.logits.iter().for_each(|&logit| sum.push(logit));
        let last = T::from(self.logits.len() as f64 - 1.0);
        unless(not_whole(x, last), at(&self.logits, x) - sum.finish())
    }
}

impl<T: Real> Finite<T> for CategoricalLogit<T> {
    fn categories(&self) -> usize {
        self.logits.len()
    }
}

impl Draw for CategoricalLogit<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let largest = self.logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = self.logits.iter().map(|logit| (logit - largest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        pick(&weights, rng.random()).map_or(f64::NAN, |k| k as f64)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let finite = !self.logits.is_empty() && self.logits.iter().all(|logit| logit.is_finite());
        require(finite, "CategoricalLogit", "the vector of logits", &self.logits, "of finite numbers")
    }
}

/// See [`OrderedLogistic`](crate::distributions::OrderedLogistic).
#[derive(Clone, Debug)]
pub struct OrderedLogistic<T> {
    eta: T,
    cutpoints: Vec<T>,
}

impl<T: Real> OrderedLogistic<T> {
    /// Creates OrderedLogistic(eta, cutpoints), with cutpoints that increase.
    pub fn new(eta: T, cutpoints: impl AsRef<[T]>) -> Self {
        Self { eta, cutpoints: cutpoints.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for OrderedLogistic<T> {
    type Value = T;

    fn support(&self) -> Support<T> {
        whole_below(self.cutpoints.len() + 1)
    }

    fn log_density(&self, k: T) -> T {
        // F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)), without the first or the second for the last or the first category.
        let (zero, count) = (T::from(0.0), self.cutpoints.len() as f64);
        let mut log = zero;
        let (is_first, is_last) = (k.value() < 0.5, k.value() > count - 0.5);
        let (low, high) = (at(&self.cutpoints, k - 1.0), at(&self.cutpoints, k));
        if !is_first {
            log -= (low - self.eta).softplus();
        }
        if !is_last {
            log -= (self.eta - high).softplus();
        }
        if !is_first && !is_last {
            log += log_difference(zero, low - high);
        }
        unless(misplaced(k, &self.cutpoints), log)
    }
}

impl<T: Real> Finite<T> for OrderedLogistic<T> {
    fn categories(&self) -> usize {
        self.cutpoints.len() + 1
    }
}

/// Returns the number of `cutpoints` below `x`.
fn below(x: f64, cutpoints: &[f64]) -> f64 {
    if x.is_nan() { x } else { cutpoints.iter().filter(|&&cutpoint| cutpoint < x).count() as f64 }
}

fn check(eta: f64, cutpoints: &[f64], name: &'static str) -> Result<(), ParameterError> {
    require(eta.is_finite(), name, "eta", eta, "finite")?;
    let increasing = cutpoints.iter().all(|c| c.is_finite()) && cutpoints.windows(2).all(|pair| pair[0] < pair[1]);
    require(increasing, name, "the vector of cutpoints", cutpoints, "of finite numbers that increase")
}

/// Returns one where `k` is no category or the cutpoints do not increase, else zero.
fn misplaced<T: Real>(k: T, cutpoints: &[T]) -> T {
    let mut bad = not_whole(k, T::from(cutpoints.len() as f64));
    for pair in cutpoints.windows(2) {
        bad = pair[0].if_lt(pair[1], bad, T::from(1.0));
    }
    bad
}

impl Draw for OrderedLogistic<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let u: f64 = rng.sample(Open01);
        below(self.eta + (u / (1.0 - u)).ln(), &self.cutpoints)
    }

    fn check(&self) -> Result<(), ParameterError> {
        check(self.eta, &self.cutpoints, "OrderedLogistic")
    }
}

/// See [`OrderedProbit`](crate::distributions::OrderedProbit).
#[derive(Clone, Debug)]
pub struct OrderedProbit<T> {
    eta: T,
    cutpoints: Vec<T>,
}

impl<T: Real> OrderedProbit<T> {
    /// Creates OrderedProbit(eta, cutpoints), with cutpoints that increase.
    pub fn new(eta: T, cutpoints: impl AsRef<[T]>) -> Self {
        Self { eta, cutpoints: cutpoints.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for OrderedProbit<T> {
    type Value = T;

    fn support(&self) -> Support<T> {
        whole_below(self.cutpoints.len() + 1)
    }

    fn log_density(&self, k: T) -> T {
        let count = self.cutpoints.len() as f64;
        let (is_first, is_last) = (k.value() < 0.5, k.value() > count - 0.5);
        let (a, b) = (at(&self.cutpoints, k - 1.0) - self.eta, at(&self.cutpoints, k) - self.eta);
        let log = match (is_first, is_last) {
            (true, true) => T::from(0.0),
            (true, false) => b.ln_normal_cdf(),
            (false, true) => (-a).ln_normal_cdf(),
            // An interval above zero is mirrored below it, where Phi does not cancel.
            (false, false) if (a + b).value() > 0.0 => log_difference((-a).ln_normal_cdf(), (-b).ln_normal_cdf()),
            (false, false) => log_difference(b.ln_normal_cdf(), a.ln_normal_cdf()),
        };
        unless(misplaced(k, &self.cutpoints), log)
    }
}

impl<T: Real> Finite<T> for OrderedProbit<T> {
    fn categories(&self) -> usize {
        self.cutpoints.len() + 1
    }
}

impl Draw for OrderedProbit<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        below(self.eta + z, &self.cutpoints)
    }

    fn check(&self) -> Result<(), ParameterError> {
        check(self.eta, &self.cutpoints, "OrderedProbit")
    }
}
