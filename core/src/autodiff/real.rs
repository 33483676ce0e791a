//! The scalar over which densities and user functions are generic.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Rem, Sub};

use num_traits::{NumAssignOps, NumOps, One, Zero};

use super::{Parts, bessel, bessel_sum, incomplete, mean_exp, special};

/// The plain number that stands beside one with derivatives, `f64`. Of the bounds of a trait, users of the trait may rely on those
/// on its own type and on types associated with it: hence `f64` as such a one, for `0.5 * x` in a function that is generic.
/// Among the bounds is that of `f64` with itself, without which the compiler takes every `f64 * _` for one by the scalar.
#[doc(hidden)]
pub trait Beside {
    type Plain;
}

impl<T> Beside for T {
    type Plain = f64;
}

#[doc(hidden)]
pub trait PlainIsF64: Beside<Plain = f64> {}

impl<T> PlainIsF64 for T {}

/// A real number, with or without derivatives.
///
/// Functions used in a model are generic over it: `fn line<T: Real>(x: T, a: T, b: T) -> T { a + b * x }`. On either side of an
/// operator, on the right of a comparison and behind `+=` a plain `f64` suffices, `0.5 * x`; where a number of type `T` must
/// stand, a constant is `T::from(0.5)`. Branches on comparisons are allowed: where several elements of a plate are computed at
/// once and disagree, they are computed again one by one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that a density can be computed with",
    label = "an `f64`, or the `T` of a function that is generic over `T: Real`, stands here",
    note = "a whole number is written with a point, `2.0`, or cast, `n as f64`"
)]
pub trait Real:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + PartialEq
    + PartialOrd
    + PartialEq<f64>
    + PartialOrd<f64>
    + From<f64>
    + Zero
    + One
    + std::ops::Neg<Output = Self>
    + NumOps
    + NumOps<f64>
    + NumAssignOps
    + NumAssignOps<f64>
    + Sum
    + Parts
    + PlainIsF64
    + Beside<
        Plain: Add<Self, Output = Self>
                   + Sub<Self, Output = Self>
                   + Mul<Self, Output = Self>
                   + Div<Self, Output = Self>
                   + Rem<Self, Output = Self>
                   + NumOps<f64, f64>,
    >
{
    /// Returns the number without its derivatives. Like a comparison, it is that of one element where several are
    /// computed at once.
    fn value(self) -> f64;

    /// Returns e to the power of `self`.
    fn exp(self) -> Self;
    /// Returns exp(self) - 1, exact near zero.
    fn exp_m1(self) -> Self;
    /// Returns the natural logarithm.
    fn ln(self) -> Self;
    /// Returns ln(1 + self), exact near zero.
    fn ln_1p(self) -> Self;
    /// Returns the square root.
    fn sqrt(self) -> Self;
    /// Raises `self` to an integer power.
    fn powi(self, n: i32) -> Self;
    /// Raises `self` to a real power; `self` must be positive for the derivative with respect to the power.
    fn powf(self, power: Self) -> Self;
    /// Returns the sine.
    fn sin(self) -> Self;
    /// Returns the cosine.
    fn cos(self) -> Self;
    /// Returns the tangent.
    fn tan(self) -> Self;
    /// Returns the angle whose sine is `self`.
    fn asin(self) -> Self;
    /// Returns the angle whose cosine is `self`.
    fn acos(self) -> Self;
    /// Returns the angle whose tangent is `self`.
    fn atan(self) -> Self;
    /// Returns the angle of the point (x = `other`, y = `self`).
    fn atan2(self, other: Self) -> Self;
    /// Returns the hyperbolic sine.
    fn sinh(self) -> Self;
    /// Returns the hyperbolic cosine.
    fn cosh(self) -> Self;
    /// Returns the hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Returns the absolute value; its derivative at zero is taken as zero.
    fn abs(self) -> Self;
    /// Returns the largest whole number not above `self`; its derivative is zero.
    fn floor(self) -> Self;
    /// Returns ln(Gamma(self)) for `self` > 0.
    fn ln_gamma(self) -> Self;
    /// Returns ln(self!) of a count. A count is data: the result has no derivative.
    fn ln_factorial(self) -> Self;
    /// Returns the error function.
    fn erf(self) -> Self;
    /// Returns the cumulative distribution of the standard normal.
    fn normal_cdf(self) -> Self;
    /// Returns the logarithm of [`Real::normal_cdf`], exact in the lower tail.
    fn ln_normal_cdf(self) -> Self;
    /// Returns ln(I0(self)) - self for `self` >= 0, of the modified Bessel function I0 that normalises directions; NaN elsewhere.
    fn ln_i0e(self) -> Self;
    /// Returns ln(0F1(; b; self)) of the confluent hypergeometric limit function, for `self` >= 0 and b >= 1/2; NaN elsewhere. It is that of
    /// modified Bessel functions: I_v(x) = (x / 2)^v / Gamma(v + 1) 0F1(; v + 1; x^2 / 4). The result has no derivative by `b`.
    fn ln_0f1(self, b: Self) -> Self;
    /// Returns the logarithms of the lower and of the upper regularised incomplete gamma function of shape `self` at `x`, ln P(`self`, `x`)
    /// and ln Q(`self`, `x`): of the probabilities below and above `x` of a gamma distribution of rate one. Each is exact in its tail.
    fn ln_incomplete_gamma(self, x: Self) -> (Self, Self);
    /// Returns the logarithms of the regularised incomplete beta functions of shapes `self` and `other` at x = 1 / (1 + exp(-`logit`)),
    /// ln I_x(`self`, `other`) and ln I_{1-x}(`other`, `self`): of the probabilities below and above x of a beta distribution. Each is
    /// exact in its tail.
    fn ln_incomplete_beta(self, other: Self, logit: Self) -> (Self, Self);
    /// Returns the logarithm of the mean of exp(t) over t between 0 and `self`, ln((exp(self) - 1) / self). It is
    /// smooth at zero, where it is zero, and does not overflow.
    fn log_mean_exp(self) -> Self;
    /// Returns `yes` where `self` < `other`, else `no`: a selection without a branch.
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self;
    /// Returns `yes` where `self` <= `other`, else `no`.
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self;

    #[doc(hidden)]
    fn log_sum_start(self) -> (Self, Self);
    #[doc(hidden)]
    fn log_sum_push(self, state: (Self, Self)) -> (Self, Self);
    #[doc(hidden)]
    fn log_sum_finish(state: (Self, Self)) -> Self;

    #[doc(hidden)]
    #[inline(always)]
    fn inner(x: &[Self], y: &[Self]) -> Self {
        let mut sum = Self::from(0.0);
        for (&x, &y) in x.iter().zip(y) {
            sum += x * y;
        }
        sum
    }

    /// Returns 1 / self.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::from(1.0) / self
    }
    /// Returns self squared.
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }
    /// Returns the larger of two numbers.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.if_lt(other, other, self)
    }
    /// Returns the smaller of two numbers.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.if_lt(other, self, other)
    }
    /// Returns 1 / (1 + exp(-self)).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        // exp of a negative number only: no overflow, and full precision on either side. (Not by `abs`, whose
        // derivative at zero would be lost.)
        let e = self.min(-self).exp();
        let small = e / (e + 1.0);
        self.if_lt(Self::from(0.0), small, (e + 1.0).recip())
    }
    /// Returns ln(1 + exp(self)).
    #[inline(always)]
    fn softplus(self) -> Self {
        self.max(Self::from(0.0)) + self.min(-self).exp().ln_1p()
    }
    /// Returns ln(self / (1 - self)).
    #[inline(always)]
    fn logit(self) -> Self {
        self.ln() - (-self).ln_1p()
    }
}

