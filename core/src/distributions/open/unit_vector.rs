//! Directions.

use rand::Rng;

use crate::autodiff::Real;
use crate::distributions::unit_vector::{
    check_around, draw_around, draw_direction, ln_area, log_density_around, on_sphere,
};
use crate::distributions::{Distribution, Draw, ParameterError, Support};

/// See [`UnitVector`](crate::distributions::UnitVector).
#[derive(Clone, Copy, Debug)]
pub struct UnitVector {
    len: usize,
}

impl UnitVector {
    /// Creates UnitVector() of `len` numbers.
    pub fn new(len: usize) -> Self {
        Self { len }
    }
}

impl<T: Real> Distribution<T> for UnitVector {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::UnitVector
    }

    fn log_density(&self, x: Vec<T>) -> T {
        on_sphere(&x, T::from(-ln_area(x.len())))
    }
}

impl Draw for UnitVector {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut x = vec![0.0; self.len];
        draw_direction(&mut x, rng);
        x
    }
}

/// See [`VonMisesFisher`](crate::distributions::VonMisesFisher).
#[derive(Clone, Debug)]
pub struct VonMisesFisher<T> {
    mean: Vec<T>,
    concentration: T,
}

impl<T: Real> VonMisesFisher<T> {
    /// Creates VonMisesFisher(mean, concentration), with a mean of length one and concentration >= 0.
    pub fn new(mean: impl AsRef<[T]>, concentration: T) -> Self {
        Self { mean: mean.as_ref().to_vec(), concentration }
    }
}

impl<T: Real> Distribution<T> for VonMisesFisher<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::UnitVector
    }

    fn log_density(&self, x: Vec<T>) -> T {
        on_sphere(&x, log_density_around(x.len(), self.concentration, T::inner(&self.mean, &x)))
    }
}

impl Draw for VonMisesFisher<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut x = vec![f64::NAN; self.mean.len()];
        if self.check().is_ok() {
            draw_around(&self.mean, self.concentration, &mut x, rng);
        }
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        check_around(&self.mean, self.concentration)
    }
}
