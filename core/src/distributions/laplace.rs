//! The Laplace (double exponential) distribution: density exp(-|z|) / (2 scale) with z = (x - location) / scale. The asymmetric one:
//! exp(-k z) / (scale (k + 1 / k)) for z >= 0 and exp(z / k) / (scale (k + 1 / k)) for z < 0, with k the asymmetry.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp1};

use super::numeric::{LN_2, Tails, is_unbounded_above, is_unbounded_below, log_difference, standard};
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

/// The Laplace distribution whose sides decrease with different scales (scipy's `laplace_asymmetric`).
///
/// ```
/// use hierarch_core::distributions::{AsymmetricLaplace, Cdf, Distribution};
///
/// // With an asymmetry of 2, four fifths of the probability are below the location.
/// let x = AsymmetricLaplace::new(1.0_f64, 3.0, 2.0);
/// assert!((x.cdf(1.0) - 0.8).abs() < 1e-12);
/// assert!((x.log_density(4.0).exp() - (-2.0_f64).exp() / (3.0 * 2.5)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AsymmetricLaplace<T> {
    location: T,
    scale: T,
    asymmetry: T,
}

impl<T: Real> AsymmetricLaplace<T> {
    /// Creates AsymmetricLaplace(location, scale, asymmetry), with scale > 0 and asymmetry > 0: above the location the density
    /// decreases with the scale scale / asymmetry, and below it with scale * asymmetry. The location is the quantile of
    /// q = asymmetry^2 / (1 + asymmetry^2), so that a regression on it is one of the quantile q.
    #[inline(always)]
    pub fn new(location: T, scale: T, asymmetry: T) -> Self {
        Self { location, scale, asymmetry }
    }
}

impl<T: Real> Distribution<T> for AsymmetricLaplace<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Real
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        let z = standard(x, self.location, self.scale);
        let inverse = self.asymmetry.recip();
        z.if_lt(T::from(0.0), z * inverse, -z * self.asymmetry) - self.scale.ln() - (self.asymmetry + inverse).ln()
    }
}

impl<T: Real> Tails<T> for AsymmetricLaplace<T> {
    #[inline(always)]
    fn log_below(&self, x: T) -> T {
        let z = standard(x, self.location, self.scale);
        let upper = -z * self.asymmetry - self.asymmetry.square().ln_1p();
        let lower = z / self.asymmetry - self.asymmetry.square().recip().ln_1p();
        z.if_lt(T::from(0.0), lower, (-upper.exp()).ln_1p())
    }

    #[inline(always)]
    fn log_above(&self, x: T) -> T {
        // The mirror image.
        Self::new(-self.location, self.scale, self.asymmetry.recip()).log_below(-x)
    }
}

impl<T: Real> Cdf<T> for AsymmetricLaplace<T> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.log_below(x).exp()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        self.log_within(low, high)
    }
}

impl Draw for AsymmetricLaplace<f64> {
    #[inline(always)]
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let (up, down): (f64, f64) = (Exp1.sample(rng), Exp1.sample(rng));
        self.location + self.scale * (up / self.asymmetry - down * self.asymmetry)
    }

    fn check(&self) -> Result<(), ParameterError> {
        let name = "AsymmetricLaplace";
        require(self.location.is_finite(), name, "the location", self.location, "finite")?;
        require(is_positive(self.scale), name, "the scale", self.scale, "positive and finite")?;
        require(is_positive(self.asymmetry), name, "the asymmetry", self.asymmetry, "positive and finite")
    }
}
