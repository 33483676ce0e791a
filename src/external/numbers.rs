//! What is handed to a program, and what comes back, as numbers.

use crate::model::Drawn;

/// What is handed to a program: numbers, and arrays, `Vec`s and tuples of them, one after the other.
///
/// ```
/// use hierarch::external::Parameters;
///
/// let mut numbers = Vec::new();
/// (0.5, [1.0, 2.0], true).push(&mut numbers);
/// assert_eq!(numbers, [0.5, 1.0, 2.0, 1.0]);
/// ```
pub trait Parameters {
    /// Adds the numbers to a list. A `bool` is 0 or 1.
    fn push(&self, to: &mut Vec<f64>);
}

impl Parameters for f64 {
    fn push(&self, to: &mut Vec<f64>) {
        to.push(*self);
    }
}

impl Parameters for bool {
    fn push(&self, to: &mut Vec<f64>) {
        to.push(f64::from(u8::from(*self)));
    }
}

impl Parameters for u64 {
    fn push(&self, to: &mut Vec<f64>) {
        to.push(*self as f64);
    }
}

impl Parameters for usize {
    fn push(&self, to: &mut Vec<f64>) {
        to.push(*self as f64);
    }
}

impl<P: Parameters + ?Sized> Parameters for &P {
    fn push(&self, to: &mut Vec<f64>) {
        (**self).push(to);
    }
}

impl<P: Parameters> Parameters for [P] {
    fn push(&self, to: &mut Vec<f64>) {
        self.iter().for_each(|each| each.push(to));
    }
}

impl<P: Parameters, const N: usize> Parameters for [P; N] {
    fn push(&self, to: &mut Vec<f64>) {
        self.as_slice().push(to);
    }
}

impl<P: Parameters> Parameters for Vec<P> {
    fn push(&self, to: &mut Vec<f64>) {
        self.as_slice().push(to);
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: Parameters),*> Parameters for ($($name,)*) {
            #[allow(non_snake_case)]
            fn push(&self, to: &mut Vec<f64>) {
                let ($($name,)*) = self;
                $($name.push(to);)*
            }
        }
    };
}
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);

/// What comes back from a program: a number, or an array of numbers. An array of arrays is sent row by row.
///
/// ```
/// use hierarch::external::Observed;
///
/// let mut numbers = [1.0, 2.0, 3.0, 4.0].into_iter();
/// let image = <[[f32; 2]; 2]>::read(&mut || numbers.next().unwrap_or(0.0));
/// assert_eq!(image, [[1.0, 2.0], [3.0, 4.0]]);
/// assert!(u64::fits(2.0) && !u64::fits(2.5));
/// ```
pub trait Observed: Drawn + Sized {
    /// How many numbers it has.
    const COUNT: usize;
    /// What each number must be, in words.
    const WHAT: &'static str;
    /// Returns whether a number is one of these.
    fn fits(number: f64) -> bool;
    /// Makes it from the `next` numbers, which fit.
    fn read(next: &mut impl FnMut() -> f64) -> Self;
}

macro_rules! number {
    ($number:ty, $what:literal, $fits:expr, $read:expr) => {
        impl Observed for $number {
            const COUNT: usize = 1;
            const WHAT: &'static str = $what;
            #[inline(always)]
            fn fits(number: f64) -> bool {
                $fits(number)
            }
            #[inline(always)]
            fn read(next: &mut impl FnMut() -> f64) -> Self {
                $read(next())
            }
        }
    };
}
number!(f64, "a finite number", f64::is_finite, |x| x);
number!(f32, "a finite number of single precision", |x| (x as f32).is_finite(), |x| x as f32);
number!(bool, "0 or 1", |x| x == 0.0 || x == 1.0, |x| x == 1.0);
number!(u64, "a whole number from 0", is_whole, |x| x as u64);
number!(usize, "a whole number from 0", is_whole, |x| x as usize);

/// Up to 2^53, above which not every whole number is an `f64`.
fn is_whole(x: f64) -> bool {
    (0.0..=9_007_199_254_740_992.0).contains(&x) && x.fract() == 0.0
}

impl<T: Observed, const N: usize> Observed for [T; N] {
    const COUNT: usize = N * T::COUNT;
    const WHAT: &'static str = T::WHAT;
    #[inline(always)]
    fn fits(number: f64) -> bool {
        T::fits(number)
    }
    #[inline(always)]
    fn read(next: &mut impl FnMut() -> f64) -> Self {
        std::array::from_fn(|_| T::read(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbers_in_their_order() {
        let mut numbers = Vec::new();
        (1.5, [2.0, 3.0], vec![4_u64, 5], (true, &6_usize)).push(&mut numbers);
        assert_eq!(numbers, [1.5, 2.0, 3.0, 4.0, 5.0, 1.0, 6.0]);
    }

    #[test]
    fn numbers_are_read_by_rows() {
        let mut numbers = (0..6).map(f64::from);
        let image = <[[f32; 3]; 2]>::read(&mut || numbers.next().unwrap());
        assert_eq!((image, <[[f32; 3]; 2]>::COUNT), ([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], 6));
        assert!(!<[f32; 2]>::fits(1e39) && !f64::fits(f64::NAN));
        assert!(u64::fits(3.0) && [-1.0, 0.5, 1e300, f64::NAN].iter().all(|&x| !u64::fits(x) && !bool::fits(x)));
    }
}
