//! Shared parts of densities: selections without branches, so that the lanes of a register stay together, and
//! differences without cancellation.

use super::ParameterError;
use crate::autodiff::Real;

pub(crate) const LN_2: f64 = std::f64::consts::LN_2;
/// ln(pi).
pub(crate) const LN_PI: f64 = 1.144_729_885_849_400_2;
/// The largest accepted difference between the sum of probabilities and one: rounding, and no more.
pub(crate) const SUM_TOLERANCE: f64 = 1e-8;
/// The same for the parts of a whole in data: those that a file has to six decimals are off by one in the last of them.
pub(crate) const PARTS_TOLERANCE: f64 = 2e-6;

const LOST: f64 = f64::NEG_INFINITY;

/// Returns minus infinity, the logarithm of zero.
#[inline(always)]
pub(crate) fn lost<T: Real>() -> T {
    T::from(LOST)
}

/// Returns one where `x` is outside [low, high], else zero. The result is a constant: selecting by it costs one
/// operation for any number of bounds.
#[inline(always)]
pub(crate) fn outside<T: Real>(x: T, low: T, high: T) -> T {
    let (yes, no) = (T::from(1.0), T::from(0.0));
    x.if_lt(low, yes, high.if_lt(x, yes, no))
}

/// Returns one where `x` is not one of 0, 1, ..., `last`, else zero.
#[inline(always)]
pub(crate) fn not_whole<T: Real>(x: T, last: T) -> T {
    let (yes, no) = (T::from(1.0), T::from(0.0));
    x.if_lt(no, yes, last.if_lt(x, yes, x.floor().if_lt(x, yes, no)))
}

/// Returns one where `x` is neither 0 nor 1, else zero.
#[inline(always)]
pub(crate) fn not_bit<T: Real>(x: T) -> T {
    let (yes, no) = (T::from(1.0), T::from(0.0));
    no.if_lt((x * (x - 1.0)).abs(), yes, no)
}

/// Returns (x - location) / scale, by the reciprocal of the scale: that is often the same for all elements of a plate.
#[inline(always)]
pub(crate) fn standard<T: Real>(x: T, location: T, scale: T) -> T {
    (x - location) * scale.recip()
}

/// Returns `value`, or minus infinity where `bad` is above zero.
#[inline(always)]
pub(crate) fn unless<T: Real>(bad: T, value: T) -> T {
    T::from(0.0).if_lt(bad, lost(), value)
}

/// Returns `value` where `x` >= 0, else minus infinity.
#[inline(always)]
pub(crate) fn from_zero<T: Real>(x: T, value: T) -> T {
    x.if_lt(T::from(0.0), lost(), value)
}

/// Returns the natural logarithm of the width of an interval, minus infinity if it is empty.
#[inline(always)]
pub(crate) fn ln_width<T: Real>(width: T) -> T {
    T::from(0.0).if_lt(width, width.ln(), lost())
}

/// Returns the logarithm of a probability, or minus infinity if it is above zero, which only invalid parameters give.
#[inline(always)]
pub(crate) fn log_probability<T: Real>(value: T) -> T {
    T::from(0.0).if_lt(value, lost(), value)
}

/// Returns `power * log`, the logarithm of a power, and zero for a power of zero even where the logarithm is infinite: on the
/// edge of a support.
#[inline(always)]
pub(crate) fn power_times<T: Real>(power: T, log: T) -> T {
    let (zero, product) = (T::from(0.0), power * log);
    log.if_lt(T::from(f64::MIN), power.abs().if_le(zero, zero, product), product)
}

/// Returns `count * log`, and zero for a count of zero even where the logarithm is infinite.
#[inline(always)]
pub(crate) fn count_times<T: Real>(count: T, log: T) -> T {
    count.if_le(T::from(0.0), T::from(0.0), count * log)
}

/// Returns ln(exp(a) - exp(b)), minus infinity unless a > b.
#[inline(always)]
pub(crate) fn log_difference<T: Real>(a: T, b: T) -> T {
    // 1 - exp(-d) = d exp(-d t) averaged over t from 0 to 1. A difference of a thousand is in effect infinite.
    let d = T::from(1e3).min(a - b);
    T::from(0.0).if_lt(d, a + d.ln() + (-d).log_mean_exp(), lost())
}

