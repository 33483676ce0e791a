//! Data sets as the network reads them: a tree of ragged tables of numbers.

use std::ops::Range;

use super::error::Error;
use super::shape::{PlateShape, Shape};

/// The rows of one plate, for many parents at once.
///
/// The parents of a top-level plate are the data sets; those of a nested plate are the rows of the plate around it.
/// The order of rows within a parent carries no meaning, unless a network reads rows in their order.
///
/// ```
/// use hierarch_nn::{Batch, Error, PlateShape, Rows, Shape};
///
/// // Two data sets, of two rows and of one.
/// let rows = Rows { width: 1, features: vec![0.5, 1.5, 2.5], offsets: vec![0, 2, 3], children: vec![] };
/// assert_eq!((rows.parents(), rows.rows()), (2, 3));
///
/// let mut batch = Batch { sets: 2, plates: vec![rows], ..Batch::default() };
/// let plate = PlateShape { width: 1, ..PlateShape::default() };
/// let shape = Shape { plates: vec![plate], ..Shape::default() };
/// assert!(batch.check(&shape).is_ok());
/// batch.plates[0].features[2] = f32::NAN;
/// assert!(matches!(batch.check(&shape), Err(Error::NotFinite { set: 1, .. })));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Numbers in each row; may be 0 where a plate only holds other plates.
    pub width: usize,
    /// Row-major, rows x `width`.
    pub features: Vec<f32>,
    /// Parents + 1 positions, from 0 to the number of rows: parent `p` owns rows `offsets[p]..offsets[p + 1]`.
    pub offsets: Vec<usize>,
    /// Nested plates, whose parents are these rows.
    pub children: Vec<Rows>,
}

impl Rows {
    /// Returns the number of parents.
    pub fn parents(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Returns the number of rows of all parents together.
    pub fn rows(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Copies the rows of the parents in a range, with all that is inside them.
    pub fn slice(&self, parents: Range<usize>) -> Rows {
        let rows = self.offsets[parents.start]..self.offsets[parents.end];
        Rows {
            width: self.width,
            features: self.features[rows.start * self.width..rows.end * self.width].to_vec(),
            offsets: self.offsets[parents.start..=parents.end].iter().map(|offset| offset - rows.start).collect(),
            children: self.children.iter().map(|child| child.slice(rows.clone())).collect(),
        }
    }

    /// Copies a range of the rows of a plate that has one parent, as a plate with one parent.
    pub(super) fn part(&self, rows: Range<usize>) -> Rows {
        Rows {
            width: self.width,
            features: self.features[rows.start * self.width..rows.end * self.width].to_vec(),
            offsets: vec![0, rows.len()],
            children: self.children.iter().map(|child| child.slice(rows.clone())).collect(),
        }
    }

    /// Appends the parents of `other` and their rows, with all that is inside them.
    pub fn append(&mut self, other: &Rows) {
        let before = self.rows();
        self.features.extend_from_slice(&other.features);
        self.offsets.extend(other.offsets.iter().skip(1).map(|offset| before + offset));
        for (child, more) in self.children.iter_mut().zip(&other.children) {
            child.append(more);
        }
    }

    /// Counts the numbers and offsets that the tables hold: a measure of their memory.
    pub(super) fn numbers(&self) -> usize {
        self.features.len() + self.offsets.len() + self.children.iter().map(Rows::numbers).sum::<usize>()
    }

    fn check(&self, shape: &PlateShape, parents: usize, place: &str) -> Result<(), Error> {
        if self.width != shape.width {
            return Err(Error::Shape(format!(
                "{place} has rows of {} numbers, the network reads {}",
                self.width, shape.width
            )));
        }
        let ordered = self.offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        if self.offsets.len() != parents + 1 || self.offsets[0] != 0 || !ordered {
            return Err(Error::Shape(format!(
                "the offsets of {place} must be {} positions that start at 0 and never decrease",
                parents + 1
            )));
        }
        check_length(&self.features, self.rows(), self.width, place)?;
        if shape.image.is_some() && self.offsets.iter().enumerate().any(|(parent, first)| parent != *first) {
            return Err(Error::Shape(format!("{place} must have one image for each of its {parents} parents")));
        }
        if self.children.len() != shape.children.len() {
            return Err(Error::Shape(format!(
                "{place} has {} nested plates, the network reads {}",
                self.children.len(),
                shape.children.len()
            )));
        }
        for (index, (child, shape)) in self.children.iter().zip(&shape.children).enumerate() {
            child.check(shape, self.rows(), &format!("{place}.{index}"))?;
        }
        Ok(())
    }

    fn find_not_finite(&self, shape: &PlateShape, place: &str) -> Option<(String, f32)> {
        let mut children = self.children.iter().zip(&shape.children).enumerate();
        let found = not_finite(&self.features, self.width, place);
        let found = match (found, shape.image) {
            (Some((_, at, value)), Some((_, width))) => {
                let (image, pixel) = (at / self.width, at % self.width);
                let pixel = format!("line {}, column {}", pixel / width, pixel % width);
                Some((format!("{place}, image {image}, {pixel}"), value))
            }
            (found, _) => found.map(|(place, _, value)| (place, value)),
        };
        found.or_else(|| {
            children.find_map(|(index, (child, shape))| child.find_not_finite(shape, &format!("{place}.{index}")))
        })
    }
}

/// Some data sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// How many data sets.
    pub sets: usize,
    /// Numbers observed once for a data set, outside every plate; may be 0.
    pub width: usize,
    /// Row-major, `sets` x `width`.
    pub globals: Vec<f32>,
    /// The plates, whose parents are the data sets.
    pub plates: Vec<Rows>,
}

impl Batch {
    /// Returns a batch without data sets, for data with `width` numbers outside plates and with `plates`.
    pub fn empty(width: usize, plates: &[PlateShape]) -> Batch {
        fn rows(shape: &PlateShape) -> Rows {
            let children = shape.children.iter().map(rows).collect();
            Rows { width: shape.width, features: Vec::new(), offsets: vec![0], children }
        }
        Batch { sets: 0, width, globals: Vec::new(), plates: plates.iter().map(rows).collect() }
    }

