//! A data set without its type, for tables, networks and checks.

use std::borrow::Cow;

use super::DataError;
use crate::hash::{NOTHING, fnv};

/// The columns of one plate or, at the top, the single row of the variables outside plates.
///
/// ```
/// use hierarch::model::{Column, Frame, Values};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Coins {
///         global bias ~ Beta(1.0, 1.0);
///         plate tosses(1..=100) {
///             observe heads ~ Bernoulli(bias);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = CoinsData { tosses: CoinsTosses { heads: vec![true, false, true] } };
/// let frame: Frame<'_> = data.frame();
/// let tosses: &Frame<'_> = &frame.plates[0];
/// assert_eq!((tosses.name, tosses.size), ("tosses", 3));
/// let heads: &Column<'_> = &tosses.columns[0];
/// assert_eq!((heads.name, heads.width), ("heads", 1));
/// assert_eq!(heads.values, Values::Bool(vec![true, false, true].into()));
/// assert_eq!(CoinsData::from_frame(frame)?, data); // and back
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// The plate's name; empty at the top.
    pub name: &'static str,
    /// The number of elements.
    pub size: usize,
    /// For a plate inside another: the position at which the elements of each outer element begin, and, last, the end.
    pub offsets: Option<Cow<'a, [usize]>>,
    /// The plate's own variables (those in the data, or the locals), in the order of the declaration.
    pub columns: Vec<Column<'a>>,
    /// The plates inside it that are in the data, in the order of the declaration.
    pub plates: Vec<Frame<'a>>,
}

impl Frame<'_> {
    /// Returns the [`hash`](Frame::hash) as text.
    pub(crate) fn digest(&self) -> String {
        format!("{:016x}", self.hash())
    }

    /// Returns an FNV-1a hash of the names, sizes and numbers: equal frames have equal hashes, other frames almost surely
    /// others.
    pub(crate) fn hash(&self) -> u64 {
        fn add(frame: &Frame<'_>, hash: &mut dyn FnMut(u64)) {
            frame.name.bytes().for_each(|byte| hash(byte.into()));
            hash(frame.size as u64);
            frame.offsets.iter().flat_map(|offsets| offsets.iter()).for_each(|offset| hash(*offset as u64));
            for column in &frame.columns {
                column.name.bytes().for_each(|byte| hash(byte.into()));
                // Nothing was hashed here before values could be missing.
                let there = column.there.iter().flat_map(|there| there.iter().enumerate());
                there.filter(|(_, there)| !**there).for_each(|(i, _)| hash(i as u64));
                (0..column.values.len()).for_each(|i| hash(column.values.get(i).to_bits()));
            }
            frame.plates.iter().for_each(|plate| add(plate, hash));
        }
        let mut digest = NOTHING;
        add(self, &mut |x| digest = fnv(digest, x.to_le_bytes().map(u64::from)));
        digest
    }

    /// Removes and returns the first column.
    ///
    /// # Errors
    /// There is no column, or the first is of another type.
    pub fn take_column<C: ColumnType>(&mut self) -> Result<C, DataError> {
        if self.columns.is_empty() {
            return Err(DataError::Shape { what: format!("the plate `{}` has too few columns", self.name) });
        }
        let column = self.columns.remove(0);
        let (name, width, numbers) = (column.name, column.width, column.values.len());
        let told = column.there.as_ref().map_or(numbers, |there| there.len());
        if told != numbers {
            let what = format!("the column `{name}` has {numbers} numbers, but says of {told} whether they are there");
            return Err(DataError::Shape { what });
        }
        if !numbers.is_multiple_of(width.max(1)) {
            let what = format!("the column `{name}` has {numbers} numbers, of which no vectors of {width} can be made");
            return Err(DataError::Shape { what });
        }
        C::from_column(column).ok_or_else(|| DataError::Shape {
            what: format!("the column `{name}` of width {width} is of another type"),
        })
    }

    /// Removes and returns the first column, the vector of the only element, for the code of `model!`.
    #[doc(hidden)]
    pub fn take_vector<X>(&mut self) -> Result<Vec<X>, DataError>
    where
        Vec<X>: ColumnType,
    {
        if let Some(column) = self.columns.first_mut() {
            column.width = 1;
        }
        self.take_column()
    }

    /// Removes and returns the first plate.
    ///
    /// # Errors
    /// There is no plate.
    pub fn take_plate(&mut self) -> Result<Self, DataError> {
        if self.plates.is_empty() {
            return Err(DataError::Shape { what: format!("the plate `{}` has too few plates", self.name) });
        }
        Ok(self.plates.remove(0))
    }

    /// Removes and returns the offsets; `[0]` if there are none.
    pub fn take_offsets(&mut self) -> Vec<usize> {
        self.offsets.take().map_or(vec![0], Cow::into_owned)
    }
}

