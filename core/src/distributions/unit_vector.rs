//! Directions: vectors of length one, uniform, or around a mean by the von Mises-Fisher distribution. Densities are with respect to the
//! area of the sphere.

use rand::{Rng, RngExt};
use rand_distr::{Beta, Distribution as _, Open01, StandardNormal};

use super::numeric::{LN_2, LN_PI, from_zero, lost};
use super::{Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// Returns the logarithm of the area of the sphere of vectors of `n` numbers and of length one, 2 pi^(n / 2) / Gamma(n / 2).
pub(crate) fn ln_area(n: usize) -> f64 {
    LN_2 + 0.5 * n as f64 * LN_PI - Real::ln_gamma(0.5 * n as f64)
}

/// The largest accepted distance of the squared length from one.
pub(crate) const LENGTH_TOLERANCE: f64 = 1e-6;

/// Returns `log`, or minus infinity where the length of `x` is not one.
#[inline(always)]
pub(crate) fn on_sphere<T: Real>(x: &[T], log: T) -> T {
    T::from(LENGTH_TOLERANCE).if_lt((T::inner(x, x) - 1.0).abs(), lost(), log)
}

/// Writes a uniform direction to `x`.
pub(crate) fn draw_direction<R: Rng + ?Sized>(x: &mut [f64], rng: &mut R) {
    x.iter_mut().for_each(|x| *x = StandardNormal.sample(rng));
    let length = f64::inner(x, x).sqrt();
    x.iter_mut().for_each(|x| *x /= length);
}

/// Writes a direction around `mean` to `x` (Wood, Communications in Statistics B 1994).
pub(crate) fn draw_around<R: Rng + ?Sized>(mean: &[f64], concentration: f64, x: &mut [f64], rng: &mut R) {
    let d = mean.len() as f64 - 1.0;
    let b = d / (2.0 * concentration + (4.0 * concentration * concentration + d * d).sqrt());
    let x0 = (1.0 - b) / (1.0 + b);
    let c = concentration * x0 + d * (1.0 - x0 * x0).ln();
    let Ok(beta) = Beta::new(0.5 * d, 0.5 * d) else { return x.fill(f64::NAN) };
    let along = loop {
        let z: f64 = beta.sample(rng);
        let w = (1.0 - (1.0 + b) * z) / (1.0 - (1.0 - b) * z);
        let u: f64 = rng.sample(Open01);
        if concentration * w + d * (1.0 - x0 * w).ln() - c >= u.ln() {
            break w;
        }
    };
    // Any direction at a right angle to the mean.
    draw_direction(x, rng);
    let share = f64::inner(x, mean);
    x.iter_mut().zip(mean).for_each(|(x, mean)| *x -= share * mean);
    let across = ((1.0 - along * along) / f64::inner(x, x)).sqrt();
    x.iter_mut().zip(mean).for_each(|(x, mean)| *x = along * mean + across * *x);
}

/// Returns the log density of a direction whose inner product with the mean is `cosine`.
#[inline(always)]
pub(crate) fn log_density_around<T: Real>(n: usize, concentration: T, cosine: T) -> T {
    let log = concentration * cosine - (concentration.square() * 0.25).ln_0f1(T::from(0.5 * n as f64)) - ln_area(n);
    from_zero(concentration, log)
}

pub(crate) fn check_around(mean: &[f64], concentration: f64) -> Result<(), ParameterError> {
    let name = "VonMisesFisher";
    require(mean.len() > 1, name, "the mean", mean, "of two numbers or more")?;
    let off = (f64::inner(mean, mean) - 1.0).abs();
    require(off <= LENGTH_TOLERANCE, name, "the mean", mean, "a vector of length 1")?;
    let positive = concentration >= 0.0 && concentration.is_finite();
    require(positive, name, "the concentration", concentration, "zero or more, and finite")
}

/// N numbers whose squares sum to one: any direction, each as likely as the others.
///
/// ```
/// use hierarch_core::distributions::{Distribution, UnitVector};
///
/// // Of three numbers: one over the area of the sphere.
/// let direction = UnitVector::new();
/// let log_density: f64 = direction.log_density([0.6, 0.0, -0.8]);
/// assert!((log_density + (4.0 * std::f64::consts::PI).ln()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct UnitVector<const N: usize>;

impl<const N: usize> UnitVector<N> {
    /// Creates UnitVector() of N numbers.
    #[inline(always)]
    pub fn new() -> Self {
        Self
    }
}

impl<T: Real, const N: usize> Distribution<T> for UnitVector<N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::UnitVector
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        on_sphere(&x, T::from(-ln_area(N)))
    }
}

impl<const N: usize> Draw for UnitVector<N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        let mut x = [0.0; N];
        draw_direction(&mut x, rng);
        x
    }
}

/// N numbers whose squares sum to one, around a mean direction: density c exp(concentration mean'x). Without a concentration it is
/// [`UnitVector`]; of two numbers, [`VonMises`](super::VonMises) is the same of their angle.
///
/// ```
/// use hierarch_core::distributions::{Distribution, VonMisesFisher};
///
/// // Of three numbers, c = concentration / (4 pi sinh(concentration)).
/// let direction = VonMisesFisher::new([0.0, 0.0, 1.0], 2.0_f64);
/// let c = 2.0 / (4.0 * std::f64::consts::PI * 2.0_f64.sinh());
/// assert!((direction.log_density([0.6, 0.0, -0.8]) - (c.ln() - 1.6)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VonMisesFisher<T, const N: usize> {
    mean: [T; N],
    concentration: T,
}

impl<T: Real, const N: usize> VonMisesFisher<T, N> {
    /// Creates VonMisesFisher(mean, concentration), with a mean of length one and concentration >= 0.
    #[inline(always)]
    pub fn new(mean: [T; N], concentration: T) -> Self {
        Self { mean, concentration }
    }
}

impl<T: Real, const N: usize> Distribution<T> for VonMisesFisher<T, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::UnitVector
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        on_sphere(&x, log_density_around(N, self.concentration, T::inner(&self.mean, &x)))
    }
}

impl<const N: usize> Draw for VonMisesFisher<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        let mut x = [f64::NAN; N];
        if self.check().is_ok() {
            draw_around(&self.mean, self.concentration, &mut x, rng);
        }
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        check_around(&self.mean, self.concentration)
    }
}