    /// Checks that the batch has the given shape, that its tables fit together, and that every number is finite.
    ///
    /// # Errors
    /// The first thing that is wrong. For a number that is not finite the error tells its data set and its place in it.
    pub fn check(&self, shape: &Shape) -> Result<(), Error> {
        if self.width != shape.width {
            return Err(Error::Shape(format!(
                "{} numbers outside plates, the network reads {}",
                self.width, shape.width
            )));
        }
        check_length(&self.globals, self.sets, self.width, "the table outside plates")?;
        if self.plates.len() != shape.plates.len() {
            return Err(Error::Shape(format!(
                "{} plates, the network reads {}",
                self.plates.len(),
                shape.plates.len()
            )));
        }
        for (index, (rows, shape)) in self.plates.iter().zip(&shape.plates).enumerate() {
            rows.check(shape, self.sets, &format!("plate {index}"))?;
        }
        if self.find_not_finite(shape).is_none() {
            return Ok(());
        }
        (0..self.sets).try_for_each(|set| match self.slice(set..set + 1).find_not_finite(shape) {
            Some((place, value)) => Err(Error::NotFinite { set, place, value }),
            None => Ok(()),
        })
    }

    fn find_not_finite(&self, shape: &Shape) -> Option<(String, f32)> {
        let mut plates = self.plates.iter().zip(&shape.plates).enumerate();
        let outside = not_finite(&self.globals, self.width, "the table outside plates");
        outside.map(|(place, _, value)| (place, value)).or_else(|| {
            plates.find_map(|(index, (rows, shape))| rows.find_not_finite(shape, &format!("plate {index}")))
        })
    }

    /// Copies a range of the data sets.
    ///
    /// # Panics
    /// If the range reaches past the last set, or the tables do not fit together (see [`check`](Batch::check)).
    pub fn slice(&self, sets: Range<usize>) -> Batch {
        Batch {
            sets: sets.len(),
            width: self.width,
            globals: self.globals[sets.start * self.width..sets.end * self.width].to_vec(),
            plates: self.plates.iter().map(|rows| rows.slice(sets.clone())).collect(),
        }
    }

    /// Appends the data sets of another batch of the same shape.
    pub fn append(&mut self, other: &Batch) {
        self.sets += other.sets;
        self.globals.extend_from_slice(&other.globals);
        for (rows, more) in self.plates.iter_mut().zip(&other.plates) {
            rows.append(more);
        }
    }

    /// Counts the numbers and offsets that the batch holds: a measure of its memory.
    pub(super) fn numbers(&self) -> usize {
        self.globals.len() + self.plates.iter().map(Rows::numbers).sum::<usize>()
    }
}

fn check_length(table: &[f32], rows: usize, width: usize, place: &str) -> Result<(), Error> {
    if table.len() == rows * width {
        return Ok(());
    }
    Err(Error::Shape(format!("{place} holds {} numbers where {rows} rows of {width} are due", table.len())))
}

/// Finds the first number that is NaN or infinite: returns its place in words, its position in `table`, and its value.
fn not_finite(table: &[f32], width: usize, place: &str) -> Option<(String, usize, f32)> {
    let at = table.iter().position(|value| !value.is_finite())?;
    Some((format!("{place}, row {}, column {}", at / width, at % width), at, table[at]))
}
