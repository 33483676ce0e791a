//! Triangular matrices, row by row in rows of full length, on the registers of this machine.

use crate::autodiff::{Lanes, WithLanes, with_lanes};

#[inline(always)]
fn dot<V: Lanes>(a: &[f64], b: &[f64]) -> f64 {
    let (mut sums, mut at) = ([V::splat(0.0); 4], 0);
    while at + 4 * V::WIDTH <= a.len() {
        for (k, sum) in sums.iter_mut().enumerate() {
            let from = at + k * V::WIDTH;
            *sum = V::load(&a[from..]).mul_add(V::load(&b[from..]), *sum);
        }
        at += 4 * V::WIDTH;
    }
    let rest: f64 = a[at..].iter().zip(&b[at..]).map(|(a, b)| a * b).sum();
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum() + rest
}

/// Adds `c` times `x` to `y`.
#[inline(always)]
fn add<V: Lanes>(y: &mut [f64], c: f64, x: &[f64]) {
    let (of, mut at) = (V::splat(c), 0);
    while at + V::WIDTH <= y.len() {
        V::load(&x[at..]).mul_add(of, V::load(&y[at..])).store(&mut y[at..]);
        at += V::WIDTH;
    }
    y[at..].iter_mut().zip(&x[at..]).for_each(|(y, x)| *y += c * x);
}

/// Replaces the lower triangle of a matrix of `n` rows by its Cholesky factor; returns whether it is positive definite.
pub fn factorise(a: &mut [f64], n: usize) -> bool {
    struct Work<'a>(&'a mut [f64], usize);
    impl WithLanes for Work<'_> {
        type Output = bool;
        #[inline(always)]
        fn run<V: Lanes>(self) -> bool {
            let Self(a, n) = self;
            for i in 0..n {
                let (above, row) = a.split_at_mut(i * n);
                for j in 0..i {
                    let of_j = &above[j * n..][..=j];
                    row[j] = (row[j] - dot::<V>(&row[..j], &of_j[..j])) / of_j[j];
                }
                let left = row[i] - dot::<V>(&row[..i], &row[..i]);
                if left <= 0.0 || !left.is_finite() {
                    return false;
                }
                row[i] = left.sqrt();
            }
            true
        }
    }
    with_lanes(Work(a, n))
}

/// Writes the inverse of a lower triangle `l` of `n` rows.
pub fn invert(l: &[f64], inverse: &mut [f64], n: usize) {
    struct Work<'a>(&'a [f64], &'a mut [f64], usize);
    impl WithLanes for Work<'_> {
        type Output = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            let Self(l, inverse, n) = self;
            for i in 0..n {
                let (above, row) = inverse.split_at_mut(i * n);
                let (row, scale) = (&mut row[..=i], 1.0 / l[i * n + i]);
                row.fill(0.0);
                for k in 0..i {
                    add::<V>(&mut row[..=k], -l[i * n + k] * scale, &above[k * n..][..=k]);
                }
                row[i] = scale;
            }
        }
    }
    with_lanes(Work(l, inverse, n));
}

/// Writes the sum over rows k of m_ki q_kj + q_ki m_kj for each j < i: those of row i after those of the rows before. `m` and `q` are
/// lower triangles of `n` rows. Returns the sum of these numbers where i = j.
pub fn symmetric_product(m: &[f64], q: &[f64], below: &mut [f64], n: usize) -> f64 {
    struct Work<'a>(&'a [f64], &'a [f64], &'a mut [f64], usize);
    impl WithLanes for Work<'_> {
        type Output = f64;
        #[inline(always)]
        fn run<V: Lanes>(self) -> f64 {
            let Self(m, q, mut below, n) = self;
            let mut on_diagonal = 0.0;
            for i in 0..n {
                let (row, rest) = below.split_at_mut(i);
                below = rest;
                row.fill(0.0);
                for k in i..n {
                    let (of_m, of_q) = (&m[k * n..][..=i], &q[k * n..][..=i]);
                    add::<V>(row, of_m[i], of_q);
                    add::<V>(row, of_q[i], of_m);
                    on_diagonal += 2.0 * of_m[i] * of_q[i];
                }
            }
            on_diagonal
        }
    }
    with_lanes(Work(m, q, below, n))
}
