//! A number and its partial derivatives with respect to a handful of variables (forward mode).

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use num_traits::{One, Zero};

use super::functions::{finite, nonzero};
use super::lanes::MOST_LANES;
use super::{Lanes, Parts, Real, bessel, bessel_sum, functions, gamma, incomplete, mean_exp, normal, special};

/// A number with `K` partial derivatives; with `K` = 0, a plain number (in one or more lanes).
#[derive(Clone, Copy, Debug)]
pub struct Dual<V, const K: usize> {
    /// The number.
    pub value: V,
    /// Its partial derivatives, one for each variable.
    pub partials: [V; K],
}

impl<V: Lanes, const K: usize> Dual<V, K> {
    /// Creates a number that depends on no variable.
    #[inline(always)]
    pub fn constant(value: V) -> Self {
        Self { value, partials: [V::splat(0.0); K] }
    }

    /// Creates the variable in a slot: its partial derivative there is one. Without slots (`K` = 0) it is a plain
    /// number.
    #[inline(always)]
    pub fn variable(value: V, slot: usize) -> Self {
        let mut dual = Self::constant(value);
        if slot < K {
            dual.partials[slot] = V::splat(1.0);
        }
        dual
    }

    /// Returns the chain rule's contribution of this number to the variables behind it, given the derivative `adjoint`
    /// of the density with respect to this number: the value zero, and the partial derivatives times `adjoint`.
    #[inline(always)]
    pub fn carried(self, adjoint: V) -> Self {
        self.each(V::splat(0.0), |p| p * adjoint)
    }

    /// Returns the number times one that depends on no variable.
    #[inline(always)]
    pub fn weighed(self, weight: V) -> Self {
        self.chain(self.value * weight, weight)
    }

    /// Adds the derivatives of `term` times its `probability`; nothing, even where they are infinite, if that is zero.
    #[inline(always)]
    pub fn mix(&mut self, term: Self, probability: V) {
        let zero = V::splat(0.0);
        for (mine, of_term) in self.partials.iter_mut().zip(term.partials) {
            *mine = *mine + zero.if_lt(probability, of_term * probability, zero);
        }
    }

    /// Returns f(self), from f's value and slope at self.
    #[inline(always)]
    pub(super) fn chain(self, value: V, slope: V) -> Self {
        self.each(value, |p| p * slope)
    }

    /// Returns f(self) where f's slope may be infinite: what does not depend on a variable has no derivative with respect
    /// to it, however steep f is. (The square root of an observation of zero, say.)
    #[inline(always)]
    fn chain_steep(self, value: V, slope: V) -> Self {
        self.chain(value, finite(slope))
    }

    /// Returns f(self) where f's slope may be zero at an infinite number: there f does not change, however fast the
    /// number does. (The exponential of minus infinity, say.)
    #[inline(always)]
    fn chain_flat(self, value: V, slope: V) -> Self {
        let zero = V::splat(0.0);
        self.each(value, |p| slope.abs().if_le(zero, zero, p * slope))
    }

    /// Returns f of several numbers, from f's value and its slopes by each of them. As in `chain_flat`, what has a slope of zero does
    /// not count.
    #[inline(always)]
    fn chain_of<const N: usize>(value: V, slopes: [V; N], arguments: [Self; N]) -> Self {
        let zero = V::splat(0.0);
        let mut sum = Self::constant(value);
        for (slope, argument) in slopes.into_iter().zip(arguments) {
            sum = sum.zip(argument, value, |s, p| s + slope.abs().if_le(zero, zero, p * slope));
        }
        sum
    }

    /// Returns the number with another value, and `partial` applied to each partial derivative. The array's own `map`
    /// is not used: it is inlined by chance, and otherwise is not compiled for the registers that it runs on.
    #[inline(always)]
    pub(super) fn each(mut self, value: V, partial: impl Fn(V) -> V) -> Self {
        self.value = value;
        for p in &mut self.partials {
            *p = partial(*p);
        }
        self
    }

    #[inline(always)]
    fn zip(self, other: Self, value: V, partial: impl Fn(V, V) -> V) -> Self {
        let mut partials = self.partials;
        for (p, q) in partials.iter_mut().zip(other.partials) {
            *p = partial(*p, q);
        }
        Self { value, partials }
    }

