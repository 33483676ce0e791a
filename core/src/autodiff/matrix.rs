//! A matrix whose rows and columns are counted when the program runs.

use std::ops::{Index, Mul};

use super::{Diagonal, Real};

/// A matrix, row by row: that of a model with sizes, and what a function of your own returns as a covariance or a factor of one.
///
/// ```
/// use hierarch_core::autodiff::{Matrix, Real};
///
/// /// Covariances that fall with the distance of two places on a line.
/// fn covariance<T: Real>(sd: &[T], reach: T) -> Matrix<T> {
///     let n = sd.len();
///     let number = |k: usize| {
///         let (i, j) = (k / n, k % n);
///         sd[i] * sd[j] * (-(i.abs_diff(j) as f64) / reach).exp()
///     };
///     Matrix::new(n, (0..n * n).map(number).collect())
/// }
///
/// let matrix = covariance(&[1.0, 2.0], 1.0);
/// assert_eq!((matrix.rows(), matrix[1][1], matrix[0][1]), (2, 4.0, matrix[1][0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix<T> {
    columns: usize,
    numbers: Vec<T>,
}

impl<T> Matrix<T> {
    /// Makes a matrix from plain numbers, its rows, for the code of `model!`.
    #[doc(hidden)]
    pub fn of_rows(rows: &[Vec<f64>]) -> Self
    where
        T: From<f64>,
    {
        let numbers = rows.iter().flatten().map(|x| T::from(*x)).collect();
        Self { columns: rows.first().map_or(0, Vec::len), numbers }
    }

    /// Makes the matrix with that many `columns` of `numbers`, row by row.
    pub fn new(columns: usize, numbers: Vec<T>) -> Self {
        Self { columns, numbers }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.numbers.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Returns the numbers, row by row.
    pub fn as_flat(&self) -> &[T] {
        &self.numbers
    }
}

/// What stands for a matrix in the code of `model!`: one, or its rows.
#[doc(hidden)]
pub trait AsMatrix<T> {
    /// Copies it.
    fn to_matrix(&self) -> Matrix<T>;
}

impl<T: Clone> AsMatrix<T> for Matrix<T> {
    fn to_matrix(&self) -> Matrix<T> {
        self.clone()
    }
}

impl<T: Clone> AsMatrix<T> for OpenDiagonal<T> {
    fn to_matrix(&self) -> Matrix<T> {
        self.0.clone()
    }
}

impl<T: Real, const N: usize> AsMatrix<T> for Diagonal<T, N> {
    fn to_matrix(&self) -> Matrix<T> {
        <[[T; N]; N]>::from(*self).to_matrix()
    }
}

impl<T: Clone, R: AsRef<[T]>> AsMatrix<T> for [R] {
    fn to_matrix(&self) -> Matrix<T> {
        let numbers = self.iter().flat_map(|row| row.as_ref().iter().cloned()).collect();
        Matrix::new(self.first().map_or(0, |row| row.as_ref().len()), numbers)
    }
}

impl<T: Clone, R: AsRef<[T]>> AsMatrix<T> for Vec<R> {
    fn to_matrix(&self) -> Matrix<T> {
        self.as_slice().to_matrix()
    }
}

impl<T: Clone, R: AsRef<[T]>, const N: usize> AsMatrix<T> for [R; N] {
    fn to_matrix(&self) -> Matrix<T> {
        self.as_slice().to_matrix()
    }
}

impl<T, M: AsMatrix<T> + ?Sized> AsMatrix<T> for &M {
    fn to_matrix(&self) -> Matrix<T> {
        (**self).to_matrix()
    }
}

impl<T> Index<usize> for Matrix<T> {
    type Output = [T];

    #[inline]
    fn index(&self, row: usize) -> &[T] {
        &self.numbers[row * self.columns..(row + 1) * self.columns]
    }
}

impl<T> AsRef<Self> for Matrix<T> {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A diagonal matrix, made by [`open_diag`]: times a matrix it scales the rows of that.
#[derive(Clone, Debug)]
pub struct OpenDiagonal<T>(Matrix<T>);

/// Returns the diagonal matrix of numbers that are counted when the program runs.
pub fn open_diag<T: Real>(x: impl AsRef<[T]>) -> OpenDiagonal<T> {
    let x = x.as_ref();
    let mut matrix = Matrix::new(x.len(), vec![T::from(0.0); x.len() * x.len()]);
    for (i, &x) in x.iter().enumerate() {
        matrix.numbers[i * matrix.columns + i] = x;
    }
    OpenDiagonal(matrix)
}

impl<T> AsRef<Matrix<T>> for OpenDiagonal<T> {
    fn as_ref(&self) -> &Matrix<T> {
        &self.0
    }
}

impl<T: Real> Mul<&Matrix<T>> for OpenDiagonal<T> {
    type Output = Matrix<T>;

    fn mul(self, matrix: &Matrix<T>) -> Matrix<T> {
        let row = |i: usize| matrix[i].iter().map(move |&y| (i, y));
        let numbers = (0..self.0.columns).flat_map(row).map(|(i, y)| self.0[i][i] * y);
        Matrix::new(matrix.columns, numbers.collect())
    }
}

impl<T: Real> Mul<Matrix<T>> for OpenDiagonal<T> {
    type Output = Matrix<T>;

    fn mul(self, matrix: Matrix<T>) -> Matrix<T> {
        self * &matrix
    }
}

/// Returns the product of a matrix and a vector whose lengths are known when the program runs; NaN if they do not fit.
pub fn open_matvec<T: Real>(matrix: impl AsRef<Matrix<T>>, x: impl AsRef<[T]>) -> Vec<T> {
    let (matrix, x) = (matrix.as_ref(), x.as_ref());
    (0..matrix.rows()).map(|row| T::inner(&matrix[row], x)).collect()
}
