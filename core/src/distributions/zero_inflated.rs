//! Counts with zeros of their own. With f the probabilities of a count distribution and p a probability:
//!
//! - zero-inflated: p + (1 - p) f(0) for zero, and (1 - p) f(k) for k = 1, 2, ...
//! - hurdle: p for zero, and (1 - p) f(k) / (1 - f(0)) for k = 1, 2, ...

use rand::{Rng, RngExt};

use super::numeric::{from_zero, log_difference, lost, outside, smaller, unless};
use super::{Cdf, Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::{LogSum, Real};

/// A count that is zero with a probability, and else as another distribution says, which may be zero as well. It may also be a
/// difference of counts, a [`Skellam`](super::Skellam) number.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Poisson, ZeroInflated};
///
/// // A quarter of the sites are empty, and at the others 2 are expected.
/// let seen = ZeroInflated::new(0.25_f64, Poisson::new(2.0));
/// assert!((seen.log_density(0.0).exp() - (0.25 + 0.75 * (-2.0_f64).exp())).abs() < 1e-12);
/// assert!((seen.log_density(1.0).exp() - 0.75 * 2.0 * (-2.0_f64).exp()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ZeroInflated<D, T> {
    probability: T,
    inner: D,
}

impl<D, T: Real> ZeroInflated<D, T> {
    /// Creates ZeroInflated(probability, distribution), with 0 <= probability <= 1 that of an additional zero, and a distribution of
    /// whole numbers. (PyMC has one less that probability as its first argument.)
    #[inline(always)]
    pub fn new(probability: T, distribution: D) -> Self {
        Self { probability, inner: distribution }
    }
}

/// Returns the counts from zero to the last that `inner` has.
#[inline(always)]
fn from_zero_on<T: Real>(inner: &impl Distribution<T, Value = T>) -> Support<T> {
    let (low, high, _) = inner.support().bounds();
    Support::Whole(smaller(T::from(0.0), low), high)
}

/// Returns ln(exp(a) + exp(b)).
#[inline(always)]
fn log_sum<T: Real>(a: T, b: T) -> T {
    let mut sum = LogSum::new();
    sum.push(a);
    sum.push(b);
    sum.finish()
}

/// Returns the logarithm of `probability` where zero is above `low` and not above `high`, else minus infinity.
#[inline(always)]
fn log_of_zero<T: Real>(probability: T, low: T, high: T) -> T {
    let zero = T::from(0.0);
    low.if_lt(zero, zero.if_le(high, probability.ln(), lost()), lost())
}

impl<T: Real, D: Distribution<T, Value = T>> Distribution<T> for ZeroInflated<D, T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        from_zero_on(&self.inner)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let p = self.probability;
        let counted = (-p).ln_1p() + self.inner.log_density(k);
        let log = k.abs().if_le(T::from(0.0), log_sum(p.ln(), counted), counted);
        unless(outside(p, T::from(0.0), T::from(1.0)), log)
    }
}

impl<T: Real, D: Finite<T>> Finite<T> for ZeroInflated<D, T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        self.inner.categories()
    }
}

impl<T: Real, D: Cdf<T>> Cdf<T> for ZeroInflated<D, T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        let p = self.probability;
        from_zero(k, p + (-p + 1.0) * self.inner.cdf(k)).max(T::from(0.0))
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let counted = (-self.probability).ln_1p() + self.inner.log_between(low, high);
        log_sum(log_of_zero(self.probability, low, high), counted)
    }
}

impl<D: Draw + Distribution<f64, Value = f64>> Draw for ZeroInflated<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if rng.random::<f64>() < self.probability { 0.0 } else { self.inner.draw(rng) }
    }

    fn check(&self) -> Result<(), ParameterError> {
        let p = self.probability;
        require((0.0..=1.0).contains(&p), "ZeroInflated", "the probability", p, "between 0 and 1")?;
        self.inner.check()
    }
}

