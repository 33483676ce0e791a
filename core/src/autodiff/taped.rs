//! A number on a tape (reverse mode), where the number of variables is known only when the program runs.
//!
//! Each operation notes its derivatives by its operands. Derivatives of operations are those of [`Dual`], which carries one for
//! each operand. The tape is that of the thread: one density at a time runs on it, between [`Taped::begin`] and [`Taped::end`].

use std::cell::RefCell;
use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};

use num_traits::{One, Zero};

use super::{Cast, Dual, Lift, Parts, Promote, Real};

/// A number that remembers what it was computed from.
#[derive(Clone, Copy, Debug)]
pub struct Taped {
    /// The number.
    pub value: f64,
    /// Its place on the tape; [`CONSTANT`] if it depends on no variable.
    node: u32,
}

const CONSTANT: u32 = u32::MAX;

/// The operations in their order.
#[derive(Default)]
struct Tape {
    /// Where the operands of each operation end among all operands.
    ends: Vec<usize>,
    /// The place of each operand, and the derivative by it.
    operands: Vec<(u32, f64)>,
    /// The derivatives of what is differentiated by the results of operations, as far as they are known.
    adjoints: Vec<f64>,
}

thread_local! {
    static TAPE: RefCell<Tape> = RefCell::default();
}

impl Tape {
    fn push(&mut self, value: f64, operands: impl IntoIterator<Item = (u32, f64)>) -> Taped {
        let node = self.ends.len() as u32;
        self.operands.extend(operands);
        self.ends.push(self.operands.len());
        Taped { value, node }
    }

    /// Carries the derivatives by the results of all operations from `first` on back to what came before, and forgets these operations.
    fn sweep(&mut self, first: usize) {
        self.adjoints.resize(self.ends.len(), 0.0);
        for node in (first..self.ends.len()).rev() {
            let (adjoint, start) = (self.adjoints[node], if node == 0 { 0 } else { self.ends[node - 1] });
            // What does not count has no part in it, even where a derivative is infinite.
            if adjoint != 0.0 {
                for &(operand, slope) in &self.operands[start..self.ends[node]] {
                    self.adjoints[operand as usize] += adjoint * slope;
                }
            }
            self.operands.truncate(start);
        }
        self.ends.truncate(first);
        self.adjoints.truncate(first);
    }
}

impl Taped {
    /// Begins a computation of `variables` numbers; see [`Taped::variable`].
    pub fn begin(variables: usize) {
        TAPE.with_borrow_mut(|tape| {
            tape.operands.clear();
            tape.ends.clear();
            tape.ends.resize(variables, 0);
            tape.adjoints.clear();
            tape.adjoints.resize(variables, 0.0);
        });
    }

    /// Returns the number of the variable `at`.
    #[inline]
    pub fn variable(value: f64, at: usize) -> Self {
        Self { value, node: at as u32 }
    }

    /// Returns a number that depends on no variable.
    #[inline]
    pub fn constant(value: f64) -> Self {
        Self::from(value)
    }

    /// Makes some more variables, whose values are worked out elsewhere, and returns the place of the first.
    pub fn leaves(count: usize) -> usize {
        TAPE.with_borrow_mut(|tape| {
            let (first, end) = (tape.ends.len(), tape.operands.len());
            tape.ends.resize(first + count, end);
            first
        })
    }

    /// Writes the derivatives, as far as terms were absorbed, by the variables from `first` on.
    pub fn adjoints(first: usize, to: &mut [f64]) {
        TAPE.with_borrow_mut(|tape| {
            tape.adjoints.resize(tape.ends.len(), 0.0);
            to.copy_from_slice(&tape.adjoints[first..first + to.len()]);
        });
    }

    /// Returns the chain rule's contribution of this number to the variables behind it, given the derivative `adjoint` of what is
    /// differentiated with respect to this number: the value zero, with the derivatives times `adjoint`.
    pub fn carried(self, adjoint: f64) -> Self {
        let operand = (self.node != CONSTANT).then_some((self.node, adjoint));
        TAPE.with_borrow_mut(|tape| tape.push(0.0, operand))
    }

