//! The interval between cutpoints in which a value falls.

use rand::Rng;

use crate::autodiff::Real;
use crate::distributions::grouped::{category, check, log_probability};
use crate::distributions::{Cdf, Distribution, Draw, Finite, ParameterError, Support};

/// See [`Grouped`](crate::distributions::Grouped).
#[derive(Clone, Debug)]
pub struct Grouped<D, T> {
    inner: D,
    cutpoints: Vec<T>,
}

impl<D, T: Real> Grouped<D, T> {
    /// Creates Grouped(distribution, cutpoints), with cutpoints that do not decrease.
    pub fn new(distribution: D, cutpoints: impl AsRef<[T]>) -> Self {
        Self { inner: distribution, cutpoints: cutpoints.as_ref().to_vec() }
    }
}

impl<T: Real, D: Cdf<T>> Distribution<T> for Grouped<D, T> {
    type Value = T;

    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(self.cutpoints.len() as f64))
    }

    fn log_density(&self, k: T) -> T {
        log_probability(&self.inner, &self.cutpoints, k)
    }
}

impl<T: Real, D: Cdf<T>> Finite<T> for Grouped<D, T> {
    fn categories(&self) -> usize {
        self.cutpoints.len() + 1
    }
}

impl<D: Draw + Cdf<f64>> Draw for Grouped<D, f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        category(self.inner.draw(rng), &self.cutpoints)
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        check(&self.cutpoints)
    }
}
