//! The supports of distributions, and the maps from unconstrained numbers to them.

use super::numeric::{SUM_TOLERANCE, is_unbounded_above, is_unbounded_below};
use crate::autodiff::Real;

/// The values that a distribution can take.
///
/// Bounds may depend on other variables. A bound that is NaN is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Support<T> {
    /// Any real number; for a vector, in each component.
    Real,
    /// Numbers above a bound.
    Above(T),
    /// Numbers below a bound.
    Below(T),
    /// Numbers between two bounds.
    Interval(T, T),
    /// Whole numbers from the first bound to the second, both included; either may be infinite.
    Whole(T, T),
    /// Vectors of positive numbers whose sum is one.
    Simplex,
    /// Vectors of numbers between two bounds, either of which may be infinite, from the smallest to the largest.
    Ordered(T, T),
    /// Vectors whose sum is zero.
    ZeroSum,
    /// Cholesky factors of correlation matrices, row by row: lower triangles with a positive diagonal and rows of length one.
    CorrelationFactor,
    /// Vectors of length one.
    UnitVector,
    /// Cholesky factors of covariance matrices, row by row: lower triangles with a positive diagonal.
    CovarianceFactor,
    /// Covariance matrices, row by row: symmetric and positive definite.
    Covariance,
}

impl<T: Real> Support<T> {
    /// Returns the support from one bound to another, either of which may be infinite; of whole numbers if `whole`.
    #[inline(always)]
    pub(crate) fn between(low: T, high: T, whole: bool) -> Self {
        if whole {
            return Self::Whole(low, high);
        }
        match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => Self::Real,
            (true, false) => Self::Below(high),
            (false, true) => Self::Above(low),
            (false, false) => Self::Interval(low, high),
        }
    }

    /// Returns the bounds, infinite where there is none, and whether the values are whole: the inverse of
    /// [`Support::between`].
    #[inline(always)]
    pub(crate) fn bounds(&self) -> (T, T, bool) {
        let (lowest, highest) = (T::from(f64::NEG_INFINITY), T::from(f64::INFINITY));
        match *self {
            Self::Real => (lowest, highest, false),
            Self::Above(low) => (low, highest, false),
            Self::Below(high) => (lowest, high, false),
            Self::Interval(low, high) => (low, high, false),
            Self::Whole(low, high) => (low, high, true),
            Self::Simplex => (T::from(0.0), T::from(1.0), false),
            Self::Ordered(low, high) => (low, high, false),
            Self::ZeroSum | Self::CovarianceFactor | Self::Covariance => (lowest, highest, false),
            Self::CorrelationFactor | Self::UnitVector => (T::from(-1.0), T::from(1.0), false),
        }
    }

    /// Returns the value at an unconstrained number `q`, and the logarithm of its derivative there.
    ///
    /// `low + exp(q)`, `high - exp(q)` and `low + (high - low) / (1 + exp(-q))`. Whole numbers have no such map and are
    /// returned unchanged: they are summed out, not sampled. A vector is mapped by [`Support::constrain_vector`].
    #[inline(always)]
    pub fn constrain(&self, q: T) -> (T, T) {
        match *self {
            Self::Above(low) => (low + q.exp(), q),
            Self::Below(high) => (high - q.exp(), q),
            Self::Interval(low, high) => {
                let width = high - low;
                // ln(s (1 - s)) = -|q| - 2 ln(1 + exp(-|q|)), the same on both sides.
                let a = -q.abs();
                let log_slope = a - a.exp().ln_1p() * 2.0;
                (low + width * q.sigmoid(), width.ln() + log_slope)
            }
            _ => (q, T::from(0.0)),
        }
    }
}

impl Support<f64> {
    /// Returns `x`, or the nearest number inside if `x` is a bound: where a value is so close to its bound that it was
    /// rounded to it.
    pub fn inside(&self, x: f64) -> f64 {
        // No subnormal number: the exponential of vector registers has none.
        let above = |low: f64| if x == low { low.next_up().max(low + f64::MIN_POSITIVE) } else { x };
        let below = |high: f64| if x == high { high.next_down().min(high - f64::MIN_POSITIVE) } else { x };
        match *self {
            Self::Above(low) => above(low),
            Self::Below(high) => below(high),
            Self::Interval(low, high) => {
                if x == low {
                    above(low)
                } else {
                    below(high)
                }
            }
            _ => x,
        }
    }

    /// Returns the unconstrained number of a value: the inverse of [`Support::constrain`]. A value on a bound counts as
    /// the nearest number [`inside`](Support::inside); one beyond it gives NaN.
    pub fn unconstrain(&self, x: f64) -> f64 {
        let x = self.inside(x);
        match *self {
            Self::Above(low) => (x - low).ln(),
            Self::Below(high) => (high - x).ln(),
            Self::Interval(low, high) => (x - low).ln() - (high - x).ln(),
            _ => x,
        }
    }

