//! The maps from unconstrained numbers to directions, to covariance matrices and to their Cholesky factors, row by row.

use super::numeric::LN_2;
use super::unit_vector::{LENGTH_TOLERANCE, ln_area};
use crate::autodiff::Real;
use crate::hash::{NOTHING, fnv};

/// What is wrong with a vector: a number that shows it, and what that must be.
type Misfit = Option<(&'static str, f64, &'static str)>;

/// Writes the direction of `q` to `x`. There are as many unconstrained numbers as there are of the direction, so that no direction is
/// at an edge: their length has the distribution of that of normal numbers, and its density is part of what is returned. A uniform
/// direction makes them independent and standard normal.
#[inline(always)]
pub(crate) fn direction<T: Real>(q: &[T], x: &mut [T]) -> T {
    let (n, square) = (x.len(), T::inner(q, q));
    let scale = square.sqrt().recip();
    for (x, &q) in x.iter_mut().zip(q) {
        *x = q * scale;
    }
    square * -0.5 + (ln_area(n) - 0.5 * n as f64 * (2.0 * std::f64::consts::PI).ln())
}

/// Returns unconstrained numbers of a direction. Their length is drawn from its distribution with the direction as the seed: the same
/// direction has the same numbers, and simulated directions have numbers with their density.
pub(crate) fn of_direction(x: &[f64]) -> Vec<f64> {
    let mut state = fnv(NOTHING, x.iter().map(|x| x.to_bits()));
    let mut uniform = || {
        // SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * (-53.0_f64).exp2() + (-54.0_f64).exp2()
    };
    // By the method of Box and Muller.
    let mut normal_square = |_: &f64| {
        let (a, b) = (uniform(), uniform());
        -2.0 * a.ln() * (2.0 * std::f64::consts::PI * b).cos().powi(2)
    };
    let length = x.iter().map(&mut normal_square).sum::<f64>().sqrt();
    x.iter().map(|x| x * length).collect()
}

pub(crate) fn no_direction(x: &[f64]) -> Misfit {
    let length = f64::inner(x, x).sqrt();
    let is_one = (length * length - 1.0).abs() <= LENGTH_TOLERANCE;
    (!is_one).then_some(("the length", length, "a vector of length 1"))
}

/// Returns how many numbers of a square matrix of `len` numbers are not above its diagonal.
#[inline(always)]
pub(crate) fn lower(len: usize) -> usize {
    (len + len.isqrt()) / 2
}

/// Writes the lower triangular factor at `q`, with the exponentials of some on its diagonal.
#[inline(always)]
pub(crate) fn factor<T: Real>(q: &[T], x: &mut [T]) -> T {
    let n = x.len().isqrt();
    let (mut log_jacobian, mut at) = (T::from(0.0), 0);
    x.fill(T::from(0.0));
    for i in 0..n {
        for j in 0..i {
            x[i * n + j] = q[at];
            at += 1;
        }
        x[i * n + i] = q[at].exp();
        log_jacobian += q[at];
        at += 1;
    }
    log_jacobian
}

pub(crate) fn of_factor(x: &[f64]) -> Vec<f64> {
    let n = x.len().isqrt();
    let number = |i: usize, j: usize| if i == j { x[i * n + i].ln() } else { x[i * n + j] };
    (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| number(i, j)).collect()
}

pub(crate) fn no_factor(x: &[f64]) -> Misfit {
    let n = x.len().isqrt();
    let must = "a lower triangle with a positive diagonal";
    let wrong =
        |i: usize, j: usize| if i == j { x[i * n + j].is_nan() || x[i * n + j] <= 0.0 } else { x[i * n + j] != 0.0 };
    let (i, j) = (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).find(|&(i, j)| wrong(i, j))?;
    Some((if i == j { "a number on the diagonal" } else { "a number above the diagonal" }, x[i * n + j], must))
}

/// Writes the covariance matrix whose factor is at `q`. The Jacobian determinant is that of the numbers that are not above the
/// diagonal: 2^n L_11^n L_22^(n - 1) ... L_nn times that of the factor L.
#[inline(always)]
pub(crate) fn covariance<T: Real>(q: &[T], x: &mut [T]) -> T {
    let n = x.len().isqrt();
    let mut log_jacobian = factor(q, x) + n as f64 * LN_2;
    for i in 0..n {
        log_jacobian += x[i * n + i].ln() * (n - i) as f64;
    }
    // From the end, where no number of the factor is read again that has been replaced.
    for i in (0..n).rev() {
        for j in (0..=i).rev() {
            let mut sum = T::from(0.0);
            for k in 0..=j {
                sum += x[i * n + k] * x[j * n + k];
            }
            x[i * n + j] = sum;
        }
    }
    for i in 0..n {
        for j in 0..i {
            x[j * n + i] = x[i * n + j];
        }
    }
    log_jacobian
}

/// Returns the lower triangular factor of a symmetric matrix of `n` rows, of which the lower triangle is read. It has NaN where the
/// matrix is not positive definite.
pub(crate) fn cholesky<T: Real>(matrix: &[T], n: usize) -> Vec<T> {
    let mut factor = vec![T::from(0.0); n * n];
    for i in 0..n {
        for j in 0..=i {
            let rest = matrix[i * n + j] - T::inner(&factor[i * n..i * n + j], &factor[j * n..j * n + j]);
            factor[i * n + j] = if i == j { rest.sqrt() } else { rest / factor[j * n + j] };
        }
    }
    factor
}

pub(crate) fn of_covariance(x: &[f64]) -> Vec<f64> {
    of_factor(&cholesky(x, x.len().isqrt()))
}

