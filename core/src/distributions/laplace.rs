//! The Laplace (double exponential) distribution: density exp(-|x - location| / scale) / (2 scale).

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{LN_2, is_unbounded_above, is_unbounded_below, log_difference, standard};
use super::{Cdf, Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The Laplace distribution with a location and a scale.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Laplace};
///
/// let x = Laplace::new(1.0_f64, 2.0);
/// assert!((x.log_density(3.0).exp() - (-1.0_f64).exp() / (2.0 * 2.0)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Laplace<T> {
    location: T,
    scale: T,
}

impl<T: Real> Laplace<T> {
    /// Creates Laplace(location, scale), with scale > 0 the mean absolute deviation.
    #[inline(always)]
    pub fn new(location: T, scale: T) -> Self {
        Self { location, scale }
    }
}

impl<T: Real> Distribution<T> for Laplace<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        -standard(x, self.location, self.scale).abs() - self.scale.ln() - LN_2
    }
}

impl<T: Real> Cdf<T> for Laplace<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        let z = (x - self.location) / self.scale;
        let tail = z.min(-z).exp() * 0.5;
        z.if_lt(T::from(0.0), tail, -tail + 1.0)
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        let z = |x: T| (x - self.location) / self.scale;
        // ln of the probability below z.
        let log_cdf = |z: T| z.if_lt(T::from(0.0), z - LN_2, (z.min(-z).exp() * -0.5).ln_1p());
        match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => T::from(0.0),
            (true, false) => log_cdf(z(high)),
            (false, true) => log_cdf(-z(low)),
            (false, false) => {
                let (a, b) = (z(low), z(high));
                let (flip, zero) = (a + b, T::from(0.0));
                log_difference(log_cdf(zero.if_lt(flip, -a, b)), log_cdf(zero.if_lt(flip, -b, a)))
            }
        }
    }
}

impl Draw for Laplace<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let distance: f64 = Exp1.sample(rng);
        let side = if rng.random::<bool>() { self.scale } else { -self.scale };
        self.location + side * distance
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(self.location.is_finite(), "Laplace", "the location", self.location, "finite")?;
        require(is_positive(self.scale), "Laplace", "the scale", self.scale, "positive and finite")
    }
}
