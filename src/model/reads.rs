//! Arrays that code of a model reads at a position, which may be outside of them.

use std::cell::Cell;

use super::{DataError, Place, SimulateError};

/// A place in the code of a model where an array is read.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// The whole, as it is written: `effect[group]`.
    pub read: &'static str,
    /// The array, as it is written.
    pub array: &'static str,
    /// What gives the position.
    pub place: Place,
}

/// Notes the first read that is outside of its array, so that it is an error where one can be returned.
#[derive(Default)]
pub struct Reads(Cell<Option<(Read, usize, usize)>>);

impl Reads {
    /// Returns `position` if an array of length `size` has it, and else zero.
    #[inline(always)]
    pub fn position(&self, read: &Read, position: usize, size: usize) -> usize {
        if position < size { position } else { self.outside(read, position, size) }
    }

    #[cold]
    #[inline(never)]
    fn outside(&self, read: &Read, position: usize, size: usize) -> usize {
        let first = self.0.take().or(Some((*read, position, size)));
        self.0.set(first);
        0
    }

    /// Returns the error of the first read outside of an array, once.
    pub fn take(&self) -> Option<DataError> {
        self.0.take().map(|(Read { read, array, place }, position, size)| DataError::Position {
            place: place.to_string(),
            read,
            array,
            // Below zero it has wrapped around.
            position: position as isize,
            size,
        })
    }

    /// Ends a simulation.
    ///
    /// # Errors
    /// The first read outside of an array.
    pub fn result(&self) -> Result<(), SimulateError> {
        self.take().map_or(Ok(()), |error| Err(SimulateError::Position(error)))
    }
}

/// What is indexed, of any type. A method call on `&&Indexed(..)` finds [`KnownSize`] for an array, and [`UnknownSize`] for the
/// rest.
#[derive(Debug)]
pub struct Indexed<'a, T: ?Sized>(pub &'a T);

/// Something that has its elements at the positions below its length.
pub trait Sequence {
    /// Returns the length.
    fn length(&self) -> usize;
}

impl<X> Sequence for [X] {
    #[inline(always)]
    fn length(&self) -> usize {
        self.len()
    }
}

impl<X, const N: usize> Sequence for [X; N] {
    #[inline(always)]
    fn length(&self) -> usize {
        N
    }
}

impl<X> Sequence for Vec<X> {
    #[inline(always)]
    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Sequence + ?Sized> Sequence for &T {
    #[inline(always)]
    fn length(&self) -> usize {
        (**self).length()
    }
}

/// Gives the length of an array.
pub trait KnownSize {
    /// Returns the length.
    fn size(&self) -> usize;
}

impl<T: Sequence + ?Sized> KnownSize for &Indexed<'_, T> {
    #[inline(always)]
    fn size(&self) -> usize {
        self.0.length()
    }
}

/// Takes what is no array as without end.
pub trait UnknownSize {
    /// Returns the largest length.
    #[inline(always)]
    fn size(&self) -> usize {
        usize::MAX
    }
}

impl<T: ?Sized> UnknownSize for Indexed<'_, T> {}
