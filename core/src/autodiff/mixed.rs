//! The derivatives of what is one of two things by chance.

use super::{Dual, Lanes};

/// Returns the value zero with the partial derivatives of `yes` times `share` and those of `no` times the rest; what has no share
/// does not count, whatever it is.
///
/// ```
/// use hierarch_core::autodiff::{Dual, mixed};
///
/// let (yes, no) = (Dual::<f64, 1>::variable(3.0, 0), Dual::constant(f64::NAN));
/// assert_eq!(mixed(yes, no, 1.0).partials, [1.0]);
/// assert_eq!(mixed(yes, yes.weighed(2.0), 0.25).partials, [1.75]);
/// ```
#[inline(always)]
pub fn mixed<V: Lanes, const K: usize>(yes: Dual<V, K>, no: Dual<V, K>, share: V) -> Dual<V, K> {
    let mut mixed = Dual::constant(V::splat(0.0));
    mixed.mix(yes, share);
    mixed.mix(no, V::splat(1.0) - share);
    mixed
}