    /// Returns the place on the tape from which [`Taped::absorb`] forgets what follows.
    pub fn mark() -> usize {
        TAPE.with_borrow(|tape| tape.ends.len())
    }

    /// Returns the value of a term of what is differentiated, with which nothing else is computed: its derivatives are carried back,
    /// and all that was noted since `mark` is forgotten.
    pub fn absorb(self, mark: usize) -> f64 {
        TAPE.with_borrow_mut(|tape| {
            if self.node != CONSTANT {
                tape.adjoints.resize(tape.ends.len(), 0.0);
                tape.adjoints[self.node as usize] += 1.0;
            }
            tape.sweep(mark);
        });
        self.value
    }

    /// Ends the computation, of which `self` is the last term: writes the derivatives by the variables to `gradient`.
    pub fn end(self, gradient: &mut [f64]) -> f64 {
        let value = self.absorb(gradient.len());
        TAPE.with_borrow(|tape| gradient.copy_from_slice(&tape.adjoints));
        value
    }

    fn as_dual<const K: usize>(self, slot: usize) -> Dual<f64, K> {
        match self.node {
            CONSTANT => Dual::constant(self.value),
            _ => Dual::variable(self.value, slot),
        }
    }

    /// Returns what was computed from `operands`, with a derivative by each.
    #[inline]
    fn of<const K: usize>(result: Dual<f64, K>, operands: [Self; K]) -> Self {
        if operands.iter().all(|operand| operand.node == CONSTANT) {
            return Self::from(result.value);
        }
        let known = operands.iter().zip(result.partials).filter(|(operand, _)| operand.node != CONSTANT);
        TAPE.with_borrow_mut(|tape| tape.push(result.value, known.map(|(operand, slope)| (operand.node, slope))))
    }

    #[inline]
    fn unary(self, f: impl Fn(Dual<f64, 1>) -> Dual<f64, 1>) -> Self {
        Self::of(f(self.as_dual(0)), [self])
    }

    #[inline]
    fn binary(self, other: Self, f: impl Fn(Dual<f64, 2>, Dual<f64, 2>) -> Dual<f64, 2>) -> Self {
        Self::of(f(self.as_dual(0), other.as_dual(1)), [self, other])
    }
}

impl From<f64> for Taped {
    #[inline]
    fn from(value: f64) -> Self {
        Self { value, node: CONSTANT }
    }
}

impl PartialEq for Taped {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialOrd for Taped {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl PartialEq<f64> for Taped {
    fn eq(&self, other: &f64) -> bool {
        self.value == *other
    }
}

impl PartialOrd<f64> for Taped {
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.value.partial_cmp(other)
    }
}

impl Neg for Taped {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        self.unary(|x| -x)
    }
}

macro_rules! operators {
    ($($operator:ident $apply:ident $assign:ident $apply_assign:ident),*) => {$(
        impl $operator for Taped {
            type Output = Self;
            #[inline]
            fn $apply(self, other: Self) -> Self {
                self.binary(other, |x, y| $operator::$apply(x, y))
            }
        }
        impl $operator<f64> for Taped {
            type Output = Self;
            #[inline]
            fn $apply(self, other: f64) -> Self {
                self.unary(|x| $operator::$apply(x, other))
            }
        }
        impl $operator<Taped> for f64 {
            type Output = Taped;
            #[inline]
            fn $apply(self, other: Taped) -> Taped {
                other.unary(|x| $operator::$apply(self, x))
            }
        }
        impl $assign for Taped {
            #[inline]
            fn $apply_assign(&mut self, other: Self) {
                *self = $operator::$apply(*self, other);
            }
        }
        impl $assign<f64> for Taped {
            #[inline]
            fn $apply_assign(&mut self, other: f64) {
                *self = $operator::$apply(*self, other);
            }
        }
    )*};
}
operators!(
    Add add AddAssign add_assign,
    Sub sub SubAssign sub_assign,
    Mul mul MulAssign mul_assign,
    Div div DivAssign div_assign,
    Rem rem RemAssign rem_assign
);

