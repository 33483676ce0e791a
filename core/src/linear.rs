//! Symmetric matrices: the Cholesky factor of positive definite ones, and eigenvectors.

/// The factor l of a matrix a = l l'. The lower triangle is stored row by row in rows of full length.
#[derive(Clone, Debug)]
pub struct Cholesky {
    l: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Factorises a matrix given by its lower triangle; `None` if it is not positive definite.
    pub fn new(mut a: Vec<f64>, size: usize) -> Option<Self> {
        for i in 0..size {
            for j in 0..=i {
                let dot: f64 = a[i * size..][..j].iter().zip(&a[j * size..][..j]).map(|(x, y)| x * y).sum();
                let left = a[i * size + j] - dot;
                if i == j && (left <= 0.0 || !left.is_finite()) {
                    return None;
                }
                a[i * size + j] = if i == j { left.sqrt() } else { left / a[j * size + j] };
            }
        }
        Some(Self { l: a, size })
    }

    /// Returns l z.
    pub fn times(&self, z: &[f64]) -> Vec<f64> {
        let row = |i: usize| self.l[i * self.size..][..=i].iter().zip(z).map(|(l, z)| l * z).sum();
        (0..self.size).map(row).collect()
    }

    /// Returns the logarithm of the determinant of l, the square root of that of a.
    pub fn log_determinant(&self) -> f64 {
        (0..self.size).map(|i| self.l[i * self.size + i].ln()).sum()
    }

    /// Replaces `b` by the x such that l x = b.
    pub fn forward(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = &self.l[i * self.size..][..=i];
            let known: f64 = row[..i].iter().zip(&*b).map(|(l, x)| l * x).sum();
            b[i] = (b[i] - known) / row[i];
        }
    }

    /// Replaces `b` by the x such that a x = b.
    pub fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        self.backward(b);
    }

    /// Replaces `b` by the x such that l' x = b.
    pub fn backward(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            let row = &self.l[i * self.size..][..=i];
            b[i] /= row[i];
            let x = b[i];
            b[..i].iter_mut().zip(row).for_each(|(b, l)| *b -= l * x);
        }
    }

    /// Replaces `b` by l' b.
    pub fn transposed_times(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = &self.l[i * self.size..][..=i];
            let x = std::mem::take(&mut b[i]);
            b[..=i].iter_mut().zip(row).for_each(|(b, l)| *b += l * x);
        }
    }
}

/// The eigenvalues of a symmetric matrix, in no order, and its eigenvectors of length 1, which are orthogonal.
#[derive(Clone, Debug)]
pub struct Eigen {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// The eigenvectors, one after the other, in the order of the eigenvalues.
    pub vectors: Vec<f64>,
}

impl Eigen {
    /// Decomposes a symmetric matrix that is given row by row: by Householder reflections to a tridiagonal matrix, and by
    /// QR steps with Wilkinson's shift to a diagonal one (Golub and Van Loan, Matrix Computations, sections 8.3.1 to
    /// 8.3.3). Takes some 9 size^3 operations; the error of each value is about 1e-16 of the largest. `None` if an
    /// element is not finite.
    pub fn new(a: Vec<f64>, size: usize) -> Option<Self> {
        let Tridiagonal { diagonal: mut values, mut beside, reflections } = Tridiagonal::new(a, size)?;
        // The product of the reflections, transposed: each changes the rows and columns after its own.
        let mut vectors = vec![0.0; size * size];
        (0..size).for_each(|i| vectors[i * size + i] = 1.0);
        for (k, (factor, v)) in reflections.iter().enumerate().rev() {
            for row in vectors[(k + 1) * size..].chunks_exact_mut(size) {
                let along = factor * dot(&row[k + 1..], v);
                row[k + 1..].iter_mut().zip(v).for_each(|(r, v)| *r -= along * v);
            }
        }
        diagonalise(&mut values, &mut beside, &mut vectors)?;
        Some(Self { values, vectors })
    }
}