/// Returns ln(1 - exp(-t)) by the logarithm of t, exact both where t is small and where it is large.
#[inline(always)]
pub(crate) fn log_complement<T: Real>(log_t: T) -> T {
    // A thousand is in effect infinite.
    let t = T::from(7.0).min(log_t).exp();
    t.if_lt(T::from(LN_2), log_t + (-t).log_mean_exp(), (-(-t).exp()).ln_1p())
}

/// Returns ln(1 + shape z) / shape, which is smooth through a shape of zero, where it is z. Where 1 + shape z is not positive it is
/// infinite: minus infinity for a positive shape, and infinity for a negative one.
#[inline(always)]
pub(crate) fn shaped_log<T: Real>(shape: T, z: T) -> T {
    let u = (shape * z).max(T::from(-1.0));
    // ln(1 + u) / u = 1 - u / 2 + u^2 / 3 - ..., of which the first term left out is below 1e-17.
    let mut series = T::from(1.0 / 11.0);
    for n in (1..=10).rev() {
        series = series * -u + 1.0 / f64::from(n);
    }
    u.abs().if_lt(T::from(0.03), z * series, u.ln_1p() / shape)
}

/// A distribution of which the logarithms of the probabilities on both sides of a number are known.
pub(crate) trait Tails<T: Real> {
    /// Returns the logarithm of the probability not above `x`.
    fn log_below(&self, x: T) -> T;

    /// Returns the logarithm of the probability above `x`.
    fn log_above(&self, x: T) -> T;

    /// Returns the logarithm of the probability between two numbers, by the side on which an end has the less beyond it.
    #[inline(always)]
    fn log_within(&self, low: T, high: T) -> T {
        match (is_unbounded_below(low), is_unbounded_above(high)) {
            (true, true) => T::from(0.0),
            (true, false) => self.log_below(high),
            (false, true) => self.log_above(low),
            (false, false) => {
                let below = self.log_below(low);
                let lower = log_difference(self.log_below(high), below);
                let upper = log_difference(self.log_above(low), self.log_above(high));
                below.if_lt(T::from(-LN_2), lower, upper)
            }
        }
    }
}

/// Returns the logarithm of the probability above `low` and not above `high` from those of both sides of each: not above it, and
/// above it. By the side on which less is outside the interval.
#[inline(always)]
pub(crate) fn log_between_tails<T: Real>(low: (T, T), high: (T, T)) -> T {
    let half = T::from(-LN_2);
    log_difference(low.0.if_lt(half, high.0, low.1), low.0.if_lt(half, low.0, high.1))
}

/// Returns ln(Gamma(a + n) / Gamma(a)) for n >= 0, by the difference of Stirling's series where `a` is large.
#[inline(always)]
pub(crate) fn ln_gamma_ratio<T: Real>(a: T, n: T) -> T {
    let sum = a + n;
    let series = (a - 0.5) * (n / a).ln_1p() + n * (sum.ln() - 1.0) + (beyond_stirling(sum) - beyond_stirling(a));
    a.if_lt(T::from(32.0), sum.ln_gamma() - a.ln_gamma(), series)
}

/// Returns the remainder of Stirling's formula for ln(Gamma(z)); the next term is below 1e-16 from 32 on.
#[inline(always)]
fn beyond_stirling<T: Real>(z: T) -> T {
    let inverse = z.recip();
    let square = inverse.square();
    let tail = square * -(1.0 / 1680.0) + 1.0 / 1260.0;
    inverse * ((tail * square - 1.0 / 360.0) * square + 1.0 / 12.0)
}

/// Returns whether a bound is minus infinity. Bounds are alike over the elements of a plate, so this branch keeps lanes
/// together.
#[inline(always)]
pub(crate) fn is_unbounded_below<T: Real>(low: T) -> bool {
    low == T::from(f64::NEG_INFINITY)
}

/// Returns whether a bound is plus infinity.
#[inline(always)]
pub(crate) fn is_unbounded_above<T: Real>(high: T) -> bool {
    high == T::from(f64::INFINITY)
}

