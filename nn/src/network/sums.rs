//! What a network keeps of a data set that is given in parts.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a network keeps of a data set: sums over the elements of its plates. Those of two parts of the data add up to
/// those of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Numbers outside plates, which every part has.
    pub outside: Vec<f32>,
    /// The numbers outside plates as a plate of one row, if there are any; then the plates. Images are among them.
    pub(super) plates: Vec<PlateSums>,
}

/// What a network keeps of one plate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlateSums {
    pub(super) rows: u64,
    /// Sums over rows of what is pooled.
    pub(super) moments: Vec<f64>,
    /// Sums over rows of what the element network makes of each.
    pub(super) hidden: Vec<f64>,
    /// Whether the plate is an image outside plates, which every part has.
    pub(super) image: bool,
}

impl PlateSums {
    /// Adds the sums of other rows of the plate.
    pub(super) fn add(&mut self, other: &PlateSums) {
        self.rows += other.rows;
        let add = |sums: &mut [f64], more: &[f64]| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        add(&mut self.moments, &other.moments);
        add(&mut self.hidden, &other.hidden);
    }
}

impl Sums {
    /// Adds the sums of another part of the data set.
    ///
    /// # Errors
    /// If the numbers outside plates differ, or the sums are those of another network.
    pub fn add(&mut self, other: &Sums) -> Result<(), Error> {
        if self.outside != other.outside {
            return Err(Error::Shape(format!(
                "the parts differ in what was observed outside plates: {:?} and {:?}",
                self.outside, other.outside
            )));
        }
        let lengths =
            |sums: &Sums| -> Vec<_> { sums.plates.iter().map(|p| (p.moments.len(), p.hidden.len())).collect() };
        if lengths(self) != lengths(other) {
            return Err(Error::Shape("the sums were made by different networks".to_owned()));
        }
        // The plate that stands for the numbers outside is the same in both.
        let first = usize::from(!self.outside.is_empty());
        let pairs = || self.plates.iter().zip(&other.plates);
        if pairs().any(|(sums, more)| sums.image && sums.hidden != more.hidden) {
            return Err(Error::Shape("the parts differ in an image that was observed outside plates".to_owned()));
        }
        let pairs = self.plates[first..].iter_mut().zip(&other.plates[first..]);
        pairs.filter(|(sums, _)| !sums.image).for_each(|(sums, more)| sums.add(more));
        Ok(())
    }

    /// Returns how many elements of each plate have been summed.
    pub fn sizes(&self) -> Vec<usize> {
        let plates = &self.plates[usize::from(!self.outside.is_empty())..];
        plates.iter().filter(|plate| !plate.image).map(|plate| plate.rows as usize).collect()
    }
}