/// A variable of a plate: `width` numbers for each element, those of one element adjacent.
#[derive(Clone, Debug, PartialEq)]
pub struct Column<'a> {
    /// The variable's name.
    pub name: &'static str,
    /// The number of numbers for each element; 1 for a scalar.
    pub width: usize,
    /// The numbers. One that is missing is NaN, or 0 where the numbers are whole.
    pub values: Values<'a>,
    /// Which of the numbers are there, for an observation that may be missing; `None` for all others.
    pub there: Option<Cow<'a, [bool]>>,
}

impl<'a> Column<'a> {
    /// Returns a view of the variable `name` with these `values`.
    pub fn of<C: ColumnType>(name: &'static str, values: &'a C) -> Self {
        Self { name, width: values.width(), values: values.values(), there: values.there().map(Cow::Owned) }
    }

    /// Returns whether number `i` is there.
    pub fn is_there(&self, i: usize) -> bool {
        self.there.as_ref().is_none_or(|there| there[i])
    }

    /// Returns number `i` as a real number; NaN if it is missing.
    pub fn get(&self, i: usize) -> f64 {
        if self.is_there(i) { self.values.get(i) } else { f64::NAN }
    }
}

impl<'a> Column<'a> {
    /// Returns a view of a vector outside plates, whose length is known when the program runs, for the code of `model!`.
    #[doc(hidden)]
    pub fn of_vector<X>(name: &'static str, numbers: &'a Vec<X>) -> Self
    where
        Vec<X>: ColumnType,
    {
        Self { name, width: numbers.len(), values: numbers.values(), there: None }
    }
}

/// The numbers of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// Real numbers.
    Real(Cow<'a, [f64]>),
    /// Counts.
    Count(Cow<'a, [u64]>),
    /// `true` or `false`.
    Bool(Cow<'a, [bool]>),
    /// Categories and indices.
    Category(Cow<'a, [usize]>),
    /// The output of an implicit observation.
    Pixels(Cow<'a, [f32]>),
}

impl Values<'_> {
    /// Returns how many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Real(x) => x.len(),
            Self::Count(x) => x.len(),
            Self::Bool(x) => x.len(),
            Self::Category(x) => x.len(),
            Self::Pixels(x) => x.len(),
        }
    }

    /// Returns whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns number `i` as a real number; `false` and `true` are 0 and 1.
    pub fn get(&self, i: usize) -> f64 {
        match self {
            Self::Real(x) => x[i],
            Self::Count(x) => x[i] as f64,
            Self::Bool(x) => x[i] as u8 as f64,
            Self::Category(x) => x[i] as f64,
            Self::Pixels(x) => x[i] as f64,
        }
    }
}

/// A type of a field of a data set: a scalar, an array or an image (an array of rows of pixels) outside plates, and a
/// `Vec` of these inside plates.
///
/// ```
/// use hierarch::model::{Column, ColumnType};
///
/// let places: Vec<[f64; 3]> = vec![[0.0, 0.5, 1.0], [2.0, 2.5, 3.0]];
/// let column = Column::of("place", &places);
/// assert_eq!((column.width, column.values.len()), (3, 6));
/// assert_eq!(column.values.get(4), 2.5);
/// let back: Option<Vec<[f64; 3]>> = ColumnType::from_column(column);
/// assert_eq!(back, Some(places));
/// ```
pub trait ColumnType: Sized {
    /// Returns the number of numbers for each element.
    fn width(&self) -> usize;
    /// Returns the numbers, borrowed.
    fn values(&self) -> Values<'_>;
    /// Returns which of the numbers are there; `None` if none can be missing.
    fn there(&self) -> Option<Vec<bool>> {
        None
    }
    /// Makes the field from a column; `None` if the column is of another type.
    fn from_column(column: Column<'_>) -> Option<Self>;
}

macro_rules! column_types {
    ($($x:ty: $variant:ident),*) => {$(
        impl ColumnType for Vec<$x> {
            fn width(&self) -> usize {
                1
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(Cow::Borrowed(self))
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                match column.values {
                    Values::$variant(values) if column.width == 1 => Some(values.into_owned()),
                    _ => None,
                }
            }
        }

        impl<const N: usize> ColumnType for Vec<[$x; N]> {
            fn width(&self) -> usize {
                N
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(Cow::Borrowed(self.as_flattened()))
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                match column.values {
                    Values::$variant(values) if column.width == N => Some(values.as_chunks::<N>().0.to_vec()),
                    _ => None,
                }
            }
        }

        impl ColumnType for $x {
            fn width(&self) -> usize {
                1
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(Cow::Borrowed(std::slice::from_ref(self)))
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                Vec::from_column(column)?.into_iter().next()
            }
        }

        impl<const N: usize> ColumnType for [$x; N] {
            fn width(&self) -> usize {
                N
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(Cow::Borrowed(self))
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                Vec::from_column(column)?.into_iter().next()
            }
        }
    )*};
}
impl<const COLUMNS: usize, const ROWS: usize> ColumnType for Vec<[[f32; COLUMNS]; ROWS]> {
    fn width(&self) -> usize {
        ROWS * COLUMNS
    }
    fn values(&self) -> Values<'_> {
        Values::Pixels(Cow::Borrowed(self.as_flattened().as_flattened()))
    }
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column.values {
            Values::Pixels(values) if column.width == ROWS * COLUMNS => {
                Some(values.as_chunks::<COLUMNS>().0.as_chunks::<ROWS>().0.to_vec())
            }
            _ => None,
        }
    }
}

