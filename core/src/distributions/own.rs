//! What `x[3] ~ Own(..)` is for a distribution of the user's: by the type of its draws, numbers that are drawn one by one, or one
//! draw of the vector.

use rand::Rng;

use super::{Distribution, Draw, Support};
use crate::autodiff::Real;

/// A draw of a distribution of the user's: a number, or a vector.
#[diagnostic::on_unimplemented(
    message = "a draw of this distribution is a `{Self}`, and that is no number and no vector",
    label = "the `Value` of `impl Distribution<T>` is `T`, `[T; N]` or `Vec<T>`"
)]
pub trait OwnDraw<T: Real>: Sized {
    /// Whether a vector is one draw.
    const WHOLE: bool;

    /// Returns the log density at the vector `x`: of one draw, or the sum of those of each number.
    fn log_density<D: Distribution<T, Value = Self>>(distribution: &D, x: &[T]) -> T;

    /// Writes the vector at the unconstrained numbers `q`, and returns the log density of these.
    #[inline(always)]
    fn at_unconstrained<D: Distribution<T, Value = Self>>(distribution: &D, q: &[T], x: &mut [T]) -> T {
        let log_slope = distribution.support().constrain_vector(q, x);
        log_slope + Self::log_density(distribution, x)
    }

    /// Writes draws to `x`; returns how many numbers were drawn.
    fn draw<D: Draw + Distribution<f64, Value = Self>, R: Rng + ?Sized>(
        distribution: &D,
        x: &mut [f64],
        rng: &mut R,
    ) -> usize;
}

/// A draw that fits into a vector of `N` numbers.
#[diagnostic::on_unimplemented(
    message = "the vector has `{N}` numbers in the model, and a draw of this distribution is a `{Self}`",
    label = "draws something else",
    note = "a distribution of vectors draws `[T; {N}]`, or a `Vec<T>` of that length; one of numbers draws `T`"
)]
pub trait Fits<T, const N: usize> {}

/// A draw that fits into a vector whose length is known when the program runs.
#[diagnostic::on_unimplemented(
    message = "the length of the vector is a `size` of the model, and a draw of this distribution is a `{Self}`",
    label = "draws something else",
    note = "a distribution of vectors of any length draws a `Vec<T>`: `type Value = Vec<T>;`"
)]
pub trait FitsAny<T> {}

/// A draw that is one of the numbers of a long vector.
#[diagnostic::on_unimplemented(
    message = "a draw of this distribution is a `{Self}`, the whole vector: say so by a type, `x: [f64; 3] ~ Own(..)`",
    label = "draws the whole vector",
    note = "without a type, each number of a long vector is taken for a draw of its own, of which densities are faster"
)]
pub trait IsNumber<T> {}

impl<T: Real> IsNumber<T> for T {}

impl<T: Real, const N: usize> Fits<T, N> for T {}
impl<T: Real, const N: usize> Fits<T, N> for [T; N] {}
impl<T: Real, const N: usize> Fits<T, N> for Vec<T> {}

impl<T: Real> FitsAny<T> for T {}
impl<T: Real> FitsAny<T> for Vec<T> {}

impl<T: Real> OwnDraw<T> for T {
    const WHOLE: bool = false;

    #[inline(always)]
    fn log_density<D: Distribution<T, Value = T>>(distribution: &D, x: &[T]) -> T {
        let mut sum = T::from(0.0);
        for &x in x {
            sum += distribution.log_density(x);
        }
        sum
    }

    #[inline(always)]
    fn at_unconstrained<D: Distribution<T, Value = T>>(distribution: &D, q: &[T], x: &mut [T]) -> T {
        let mut sum = T::from(0.0);
        for (x, &q) in x.iter_mut().zip(q) {
            let (value, term) = distribution.at_unconstrained(q);
            *x = value;
            sum += term;
        }
        sum
    }

    #[inline(always)]
    fn draw<D: Draw + Distribution<f64, Value = T>, R: Rng + ?Sized>(
        distribution: &D,
        x: &mut [f64],
        rng: &mut R,
    ) -> usize {
        x.iter_mut().for_each(|x| *x = distribution.draw(rng).value());
        x.len()
    }
}

