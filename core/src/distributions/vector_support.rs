//! The maps from unconstrained numbers to vectors: parts of a whole, ordered numbers, numbers that sum to zero, and the
//! Cholesky factor of a correlation matrix, row by row.

use super::Support;
use super::matrix_support;
use super::numeric::{PARTS_TOLERANCE, is_unbounded_above, is_unbounded_below};
use super::support::{break_stick, mend_stick};
use crate::autodiff::Real;

/// The largest accepted distance of the sum of a vector from what it must be, and of a row from length one, relative to its
/// size: rounding, and no more.
const TOLERANCE: f64 = 1e-8;

impl<T: Real> Support<T> {
    /// Returns how many unconstrained numbers a vector of `len` numbers has.
    #[inline(always)]
    pub fn free(&self, len: usize) -> usize {
        match self {
            Self::Simplex | Self::ZeroSum => len.saturating_sub(1),
            Self::CovarianceFactor | Self::Covariance => matrix_support::lower(len),
            // A lower triangle without its diagonal.
            Self::CorrelationFactor => (len - len.isqrt()) / 2,
            _ => len,
        }
    }

    /// Writes the vector at the unconstrained numbers `q` to `x`, and returns the logarithm of the Jacobian determinant. Of a
    /// support of numbers, each number is mapped alone.
    #[inline(always)]
    pub fn constrain_vector(&self, q: &[T], x: &mut [T]) -> T {
        match *self {
            Self::Simplex => break_stick(q, x),
            Self::Ordered(low, high) => ordered(q, low, high, x),
            Self::ZeroSum => {
                rotate(q, x);
                T::from(0.0)
            }
            Self::CorrelationFactor => correlation_factor(q, x),
            Self::UnitVector => matrix_support::direction(q, x),
            Self::CovarianceFactor => matrix_support::factor(q, x),
            Self::Covariance => matrix_support::covariance(q, x),
            _ => {
                let mut log_jacobian = T::from(0.0);
                for (x, &q) in x.iter_mut().zip(q) {
                    let (inside, log_slope) = self.constrain(q);
                    *x = inside;
                    log_jacobian += log_slope;
                }
                log_jacobian
            }
        }
    }
}

impl Support<f64> {
    /// Returns the unconstrained numbers of a vector: the inverse of [`Support::constrain_vector`]. They are NaN if the vector is
    /// not in the support.
    pub fn unconstrain_vector(&self, x: &[f64]) -> Vec<f64> {
        let mut q = vec![0.0; x.len()];
        match *self {
            Self::Simplex => mend_stick(x, &mut q),
            Self::Ordered(low, high) => q = unordered(x, low, high),
            Self::ZeroSum => unrotate(x, &mut q),
            Self::CorrelationFactor => q = of_correlation_factor(x),
            Self::UnitVector => q = matrix_support::of_direction(x),
            Self::CovarianceFactor => q = matrix_support::of_factor(x),
            Self::Covariance => q = matrix_support::of_covariance(x),
            _ => q.iter_mut().zip(x).for_each(|(q, &x)| *q = self.unconstrain(x)),
        }
        q.truncate(self.free(x.len()));
        if self.misfit(x).is_some() {
            q.fill(f64::NAN);
        }
        q
    }

    /// Returns what is wrong with `x` as a whole, each number of which is in the support: a number that shows it, and what that
    /// must be; `None` if nothing is.
    pub fn misfit(&self, x: &[f64]) -> Option<(&'static str, f64, &'static str)> {
        let sum: f64 = x.iter().sum();
        let size: f64 = x.iter().map(|x| x.abs()).sum();
        match *self {
            Self::Simplex if (sum - 1.0).abs() > PARTS_TOLERANCE => {
                Some(("the sum", sum, "positive numbers whose sum is 1"))
            }
            Self::ZeroSum if sum.abs() > TOLERANCE * size.max(1.0) => Some(("the sum", sum, "numbers whose sum is 0")),
            Self::Ordered(..) => {
                let at = x.windows(2).find(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Less))?;
                Some(("the number after a larger or equal one", at[1], "numbers from the smallest to the largest"))
            }
            Self::CorrelationFactor => {
                let n = x.len().isqrt();
                let length = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
                let off = |(_, row): &(usize, &[f64])| (length(row) - 1.0).abs() > TOLERANCE;
                let upper = |(i, row): &(usize, &[f64])| row[i + 1..].iter().any(|x| *x != 0.0) || row[*i] <= 0.0;
                let mut rows = x.chunks(n).enumerate();
                let (_, row) = rows.find(|row| off(row) || upper(row))?;
                Some((
                    "the length of a row",
                    length(row),
                    "a lower triangle with a positive diagonal and rows of length 1",
                ))
            }
            Self::UnitVector => matrix_support::no_direction(x),
            Self::CovarianceFactor => matrix_support::no_factor(x),
            Self::Covariance => matrix_support::no_covariance(x),
            _ => None,
        }
    }
}