    #[inline(always)]
    fn map_steep(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self {
        if K == 0 {
            return Self::constant(self.value.map(f));
        }
        self.chain_steep(self.value.map(f), self.value.map(slope))
    }

    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self {
        if K == 0 {
            return Self::constant(self.value.map(f));
        }
        self.chain_flat(self.value.map(f), self.value.map(slope))
    }
}

impl<V: Lanes, const K: usize> From<f64> for Dual<V, K> {
    #[inline(always)]
    fn from(x: f64) -> Self {
        Self::constant(V::splat(x))
    }
}

impl<V: Lanes, const K: usize> PartialEq for Dual<V, K> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<V: Lanes, const K: usize> PartialOrd for Dual<V, K> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<V: Lanes, const K: usize> PartialEq<f64> for Dual<V, K> {
    #[inline(always)]
    fn eq(&self, other: &f64) -> bool {
        self.value == V::splat(*other)
    }
}

impl<V: Lanes, const K: usize> PartialOrd<f64> for Dual<V, K> {
    #[inline(always)]
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.value.partial_cmp(&V::splat(*other))
    }
}

impl<V: Lanes, const K: usize> Neg for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.each(-self.value, |p| -p)
    }
}

impl<V: Lanes, const K: usize> Add for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, self.value + other.value, |p, q| p + q)
    }
}

impl<V: Lanes, const K: usize> Sub for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, self.value - other.value, |p, q| p - q)
    }
}

impl<V: Lanes, const K: usize> Mul for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, self.value * other.value, |p, q| p.mul_add(other.value, q * self.value))
    }
}

impl<V: Lanes, const K: usize> Div for Dual<V, K> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // The value is that of plain numbers to the bit; the derivatives share one division.
        let value = self.value / other.value;
        let inverse = V::splat(1.0) / other.value;
        self.zip(other, value, |p, q| (p - q * value) * inverse)
    }
}

impl<V: Lanes, const K: usize> Rem for Dual<V, K> {
    type Output = Self;
    // The derivative of a remainder takes a product and a difference.
    #[allow(clippy::suspicious_arithmetic_impl)]
    #[inline(always)]
    fn rem(self, other: Self) -> Self {
        // a % b = a - b trunc(a / b), as for f64; the whole number has no derivative.
        let whole = (self.value / other.value).map(f64::trunc);
        let value = V::from_fn(|i| self.value.lane(i) % other.value.lane(i));
        self.zip(other, value, |p, q| p - q * whole)
    }
}

impl<V: Lanes, const K: usize> Zero for Dual<V, K> {
    #[inline(always)]
    fn zero() -> Self {
        Self::from(0.0)
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.value == V::splat(0.0)
    }
}

impl<V: Lanes, const K: usize> One for Dual<V, K> {
    #[inline(always)]
    fn one() -> Self {
        Self::from(1.0)
    }
}

impl<V: Lanes, const K: usize> Sum for Dual<V, K> {
    #[inline(always)]
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::from(0.0), |sum, x| sum + x)
    }
}

impl<V: Lanes, const K: usize> Parts for Dual<V, K> {
    type Lanes = V;
    const PARTS: usize = K + 1;
    #[inline(always)]
    fn part(&self, k: usize) -> V {
        if k == 0 { self.value } else { self.partials[k - 1] }
    }
    #[inline(always)]
    fn from_parts(mut part: impl FnMut(usize) -> V) -> Self {
        let mut whole = Self::constant(part(0));
        for k in 0..K {
            whole.partials[k] = part(k + 1);
        }
        whole
    }
}

