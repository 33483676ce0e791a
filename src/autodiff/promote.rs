//! Carries a value from the code around a plate into one element of it.

use super::{Dual, Lanes};

/// A value seen from inside a plate, where more variables have partial derivatives and there may be several lanes.
///
/// Numbers are spread over the lanes with their partial derivatives moved to the slots of the plate; anything that is no
/// number stays as it is.
pub trait Promote<T> {
    /// The value's type inside the plate.
    type Inside;
    /// The value inside the plate: its partial derivative in slot `k` is the one that `slots[k]` names outside.
    fn promote(&self, slots: &[usize]) -> Self::Inside;
}

impl<V: Lanes, const P: usize, const K: usize> Promote<Dual<V, K>> for Dual<f64, P> {
    type Inside = Dual<V, K>;
    #[inline(always)]
    fn promote(&self, slots: &[usize]) -> Dual<V, K> {
        let mut inside = Dual::constant(V::splat(self.value));
        for k in 0..K.min(slots.len()) {
            if slots[k] < P {
                inside.partials[k] = V::splat(self.partials[slots[k]]);
            }
        }
        inside
    }
}

impl<T, X: Promote<T>, const N: usize> Promote<T> for [X; N] {
    type Inside = [X::Inside; N];
    #[inline(always)]
    fn promote(&self, slots: &[usize]) -> Self::Inside {
        std::array::from_fn(|i| self[i].promote(slots))
    }
}

macro_rules! tuple {
    ($($x:ident $i:tt),*) => {
        impl<T, $($x: Promote<T>),*> Promote<T> for ($($x,)*) {
            type Inside = ($($x::Inside,)*);
            #[inline(always)]
            fn promote(&self, slots: &[usize]) -> Self::Inside {
                ($(self.$i.promote(slots),)*)
            }
        }
    };
}
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

macro_rules! as_it_is {
    ($($x:ty),*) => {$(
        impl<T> Promote<T> for $x {
            type Inside = $x;
            #[inline(always)]
            fn promote(&self, _: &[usize]) -> $x {
                *self
            }
        }
    )*};
}
as_it_is!(bool, usize, u64, i64, u32, i32);
