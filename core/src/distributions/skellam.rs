//! The Skellam distribution, of the difference of two independent Poisson counts: probability exp(-(mu1 + mu2)) (mu1 / mu2)^(k / 2)
//! I_|k|(2 sqrt(mu1 mu2)) for k = ..., -1, 0, 1, ..., with I the modified Bessel function (Skellam, Journal of the Royal Statistical
//! Society 1946). By the series of that, for k >= 0, it is that of a Poisson count of mean mu1 times exp(-mu2) 0F1(; k + 1; mu1 mu2).

use rand::Rng;

use super::numeric::{count_times, from_zero, unless};
use super::{Distribution, Draw, ParameterError, Support, poisson, require};
use crate::autodiff::Real;

/// The difference of two Poisson counts: goals of one team less those of the other, or events at a place less those of its background.
/// Its mean is mu1 - mu2 and its variance mu1 + mu2.
///
/// Its values are whole numbers, which may be negative, so that they are `f64`.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Poisson, Skellam};
///
/// // A draw, of which 0 : 0 and 1 : 1 are the likeliest.
/// let score = Skellam::new(0.5_f64, 0.2);
/// let both = |k: f64| (Poisson::new(0.5).log_density(k) + Poisson::new(0.2).log_density(k)).exp();
/// let draw: f64 = (0..20).map(|k| both(f64::from(k))).sum();
/// assert!((score.log_density(0.0).exp() - draw).abs() < 1e-12);
/// assert_eq!(score.log_density(0.5), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Skellam<T> {
    mu1: T,
    mu2: T,
}

impl<T: Real> Skellam<T> {
    /// Creates Skellam(mu1, mu2), with mu1 >= 0 the mean of the count that is added and mu2 >= 0 that of the one that is taken away.
    #[inline(always)]
    pub fn new(mu1: T, mu2: T) -> Self {
        Self { mu1, mu2 }
    }
}

impl<T: Real> Distribution<T> for Skellam<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(f64::NEG_INFINITY), T::from(f64::INFINITY))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let (no, yes, size) = (T::from(0.0), T::from(1.0), k.abs());
        let bad = k.floor().if_lt(k, yes, T::from(f64::MAX).if_lt(size, yes, no));
        let powers = count_times(k, self.mu1.ln()) + count_times(-k, self.mu2.ln());
        let series = (self.mu1 * self.mu2).ln_0f1(size + 1.0);
        let log = powers - (self.mu1 + self.mu2) - size.ln_factorial() + series;
        unless(bad, from_zero(self.mu1, from_zero(self.mu2, log)))
    }
}

impl Draw for Skellam<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        poisson::draw(self.mu1, rng) - poisson::draw(self.mu2, rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let drawn = |mu: f64| (0.0..=poisson::MAX_RATE).contains(&mu);
        require(drawn(self.mu1), "Skellam", "mu1", self.mu1, "between 0 and 1.844e19")?;
        require(drawn(self.mu2), "Skellam", "mu2", self.mu2, "between 0 and 1.844e19")
    }
}
