//! The exponentially modified normal distribution: density rate exp((k^2 - 2 k z) / 2) Phi(z - k) with z = (x - mean) / sd and
//! k = rate sd, and Phi the cumulative distribution of a standard normal number.

use rand::Rng;
use rand_distr::{Distribution as _, Exp1, StandardNormal};

use super::normal::{LN_SQRT_2_PI, log_mills_ratio};
use super::numeric::{Tails, log_difference, standard};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::{LogSum, Real};

/// The sum of a normal number and an exponential one: a time with a delay, a peak with a tail.
///
/// ```
/// use hierarch_core::distributions::{Distribution, ExpModNormal, Exponential};
///
/// // Far above a narrow normal distribution it is exponential: exp((rate sd)^2 / 2) times as likely as without the normal number.
/// let (time, delay) = (ExpModNormal::new(0.0_f64, 0.1, 2.0), Exponential::new(2.0_f64));
/// assert!((time.log_density(3.0) - delay.log_density(3.0) - 0.02).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ExpModNormal<T> {
    mean: T,
    sd: T,
    rate: T,
}

impl<T: Real> ExpModNormal<T> {
    /// Creates ExpModNormal(mean, sd, rate), with the mean and sd > 0 of the normal number and the rate > 0 of the exponential one.
    #[inline(always)]
    pub fn new(mean: T, sd: T, rate: T) -> Self {
        Self { mean, sd, rate }
    }

    /// Returns z, and the logarithm of the density over the rate.
    #[inline(always)]
    fn log_ratio(&self, x: T) -> (T, T) {
        let (z, k) = (standard(x, self.mean, self.sd), self.rate * self.sd);
        // Below k the exponential and Phi are both far from one, and Mills' ratio is what they make together.
        let below = log_mills_ratio(k - z) - z.square() * 0.5 - LN_SQRT_2_PI;
        let above = k * (k * 0.5 - z) + (z - k).ln_normal_cdf();
        (z, z.if_lt(k, below, above))
    }
}

impl<T: Real> Distribution<T> for ExpModNormal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        // A negative scale would be the mirror image of a positive one.
        T::from(0.0).if_lt(self.sd, self.log_ratio(x).1, T::from(f64::NAN)) + self.rate.ln()
    }
}

impl<T: Real> Tails<T> for ExpModNormal<T> {
    #[inline(always)]
    fn log_below(&self, x: T) -> T {
        let (z, log_ratio) = self.log_ratio(x);
        log_difference(z.ln_normal_cdf(), log_ratio)
    }

    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        let (z, log_ratio) = self.log_ratio(x);
        let mut sum = LogSum::new();
        sum.push((-z).ln_normal_cdf());
        sum.push(log_ratio);
        sum.finish()
    }
}

impl<T: Real> Cdf<T> for ExpModNormal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_below(x).exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        self.log_within(low, high)
    }
}

impl Draw for ExpModNormal<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let (z, y): (f64, f64) = (StandardNormal.sample(rng), Exp1.sample(rng));
        self.mean + self.sd * z + y / self.rate
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "ExpModNormal";
        require(self.mean.is_finite(), name, "the mean", self.mean, "finite")?;
        require(is_positive(self.sd), name, "the standard deviation", self.sd, "positive and finite")?;
        require(is_positive(self.rate), name, "the rate", self.rate, "positive and finite")
    }
}