impl Real for f64 {
    #[inline(always)]
    fn value(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        f64::exp_m1(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        f64::ln_1p(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        f64::powi(self, n)
    }
    #[inline(always)]
    fn powf(self, power: Self) -> Self {
        f64::powf(self, power)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        f64::sin(self)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        f64::cos(self)
    }
    #[inline(always)]
    fn tan(self) -> Self {
        f64::tan(self)
    }
    #[inline(always)]
    fn asin(self) -> Self {
        f64::asin(self)
    }
    #[inline(always)]
    fn acos(self) -> Self {
        f64::acos(self)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        f64::atan(self)
    }
    #[inline(always)]
    fn atan2(self, other: Self) -> Self {
        f64::atan2(self, other)
    }
    #[inline(always)]
    fn sinh(self) -> Self {
        f64::sinh(self)
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        f64::cosh(self)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }
    #[inline(always)]
    fn floor(self) -> Self {
        f64::floor(self)
    }
    #[inline(always)]
    fn ln_gamma(self) -> Self {
        special::ln_gamma(self)
    }
    #[inline(always)]
    fn ln_factorial(self) -> Self {
        special::ln_factorial(self)
    }
    #[inline(always)]
    fn erf(self) -> Self {
        special::erf(self)
    }
    #[inline(always)]
    fn normal_cdf(self) -> Self {
        special::normal_cdf(self)
    }
    #[inline(always)]
    fn ln_normal_cdf(self) -> Self {
        special::ln_normal_cdf(self)
    }
    #[inline(always)]
    fn ln_i0e(self) -> Self {
        bessel::ln_i0e(self)
    }
    #[inline(always)]
    fn ln_0f1(self, b: Self) -> Self {
        bessel_sum::ln_0f1(b, self)
    }
    #[inline(always)]
    fn ln_incomplete_gamma(self, x: Self) -> (Self, Self) {
        let [lower, upper] = incomplete::gamma(self, x);
        (lower[0], upper[0])
    }
    #[inline(always)]
    fn ln_incomplete_beta(self, other: Self, logit: Self) -> (Self, Self) {
        let [lower, upper] = incomplete::beta(self, other, logit);
        (lower[0], upper[0])
    }
    #[inline(always)]
    fn log_mean_exp(self) -> Self {
        mean_exp::log_mean_exp(self).0
    }
    #[inline(always)]
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self {
        if self < other { yes } else { no }
    }
    #[inline(always)]
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self {
        if self <= other { yes } else { no }
    }
    #[inline(always)]
    fn log_sum_start(self) -> (Self, Self) {
        (self, 1.0)
    }
    #[inline(always)]
    fn log_sum_push(self, (largest, sum): (Self, Self)) -> (Self, Self) {
        if self == f64::NEG_INFINITY {
            (largest, sum)
        } else if largest < self {
            (self, sum * (largest - self).exp() + 1.0)
        } else {
            (largest, sum + (self - largest).exp())
        }
    }
    #[inline(always)]
    fn log_sum_finish((largest, sum): (Self, Self)) -> Self {
        largest + sum.ln()
    }
}

/// Returns the inner product of two vectors, such as the covariates of an element and their coefficients.
///
/// In a model, `dot(x, beta)` of data and globals is worked out for all elements of a plate at once, and an element carries one
/// derivative for it, however long the vectors are.
#[inline(always)]
pub fn dot<T: Real, const N: usize>(x: [T; N], y: [T; N]) -> T {
    let mut sum = T::from(0.0);
    for i in 0..N {
        sum += x[i] * y[i];
    }
    sum
}

/// Returns the inner product of two vectors whose length is known when the program runs; NaN, with which nothing is sampled, if the
/// lengths differ.
#[doc(hidden)]
#[inline(always)]
pub fn open_dot<T: Real>(x: impl AsRef<[T]>, y: impl AsRef<[T]>) -> T {
    let (x, y) = (x.as_ref(), y.as_ref());
    if x.len() == y.len() { T::inner(x, y) } else { T::from(f64::NAN) }
}

/// Returns the rows of a matrix from its numbers, row by row.
#[doc(hidden)]
#[inline(always)]
pub fn in_rows<X: Copy, const N: usize, const C: usize, const R: usize>(numbers: [X; N]) -> [[X; C]; R] {
    std::array::from_fn(|r| std::array::from_fn(|c| numbers[r * C + c]))
}

/// Returns the numbers of a matrix, row by row.
#[doc(hidden)]
#[inline(always)]
pub fn in_one_row<X: Copy, const N: usize, const C: usize, const R: usize>(rows: [[X; C]; R]) -> [X; N] {
    std::array::from_fn(|i| rows[i / C][i % C])
}

/// A diagonal matrix, made by [`diag`]: times a matrix it scales the rows of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diagonal<T, const N: usize>([T; N]);

/// Returns the diagonal matrix of some numbers: `diag(tau) * factor` is the Cholesky factor of a covariance with the sds `tau`,
/// where `factor` is that of the correlations.
///
/// ```
/// use hierarch_core::autodiff::diag;
///
/// assert_eq!(diag([2.0, 10.0]) * [[1.0, 0.0], [0.6, 0.8]], [[2.0, 0.0], [6.0, 8.0]]);
/// assert_eq!(<[[f64; 2]; 2]>::from(diag([2.0, 10.0])), [[2.0, 0.0], [0.0, 10.0]]);
/// ```
#[inline(always)]
pub fn diag<T: Real, const N: usize>(x: [T; N]) -> Diagonal<T, N> {
    Diagonal(x)
}

impl<T: Real, const M: usize, const N: usize> Mul<[[T; M]; N]> for Diagonal<T, N> {
    type Output = [[T; M]; N];

    #[inline(always)]
    fn mul(self, matrix: [[T; M]; N]) -> Self::Output {
        let mut scaled = matrix;
        for (row, x) in scaled.iter_mut().zip(self.0) {
            for number in row {
                *number = x * *number;
            }
        }
        scaled
    }
}

impl<T: Real, const N: usize> From<Diagonal<T, N>> for [[T; N]; N] {
    #[inline(always)]
    fn from(diagonal: Diagonal<T, N>) -> Self {
        let mut rows = [[T::from(0.0); N]; N];
        for (i, x) in diagonal.0.into_iter().enumerate() {
            rows[i][i] = x;
        }
        rows
    }
}

/// Returns the product of a matrix, an array of rows, and a vector. The matrix may be one of plain numbers, such as a `param` of a
/// model or a constant, of which `x` is the unknown: the response of a detector, say, and a spectrum.
#[inline(always)]
pub fn matvec<T: Real, E: Copy + Into<T>, const M: usize, const N: usize>(
    matrix: impl Borrow<[[E; N]; M]>,
    x: [T; N],
) -> [T; M] {
    matrix.borrow().map(|row| dot(row.map(E::into), x))
}
