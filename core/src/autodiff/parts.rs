//! The numbers that a scalar is made of, for code that must look at all of them alike: a solver takes steps that are short enough
//! for each derivative and in each lane, where a comparison would follow the value of one lane.

use super::Lanes;

/// A scalar as its parts: the value, and behind it each derivative.
#[doc(hidden)]
pub trait Parts: Sized {
    type Lanes: Lanes;
    const PARTS: usize;
    fn part(&self, k: usize) -> Self::Lanes;
    fn from_parts(part: impl FnMut(usize) -> Self::Lanes) -> Self;
}

impl Parts for f64 {
    type Lanes = f64;
    const PARTS: usize = 1;
    #[inline(always)]
    fn part(&self, _: usize) -> f64 {
        *self
    }
    #[inline(always)]
    fn from_parts(mut part: impl FnMut(usize) -> f64) -> f64 {
        part(0)
    }
}