/// Ordered numbers by the logarithms of the distances between them: from the first number, or from a bound. Between two bounds,
/// the distances are parts of the interval.
#[inline(always)]
fn ordered<T: Real>(q: &[T], low: T, high: T, x: &mut [T]) -> T {
    let n = x.len();
    let mut log_jacobian = T::from(0.0);
    match (is_unbounded_below(low), is_unbounded_above(high)) {
        (false, false) => {
            // The stick is broken into one part more than there are numbers, the last of which is what is left.
            let width = high - low;
            let (mut log_left, mut at) = (T::from(0.0), low);
            for k in 0..n {
                let u = q[k] - ((n - k) as f64).ln();
                let (log_part, log_rest) = (-(-u).softplus(), -u.softplus());
                at += width * (log_left + log_part).exp();
                x[k] = at;
                log_jacobian += log_part + log_rest + log_left + width.ln();
                log_left += log_rest;
            }
        }
        (true, false) => {
            let mut at = high;
            for k in (0..n).rev() {
                at -= q[k].exp();
                x[k] = at;
                log_jacobian += q[k];
            }
        }
        (from_none, true) => {
            let mut at = low;
            for k in 0..n {
                if k == 0 && from_none {
                    at = q[0];
                } else {
                    at += q[k].exp();
                    log_jacobian += q[k];
                }
                x[k] = at;
            }
        }
    }
    log_jacobian
}

fn unordered(x: &[f64], low: f64, high: f64) -> Vec<f64> {
    let n = x.len();
    let after = |k: usize, below: f64| if k == 0 { x[0] - below } else { x[k] - x[k - 1] };
    match (low == f64::NEG_INFINITY, high == f64::INFINITY) {
        (false, false) => {
            let q = |k: usize| (after(k, low)).ln() - (high - x[k]).ln() + ((n - k) as f64).ln();
            (0..n).map(q).collect()
        }
        (true, false) => (0..n).map(|k| (x.get(k + 1).unwrap_or(&high) - x[k]).ln()).collect(),
        (from_none, true) => (0..n).map(|k| if k == 0 && from_none { x[0] } else { after(k, low).ln() }).collect(),
    }
}

/// Numbers that sum to zero, as a rotation of one number fewer and a zero: Helmert's basis, in which the k-th vector sets one
/// number against the mean of those before it. Lengths are kept, so that the Jacobian determinant is one.
#[inline(always)]
fn rotate<T: Real>(q: &[T], x: &mut [T]) {
    // From the end: x[k] is what sets it against those before, plus what all that follow set against it.
    let mut carried = T::from(0.0);
    for k in (1..x.len()).rev() {
        let n = k as f64;
        let scaled = q[k - 1] * (n * (n + 1.0)).sqrt().recip();
        x[k] = scaled * n + carried;
        carried -= scaled;
    }
    if let Some(first) = x.first_mut() {
        *first = carried;
    }
}

fn unrotate(x: &[f64], q: &mut [f64]) {
    let mut sum = x.first().copied().unwrap_or(0.0);
    for k in 1..x.len() {
        let n = k as f64;
        q[k - 1] = (n * x[k] - sum) / (n * (n + 1.0)).sqrt();
        sum += x[k];
    }
}

/// The factor of a correlation matrix by partial correlations, tanh q: each row is a unit vector, of which each takes its share
/// of what is left. See Lewandowski, Kurowicka & Joe (Journal of Multivariate Analysis 2009) and the reference manual of Stan.
#[inline(always)]
fn correlation_factor<T: Real>(q: &[T], x: &mut [T]) -> T {
    let n = x.len().isqrt();
    let zero = T::from(0.0);
    let (mut log_jacobian, mut at) = (zero, 0);
    for i in 0..n {
        let row = &mut x[i * n..(i + 1) * n];
        // The logarithm of the square of what is left.
        let mut log_rest = zero;
        for number in row.iter_mut().take(i) {
            *number = q[at].tanh() * (log_rest * 0.5).exp();
            // ln(1 - tanh^2).
            let a = -q[at].abs();
            let log_slope = (a - (a * 2.0).exp().ln_1p()) * 2.0 + 2.0 * std::f64::consts::LN_2;
            log_jacobian += log_slope + log_rest * 0.5;
            log_rest += log_slope;
            at += 1;
        }
        row[i] = (log_rest * 0.5).exp();
        row[i + 1..].fill(zero);
    }
    log_jacobian
}