/// Returns the eigenvalues of a symmetric matrix that is given row by row, in no order; see [`Eigen::new`]. Takes some size^3
/// operations.
pub fn eigenvalues(a: Vec<f64>, size: usize) -> Option<Vec<f64>> {
    let Tridiagonal { mut diagonal, mut beside, .. } = Tridiagonal::new(a, size)?;
    diagonalise(&mut diagonal, &mut beside, &mut [])?;
    Some(diagonal)
}

/// A symmetric matrix that has entries on its diagonal and beside it alone, and how it came about.
struct Tridiagonal {
    diagonal: Vec<f64>,
    beside: Vec<f64>,
    /// The reflections I - f v v', as f and v.
    reflections: Vec<(f64, Vec<f64>)>,
}

impl Tridiagonal {
    fn new(mut a: Vec<f64>, size: usize) -> Option<Self> {
        if !a.iter().all(|a| a.is_finite()) {
            return None;
        }
        let mut beside = vec![0.0; size.saturating_sub(1)];
        let mut reflections = Vec::with_capacity(size.saturating_sub(2));
        for k in 0..size.saturating_sub(2) {
            let mut v = a[k * size + k + 1..][..size - k - 1].to_vec();
            let length = dot(&v, &v).sqrt();
            beside[k] = if v[0] > 0.0 { -length } else { length };
            v[0] -= beside[k];
            let square = dot(&v, &v);
            let factor = if square > 0.0 { 2.0 / square } else { 0.0 };
            let rest = &mut a[(k + 1) * size..];
            let mut w: Vec<f64> = rest.chunks_exact(size).map(|row| factor * dot(&row[k + 1..], &v)).collect();
            let half = 0.5 * factor * dot(&w, &v);
            w.iter_mut().zip(&v).for_each(|(w, v)| *w -= half * v);
            for ((row, vi), wi) in rest.chunks_exact_mut(size).zip(&v).zip(&w) {
                row[k + 1..].iter_mut().zip(&v).zip(&w).for_each(|((a, v), w)| *a -= vi * w + wi * v);
            }
            reflections.push((factor, v));
        }
        let diagonal: Vec<f64> = (0..size).map(|i| a[i * size + i]).collect();
        if size >= 2 {
            beside[size - 2] = a[size * size - 2];
        }
        Some(Self { diagonal, beside, reflections })
    }
}

/// Makes a tridiagonal matrix diagonal, and turns the rows of `vectors` with it, if there are any. `None` if that takes more steps than it
/// ever does for finite numbers.
fn diagonalise(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut [f64]) -> Option<()> {
    let size = diagonal.len();
    let largest = diagonal.iter().chain(&*beside).fold(0.0_f64, |most, x| most.max(x.abs()));
    let negligible = |x: f64| x.abs() <= f64::EPSILON * largest;
    let mut last = size.saturating_sub(1);
    for _ in 0..=40 * size {
        while last > 0 && negligible(beside[last - 1]) {
            last -= 1;
        }
        if last == 0 {
            return Some(());
        }
        let first = (0..last).rev().find(|&i| i == 0 || negligible(beside[i - 1])).unwrap_or(0);
        let (half, below) = (0.5 * (diagonal[last - 1] - diagonal[last]), beside[last - 1]);
        let shift = diagonal[last] - below * below / (half + half.hypot(below).copysign(half));
        let (mut x, mut bulge) = (diagonal[first] - shift, beside[first]);
        for k in first..last {
            let length = x.hypot(bulge);
            let (c, s) = if length > 0.0 { (x / length, bulge / length) } else { (1.0, 0.0) };
            if k > first {
                beside[k - 1] = length;
            }
            let (a, b, d) = (diagonal[k], beside[k], diagonal[k + 1]);
            diagonal[k] = c * c * a + 2.0 * c * s * b + s * s * d;
            diagonal[k + 1] = s * s * a - 2.0 * c * s * b + c * c * d;
            beside[k] = c * s * (d - a) + (c * c - s * s) * b;
            if k + 1 < last {
                (x, bulge) = (beside[k], s * beside[k + 1]);
                beside[k + 1] *= c;
            }
            if !vectors.is_empty() {
                let (row, next) = vectors[k * size..][..2 * size].split_at_mut(size);
                row.iter_mut().zip(next).for_each(|(u, v)| (*u, *v) = (c * *u + s * *v, c * *v - s * *u));
            }
        }
    }
    None
}

