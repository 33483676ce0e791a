//! The inverse Gaussian (Wald) distribution: density sqrt(shape / (2 pi x^3)) exp(-shape (x - mean)^2 / (2 mean^2 x)) for x > 0, of
//! the time at which a Brownian motion with a drift first reaches a level.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, StandardNormal};

use super::normal::{LN_SQRT_2_PI, log_mills_ratio};
use super::numeric::{Tails, from_zero, log_difference, lost};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::{LogSum, Real};

/// The inverse Gaussian distribution with a mean and a shape; its variance is mean^3 / shape.
///
/// ```
/// use hierarch_core::distributions::{Distribution, InverseGaussian};
///
/// // At the mean the exponential is one.
/// let time = InverseGaussian::new(2.0_f64, 3.0);
/// let expected = (3.0 / (2.0 * std::f64::consts::PI * 8.0)).sqrt();
/// assert!((time.log_density(2.0).exp() - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InverseGaussian<T> {
    mean: T,
    shape: T,
}

impl<T: Real> InverseGaussian<T> {
    /// Creates InverseGaussian(mean, shape), with mean > 0 and shape > 0.
    #[inline(always)]
    pub fn new(mean: T, shape: T) -> Self {
        Self { mean, shape }
    }

    /// Returns sqrt(shape / x) (x / mean - 1), sqrt(shape / x) (x / mean + 1) and the density of a standard normal number at the first
    /// of these, by its logarithm. The probability below x is Phi(first) + density(first) Mills(second).
    #[inline(always)]
    fn normal_numbers(&self, x: T) -> (T, T, T) {
        let (root, ratio) = ((self.shape / x).sqrt(), x / self.mean);
        let first = root * (ratio - 1.0);
        (first, root * (ratio + 1.0), first.square() * -0.5 - LN_SQRT_2_PI)
    }
}

impl<T: Real> Distribution<T> for InverseGaussian<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Above(T::from(0.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let off = x / self.mean - 1.0;
        let log = (self.shape.ln() - x.ln() * 3.0 - self.shape * off.square() / x) * 0.5 - LN_SQRT_2_PI;
        x.if_le(T::from(0.0), lost(), from_zero(self.mean, log))
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        let off = (q * 0.5).exp() / self.mean - (q * -0.5).exp();
        let log = (self.shape.ln() - q - self.shape * off.square()) * 0.5 - LN_SQRT_2_PI;
        (q.exp(), from_zero(self.mean, log))
    }
}

impl<T: Real> Tails<T> for InverseGaussian<T> {
    #[inline(always)]
    fn log_below(&self, x: T) -> T {
        let (first, second, log_density) = self.normal_numbers(x);
        let mut sum = LogSum::new();
        sum.push(first.ln_normal_cdf());
        sum.push(log_density + log_mills_ratio(second));
        x.if_le(T::from(0.0), lost(), sum.finish())
    }

    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        let (first, second, log_density) = self.normal_numbers(x);
        let log = log_difference((-first).ln_normal_cdf(), log_density + log_mills_ratio(second));
        x.if_le(T::from(0.0), T::from(0.0), log)
    }
}

impl<T: Real> Cdf<T> for InverseGaussian<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_below(x).exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        self.log_within(low, high)
    }
}

impl Draw for InverseGaussian<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // Michael, Schucany and Haas, The American Statistician 30 (1976) 88: of the two x with the same value of the exponent, the
        // smaller with probability mean / (mean + x), by the formula of the roots that does not cancel.
        let z: f64 = StandardNormal.sample(rng);
        let w = 0.5 * self.mean / self.shape * z * z;
        let ratio = 1.0 + w + (w * (w + 2.0)).sqrt();
        let smaller = rng.random::<f64>() * (1.0 + 1.0 / ratio) <= 1.0;
        self.support().inside(if smaller { self.mean / ratio } else { self.mean * ratio })
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.mean), "InverseGaussian", "the mean", self.mean, "positive and finite")?;
        require(is_positive(self.shape), "InverseGaussian", "the shape", self.shape, "positive and finite")
    }
}
