//! A density to the power of a weight.

use rand::Rng;

use super::{Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// A term of a density that counts as `weight` of them: weights of a survey, a prior to a power, or rows that stand for several.
/// The result is no density of its own, so that nothing can be drawn from it.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal, Weighted};
///
/// let answer = Normal::new(0.0_f64, 1.0);
/// assert_eq!(Weighted::new(answer, 3.0).log_density(0.5), 3.0 * answer.log_density(0.5));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Weighted<D, T> {
    inner: D,
    weight: T,
}

impl<D, T: Real> Weighted<D, T> {
    /// Creates Weighted(inner, weight), with a weight that is not negative.
    #[inline(always)]
    pub fn new(inner: D, weight: T) -> Self {
        Self { inner, weight }
    }
}

impl<T: Real, D: Distribution<T>> Distribution<T> for Weighted<D, T> {
    type Value = D::Value;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        self.inner.support()
    }

    #[inline(always)]
    fn log_density(&self, x: D::Value) -> T {
        // What does not count may be impossible.
        let (zero, log) = (T::from(0.0), self.inner.log_density(x));
        zero.if_lt(self.weight, log * self.weight, self.weight.if_lt(zero, T::from(f64::NAN), zero))
    }
}

impl<D: Draw> Draw for Weighted<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> D::Value {
        self.inner.draw(rng)
    }

    /// Returns an error, always.
    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        require(false, "Weighted", "the weight", self.weight, "left out where something is drawn")
    }

    fn check_density(&self) -> Result<(), ParameterError> {
        require(self.weight >= 0.0, "Weighted", "the weight", self.weight, "zero or more")?;
        self.inner.check_density()
    }

    fn impossible(&self, x: &D::Value) -> Option<(&'static str, f64, String)> {
        self.inner.impossible(x).filter(|_| self.weight > 0.0)
    }
}
