//! Carries a value from the code around a plate into an element of the plate.

use super::{Dual, Lanes};

/// A value as seen from inside a plate, where there are more variables with partial derivatives, and there may be
/// several lanes.
///
/// Numbers are copied to all lanes, with their partial derivatives moved to the slots of the plate; other values are
/// unchanged.
///
/// ```
/// use hierarch_core::autodiff::{Dual, Promote};
///
/// // Of two globals, the elements of a plate have derivatives with respect to the second alone, in their slot 0.
/// let globals = [Dual::<f64, 2>::variable(3.0, 0), Dual::variable(5.0, 1)];
/// let inside = Promote::<Dual<f64, 1>>::promote(&globals, &[1]);
/// assert_eq!(inside.map(|x| x.value), [3.0, 5.0]);
/// assert_eq!(inside.map(|x| x.partials), [[0.0], [1.0]]);
/// ```
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be carried into a plate",
    note = "numbers, arrays, tuples and `Vec`s of numbers can, as can `bool` and whole numbers"
)]
pub trait Promote<T> {
    /// The value's type inside the plate.
    type Inside;
    /// Returns the value inside the plate: its partial derivative in slot `k` is the one that `slots[k]` names outside.
    fn promote(&self, slots: &[usize]) -> Self::Inside;
}

impl<V: Lanes, const P: usize, const K: usize> Promote<Dual<V, K>> for Dual<f64, P> {
    type Inside = Dual<V, K>;
    #[inline(always)]
    fn promote(&self, slots: &[usize]) -> Dual<V, K> {
        let mut inside = Dual::constant(V::splat(self.value));
        for (partial, &slot) in inside.partials.iter_mut().zip(slots) {
            if slot < P {
                *partial = V::splat(self.partials[slot]);
            }
        }
        inside
    }
}

/// A function that takes no scalar may return a plain number.
impl<T: From<f64>> Promote<T> for f64 {
    type Inside = T;
    #[inline(always)]
    fn promote(&self, _: &[usize]) -> T {
        T::from(*self)
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

impl<T, X> Promote<T> for &X {
    type Inside = Self;
    #[inline(always)]
    fn promote(&self, _: &[usize]) -> Self {
        self
    }
}

impl<T, X: Promote<T>> Promote<T> for Vec<X> {
    type Inside = Vec<X::Inside>;
    #[inline(always)]
    fn promote(&self, slots: &[usize]) -> Self::Inside {
        self.iter().map(|x| x.promote(slots)).collect()
    }
}

/// A constant as the scalar of the code that uses it: numbers are converted to this scalar, other values are unchanged.
///
/// ```
/// use hierarch_core::autodiff::{Dual, Lift, Real};
///
/// const LINE: [f64; 2] = [0.5, 2.0];
///
/// fn line<T: Real>(x: T) -> T {
///     let [start, slope]: [T; 2] = Lift::lift(LINE);
///     start + slope * x
/// }
///
/// let y = line(Dual::<f64, 1>::variable(3.0, 0));
/// assert_eq!((y.value, y.partials), (6.5, [2.0]));
/// ```
#[diagnostic::on_unimplemented(
    message = "a constant of type `{Self}` cannot be used in a model as it is",
    note = "numbers (`f64`), arrays of numbers, `bool` and whole numbers can; pass anything else to a function"
)]
pub trait Lift<T> {
    /// The constant's type where it is used.
    type Lifted;
    /// Returns the constant as that type.
    fn lift(self) -> Self::Lifted;
}

impl<T: From<f64>> Lift<T> for f64 {
    type Lifted = T;
    #[inline(always)]
    fn lift(self) -> T {
        T::from(self)
    }
}

impl<T, X: Lift<T>, const N: usize> Lift<T> for [X; N] {
    type Lifted = [X::Lifted; N];
    #[inline(always)]
    fn lift(self) -> Self::Lifted {
        self.map(X::lift)
    }
}

macro_rules! lift_as_it_is {
    ($($x:ty),*) => {$(
        impl<T> Lift<T> for $x {
            type Lifted = $x;
            #[inline(always)]
            fn lift(self) -> $x {
                self
            }
        }
    )*};
}
lift_as_it_is!(bool, usize, u64, i64, u32, i32, &'static str);

/// What `x as f64` of a model stands for: the number as the scalar of the code that runs, with its derivatives.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "`{Self}` is no number: it cannot be cast by `as f64`")]
pub trait Cast<T> {
    fn cast(self) -> T;
}

impl<V: Lanes, const K: usize> Cast<Dual<V, K>> for Dual<V, K> {
    #[inline(always)]
    fn cast(self) -> Self {
        self
    }
}

impl<T: From<f64>> Cast<T> for bool {
    #[inline(always)]
    fn cast(self) -> T {
        T::from(f64::from(self))
    }
}

macro_rules! cast {
    ($($x:ty),*) => {$(
        impl<T: From<f64>> Cast<T> for $x {
            #[inline(always)]
            fn cast(self) -> T {
                T::from(self as f64)
            }
        }
    )*};
}
cast!(f64, f32, usize, u64, u32, u16, u8, isize, i64, i32, i16, i8);
