//! The function common to the isothermal ellipsoid and the NFW halo:
//!
//! G(c) = arccos(1 / c) / sqrt(c^2 - 1) for c > 1, and arcosh(1 / c) / sqrt(1 - c^2) for c < 1.
//!
//! It is one analytic function of c^2 > 0, with G(1) = 1. Both formulas are 0 / 0 there, and their derivatives are
//! inaccurate near it, too: near c = 1 it is computed from its series. All functions take c^2, and have no branch.

use hierarch_core::autodiff::Real;

/// The largest |c^2 - 1| for the series.
const NEAR: f64 = 1.0 / 32.0;
/// Terms of the series: the first omitted term is below 1e-16 of the sum.
const TERMS: u32 = 11;

/// Returns G(c) for c >= 1.
#[inline(always)]
pub(super) fn above<T: Real>(c2: T) -> T {
    let u = c2 - 1.0;
    let root = u.sqrt();
    u.if_lt(T::from(NEAR), series(u, 0), root.atan() / root)
}

/// Returns G(c) for c <= 1. It is infinite at zero, as the logarithm is.
#[inline(always)]
pub(super) fn below<T: Real>(c2: T) -> T {
    let u = c2 - 1.0;
    let root = (-u).sqrt();
    T::from(-NEAR).if_lt(u, series(u, 0), (root.ln_1p() - c2.ln() * 0.5) / root)
}

/// Returns G(c).
#[inline(always)]
pub(super) fn ratio<T: Real>(c2: T) -> T {
    T::from(1.0).if_lt(c2, above(c2), below(c2))
}

/// Returns (1 - G(c)) / (c^2 - 1), one third at c = 1.
#[inline(always)]
pub(super) fn defect<T: Real>(c2: T) -> T {
    let u = c2 - 1.0;
    u.abs().if_lt(T::from(NEAR), series(u, 1), (T::from(1.0) - ratio(c2)) / u)
}

/// Returns the sum of (-u)^(k - from) / (2 k + 1) over k >= `from`, which is G at c^2 = 1 + u for `from` = 0.
#[inline(always)]
fn series<T: Real>(u: T, from: u32) -> T {
    let mut sum = T::from(0.0);
    for k in (from..from + TERMS).rev() {
        sum = T::from(1.0 / f64::from(2 * k + 1)) - u * sum;
    }
    sum
}