impl Zero for Taped {
    fn zero() -> Self {
        Self::from(0.0)
    }
    fn is_zero(&self) -> bool {
        self.value == 0.0
    }
}

impl One for Taped {
    fn one() -> Self {
        Self::from(1.0)
    }
}

impl Sum for Taped {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::from(0.0), |sum, x| sum + x)
    }
}

/// Its parts are its value alone. A solver would lose its derivatives, so that `model!` refuses solvers on it.
impl Parts for Taped {
    type Lanes = f64;
    const PARTS: usize = 1;
    fn part(&self, _: usize) -> f64 {
        self.value
    }
    fn from_parts(mut part: impl FnMut(usize) -> f64) -> Self {
        Self::from(part(0))
    }
}

macro_rules! unary {
    ($($f:ident),*) => {$(
        #[inline]
        fn $f(self) -> Self {
            self.unary(Real::$f)
        }
    )*};
}

impl Real for Taped {
    unary!(
        exp,
        exp_m1,
        ln,
        ln_1p,
        sqrt,
        sin,
        cos,
        tan,
        asin,
        acos,
        atan,
        sinh,
        cosh,
        tanh,
        abs,
        ln_gamma,
        erf,
        normal_cdf,
        ln_normal_cdf,
        ln_i0e,
        log_mean_exp,
        recip,
        square,
        sigmoid,
        softplus,
        logit
    );

    fn value(self) -> f64 {
        self.value
    }
    fn powi(self, n: i32) -> Self {
        self.unary(|x| x.powi(n))
    }
    fn powf(self, power: Self) -> Self {
        self.binary(power, Real::powf)
    }
    fn atan2(self, other: Self) -> Self {
        self.binary(other, Real::atan2)
    }
    fn floor(self) -> Self {
        Self::from(self.value.floor())
    }
    fn ln_factorial(self) -> Self {
        Self::from(Real::ln_factorial(self.value))
    }
    fn ln_0f1(self, b: Self) -> Self {
        self.unary(|x| x.ln_0f1(Dual::from(b.value)))
    }
    fn ln_incomplete_gamma(self, x: Self) -> (Self, Self) {
        let (lower, upper) = self.as_dual::<2>(0).ln_incomplete_gamma(x.as_dual(1));
        (Self::of(lower, [self, x]), Self::of(upper, [self, x]))
    }
    fn ln_incomplete_beta(self, other: Self, logit: Self) -> (Self, Self) {
        let all = [self, other, logit];
        let (lower, upper) = self.as_dual::<3>(0).ln_incomplete_beta(other.as_dual(1), logit.as_dual(2));
        (Self::of(lower, all), Self::of(upper, all))
    }
    #[inline]
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self {
        if self.value < other.value { yes } else { no }
    }
    #[inline]
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self {
        if self.value <= other.value { yes } else { no }
    }
    fn log_sum_start(self) -> (Self, Self) {
        let (largest, sum) = self.as_dual::<1>(0).log_sum_start();
        (Self::from(largest.value), Self::of(sum, [self]))
    }
    fn log_sum_push(self, (largest, sum): (Self, Self)) -> (Self, Self) {
        let state = (Dual::constant(largest.value), sum.as_dual::<2>(0));
        let (largest, total) = self.as_dual::<2>(1).log_sum_push(state);
        (Self::from(largest.value), Self::of(total, [sum, self]))
    }
    fn log_sum_finish((largest, sum): (Self, Self)) -> Self {
        Self::of(Real::log_sum_finish((Dual::constant(largest.value), sum.as_dual::<1>(0))), [sum])
    }
    fn inner(x: &[Self], y: &[Self]) -> Self {
        let value = x.iter().zip(y).map(|(x, y)| x.value * y.value).sum();
        let both = x.iter().zip(y).flat_map(|(x, y)| [(x.node, y.value), (y.node, x.value)]);
        let operands = both.filter(|(node, _)| *node != CONSTANT);
        TAPE.with_borrow_mut(|tape| tape.push(value, operands))
    }
}

