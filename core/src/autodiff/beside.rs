//! Operators between a number with derivatives and a plain one, and those that assign.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Rem, RemAssign, Sub, SubAssign};

use super::{Dual, Lanes};

impl<V: Lanes, const K: usize> Rem<f64> for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn rem(self, other: f64) -> Self {
        self % Self::from(other)
    }
}

impl<V: Lanes, const K: usize> Add<f64> for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: f64) -> Self {
        Self { value: self.value + V::splat(other), ..self }
    }
}

impl<V: Lanes, const K: usize> Sub<f64> for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: f64) -> Self {
        Self { value: self.value - V::splat(other), ..self }
    }
}

impl<V: Lanes, const K: usize> Mul<f64> for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        let other = V::splat(other);
        self.chain(self.value * other, other)
    }
}

impl<V: Lanes, const K: usize> Div<f64> for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: f64) -> Self {
        let other = V::splat(other);
        self.each(self.value / other, |p| p / other)
    }
}

macro_rules! assign {
    ($($assign:ident $assign_method:ident $method:ident),*) => {$(
        impl<V: Lanes, const K: usize> $assign for Dual<V, K> {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                *self = self.$method(other);
            }
        }

        impl<V: Lanes, const K: usize> $assign<f64> for Dual<V, K> {
            #[inline(always)]
            fn $assign_method(&mut self, other: f64) {
                *self = self.$method(other);
            }
        }
    )*};
}
assign!(AddAssign add_assign add, SubAssign sub_assign sub, MulAssign mul_assign mul, DivAssign div_assign div, RemAssign rem_assign rem);

macro_rules! plain_on_the_left {
    ($($name:ident $method:ident: |$plain:ident, $dual:ident| $value:expr;)*) => {$(
        impl<V: Lanes, const K: usize> $name<Dual<V, K>> for f64 {
            type Output = Dual<V, K>;
            #[inline(always)]
            fn $method(self, $dual: Dual<V, K>) -> Dual<V, K> {
                let $plain = self;
                $value
            }
        }
    )*};
}
plain_on_the_left! {
    Add add: |a, x| x + a;
    Sub sub: |a, x| x.each(V::splat(a) - x.value, |p| -p);
    Mul mul: |a, x| x * a;
    Div div: |a, x| Dual::from(a) / x;
    Rem rem: |a, x| Dual::from(a) % x;
}