impl<T: Real, const N: usize> OwnDraw<T> for [T; N] {
    const WHOLE: bool = true;

    #[inline(always)]
    fn log_density<D: Distribution<T, Value = Self>>(distribution: &D, x: &[T]) -> T {
        let mut all = [T::from(f64::NAN); N];
        for (to, &x) in all.iter_mut().zip(x) {
            *to = x;
        }
        distribution.log_density(all)
    }

    #[inline(always)]
    fn draw<D: Draw + Distribution<f64, Value = Self>, R: Rng + ?Sized>(
        distribution: &D,
        x: &mut [f64],
        rng: &mut R,
    ) -> usize {
        let drawn = distribution.draw(rng);
        x.iter_mut().zip(drawn).for_each(|(x, drawn)| *x = drawn.value());
        N
    }
}

impl<T: Real> OwnDraw<T> for Vec<T> {
    const WHOLE: bool = true;

    #[inline(always)]
    fn log_density<D: Distribution<T, Value = Self>>(distribution: &D, x: &[T]) -> T {
        distribution.log_density(x.to_vec())
    }

    fn draw<D: Draw + Distribution<f64, Value = Self>, R: Rng + ?Sized>(
        distribution: &D,
        x: &mut [f64],
        rng: &mut R,
    ) -> usize {
        let drawn = distribution.draw(rng);
        x.iter_mut().zip(&drawn).for_each(|(x, drawn)| *x = drawn.value());
        drawn.len()
    }
}

/// Returns the vector at the unconstrained numbers `q`, and the log density of these.
#[inline(always)]
pub fn own_at_unconstrained<T: Real, D: Distribution<T>, const N: usize>(distribution: &D, q: [T; N]) -> ([T; N], T)
where
    D::Value: OwnDraw<T> + Fits<T, N>,
{
    let mut x = [T::from(0.0); N];
    let term = <D::Value as OwnDraw<T>>::at_unconstrained(distribution, &q, &mut x);
    (x, term)
}

/// Returns the vector at the unconstrained numbers `q`, and the log density of these.
pub fn own_at_unconstrained_open<T: Real, D: Distribution<T>>(distribution: &D, q: &[T]) -> (Vec<T>, T)
where
    D::Value: OwnDraw<T> + FitsAny<T>,
{
    let mut x = vec![T::from(0.0); q.len()];
    let term = <D::Value as OwnDraw<T>>::at_unconstrained(distribution, q, &mut x);
    (x, term)
}

/// Returns the value at an unconstrained number, and the log density of this.
#[inline(always)]
pub fn own_number<T: Real, D: Distribution<T>>(distribution: &D, q: T) -> (T, T)
where
    D::Value: OwnDraw<T> + IsNumber<T>,
{
    let mut x = [T::from(0.0)];
    let term = <D::Value as OwnDraw<T>>::at_unconstrained(distribution, &[q], &mut x);
    (x[0], term)
}

/// Returns the log density at the vector `x`.
#[inline(always)]
pub fn own_log_density<T: Real, D: Distribution<T>, const N: usize>(distribution: &D, x: [T; N]) -> T
where
    D::Value: OwnDraw<T> + Fits<T, N>,
{
    <D::Value as OwnDraw<T>>::log_density(distribution, &x)
}

/// Returns the log density at the vector `x`.
pub fn own_log_density_open<T: Real, D: Distribution<T>>(distribution: &D, x: &[T]) -> T
where
    D::Value: OwnDraw<T> + FitsAny<T>,
{
    <D::Value as OwnDraw<T>>::log_density(distribution, x)
}

/// Says why a latent vector of `len` numbers cannot have the support of a distribution of the user's; `None` if it can.
pub fn own_misfit<D: Distribution<f64>>(distribution: &D, len: usize) -> Option<&'static str>
where
    D::Value: OwnDraw<f64>,
{
    let support: Support<f64> = distribution.support();
    let free = !<D::Value as OwnDraw<f64>>::WHOLE || support.free(len) == len;
    (!free).then_some(
        "a support of which each number is free, or that is `Ordered`, as it is for a latent vector of a distribution of your own: \
         take a library's distribution of that support, and put the ratio of the densities into a `factor`",
    )
}