impl Promote<Taped> for Taped {
    type Inside = Self;
    fn promote(&self, _: &[usize]) -> Self {
        *self
    }
}

impl Lift<Taped> for Taped {
    type Lifted = Self;
    fn lift(self) -> Self {
        self
    }
}

impl Cast<Taped> for Taped {
    fn cast(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::LogSum;

    /// Compares value and derivatives with those of forward mode.
    fn check(name: &str, taped: Taped, dual: Dual<f64, 2>) {
        let mut gradient = [0.0; 2];
        assert!((taped.end(&mut gradient) - dual.value).abs() < 1e-14 * dual.value.abs().max(1.0), "{name}");
        for (got, want) in gradient.iter().zip(dual.partials) {
            assert!((got - want).abs() < 1e-12 * want.abs().max(1.0), "{name}: {got}, not {want}");
        }
    }

    macro_rules! check {
        ($($name:literal $f:expr;)*) => {$(
            for (x, y) in [(0.3, 0.7), (0.9, -1.2), (0.05, 2.5), (0.6, 0.3)] {
                fn f<T: Real>(x: T, y: T) -> T {
                    let f: fn(T, T) -> T = $f;
                    f(x, y)
                }
                Taped::begin(2);
                check($name, f(Taped::variable(x, 0), Taped::variable(y, 1)), f(Dual::variable(x, 0), Dual::variable(y, 1)));
            }
        )*};
    }

    #[test]
    fn derivatives_are_those_of_forward_mode() {
        check! {
            "arithmetic" |x, y| (x * y - 2.0 * x / (y + 3.0)) % 1.7 + 1.0 / y - (-x);
            "functions" |x, y| x.exp() * y.square().ln_1p() + x.sqrt() * y.sin() + (x * y).tanh() + x.powi(3) + x.powf(y);
            "special" |x, y| x.ln_gamma() + y.normal_cdf() * x.logit() + y.softplus() + (y * 5.0).ln_normal_cdf() + y.sigmoid();
            "gamma" |x, y| { let (p, q) = y.abs().ln_incomplete_gamma(x * 3.0); p * 2.0 + q };
            "bessel" |x, y| x.ln_0f1(T::from(2.5)) + y.abs().ln_0f1(T::from(1.0));
            "beta" |x, y| { let (p, q) = x.ln_incomplete_beta(y.abs(), x - y); p * 2.0 + q };
            "choice" |x, y| x.if_le(y, x * 2.0, y * 3.0) + x.max(y);
            "inner" |x, y| T::inner(&[x, y, T::from(2.0)], &[y, x * y, y]);
            "log_sum" |x, y| {
                let mut sum = LogSum::new();
                [x, T::from(f64::NEG_INFINITY), y * 3.0, x * y].into_iter().for_each(|term| sum.push(term));
                sum.finish()
            };
        }
    }

    #[test]
    fn terms_are_absorbed_one_by_one() {
        Taped::begin(2);
        let (x, y) = (Taped::variable(3.0, 0), Taped::variable(5.0, 1));
        let product = x * y;
        let mut value = 0.0;
        for i in 1..4 {
            let mark = Taped::mark();
            let inner = product * f64::from(i);
            let within = Taped::mark();
            value += (inner * x).absorb(within);
            value += inner.absorb(mark);
        }
        // 6 x y + 6 x^2 y.
        let mut gradient = [0.0; 2];
        value += product.end(&mut gradient);
        assert_eq!((value, gradient), (7.0 * 15.0 + 6.0 * 45.0, [7.0 * 5.0 + 12.0 * 15.0, 7.0 * 3.0 + 6.0 * 9.0]));
    }
}