pub(crate) fn no_covariance(x: &[f64]) -> Misfit {
    let n = x.len().isqrt();
    let far = |i: usize, j: usize| {
        let (a, b, size) = (x[i * n + j], x[j * n + i], (x[i * n + i] * x[j * n + j]).sqrt());
        let alike = (a - b).abs() <= 1e-8 * size;
        !alike
    };
    if let Some((i, j)) = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).find(|&(i, j)| far(i, j)) {
        return Some(("a number that is not that across the diagonal", x[i * n + j], "a symmetric matrix"));
    }
    let factor = cholesky(x, n);
    let i = (0..n).find(|i| !(factor[i * n + i] > 0.0 && factor[i * n + i].is_finite()))?;
    Some(("a number on the diagonal", x[i * n + i], "a positive definite matrix"))
}

#[cfg(test)]
mod tests {
    use super::super::Support;
    use super::*;
    use crate::autodiff::Dual;

    type D = Dual<f64, 6>;

    fn points(n: usize) -> impl Iterator<Item = Vec<f64>> {
        (0..40).map(move |i| (0..n).map(|k| 1.5 * (1.7 * f64::from(i) + 0.9 * (k * k + k) as f64).sin()).collect())
    }

    /// Each value is in its support, and has unconstrained numbers that lead to it.
    #[test]
    fn values_come_back() {
        for (support, len) in [(Support::UnitVector, 4), (Support::CovarianceFactor, 9), (Support::Covariance, 9)] {
            for q in points(support.free(len)) {
                let (mut x, mut y) = (vec![0.0; len], vec![0.0; len]);
                support.constrain_vector(&q, &mut x);
                assert_eq!(support.misfit(&x), None, "{support:?} {x:?}");
                assert!(x.iter().all(|x| support.contains(*x)));
                support.constrain_vector(&support.unconstrain_vector(&x), &mut y);
                let off = x.iter().zip(&y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
                assert!(off < 1e-12, "{support:?}: {y:?}, not {x:?}");
            }
        }
    }

    fn log_determinant(mut rows: Vec<Vec<f64>>) -> f64 {
        let mut log = 0.0;
        for k in 0..rows.len() {
            let pivot = (k..rows.len()).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs())).unwrap_or(k);
            rows.swap(k, pivot);
            log += rows[k][k].abs().ln();
            let top = rows[k].clone();
            for row in &mut rows[k + 1..] {
                let share = row[k] / top[k];
                row.iter_mut().zip(&top).for_each(|(x, t)| *x -= share * t);
            }
        }
        log
    }

    /// Of matrices, by the derivatives of the numbers that are not above the diagonal; of a direction, by those of it and of the length
    /// that it is made of, of which the density is known.
    #[test]
    fn jacobians_are_those_of_the_derivatives() {
        for (support, len) in [(Support::<f64>::CovarianceFactor, 9), (Support::Covariance, 9)] {
            for q in points(6) {
                let q: Vec<D> = (0..6).map(|k| D::variable(q[k], k)).collect();
                let mut x = vec![D::constant(0.0); len];
                let found = match support {
                    Support::Covariance => Support::<D>::Covariance.constrain_vector(&q, &mut x),
                    _ => Support::<D>::CovarianceFactor.constrain_vector(&q, &mut x),
                };
                let rows = (0..len).filter(|k| k % 3 <= k / 3).map(|k| x[k].partials.to_vec()).collect();
                let expected = log_determinant(rows);
                assert!((found.value - expected).abs() < 1e-10, "{support:?}: {} {expected}", found.value);
            }
        }
        for q in points(3) {
            let mut x = [0.0; 3];
            let found = direction(&q, &mut x);
            // The volume at a length r is r^2 times the area of the direction; the length has the density sqrt(2 / pi) r^2 exp(-r^2 / 2).
            let r = f64::inner(&q, &q).sqrt();
            let density = (2.0 / std::f64::consts::PI).sqrt() * (-0.5 * r * r).exp();
            assert!((found - density.ln()).abs() < 1e-12, "{found} {density}");
        }
    }

    #[test]
    fn the_length_of_a_direction_is_that_of_normal_numbers() {
        let n = 20_000;
        let squares = (0..n).map(|k| {
            let angle = f64::from(k) * 0.7;
            let q = of_direction(&[angle.cos(), angle.sin()]);
            f64::inner(&q, &q)
        });
        let squares: Vec<f64> = squares.collect();
        let mean = squares.iter().sum::<f64>() / f64::from(n);
        // An exponential number of mean two.
        assert!((mean - 2.0).abs() < 5.0 * 2.0 / f64::from(n).sqrt(), "{mean}");
        let below = squares.iter().filter(|x| **x < 2.0 * std::f64::consts::LN_2).count() as f64 / f64::from(n);
        assert!((below - 0.5).abs() < 2.5 / f64::from(n).sqrt(), "{below}");
    }

    #[test]
    fn what_is_not_inside_has_no_unconstrained_numbers() {
        for (support, x) in [
            (Support::UnitVector, vec![0.6, 0.9]),
            (Support::UnitVector, vec![f64::NAN, 1.0]),
            (Support::CovarianceFactor, vec![1.0, 0.0, 0.5, -0.5]),
            (Support::CovarianceFactor, vec![1.0, 0.1, 0.6, 0.8]),
            (Support::Covariance, vec![1.0, 0.1, 0.2, 1.0]),
            (Support::Covariance, vec![1.0, 2.0, 2.0, 1.0]),
        ] {
            assert!(support.misfit(&x).is_some(), "{support:?}");
            assert!(support.unconstrain_vector(&x).iter().all(|q| q.is_nan()), "{support:?}");
        }
    }
}
