//! The matrix normal distribution of matrices X of K rows and L columns, by the lower triangular factors A of the covariance U = A A'
//! of the rows and B of the covariance V = B B' of the columns: the covariance of X_ij and X_kl is U_ik V_jl.
//!
//! Density exp(-tr(Z' Z) / 2) / ((2 pi)^(K L / 2) det(A)^L det(B)^K) with Z = A^-1 (X - M) B'^-1 (Gupta & Nagar, Matrix Variate
//! Distributions, 2000, 2.2): X is M + A Z B' with independent standard normal numbers Z.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::normal::LN_SQRT_2_PI;
use super::{Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// The distribution over the numbers of a matrix, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Matrices<T> {
    mean: Vec<T>,
    /// The rows and the columns of a draw, and of the mean, as they are declared.
    sizes: [(usize, usize); 2],
    /// The factor of the covariance of the rows, of which there are this many.
    rows: (Vec<T>, usize),
    columns: (Vec<T>, usize),
}

impl<T: Real> Matrices<T> {
    /// Creates the distribution by its mean, the `sizes` of a draw and of the mean, and the factors with the numbers of their rows.
    pub(crate) fn new(
        mean: Vec<T>,
        sizes: [(usize, usize); 2],
        rows: (Vec<T>, usize),
        columns: (Vec<T>, usize),
    ) -> Self {
        Self { mean, sizes, rows, columns }
    }

    /// Tells whether the mean and the factors have the sizes of a draw.
    fn fit(&self) -> bool {
        let [own, of_mean] = self.sizes;
        let (of_factors, numbers) = ((self.rows.1, self.columns.1), own.0 * own.1);
        own == of_mean && own == of_factors && self.mean.len() == numbers
    }

    pub(crate) fn log_density(&self, x: &[T]) -> T {
        let ((a, k), (b, l)) = ((&self.rows.0, self.rows.1), (&self.columns.0, self.columns.1));
        if x.len() != k * l || !self.fit() {
            return T::from(f64::NAN);
        }
        let mut z: Vec<T> = x.iter().zip(&self.mean).map(|(&x, &mean)| x - mean).collect();
        let mut log = T::from(-LN_SQRT_2_PI * (k * l) as f64);
        for i in 0..k {
            for above in 0..i {
                for j in 0..l {
                    let known = z[above * l + j];
                    z[i * l + j] -= a[i * k + above] * known;
                }
            }
            let scale = a[i * k + i].recip();
            z[i * l..(i + 1) * l].iter_mut().for_each(|z| *z *= scale);
            log -= a[i * k + i].ln() * l as f64;
        }
        for j in 0..l {
            let scale = b[j * l + j].recip();
            for row in z.chunks_mut(l) {
                row[j] = (row[j] - T::inner(&b[j * l..j * l + j], &row[..j])) * scale;
            }
            log -= b[j * l + j].ln() * k as f64;
        }
        log - T::inner(&z, &z) * 0.5
    }
}

impl Matrices<f64> {
    pub(crate) fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let ((a, k), (b, l)) = ((&self.rows.0, self.rows.1), (&self.columns.0, self.columns.1));
        let z: Vec<f64> = (0..k * l).map(|_| StandardNormal.sample(rng)).collect();
        let by_columns = |i: usize, j: usize| f64::inner(&b[j * l..=j * l + j], &z[i * l..=i * l + j]);
        let number = |i: usize, j: usize| (0..=i).map(|m| a[i * k + m] * by_columns(m, j)).sum::<f64>();
        self.mean.iter().enumerate().map(|(at, mean)| mean + number(at / l, at % l)).collect()
    }

    pub(crate) fn check(&self) -> Result<(), ParameterError> {
        let name = "MatrixNormal";
        require(self.mean.iter().all(|m| m.is_finite()), name, "the mean", &self.mean, "of finite numbers")?;
        let sizes = (self.sizes[1], self.rows.1, self.columns.1);
        let requirement = "those of the draw, its rows and its columns";
        require(self.fit(), name, "the list of the sizes of the mean and of both factors", sizes, requirement)?;
        for (what, (factor, n)) in [("the row factor", &self.rows), ("the column factor", &self.columns)] {
            require(factor.len() == n * n, name, what, factor, "a square")?;
            let finite = (0..*n).all(|i| factor[i * n..=i * n + i].iter().all(|x| x.is_finite()));
            require(finite, name, what, factor, "of finite numbers")?;
            require((0..*n).all(|i| factor[i * n + i] > 0.0), name, what, factor, "positive on the diagonal")?;
        }
        Ok(())
    }
}

/// A matrix of K rows and L columns of normal numbers, whose rows are correlated with each other, and whose columns are: effects of
/// several covariates on several outcomes.
///
/// ```
/// use hierarch_core::distributions::{Distribution, MatrixNormal, MvNormalCholesky};
///
/// // Of one row it is a vector whose covariance is that of the columns times the variance of the row.
/// let (mean, x) = ([1.0_f64, 0.0], [2.0, -0.5]);
/// let row = MatrixNormal::new([mean], [[2.0]], [[1.0, 0.0], [0.5, 1.0]]);
/// let same = MvNormalCholesky::new(mean, [[2.0, 0.0], [1.0, 2.0]]);
/// assert!((row.log_density([x]) - same.log_density(x)).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
pub struct MatrixNormal<T, const K: usize, const L: usize> {
    matrices: Matrices<T>,
}

impl<T: Real, const K: usize, const L: usize> MatrixNormal<T, K, L> {
    /// Creates MatrixNormal(mean, row_factor, column_factor), with lower triangular factors of the covariance of the rows, `[K][K]`, and of
    /// that of the columns, `[L][L]`, whose diagonals are positive; what is above them is not read.
    /// [`diag`](crate::autodiff::diag) makes a diagonal one.
    pub fn new(mean: [[T; L]; K], row_factor: impl Into<[[T; K]; K]>, column_factor: impl Into<[[T; L]; L]>) -> Self {
        let (rows, columns) = ((row_factor.into().concat(), K), (column_factor.into().concat(), L));
        Self { matrices: Matrices::new(mean.concat(), [(K, L); 2], rows, columns) }
    }
}

impl<T: Real, const K: usize, const L: usize> Distribution<T> for MatrixNormal<T, K, L> {
    type Value = [[T; L]; K];

    fn support(&self) -> Support<T> {
        Support::Real
    }

    fn log_density(&self, x: [[T; L]; K]) -> T {
        self.matrices.log_density(&x.concat())
    }
}

impl<const K: usize, const L: usize> Draw for MatrixNormal<f64, K, L> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [[f64; L]; K] {
        let drawn = self.matrices.draw(rng);
        std::array::from_fn(|i| std::array::from_fn(|j| drawn[i * L + j]))
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.matrices.check()
    }
}