impl<V: Lanes, const K: usize> Real for Dual<V, K> {
    #[inline(always)]
    fn value(self) -> f64 {
        self.value.uniform()
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        self.chain_flat(self.value.map(f64::exp_m1), self.value.exp())
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), V::splat(1.0) / nonzero(self.value))
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), V::splat(1.0) / nonzero(V::splat(1.0) + self.value))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.chain(y, V::splat(0.5) / nonzero(y))
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        if n == 0 {
            return Self::from(1.0);
        }
        let below = self.value.map(|x| x.powi(n - 1));
        self.chain(below * self.value, V::splat(n as f64) * below)
    }
    #[inline(always)]
    fn powf(self, power: Self) -> Self {
        let (x, a) = (self.value, power.value);
        let y = V::from_fn(|i| x.lane(i).powf(a.lane(i)));
        let by_base = V::from_fn(|i| {
            let (x, a) = (x.lane(i), a.lane(i));
            if a == 0.0 { 0.0 } else { a * x.powf(a - 1.0) }
        });
        // x^a ln(x) tends to zero with x for a positive a.
        let by_power = V::from_fn(|i| if x.lane(i) == 0.0 { 0.0 } else { y.lane(i) * x.lane(i).ln() });
        let constant_power = power.partials.iter().all(|p| (0..V::WIDTH).all(|i| p.lane(i) == 0.0));
        if constant_power {
            // A negative base has a real power only for an integer power, and no derivative with respect to the power.
            return self.chain_steep(y, by_base);
        }
        let (by_base, by_power) = (finite(by_base), finite(by_power));
        self.zip(power, y, |p, q| p * by_base + q * by_power)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.map(f64::sin, f64::cos)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.map(f64::cos, |x| -x.sin())
    }
    #[inline(always)]
    fn tan(self) -> Self {
        self.map(f64::tan, |x| 1.0 / x.cos().powi(2))
    }
    #[inline(always)]
    fn asin(self) -> Self {
        self.map_steep(f64::asin, |x| 1.0 / (1.0 - x * x).sqrt())
    }
    #[inline(always)]
    fn acos(self) -> Self {
        self.map_steep(f64::acos, |x| (-1.0 / (1.0 - x * x).sqrt()).max(f64::MIN))
    }
    #[inline(always)]
    fn atan(self) -> Self {
        let slope = V::splat(1.0) / self.value.mul_add(self.value, V::splat(1.0));
        self.chain_flat(functions::atan2(self.value, V::splat(1.0)), slope)
    }
    #[inline(always)]
    fn atan2(self, other: Self) -> Self {
        let (y, x) = (self.value, other.value);
        let angle = functions::atan2(y, x);
        let inverse = V::splat(1.0) / (x * x + y * y);
        let inverse = finite(inverse);
        self.zip(other, angle, |dy, dx| (x * dy - y * dx) * inverse)
    }
    #[inline(always)]
    fn sinh(self) -> Self {
        self.map(f64::sinh, f64::cosh)
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        self.map(f64::cosh, f64::sinh)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let y = functions::tanh(self.value);
        self.chain_flat(y, V::splat(1.0) - y * y)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let sign = self.value.if_lt(zero, -one, zero.if_lt(self.value, one, zero));
        self.chain(self.value.abs(), sign)
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self::constant(functions::floor(self.value))
    }
    #[inline(always)]
    fn ln_gamma(self) -> Self {
        let (value, slope) = gamma::ln_gamma(self.value);
        self.chain_flat(value, slope)
    }
    #[inline(always)]
    fn ln_factorial(self) -> Self {
        Self::constant(self.value.map(special::ln_factorial))
    }
    #[inline(always)]
    fn erf(self) -> Self {
        let (value, slope) = normal::erf(self.value);
        self.chain_flat(value, slope)
    }
    #[inline(always)]
    fn normal_cdf(self) -> Self {
        let (value, slope) = normal::normal_cdf(self.value);
        self.chain_flat(value, slope)
    }
    #[inline(always)]
    fn ln_normal_cdf(self) -> Self {
        let (value, slope) = normal::ln_normal_cdf(self.value);
        self.chain_flat(value, slope)
    }
    #[inline(always)]
    fn ln_i0e(self) -> Self {
        self.map(bessel::ln_i0e, bessel::ln_i0e_slope)
    }
    #[inline(always)]
    fn ln_0f1(self, b: Self) -> Self {
        if K == 0 {
            return Self::constant(V::from_fn(|i| bessel_sum::ln_0f1(b.value.lane(i), self.value.lane(i))));
        }
        let mut slopes = [0.0; MOST_LANES];
        let value = V::from_fn(|i| {
            let (value, slope) = bessel_sum::value_and_slope(b.value.lane(i), self.value.lane(i));
            slopes[i] = slope;
            value
        });
        self.chain_flat(value, V::from_fn(|i| slopes[i]))
    }
    #[inline(always)]
    fn ln_incomplete_gamma(self, x: Self) -> (Self, Self) {
        let arguments = [self, x];
        let [[p, p_slopes @ ..], [q, q_slopes @ ..]] =
            incomplete::in_lanes([self.value, x.value], |[shape, x]| incomplete::gamma(shape, x));
        (Self::chain_of(p, p_slopes, arguments), Self::chain_of(q, q_slopes, arguments))
    }
    #[inline(always)]
    fn ln_incomplete_beta(self, other: Self, logit: Self) -> (Self, Self) {
        let arguments = [self, other, logit];
        let [[p, p_slopes @ ..], [q, q_slopes @ ..]] =
            incomplete::in_lanes([self.value, other.value, logit.value], |[a, b, logit]| incomplete::beta(a, b, logit));
        (Self::chain_of(p, p_slopes, arguments), Self::chain_of(q, q_slopes, arguments))
    }
    #[inline(always)]
    fn log_mean_exp(self) -> Self {
        let (value, slope) = mean_exp::log_mean_exp(self.value);
        self.chain(value, slope)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        let (value, slope) = functions::softplus(self.value);
        self.chain_flat(value, slope)
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let (value, slope) = functions::sigmoid(self.value);
        self.chain_flat(value, slope)
    }
    #[inline(always)]
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self {
        let choose = |y, n| self.value.if_lt(other.value, y, n);
        yes.zip(no, choose(yes.value, no.value), choose)
    }
    #[inline(always)]
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self {
        let choose = |y, n| self.value.if_le(other.value, y, n);
        yes.zip(no, choose(yes.value, no.value), choose)
    }
    #[inline(always)]
    fn log_sum_start(self) -> (Self, Self) {
        // A term of minus infinity contributes nothing, whatever its derivatives, which may well be NaN.
        let (zero, lost) = (V::splat(0.0), V::splat(f64::NEG_INFINITY));
        (Self::constant(self.value), self.each(V::splat(1.0), |p| self.value.if_le(lost, zero, p)))
    }
    #[inline(always)]
    fn log_sum_push(self, (largest, sum): (Self, Self)) -> (Self, Self) {
        let (zero, one, lost) = (V::splat(0.0), V::splat(1.0), V::splat(f64::NEG_INFINITY));
        let smaller = (-(self.value - largest.value).abs()).exp();
        let smaller = self.value.if_le(lost, zero, smaller);
        let old = largest.value.if_lt(self.value, smaller, one);
        let new = largest.value.if_lt(self.value, one, smaller);
        let top = largest.value.if_lt(self.value, self.value, largest.value);
        let total =
            sum.zip(self, sum.value.mul_add(old, new), |p, q| p.mul_add(old, new * self.value.if_le(lost, zero, q)));
        (Self::constant(top), total)
    }
    #[inline(always)]
    fn log_sum_finish((largest, sum): (Self, Self)) -> Self {
        let sum = sum.ln();
        Self { value: largest.value + sum.value, partials: sum.partials }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::{LogSum, WithLanes, with_lanes};

    type D = Dual<f64, 2>;

    fn check(name: &str, f: impl Fn(D, D) -> D, x: f64, y: f64) {
        let at = |x, y| f(D::constant(x), D::constant(y)).value;
        let exact = f(D::variable(x, 0), D::variable(y, 1));
        let h = 1e-4;
        // Fourth order, so that a step large enough to keep rounding small keeps the truncation small, too.
        let slope = |g: &dyn Fn(f64) -> f64| (8.0 * (g(h) - g(-h)) - (g(2.0 * h) - g(-2.0 * h))) / (12.0 * h);
        let slopes = [slope(&|d| at(x + d, y)), slope(&|d| at(x, y + d))];
        for (got, want) in exact.partials.iter().zip(slopes) {
            assert!((got - want).abs() < 1e-8 * want.abs().max(1.0), "{name}({x}, {y}): {got}, not {want}");
        }
    }

    /// Plain numbers on both sides of operators, in a function of a user.
    fn plain<T: Real>(x: T, y: T) -> T {
        let (half, two) = (0.5, 1.0 + std::f64::consts::FRAC_PI_2.sin());
        let mut sum = half * x - (1.0 - y) / two + 7.3 % (2.0 + x) + half * (two * 3.0);
        sum += 2.0 / (3.0 + x);
        sum *= 1.5;
        if sum > 0.0 { sum } else { -1.0 * sum }
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        for (x, y) in [(0.3, 0.7), (0.9, -1.2), (0.05, 2.5), (0.6, 0.3)] {
            check("add", |x, y| x + y * 2.0 - 1.0, x, y);
            check("plain", plain, x, y);
            check("mul", |x, y| x * y, x, y);
            check("div", |x, y| x / y / 3.0, x, y);
            check("rem", |x, y| (x * 9.7) % y.abs() + x % 0.37, x, y);
            check("exp", |x, y| (x * y).exp() + x.exp_m1(), x, y);
            check("ln", |x, y| x.ln() + y.square().ln_1p(), x, y);
            check("sqrt", |x, _| x.sqrt(), x, y);
            check("powi", |x, y| x.powi(3) + y.powi(-2) + x.powi(0), x, y);
            check("powf", |x, y| x.powf(y) + y.powf(Dual::from(3.0)), x, y);
            check("sin", |x, y| x.sin() + y.cos() + x.tan(), x, y);
            check("asin", |x, _| x.asin() + x.acos() + x.atan(), x, y);
            check("atan2", |x, y| x.atan2(y), x, y);
            check("sinh", |x, y| x.sinh() + y.cosh() + y.tanh(), x, y);
            check("abs", |x, y| x.abs() * y.abs(), x, y);
            check("ln_gamma", |x, y| x.ln_gamma() + y.abs().ln_gamma(), x, y);
            check(
                "ln_incomplete_gamma",
                |x, y| {
                    let (p, q) = y.abs().ln_incomplete_gamma(x * 3.0);
                    p * 2.0 + q
                },
                x,
                y,
            );
            check(
                "ln_incomplete_beta",
                |x, y| {
                    let (p, q) = x.ln_incomplete_beta(y.abs(), x - y);
                    p * 2.0 + q
                },
                x,
                y,
            );
            check("erf", |x, y| x.erf() + y.normal_cdf() + (y * 10.0).ln_normal_cdf(), x, y);
            check("ln_i0e", |x, y| x.ln_i0e() + (y.abs() * 20.0).ln_i0e(), x, y);
            check("ln_0f1", |x, y| x.ln_0f1(Dual::from(3.0)) + (y.abs() * 1e5).ln_0f1(Dual::from(1.5)), x, y);
            check("log_mean_exp", |x, y| x.log_mean_exp() + (y * -20.0).log_mean_exp(), x, y);
            check("sigmoid", |x, y| x.sigmoid() + y.softplus() + x.logit(), x, y);
            check("max", |x, y| x.max(y) * x.min(y), x, y);
            check("if_le", |x, y| x.if_le(y, x * 2.0, y * 3.0), x, y);
            check(
                "log_sum",
                |x, y| {
                    let mut sum = LogSum::new();
                    for term in [x, D::from(f64::NEG_INFINITY), y * 3.0, x * y] {
                        sum.push(term);
                    }
                    sum.finish()
                },
                x,
                y,
            );
        }
    }

    #[test]
    fn smooth_functions_have_their_slope_at_zero_too() {
        let zero = Dual::<f64, 1>::variable(0.0, 0);
        assert_eq!(zero.sigmoid().partials, [0.25]);
        assert_eq!(zero.softplus().partials, [0.5]);
        assert_eq!(zero.log_mean_exp().partials, [0.5]);
    }

    #[test]
    fn a_lost_term_spoils_nothing() {
        let lost = Dual::<f64, 1> { value: f64::NEG_INFINITY, partials: [f64::NAN] };
        let term = Dual::<f64, 1>::variable(2.0, 0);
        for order in [[lost, term], [term, lost]] {
            let mut sum = LogSum::new();
            order.into_iter().for_each(|t| sum.push(t));
            let total = sum.finish();
            assert_eq!((total.value, total.partials[0]), (2.0, 1.0));
        }
        let mut none = LogSum::new();
        [lost, lost].into_iter().for_each(|t| none.push(t));
        assert_eq!(none.finish().value, f64::NEG_INFINITY);
    }

    #[test]
    fn lanes_and_plain_numbers_agree() {
        struct Both;
        impl WithLanes for Both {
            type Output = ();
            #[inline(always)]
            fn run<V: Lanes>(self) {
                fn f<T: Real>(x: T, y: T) -> T {
                    let mut sum = LogSum::new();
                    sum.push(x.square() * -0.5 + y.ln());
                    sum.push((x / y).sigmoid().ln() - y);
                    let (p, q) = x.ln_incomplete_beta(y, x - y);
                    let (below, above) = y.ln_incomplete_gamma(x);
                    sum.finish() + x.ln_gamma() * y.powf(x) + y.softplus() + p * q + below * above
                }
                let xs: Vec<f64> = (0..V::WIDTH).map(|i| 0.4 + 0.3 * i as f64).collect();
                let ys: Vec<f64> = (0..V::WIDTH).map(|i| 2.0 - 0.2 * i as f64).collect();
                let wide = f(Dual::<V, 2>::variable(V::load(&xs), 0), Dual::variable(V::load(&ys), 1));
                for i in 0..V::WIDTH {
                    let plain = f(D::variable(xs[i], 0), D::variable(ys[i], 1));
                    assert!((wide.value.lane(i) - plain.value).abs() < 1e-13);
                    for k in 0..2 {
                        assert!((wide.partials[k].lane(i) - plain.partials[k]).abs() < 1e-12);
                    }
                }
            }
        }
        with_lanes(Both);
    }
}
