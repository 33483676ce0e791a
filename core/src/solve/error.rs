//! The size of an error beside what is tolerated, over all parts and lanes of numbers.

use super::tolerance::Tolerance;
use crate::autodiff::{Lanes, Parts};

/// The largest of some errors, where what is tolerated counts as one.
pub struct Errors<V> {
    tolerance: Tolerance,
    largest: V,
    /// Other than zero where a value was not finite.
    lost: V,
}

impl<V: Lanes> Errors<V> {
    #[inline(always)]
    pub fn new(tolerance: Tolerance) -> Self {
        Self { tolerance, largest: V::splat(0.0), lost: V::splat(0.0) }
    }

    /// Adds an `error` of a number that is between `a` and `b`.
    ///
    /// A derivative that is not finite does not count: it makes no step longer or shorter, and the sampler says where there is one.
    #[inline(always)]
    pub fn add<T: Parts<Lanes = V>>(&mut self, error: T, a: T, b: T) {
        let (zero, one, endless) = (V::splat(0.0), V::splat(1.0), V::splat(f64::INFINITY));
        let (relative, absolute) = (V::splat(self.tolerance.relative), V::splat(self.tolerance.absolute));
        for k in 0..T::PARTS {
            let (a, b) = (a.part(k).abs(), b.part(k).abs());
            let ratio = error.part(k).abs() / (a.if_lt(b, b, a).mul_add(relative, absolute));
            if k == 0 {
                self.lost = ratio.if_lt(endless, self.lost, one);
            }
            let ratio = ratio.if_lt(endless, ratio, zero);
            self.largest = self.largest.if_lt(ratio, ratio, self.largest);
        }
    }

    /// Returns the largest of all; infinity if a value was not finite.
    #[inline(always)]
    pub fn largest(self) -> f64 {
        let mut largest: f64 = 0.0;
        for i in 0..V::WIDTH {
            let own = if self.lost.lane(i) == 0.0 { self.largest.lane(i) } else { f64::INFINITY };
            largest = largest.max(own);
        }
        largest
    }
}