/// Returns the larger of two bounds; NaN (not known) if either is.
#[inline(always)]
pub(crate) fn larger<T: Real>(a: T, b: T) -> T {
    a.if_le(b, b, b.if_le(a, a, T::from(f64::NAN)))
}

/// Returns the smaller of two bounds; NaN (not known) if either is.
#[inline(always)]
pub(crate) fn smaller<T: Real>(a: T, b: T) -> T {
    a.if_le(b, a, b.if_le(a, b, T::from(f64::NAN)))
}

/// Returns the square lower factor L of a symmetric positive definite matrix, L L' = matrix, of which the upper
/// triangle is not read. NaN where the matrix is not positive definite.
#[inline(always)]
pub(crate) fn cholesky<T: Real, const N: usize>(matrix: &[[T; N]; N]) -> [[T; N]; N] {
    let mut factor = [[T::from(0.0); N]; N];
    for i in 0..N {
        for j in 0..=i {
            let mut rest = matrix[i][j];
            for (&a, &b) in factor[i].iter().zip(&factor[j]).take(j) {
                rest -= a * b;
            }
            factor[i][j] = if i == j { rest.sqrt() } else { rest / factor[j][j] };
        }
    }
    factor
}

/// Returns the position that a uniform number of [0, 1) selects: the first whose cumulative probability is above it. If
/// rounding leads past the end, it is the last position with a positive probability; `None` if the probabilities are
/// invalid.
pub(crate) fn pick(probabilities: &[f64], u: f64) -> Option<usize> {
    let mut sum = 0.0;
    let mut first = None;
    let mut last = None;
    for (k, &p) in probabilities.iter().enumerate() {
        if p.is_nan() || p < 0.0 {
            return None;
        }
        sum += p;
        if p > 0.0 {
            last = Some(k);
        }
        if first.is_none() && u < sum {
            first = Some(k);
        }
    }
    if (sum - 1.0).abs() <= SUM_TOLERANCE { first.or(last) } else { None }
}

/// Returns one where `probabilities` do not sum to one, else zero.
#[inline(always)]
pub(crate) fn no_probabilities<T: Real>(probabilities: &[T]) -> T {
    let mut sum = T::from(0.0);
    for &p in probabilities {
        sum += p;
    }
    T::from(SUM_TOLERANCE).if_lt((sum - 1.0).abs(), T::from(1.0), T::from(0.0))
}

/// Returns an error unless `probabilities` are probabilities that sum to one.
pub(crate) fn require_probabilities(
    probabilities: &[f64],
    distribution: &'static str,
    parameter: &'static str,
) -> Result<(), ParameterError> {
    let each = probabilities.iter().all(|p| (0.0..=1.0).contains(p));
    let sum: f64 = probabilities.iter().sum();
    super::require(
        each && (sum - 1.0).abs() <= SUM_TOLERANCE,
        distribution,
        parameter,
        probabilities,
        "of numbers between 0 and 1 whose sum is 1",
    )
}

/// Returns whether `x` is 0, 1, 2, ..., small enough that every whole number up to it is a different `f64`.
pub(crate) fn is_count(x: f64) -> bool {
    (0.0..=9_007_199_254_740_992.0).contains(&x) && x.fract() == 0.0
}

/// Says where counts `x` do not sum to the number of trials `n`; see [`impossible`](super::Draw::impossible).
pub(crate) fn no_trials(x: &[f64], n: f64) -> Option<(&'static str, f64, String)> {
    let sum: f64 = x.iter().sum();
    // Of an `n` that is not known nothing is said.
    let off = (sum - n).abs() > 0.0;
    off.then(|| ("the sum", sum, format!("whole numbers whose sum is {n}")))
}

/// Says where a part of a whole `x` is zero; see [`impossible`](super::Draw::impossible).
pub(crate) fn no_part(x: &[f64]) -> Option<(&'static str, f64, String)> {
    let zero = x.iter().find(|&&x| x <= 0.0)?;
    Some((
        "the smallest part",
        *zero,
        "positive numbers whose sum is 1, where what is too rare to be seen is small and not zero".to_owned(),
    ))
}
