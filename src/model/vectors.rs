//! A column of vectors of one length, which is known only when the program runs.

use std::borrow::Cow;
use std::ops::Index;

use serde::de::Error;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::autodiff::Matrix;

use super::{Column, ColumnType, DataError, Values};

/// The vectors of all elements of a plate, of one length: that of a `size` of the model. A slice for each element, `x[3]`; serde
/// writes them as a sequence of sequences.
///
/// ```
/// use hierarch::model::Vectors;
///
/// # fn main() -> Result<(), hierarch::model::DataError> {
/// let x = Vectors::from_rows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])?;
/// assert_eq!((x.len(), x.width(), &x[1]), (3, 2, [3.0, 4.0].as_slice()));
/// assert_eq!(x, Vectors::from_flat(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors<X> {
    len: usize,
    width: usize,
    numbers: Vec<X>,
}

impl<X> Default for Vectors<X> {
    fn default() -> Self {
        Self { len: 0, width: 0, numbers: Vec::new() }
    }
}

impl<X: Clone> Vectors<X> {
    /// Makes a column of the vectors `rows`, one for each element.
    ///
    /// # Errors
    /// A vector of another length than the first.
    pub fn from_rows<R: AsRef<[X]>>(rows: impl IntoIterator<Item = R>) -> Result<Self, DataError> {
        let mut all = Self::default();
        for row in rows {
            let (at, row) = (all.len, row.as_ref());
            if at > 0 && row.len() != all.width {
                let what = format!("vector {at} has {} numbers, but the first has {}", row.len(), all.width);
                return Err(DataError::Shape { what });
            }
            all.push(row);
        }
        Ok(all)
    }

    /// Makes a column of vectors of `width` numbers from all their numbers, one vector after the other.
    ///
    /// # Errors
    /// The numbers are no whole number of vectors.
    pub fn from_flat(width: usize, numbers: Vec<X>) -> Result<Self, DataError> {
        if width == 0 || !numbers.len().is_multiple_of(width) {
            let what = format!("{} numbers are not a whole number of vectors of {width}", numbers.len());
            return Err(DataError::Shape { what });
        }
        Ok(Self { len: numbers.len() / width, width, numbers })
    }

    /// Returns the vectors from `first` on, for the code of `model!`.
    #[doc(hidden)]
    pub fn after(&self, first: usize) -> Self {
        Self { len: self.len - first, width: self.width, numbers: self.numbers[first * self.width..].to_vec() }
    }

    /// Adds a vector, which has as many numbers as the others, for the code of `model!`.
    #[doc(hidden)]
    #[inline]
    pub fn push(&mut self, row: &[X]) {
        debug_assert!(self.len == 0 || row.len() == self.width);
        self.width = row.len();
        self.len += 1;
        self.numbers.extend_from_slice(row);
    }
}

impl<X> Vectors<X> {
    /// Returns the number of vectors.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no vectors.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how many numbers each vector has; 0 if there are no vectors.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the vectors, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &[X]> {
        (0..self.len).map(|i| &self[i])
    }

    /// Returns all numbers, one vector after the other.
    pub fn as_flat(&self) -> &[X] {
        &self.numbers
    }

    /// Makes room for some more vectors, for the code of `model!`.
    #[doc(hidden)]
    pub fn reserve(&mut self, vectors: usize) {
        self.numbers.reserve(vectors * self.width);
    }
}

impl<X> Index<usize> for Vectors<X> {
    type Output = [X];

    #[inline(always)]
    fn index(&self, i: usize) -> &[X] {
        &self.numbers[i * self.width..(i + 1) * self.width]
    }
}

impl<X: Clone> From<&Matrix<X>> for Vectors<X> {
    fn from(matrix: &Matrix<X>) -> Self {
        let (len, numbers) = (matrix.rows(), matrix.as_flat().to_vec());
        Self { len, width: numbers.len().checked_div(len).unwrap_or(0), numbers }
    }
}

impl<X: Clone> From<Matrix<X>> for Vectors<X> {
    fn from(matrix: Matrix<X>) -> Self {
        Self::from(&matrix)
    }
}

/// Returns a vector of `n` times `x`, for the code of `model!`.
pub fn repeat<X: Clone>(x: X, n: usize) -> Vec<X> {
    vec![x; n]
}

impl<X: Serialize> Serialize for Vectors<X> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut rows = to.serialize_seq(Some(self.len))?;
        for row in self.iter() {
            rows.serialize_element(row)?;
        }
        rows.end()
    }
}

impl<'de, X: Deserialize<'de> + Clone> Deserialize<'de> for Vectors<X> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::from_rows(Vec::<Vec<X>>::deserialize(from)?).map_err(D::Error::custom)
    }
}

macro_rules! column_types {
    ($($x:ty: $variant:ident),*) => {$(
        impl ColumnType for Vectors<$x> {
            fn width(&self) -> usize {
                self.width
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(Cow::Borrowed(&self.numbers))
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                let Values::$variant(numbers) = column.values else { return None };
                let (width, numbers) = (column.width, numbers.into_owned());
                Some(Self { len: numbers.len().checked_div(width).unwrap_or(0), width, numbers })
            }
        }
    )*};
}
column_types!(f64: Real, u64: Count, bool: Bool, usize: Category);

/// Returns the length `size` of a model that the variable of a data set tells, for the code of `model!`.
///
/// # Errors
/// There is no element that tells it, and no default.
pub fn told(size: &str, variable: &str, width: usize, otherwise: Option<usize>) -> Result<usize, DataError> {
    match (width, otherwise) {
        (0, Some(default)) => Ok(default),
        (0, None) => {
            let what = format!(
                "no element of the data has `{variable}`, which would tell the size `{size}` of the model: set it"
            );
            Err(DataError::Shape { what })
        }
        (width, _) => Ok(width),
    }
}
