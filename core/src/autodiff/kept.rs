//! Sums that are worked out once for each value of what they depend on.

/// Numbers by one or two positions, each worked out where it is first read.
#[derive(Debug)]
pub struct Kept<T> {
    numbers: Vec<Option<T>>,
}

impl<T: Copy> Kept<T> {
    /// Keeps nothing yet.
    #[inline(always)]
    pub fn new() -> Self {
        Self { numbers: Vec::new() }
    }

    /// Returns the place of a pair of positions: each has its own, and small ones have small places (Cantor's).
    #[inline(always)]
    pub fn pair(i: usize, j: usize) -> usize {
        (i + j) * (i + j + 1) / 2 + j
    }

    /// Returns the number at `place`, if it is known.
    #[inline(always)]
    pub fn get(&self, place: usize) -> Option<T> {
        match self.numbers.get(place) {
            Some(number) => *number,
            None => None,
        }
    }

    /// Keeps the number at `place`.
    #[inline(always)]
    pub fn set(&mut self, place: usize, number: T) {
        if self.numbers.len() <= place {
            self.numbers.resize(place + 1, None);
        }
        self.numbers[place] = Some(number);
    }
}

impl<T: Copy> Default for Kept<T> {
    fn default() -> Self {
        Self::new()
    }
}