/// Returns the dot product of two vectors of equal length. Eight partial sums run side by side.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (whole, rest) = a.as_chunks::<8>();
    let (other, other_rest) = b.as_chunks::<8>();
    for (a, b) in whole.iter().zip(other) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f64>() + rest.iter().zip(other_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        let a = [[4.0, 2.0, 0.6], [2.0, 3.0, -0.4], [0.6, -0.4, 1.5]];
        let x = [1.0, -2.0, 0.5];
        let mut b: Vec<f64> = a.iter().map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect();
        let known = b.clone();
        let cholesky = Cholesky::new(a.concat(), 3).unwrap();
        cholesky.solve(&mut b);
        assert!(b.iter().zip(x).all(|(b, x)| (b - x).abs() < 1e-14), "{b:?}");
        // b' a^-1 b is the squared norm of the result of `forward`.
        let mut half = known.clone();
        cholesky.forward(&mut half);
        assert!(cholesky.times(&half).iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-14));
        let determinant: f64 = 4.0 * (3.0 * 1.5 - 0.16) - 2.0 * (2.0 * 1.5 + 0.24) + 0.6 * (-0.8 - 1.8);
        assert!((cholesky.log_determinant() - 0.5 * determinant.ln()).abs() < 1e-14);
        let square: f64 = half.iter().map(|x| x * x).sum();
        let exact: f64 = known.iter().zip(x).map(|(b, x)| b * x).sum();
        assert!((square - exact).abs() < 1e-12);
        assert!(Cholesky::new(vec![1.0, 0.0, 2.0, 1.0], 2).is_none());
        // l' of l'^-1 of it is where it began.
        let mut same = known.clone();
        cholesky.backward(&mut same);
        cholesky.transposed_times(&mut same);
        assert!(same.iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-14), "{same:?}");
    }

    #[test]
    fn eigenvectors_are_orthogonal_and_make_up_the_matrix() {
        for size in [0, 1, 2, 3, 10, 41] {
            let smooth = |i: usize, j: usize| (0.3 * i as f64 * j as f64).sin() + if i == j { i as f64 } else { 0.0 };
            let block = |i: usize, j: usize| if i / 2 == j / 2 { 1.0 } else { 0.0 };
            let zero = |_: usize, _: usize| 0.0;
            for of in [&smooth as &dyn Fn(usize, usize) -> f64, &block, &zero] {
                let a: Vec<f64> = (0..size * size).map(|at| of(at / size, at % size)).collect();
                let Eigen { values, vectors } = Eigen::new(a.clone(), size).unwrap();
                assert_eq!(eigenvalues(a.clone(), size).unwrap(), values);
                let row = |k: usize| &vectors[k * size..][..size];
                for i in 0..size {
                    for j in 0..size {
                        let product: f64 = (0..size).map(|k| values[k] * row(k)[i] * row(k)[j]).sum();
                        assert!((product - a[i * size + j]).abs() < 1e-12 * (1.0 + size as f64), "{size}: {i}, {j}");
                        let unit = if i == j { 1.0 } else { 0.0 };
                        assert!((dot(row(i), row(j)) - unit).abs() < 1e-12, "{size}: {i}, {j}");
                    }
                }
            }
        }
        assert!(Eigen::new(vec![1.0, f64::NAN, f64::NAN, 1.0], 2).is_none());
    }
}
