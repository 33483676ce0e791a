//! What stands in the place of a value that is missing.

use super::{Dual, Lanes};

impl<V: Lanes, const K: usize> Dual<V, K> {
    /// Returns lane by lane this number where `there` is positive, and `other` elsewhere. What is not taken does not count, whatever
    /// it is.
    ///
    /// ```
    /// use hierarch_core::autodiff::Dual;
    ///
    /// let (nan, x) = (Dual::<f64, 1>::constant(f64::NAN), Dual::variable(3.0, 0));
    /// assert_eq!(nan.where_there(0.0, x).partials, [1.0]);
    /// assert_eq!(x.where_there(1.0, nan).value, 3.0);
    /// ```
    #[inline(always)]
    pub fn where_there(self, there: V, other: Self) -> Self {
        let zero = V::splat(0.0);
        let mut taken = Self::constant(zero.if_lt(there, self.value, other.value));
        for k in 0..K {
            taken.partials[k] = zero.if_lt(there, self.partials[k], other.partials[k]);
        }
        taken
    }
}
