//! Matrices of normal numbers.

use rand::Rng;

use crate::autodiff::{AsMatrix, Matrix, Real};
use crate::distributions::matrix_normal::Matrices;
use crate::distributions::{Distribution, Draw, ParameterError, Support};

/// See [`MatrixNormal`](crate::distributions::MatrixNormal). A matrix is the vector of its numbers, row by row.
#[derive(Clone, Debug)]
pub struct MatrixNormal<T> {
    matrices: Matrices<T>,
}

impl<T: Real> MatrixNormal<T> {
    /// Creates MatrixNormal(mean, row_factor, column_factor) of that many rows and columns, with the factors of both covariances.
    pub fn new(
        mean: impl AsMatrix<T>,
        row_factor: impl AsMatrix<T>,
        column_factor: impl AsMatrix<T>,
        sizes: (usize, usize),
    ) -> Self {
        let factor = |of: Matrix<T>| (of.as_flat().to_vec(), of.rows());
        let (rows, columns) = (factor(row_factor.to_matrix()), factor(column_factor.to_matrix()));
        let mean = mean.to_matrix();
        let of_mean = (mean.rows(), mean.as_flat().len().checked_div(mean.rows()).unwrap_or(0));
        Self { matrices: Matrices::new(mean.as_flat().to_vec(), [sizes, of_mean], rows, columns) }
    }
}

impl<T: Real> Distribution<T> for MatrixNormal<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Real
    }

    fn log_density(&self, x: Vec<T>) -> T {
        self.matrices.log_density(&x)
    }
}

impl Draw for MatrixNormal<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        self.matrices.draw(rng)
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.matrices.check()
    }
}
