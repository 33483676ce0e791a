//! Counts of categories.

use rand::Rng;
use rand_distr::Distribution as _;

use super::Dirichlet;
use crate::autodiff::Real;
use crate::distributions::numeric::{
    count_times, is_count, ln_gamma_ratio, no_probabilities, no_trials, not_whole, require_probabilities, unless,
};
use crate::distributions::{Distribution, Draw, ParameterError, Support, is_positive, require};

/// See [`Multinomial`](crate::distributions::Multinomial).
#[derive(Clone, Debug)]
pub struct Multinomial<T> {
    n: T,
    probabilities: Vec<T>,
}

impl<T: Real> Multinomial<T> {
    /// Creates Multinomial(n, probabilities), with n = 0, 1, ... and probabilities that sum to one.
    pub fn new(n: T, probabilities: impl AsRef<[T]>) -> Self {
        Self { n, probabilities: probabilities.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for Multinomial<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    fn log_density(&self, counts: Vec<T>) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let (mut bad, mut sum, mut log) = (no_probabilities(&self.probabilities), zero, self.n.ln_factorial());
        for (k, &p) in counts.into_iter().zip(&self.probabilities) {
            sum += k;
            log += count_times(k, p.ln()) - k.ln_factorial();
            bad = p.if_lt(zero, one, bad.max(not_whole(k, self.n)));
        }
        unless(sum.if_lt(self.n, one, self.n.if_lt(sum, one, bad)), log)
    }
}

impl Draw for Multinomial<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        if self.check().is_err() {
            return vec![f64::NAN; self.probabilities.len()];
        }
        // Each count is binomial, given those before it; all that is left goes to the last category that is possible.
        let (mut left, mut remaining) = (self.n, self.probabilities.iter().sum::<f64>());
        let mut count = |(i, &p): (usize, &f64)| {
            let last = self.probabilities[i + 1..].iter().all(|&p| p == 0.0);
            let share = if last { 1.0 } else { (p / remaining).clamp(0.0, 1.0) };
            let count = rand_distr::Binomial::new(left as u64, share).map_or(f64::NAN, |b| b.sample(rng) as f64);
            left -= count;
            remaining -= p;
            count
        };
        self.probabilities.iter().enumerate().map(&mut count).collect()
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_count(self.n), "Multinomial", "n", self.n, "a whole number, zero or more")?;
        require_probabilities(&self.probabilities, "Multinomial", "the vector of probabilities")
    }

    fn impossible(&self, x: &Vec<f64>) -> Option<(&'static str, f64, String)> {
        no_trials(x, self.n)
    }
}

/// See [`DirichletMultinomial`](crate::distributions::DirichletMultinomial).
#[derive(Clone, Debug)]
pub struct DirichletMultinomial<T> {
    n: T,
    concentrations: Vec<T>,
}

impl<T: Real> DirichletMultinomial<T> {
    /// Creates DirichletMultinomial(n, concentrations), with n = 0, 1, ... and positive concentrations.
    pub fn new(n: T, concentrations: impl AsRef<[T]>) -> Self {
        Self { n, concentrations: concentrations.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for DirichletMultinomial<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), self.n)
    }

    fn log_density(&self, counts: Vec<T>) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let (mut bad, mut sum, mut total, mut log) = (zero, zero, zero, self.n.ln_factorial());
        for (k, &a) in counts.into_iter().zip(&self.concentrations) {
            sum += k;
            total += a;
            log += ln_gamma_ratio(a, k) - k.ln_factorial();
            bad = bad.max(not_whole(k, self.n));
        }
        let bad = sum.if_lt(self.n, one, self.n.if_lt(sum, one, bad));
        unless(bad, log - ln_gamma_ratio(total, self.n))
    }
}

impl Draw for DirichletMultinomial<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        Multinomial::new(self.n, Dirichlet::new(&self.concentrations).draw(rng)).draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "DirichletMultinomial";
        require(is_count(self.n), name, "n", self.n, "a whole number, zero or more")?;
        let positive = !self.concentrations.is_empty() && self.concentrations.iter().all(|&a| is_positive(a));
        require(positive, name, "the vector of concentrations", &self.concentrations, "of positive and finite numbers")
    }

    fn impossible(&self, x: &Vec<f64>) -> Option<(&'static str, f64, String)> {
        no_trials(x, self.n)
    }
}