/// A count that is zero with a probability, and else as another distribution says of counts above zero.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Hurdle, Poisson};
///
/// let visits = Hurdle::new(0.4_f64, Poisson::new(2.0));
/// assert!((visits.log_density(0.0).exp() - 0.4).abs() < 1e-12);
/// let none = (-2.0_f64).exp();
/// assert!((visits.log_density(1.0).exp() - 0.6 * 2.0 * none / (1.0 - none)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Hurdle<D, T> {
    probability: T,
    inner: D,
}

impl<D, T: Real> Hurdle<D, T> {
    /// Creates Hurdle(probability, distribution), with 0 <= probability <= 1 that of zero, and a distribution of counts that are not
    /// always zero.
    #[inline(always)]
    pub fn new(probability: T, distribution: D) -> Self {
        Self { probability, inner: distribution }
    }
}

impl<T: Real, D: Distribution<T, Value = T>> Hurdle<D, T> {
    /// Returns the logarithm of the probability of a count above zero before the hurdle.
    #[inline(always)]
    fn log_mass(&self) -> T {
        let zero = T::from(0.0);
        log_difference(zero, self.inner.log_density(zero))
    }
}

impl<T: Real, D: Distribution<T, Value = T>> Distribution<T> for Hurdle<D, T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        from_zero_on(&self.inner)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let (zero, one, p, mass) = (T::from(0.0), T::from(1.0), self.probability, self.log_mass());
        let counted = (-p).ln_1p() + self.inner.log_density(k) - mass;
        // Without a count above zero the distribution makes no sense.
        let bad = lost::<T>().if_lt(mass, outside(p, zero, one), one);
        unless(bad, from_zero(k, k.if_le(zero, p.ln(), counted)))
    }
}

impl<T: Real, D: Finite<T>> Finite<T> for Hurdle<D, T> {
    #[inline(always)]
    fn categories(&self) -> usize {
        self.inner.categories()
    }
}

impl<T: Real, D: Cdf<T>> Cdf<T> for Hurdle<D, T> {
    #[inline(always)]
    fn cdf(&self, k: T) -> T {
        let (zero, p) = (T::from(0.0), self.probability);
        let counted = (self.inner.log_between(zero, k) - self.log_mass()).exp();
        from_zero(k, p + (-p + 1.0) * counted).max(zero)
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let above = self.inner.log_between(low.max(T::from(0.0)), high) - self.log_mass();
        log_sum(log_of_zero(self.probability, low, high), (-self.probability).ln_1p() + above)
    }
}

impl<D: Draw + Distribution<f64, Value = f64>> Draw for Hurdle<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if rng.random::<f64>() < self.probability {
            return 0.0;
        }
        let mass = self.log_mass();
        if mass.is_nan() || mass == f64::NEG_INFINITY {
            return f64::NAN;
        }
        // Where at least one count in fifty is above zero, by rejection.
        if mass > -4.0 {
            for _ in 0..2000 {
                let k = self.inner.draw(rng);
                if k > 0.0 {
                    return k;
                }
            }
        }
        // Else by counting: most are then small. Rounding must not lead past the last.
        let (_, last, _) = self.inner.support().bounds();
        let (mut left, mut k) = (rng.random::<f64>(), 1.0);
        loop {
            let probability = (self.inner.log_density(k) - mass).exp();
            left -= probability;
            if left < 0.0 || k >= last || left < 1e-12 && probability < 1e-15 {
                return k;
            }
            k += 1.0;
        }
    }

    fn check(&self) -> Result<(), ParameterError> {
        let p = self.probability;
        require((0.0..=1.0).contains(&p), "Hurdle", "the probability", p, "between 0 and 1")?;
        self.inner.check()?;
        let mass = self.log_mass();
        require(mass > f64::NEG_INFINITY, "Hurdle", "ln P(count > 0)", mass, "finite")
    }
}