fn of_correlation_factor(x: &[f64]) -> Vec<f64> {
    let n = x.len().isqrt();
    let mut q = Vec::new();
    for (i, row) in x.chunks(n.max(1)).enumerate() {
        for j in 0..i {
            // The rest from the end, where it may be small.
            let rest = row[j + 1..=i].iter().map(|x| x * x).sum::<f64>().sqrt();
            q.push((row[j] / rest).asinh());
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::Dual;

    const SUPPORTS: [Support<f64>; 8] = [
        Support::Simplex,
        Support::ZeroSum,
        Support::Ordered(f64::NEG_INFINITY, f64::INFINITY),
        Support::Ordered(2.0, f64::INFINITY),
        Support::Ordered(f64::NEG_INFINITY, -1.0),
        Support::Ordered(-1.0, 3.0),
        Support::Above(1.0),
        Support::CorrelationFactor,
    ];

    fn points() -> impl Iterator<Item = [f64; 8]> {
        (0..40)
            .map(|i| std::array::from_fn(|k| 2.5 * (1.7 * f64::from(i) + 0.9 * (k * k) as f64 + 0.3 * k as f64).sin()))
    }

    fn len(support: &Support<f64>) -> usize {
        if *support == Support::CorrelationFactor { 16 } else { 5 }
    }

    /// There and back, inside of the support.
    #[test]
    fn vectors_come_back() {
        for support in SUPPORTS {
            let n = len(&support);
            for q in points() {
                let q = &q[..support.free(n)];
                let mut x = vec![0.0; n];
                support.constrain_vector(q, &mut x);
                assert_eq!(support.misfit(&x), None, "{support:?} {q:?} {x:?}");
                assert!(x.iter().all(|x| support.contains(*x)), "{support:?} {x:?}");
                let back = support.unconstrain_vector(&x);
                assert_eq!(back.len(), q.len());
                for (a, b) in back.iter().zip(q) {
                    assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{support:?}: {back:?}, not {q:?}");
                }
            }
        }
    }

    /// The logarithm of the volume that the columns of a matrix span: half that of the determinant of its Gram matrix, by
    /// elimination.
    fn log_volume(columns: &[Vec<f64>]) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut left = columns.to_vec();
        let mut log = 0.0;
        for k in 0..left.len() {
            let pivot = left[k].clone();
            let square = dot(&pivot, &pivot);
            log += 0.5 * square.ln();
            for column in &mut left[k + 1..] {
                let share = dot(column, &pivot) / square;
                column.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= share * p);
            }
        }
        log
    }

    /// The Jacobian determinant is that of the derivatives: of the first numbers of a simplex, of the strict lower triangle of a
    /// factor, and on the plane of the numbers that sum to zero.
    #[test]
    fn jacobians_are_those_of_the_derivatives() {
        for support in SUPPORTS {
            let n = len(&support);
            let free = support.free(n);
            for q in points() {
                let q: Vec<Dual<f64, 8>> = (0..free).map(|k| Dual::variable(q[k], k)).collect();
                let mut x = vec![Dual::constant(0.0); n];
                let of_dual = match support {
                    Support::Ordered(low, high) => Support::Ordered(Dual::constant(low), Dual::constant(high)),
                    Support::Above(low) => Support::Above(Dual::constant(low)),
                    Support::Simplex => Support::Simplex,
                    Support::ZeroSum => Support::ZeroSum,
                    _ => Support::CorrelationFactor,
                };
                let log_jacobian = of_dual.constrain_vector(&q, &mut x).value;
                let counts = |k: usize| match support {
                    Support::Simplex => k + 1 < n,
                    Support::CorrelationFactor => k % 4 < k / 4,
                    _ => true,
                };
                let column = |c: usize| (0..n).filter(|k| counts(*k)).map(|k| x[k].partials[c]).collect();
                let expected = log_volume(&(0..free).map(column).collect::<Vec<Vec<f64>>>());
                assert!((log_jacobian - expected).abs() < 1e-9, "{support:?}: {log_jacobian}, not {expected}");
            }
        }
    }

    #[test]
    fn what_is_not_inside_has_no_unconstrained_numbers() {
        for (support, x) in [
            (Support::Ordered(0.0, 1.0), vec![0.2, 0.2]),
            (Support::Ordered(f64::NEG_INFINITY, f64::INFINITY), vec![1.0, f64::NAN]),
            (Support::ZeroSum, vec![0.5, 0.6]),
            (Support::CorrelationFactor, vec![1.0, 0.0, 0.5, 0.5]),
            (Support::CorrelationFactor, vec![1.0, 0.1, 0.6, 0.8]),
        ] {
            assert!(support.misfit(&x).is_some(), "{support:?}");
            assert!(support.unconstrain_vector(&x).iter().all(|q| q.is_nan()), "{support:?}");
        }
    }
}
