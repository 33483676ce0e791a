//! The Kumaraswamy distribution: density a b x^(a - 1) (1 - x^a)^(b - 1) on (0, 1).

use rand::Rng;
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{is_unbounded_above, log_complement, log_difference, lost, outside, power_times, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// A number between 0 and 1, distributed much as by a beta distribution, whose cumulative probability 1 - (1 - x^a)^b is elementary.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Kumaraswamy};
///
/// let share = Kumaraswamy::new(2.0_f64, 3.0);
/// assert!((share.cdf(0.5) - (1.0 - 0.75_f64.powi(3))).abs() < 1e-12);
/// assert!((share.log_density(0.5).exp() - 3.0 * 0.75_f64.powi(2)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Kumaraswamy<T> {
    a: T,
    b: T,
}

impl<T: Real> Kumaraswamy<T> {
    /// Creates Kumaraswamy(a, b), with a > 0 and b > 0.
    #[inline(always)]
    pub fn new(a: T, b: T) -> Self {
        Self { a, b }
    }

    /// Returns ln(1 - x^a) from ln(1 / x).
    #[inline(always)]
    fn log_rest(&self, minus_log: T) -> T {
        log_complement((self.a * minus_log).ln())
    }

    /// Returns the logarithm of the probability above `x`.
    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        x.if_le(zero, zero, one.if_le(x, lost(), self.b * self.log_rest(-x.ln())))
    }
}

impl<T: Real> Distribution<T> for Kumaraswamy<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Interval(T::from(0.0), T::from(1.0))
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let log = x.ln();
        let powers = power_times(self.a - 1.0, log) + power_times(self.b - 1.0, self.log_rest(-log));
        unless(outside(x, T::from(0.0), T::from(1.0)), self.a.ln() + self.b.ln() + powers)
    }

    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T) {
        // ln(1 / x), and the Jacobian is x (1 - x).
        let minus_log = (-q).softplus();
        let powers = (self.b - 1.0) * self.log_rest(minus_log) - self.a * minus_log;
        (q.sigmoid(), self.a.ln() + self.b.ln() + powers - q.softplus())
    }
}

impl<T: Real> Cdf<T> for Kumaraswamy<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        -self.log_above(x).exp_m1()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let log_above = self.log_above(low);
        if is_unbounded_above(high) { log_above } else { log_difference(log_above, self.log_above(high)) }
    }
}

impl Draw for Kumaraswamy<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let y: f64 = Exp1.sample(rng);
        self.support().inside((-(-y / self.b).exp_m1()).powf(1.0 / self.a))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.a), "Kumaraswamy", "a", self.a, "positive and finite")?;
        require(is_positive(self.b), "Kumaraswamy", "b", self.b, "positive and finite")
    }
}
