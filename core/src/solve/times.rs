//! What a solution starts from, and the times that it is wanted at.

use crate::autodiff::Real;

/// A state to start from: `[a, b]` at time zero, or `(t, [a, b])` at time t.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no state that a differential equation can start from",
    note = "write an array, `[a, b]`, which is the state at time zero, or `(t, [a, b])` for that at time `t`"
)]
pub trait Initial<T, const N: usize> {
    /// Returns the time and the state.
    fn start(self) -> (T, [T; N]);
}

impl<T: Real, const N: usize> Initial<T, N> for [T; N] {
    #[inline(always)]
    fn start(self) -> (T, [T; N]) {
        (T::from(0.0), self)
    }
}

impl<T: Real, const N: usize> Initial<T, N> for (T, [T; N]) {
    #[inline(always)]
    fn start(self) -> (T, [T; N]) {
        self
    }
}

/// Times at which a solution is wanted: an array, or a `Vec` of plain numbers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are no times that a differential equation can be solved at",
    note = "write an array, `[t]` or `TIMES`, or the name of a `param` that is a `Vec<f64>`"
)]
pub trait Times<T, const N: usize> {
    /// The states at these times, in an array or a `Vec`.
    type States;
    /// Returns the number of times.
    fn count(&self) -> usize;
    /// Returns the time at a position.
    fn time(&self, i: usize) -> T;
    /// Returns states to write over.
    fn states(&self) -> Self::States;
    /// Writes the state at a position.
    fn put(states: &mut Self::States, i: usize, state: [T; N]);
}

impl<T: Real, const N: usize, const M: usize> Times<T, N> for [T; M] {
    type States = [[T; N]; M];
    #[inline(always)]
    fn count(&self) -> usize {
        M
    }
    #[inline(always)]
    fn time(&self, i: usize) -> T {
        self[i]
    }
    #[inline(always)]
    fn states(&self) -> Self::States {
        [[T::from(f64::NAN); N]; M]
    }
    #[inline(always)]
    fn put(states: &mut Self::States, i: usize, state: [T; N]) {
        states[i] = state;
    }
}

macro_rules! of_plain_numbers {
    ($($times:ty),*) => {$(
        impl<T: Real, const N: usize> Times<T, N> for $times {
            type States = Vec<[T; N]>;
            #[inline(always)]
            fn count(&self) -> usize {
                self.len()
            }
            #[inline(always)]
            fn time(&self, i: usize) -> T {
                T::from(self[i])
            }
            #[inline(always)]
            fn states(&self) -> Self::States {
                vec![[T::from(f64::NAN); N]; self.len()]
            }
            #[inline(always)]
            fn put(states: &mut Self::States, i: usize, state: [T; N]) {
                states[i] = state;
            }
        }
    )*};
}
of_plain_numbers!(&[f64], &Vec<f64>);
