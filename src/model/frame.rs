//! A data set without its type: what tables, networks and checks read.

use std::borrow::Cow;

use super::DataError;
use crate::hash::{NOTHING, fnv};

/// The columns of one plate, or, at the top, the single row of what is outside plates.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// The plate's name; empty at the top.
    pub name: &'static str,
    /// How many elements there are.
    pub size: usize,
    /// For a plate inside another: where the elements of each outer element begin, and after the last where they end.
    pub offsets: Option<Cow<'a, [usize]>>,
    /// The plate's own variables (those in the data, or the locals), in the order of the declaration.
    pub columns: Vec<Column<'a>>,
    /// The plates inside that are in the data, in the order of the declaration.
    pub plates: Vec<Frame<'a>>,
}

impl Frame<'_> {
    /// A short text that is the same for the same names, sizes and numbers, and almost surely another for any other (FNV-1a).
    pub(crate) fn digest(&self) -> String {
        fn add(frame: &Frame<'_>, hash: &mut dyn FnMut(u64)) {
            frame.name.bytes().for_each(|byte| hash(byte.into()));
            hash(frame.size as u64);
            frame.offsets.iter().flat_map(|offsets| offsets.iter()).for_each(|offset| hash(*offset as u64));
            for column in &frame.columns {
                column.name.bytes().for_each(|byte| hash(byte.into()));
                (0..column.values.len()).for_each(|i| hash(column.values.get(i).to_bits()));
            }
            frame.plates.iter().for_each(|plate| add(plate, hash));
        }
        let mut digest = NOTHING;
        add(self, &mut |x| digest = fnv(digest, x.to_le_bytes().map(u64::from)));
        format!("{digest:016x}")
    }

    /// Takes the first column out.
    ///
    /// # Errors
    /// There is none, or it is of another type.
    pub fn take_column<C: ColumnType>(&mut self) -> Result<C, DataError> {
        if self.columns.is_empty() {
            return Err(DataError::Shape { what: format!("the plate `{}` has too few columns", self.name) });
        }
        let column = self.columns.remove(0);
        let (name, width) = (column.name, column.width);
        C::from_column(column).ok_or_else(|| DataError::Shape {
            what: format!("the column `{name}` of width {width} is of another type"),
        })
    }

    /// Takes the first plate out.
    ///
    /// # Errors
    /// There is none.
    pub fn take_plate(&mut self) -> Result<Self, DataError> {
        if self.plates.is_empty() {
            return Err(DataError::Shape { what: format!("the plate `{}` has too few plates", self.name) });
        }
        Ok(self.plates.remove(0))
    }

    /// Takes the offsets out.
    pub fn take_offsets(&mut self) -> Vec<usize> {
        self.offsets.take().map_or(vec![0], Cow::into_owned)
    }
}

/// A variable of a plate: `width` numbers for each element, those of one element side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Column<'a> {
    /// The variable's name.
    pub name: &'static str,
    /// How many numbers an element has; 1 for a scalar.
    pub width: usize,
    /// The numbers.
    pub values: Values<'a>,
}

impl<'a> Column<'a> {
    /// A view of a variable.
    pub fn of<C: ColumnType>(name: &'static str, values: &'a C) -> Self {
        Self { name, width: C::WIDTH, values: values.values() }
    }
}

/// The numbers of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// Real numbers.
    Real(Cow<'a, [f64]>),
    /// Counts.
    Count(Cow<'a, [u64]>),
    /// True or false.
    Bool(Cow<'a, [bool]>),
    /// Categories and indices.
    Category(Cow<'a, [usize]>),
    /// The output of an implicit observation.
    Pixels(Cow<'a, [f32]>),
}

impl Values<'_> {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Real(x) => x.len(),
            Self::Count(x) => x.len(),
            Self::Bool(x) => x.len(),
            Self::Category(x) => x.len(),
            Self::Pixels(x) => x.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number `i` as a real number; `false` and `true` are 0 and 1.
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

/// The types of the fields of a data set: a scalar, an array, or an image (an array of rows of pixels), alone outside plates
/// and in a `Vec` inside.
pub trait ColumnType: Sized {
    /// How many numbers an element has.
    const WIDTH: usize;
    /// The numbers, borrowed.
    fn values(&self) -> Values<'_>;
    /// The field from a column; nothing if it is of another type.
    fn from_column(column: Column<'_>) -> Option<Self>;
}

macro_rules! column_types {
    ($($x:ty: $variant:ident),*) => {$(
        impl ColumnType for Vec<$x> {
            const WIDTH: usize = 1;
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
            const WIDTH: usize = N;
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
            const WIDTH: usize = 1;
            fn values(&self) -> Values<'_> {
                Values::$variant(Cow::Borrowed(std::slice::from_ref(self)))
            }
            fn from_column(column: Column<'_>) -> Option<Self> {
                Vec::from_column(column)?.into_iter().next()
            }
        }

        impl<const N: usize> ColumnType for [$x; N] {
            const WIDTH: usize = N;
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
    const WIDTH: usize = ROWS * COLUMNS;
    fn values(&self) -> Values<'_> {
        Values::Pixels(Cow::Borrowed(self.as_flattened().as_flattened()))
    }
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column.values {
            Values::Pixels(values) if column.width == Self::WIDTH => {
                Some(values.as_chunks::<COLUMNS>().0.as_chunks::<ROWS>().0.to_vec())
            }
            _ => None,
        }
    }
}

impl<const COLUMNS: usize, const ROWS: usize> ColumnType for [[f32; COLUMNS]; ROWS] {
    const WIDTH: usize = ROWS * COLUMNS;
    fn values(&self) -> Values<'_> {
        Values::Pixels(Cow::Borrowed(self.as_flattened()))
    }
    fn from_column(column: Column<'_>) -> Option<Self> {
        Vec::from_column(column)?.into_iter().next()
    }
}

column_types!(f64: Real, u64: Count, bool: Bool, usize: Category, f32: Pixels);
