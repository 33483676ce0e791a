//! The hypergeometric distribution: C(successes, k) C(population - successes, n - k) / C(population, n), with C(m, k) =
//! m! / (k! (m - k)!).

use rand::Rng;
use rand_distr::Distribution as _;

use super::binomial::{count_values, log_choose};
use super::numeric::{is_count, larger, not_whole, smaller, unless};
use super::{Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// The number of successes among n that are drawn without replacement from a population with a number of successes.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Hypergeometric};
///
/// // Two cards of 52, both aces.
/// let aces = Hypergeometric::new(2.0_f64, 4.0, 52.0);
/// assert!((aces.log_density(2.0).exp() - 4.0 / 52.0 * 3.0 / 51.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Hypergeometric<T> {
    n: T,
    successes: T,
    population: T,
}

impl<T: Real> Hypergeometric<T> {
    /// Creates Hypergeometric(n, successes, population), with whole numbers, neither of the first two above the population.
    #[inline(always)]
    pub fn new(n: T, successes: T, population: T) -> Self {
        Self { n, successes, population }
    }

    #[inline(always)]
    fn bounds(&self) -> (T, T) {
        (larger(T::from(0.0), self.n + self.successes - self.population), smaller(self.n, self.successes))
    }
}

impl<T: Real> Distribution<T> for Hypergeometric<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (low, high) = self.bounds();
        Support::Whole(low, high)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let (low, high) = self.bounds();
        let log = log_choose(self.successes, k) + log_choose(self.population - self.successes, self.n - k)
            - log_choose(self.population, self.n);
        unless(k.if_lt(low, T::from(1.0), not_whole(k, high)), log)
    }
}

impl<T: Real> Finite<T> for Hypergeometric<T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        count_values(self.bounds().1)
    }
}

impl Draw for Hypergeometric<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if self.check().is_err() {
            return f64::NAN;
        }
        let [population, successes, n] = [self.population, self.successes, self.n].map(|count| count as u64);
        rand_distr::Hypergeometric::new(population, successes, n).map_or(f64::NAN, |drawn| drawn.sample(rng) as f64)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let (name, count) = ("Hypergeometric", "a whole number, zero or more");
        require(is_count(self.n), name, "n", self.n, count)?;
        require(is_count(self.successes), name, "the number of successes", self.successes, count)?;
        require(is_count(self.population), name, "the population", self.population, count)?;
        require(self.n <= self.population, name, "n", self.n, "not above the population")?;
        let fits = self.successes <= self.population;
        require(fits, name, "the number of successes", self.successes, "not above the population")
    }
}