impl<const COLUMNS: usize, const ROWS: usize> ColumnType for [[f32; COLUMNS]; ROWS] {
    fn width(&self) -> usize {
        ROWS * COLUMNS
    }
    fn values(&self) -> Values<'_> {
        Values::Pixels(Cow::Borrowed(self.as_flattened()))
    }
    fn from_column(column: Column<'_>) -> Option<Self> {
        Vec::from_column(column)?.into_iter().next()
    }
}

macro_rules! optional_column_types {
    ($($x:ty: $variant:ident, $nothing:expr);*) => {$(
        impl ColumnType for Vec<Option<$x>> {
            fn width(&self) -> usize {
                1
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(self.iter().map(|x| x.unwrap_or($nothing)).collect())
            }
            fn there(&self) -> Option<Vec<bool>> {
                Some(self.iter().map(Option::is_some).collect())
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                let there = column.there.unwrap_or_else(|| vec![true; column.values.len()].into());
                match column.values {
                    Values::$variant(values) if column.width == 1 => {
                        Some(values.iter().zip(there.iter()).map(|(x, there)| there.then_some(*x)).collect())
                    }
                    _ => None,
                }
            }
        }

        impl<const N: usize> ColumnType for Vec<[Option<$x>; N]> {
            fn width(&self) -> usize {
                N
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(self.as_flattened().iter().map(|x| x.unwrap_or($nothing)).collect())
            }
            fn there(&self) -> Option<Vec<bool>> {
                Some(self.as_flattened().iter().map(Option::is_some).collect())
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                if column.width != N {
                    return None;
                }
                let flat: Vec<Option<$x>> = Vec::from_column(Column { width: 1, ..column })?;
                Some(flat.as_chunks::<N>().0.to_vec())
            }
        }

        impl ColumnType for Option<$x> {
            fn width(&self) -> usize {
                1
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(vec![self.unwrap_or($nothing)].into())
            }
            fn there(&self) -> Option<Vec<bool>> {
                Some(vec![self.is_some()])
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                Vec::from_column(column)?.into_iter().next()
            }
        }

        impl<const N: usize> ColumnType for [Option<$x>; N] {
            fn width(&self) -> usize {
                N
            }
            fn values(&self) -> Values<'_> {
                Values::$variant(self.iter().map(|x| x.unwrap_or($nothing)).collect())
            }
            fn there(&self) -> Option<Vec<bool>> {
                Some(self.iter().map(Option::is_some).collect())
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                Vec::from_column(column)?.into_iter().next()
            }
        }
    )*};
}

column_types!(f64: Real, u64: Count, bool: Bool, usize: Category, f32: Pixels);
optional_column_types!(f64: Real, f64::NAN; u64: Count, 0; bool: Bool, false; usize: Category, 0);