    /// Describes the support in words.
    pub fn describe(&self) -> String {
        match *self {
            Self::Real => "any real number".to_owned(),
            Self::Above(low) => format!("numbers above {low}"),
            Self::Below(high) => format!("numbers below {high}"),
            Self::Interval(low, high) => format!("numbers between {low} and {high}"),
            Self::Whole(low, high) if high.is_finite() => format!("whole numbers from {low} to {high}"),
            Self::Whole(low, _) if low.is_finite() => format!("whole numbers from {low}"),
            Self::Whole(..) => "whole numbers".to_owned(),
            Self::Simplex => "positive numbers whose sum is 1".to_owned(),
            Self::Ordered(low, high) => match (low.is_finite(), high.is_finite()) {
                (false, false) => "numbers from the smallest to the largest".to_owned(),
                _ => format!("numbers between {low} and {high}, from the smallest to the largest"),
            },
            Self::ZeroSum => "numbers whose sum is 0".to_owned(),
            Self::CorrelationFactor => "a Cholesky factor of a correlation matrix".to_owned(),
            Self::UnitVector => "a vector of length 1".to_owned(),
            Self::CovarianceFactor => "a Cholesky factor of a covariance matrix".to_owned(),
            Self::Covariance => "a covariance matrix".to_owned(),
        }
    }

    /// Returns whether `x` can be a value, as far as the bounds are known. For a simplex, `x` is one component. The
    /// ends of an interval are accepted: rounded data may lie on them.
    pub fn contains(&self, x: f64) -> bool {
        let above = |low: f64| low.is_nan() || x >= low;
        let below = |high: f64| high.is_nan() || x <= high;
        x.is_finite()
            && match *self {
                Self::Real | Self::ZeroSum | Self::CovarianceFactor | Self::Covariance => true,
                Self::Above(low) => above(low),
                Self::Below(high) => below(high),
                Self::Interval(low, high) | Self::Ordered(low, high) => above(low) && below(high),
                Self::Whole(low, high) => x.fract() == 0.0 && above(low) && below(high),
                Self::Simplex => (0.0..=1.0).contains(&x),
                Self::CorrelationFactor => (-1.0..=1.0).contains(&x),
                // Rounded data may be just beyond.
                Self::UnitVector => x.abs() <= 1.000_001,
            }
    }
}

/// Returns the point of the simplex at unconstrained numbers `q`, of which the last is not used, and the logarithm of
/// the Jacobian determinant: stick breaking as in Stan, z_k = sigmoid(q_k - ln(N - k)), x_k = z_k (1 - x_1 - ... -
/// x_{k-1}).
#[inline(always)]
pub fn constrain_simplex<T: Real, const N: usize>(q: [T; N]) -> ([T; N], T) {
    let mut x = [T::from(0.0); N];
    let log_jacobian = break_stick(&q, &mut x);
    (x, log_jacobian)
}

/// Writes the point of the simplex at `q` to `x`, which has the length of `q`, and returns the logarithm of the
/// Jacobian determinant: see [`constrain_simplex`].
#[inline(always)]
pub fn break_stick<T: Real>(q: &[T], x: &mut [T]) -> T {
    let n = x.len();
    let mut log_left = T::from(0.0);
    let mut log_jacobian = T::from(0.0);
    for k in 0..n.saturating_sub(1) {
        let u = q[k] - ((n - 1 - k) as f64).ln();
        // ln(z) = -softplus(-u) and ln(1 - z) = -softplus(u).
        let (log_z, log_rest) = (-(-u).softplus(), -u.softplus());
        x[k] = (log_left + log_z).exp();
        log_jacobian += log_z + log_rest + log_left;
        log_left += log_rest;
    }
    x[n - 1] = log_left.exp();
    log_jacobian
}

/// Returns the unconstrained numbers of a point of the simplex: the inverse of [`constrain_simplex`].
pub fn unconstrain_simplex<const N: usize>(x: [f64; N]) -> [f64; N] {
    let mut q = [0.0; N];
    mend_stick(&x, &mut q);
    q
}

/// Writes the unconstrained numbers of a point of the simplex to `q`, which has the length of `x`: see
/// [`unconstrain_simplex`]. They are NaN if the numbers do not sum to one or one of them is negative.
pub fn mend_stick(x: &[f64], q: &mut [f64]) {
    let n = x.len();
    let mut rest = 0.0;
    // From the end: what is left of the stick is the sum of the parts that follow. (One less the parts before would lose
    // its digits where it is small.)
    for k in (0..n.saturating_sub(1)).rev() {
        rest += x[k + 1];
        // A part of zero counts as the smallest number.
        let [part, rest] = [x[k], rest].map(|x| if x == 0.0 { f64::MIN_POSITIVE } else { x });
        q[k] = part.ln() - rest.ln() + ((n - 1 - k) as f64).ln();
    }
    if (x.iter().sum::<f64>() - 1.0).abs() > SUM_TOLERANCE {
        q.fill(f64::NAN);
    }
}
