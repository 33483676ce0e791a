//! The normal distribution on an interval: density exp(-z^2 / 2) / (sqrt(2 pi) sd (Phi(b) - Phi(a))) on [low, high]. z,
//! a and b are (x - mean) / sd, (low - mean) / sd and (high - mean) / sd.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp1, StandardNormal};

use super::numeric::{lost, outside, unless};
use super::{Cdf, Distribution, Draw, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The normal distribution, given that the number is in an interval. The mean and the standard deviation are those
/// before truncation.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal, TruncatedNormal};
///
/// // Cut off below the mean, the density above it is twice that of the whole.
/// let upper = TruncatedNormal::new(1.0_f64, 2.0, 1.0, f64::INFINITY);
/// let whole = Normal::new(1.0_f64, 2.0);
/// assert!((upper.log_density(2.5).exp() - 2.0 * whole.log_density(2.5).exp()).abs() < 1e-12);
/// assert_eq!(upper.log_density(0.5), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TruncatedNormal<T> {
    normal: Normal<T>,
    mean: T,
    sd: T,
    low: T,
    high: T,
}

impl<T: Real> TruncatedNormal<T> {
    /// Creates TruncatedNormal(mean, sd, low, high), with sd > 0 and low < high, either of which may be infinite.
    #[inline(always)]
    pub fn new(mean: T, sd: T, low: T, high: T) -> Self {
        Self { normal: Normal::new(mean, sd), mean, sd, low, high }
    }
}

impl<T: Real> Distribution<T> for TruncatedNormal<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::between(self.low, self.high, false)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let mass = self.normal.log_between(self.low, self.high);
        unless(outside(x, self.low, self.high), self.normal.log_density(x) - mass)
    }
}

impl<T: Real> Cdf<T> for TruncatedNormal<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let log = self.log_between(self.low, x);
        x.if_le(self.low, T::from(0.0), self.high.if_le(x, T::from(1.0), log.exp()))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let (low, high) = (low.max(self.low), high.min(self.high));
        high.if_le(low, lost(), self.normal.log_between(low, high)) - self.normal.log_between(self.low, self.high)
    }
}

/// Draws a standard normal number in [a, b] (Robert, *Statistics and Computing* 5 (1995) 121).
fn draw_between<R: Rng + ?Sized>(a: f64, b: f64, rng: &mut R) -> f64 {
    if a.is_nan() || b.is_nan() || a >= b {
        return f64::NAN;
    }
    if a < 0.0 && b <= 0.0 {
        return -draw_between(-b, -a, rng);
    }
    // Each of these accepts at least a third of its proposals. First, an interval around zero that is not narrow.
    if a <= 0.0 && b - a > 2.5 {
        loop {
            let z: f64 = StandardNormal.sample(rng);
            if a <= z && z <= b {
                return z;
            }
        }
    }
    // Then an interval in which the density does not decrease by much, from a uniform number.
    let rate = 0.5 * (a + (a * a + 4.0).sqrt());
    if a <= 0.0 || (b - a) * rate < 1.0 {
        let nearest = a.max(0.0);
        loop {
            let z = a + (b - a) * rng.random::<f64>();
            if rng.sample::<f64, _>(Exp1) >= 0.5 * (z * z - nearest * nearest) {
                return z;
            }
        }
    }
    // Last, a tail, from an exponential number.
    loop {
        let z = a + rng.sample::<f64, _>(Exp1) / rate;
        if z <= b && rng.sample::<f64, _>(Exp1) >= 0.5 * (z - rate) * (z - rate) {
            return z;
        }
    }
}

impl Draw for TruncatedNormal<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z = draw_between((self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd, rng);
        // Rounding must not move it over a bound.
        (self.mean + self.sd * z).max(self.low).min(self.high)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "TruncatedNormal";
        require(self.mean.is_finite(), name, "the mean", self.mean, "finite")?;
        require(is_positive(self.sd), name, "the standard deviation", self.sd, "positive and finite")?;
        require(self.low < self.high, name, "the lower bound", self.low, "below the upper bound")
    }
}
