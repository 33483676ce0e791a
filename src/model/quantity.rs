//! Quantities: what a model works out, or draws, at each draw of a posterior.

use super::Walk;
use crate::distributions::Draw;

/// A value that a `quantity` of a model may have: a number, a `bool`, which counts as 0 or 1 so that its mean is a probability, or a
/// vector of these.
#[diagnostic::on_unimplemented(
    message = "a quantity is a number, a `bool` or a vector of these, and no `{Self}`",
    label = "the value of a quantity"
)]
pub trait Quantity {
    /// Calls `see` with its numbers.
    fn numbers(&self, see: &mut dyn FnMut(&[f64]));
}

/// What one number of a quantity may be.
#[doc(hidden)]
pub trait QuantityNumber: Copy {
    /// Returns it as a number.
    fn number(self) -> f64;
}

macro_rules! number {
    ($($ty:ty)*) => {$(
        impl QuantityNumber for $ty {
            fn number(self) -> f64 {
                self as f64
            }
        }

        impl Quantity for $ty {
            fn numbers(&self, see: &mut dyn FnMut(&[f64])) {
                see(&[self.number()]);
            }
        }
    )*};
}

number!(f64 u64 usize i64 i32);

impl QuantityNumber for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Quantity for bool {
    fn numbers(&self, see: &mut dyn FnMut(&[f64])) {
        see(&[self.number()]);
    }
}

impl<T: QuantityNumber> Quantity for [T] {
    fn numbers(&self, see: &mut dyn FnMut(&[f64])) {
        see(&self.iter().map(|&x| x.number()).collect::<Vec<f64>>());
    }
}

impl<T: QuantityNumber, const N: usize> Quantity for [T; N] {
    fn numbers(&self, see: &mut dyn FnMut(&[f64])) {
        self.as_slice().numbers(see);
    }
}

impl<T: QuantityNumber> Quantity for Vec<T> {
    fn numbers(&self, see: &mut dyn FnMut(&[f64])) {
        self.as_slice().numbers(see);
    }
}

impl<Q: Quantity + ?Sized> Quantity for &Q {
    fn numbers(&self, see: &mut dyn FnMut(&[f64])) {
        (**self).numbers(see);
    }
}

/// Draws a quantity, for the code of `model!`; NaN where nobody asks for it, or the distribution is none.
pub fn random<D: Draw<Value = f64>>(distribution: &D, walk: &mut dyn Walk) -> f64 {
    walk.random(&mut |rng| if distribution.check().is_ok() { distribution.draw(rng) } else { f64::NAN })
}
