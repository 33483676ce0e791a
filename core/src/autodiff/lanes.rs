//! Operations on several `f64` at once: one vector register of this machine, chosen when the program runs.
//!
//! `exp` and `ln` are written here on whole registers (Cody-Waite reduction and the polynomial of its remainder; the
//! rational approximation of fdlibm's `e_log.c`), within 2 units in the last place of the exact value on the normal
//! range; subnormal results of `exp` are flushed to zero. Functions that are not in the inner loop of a density call
//! the standard library one lane at a time.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::{NullaryFnOnce, Simd, WithSimd};

use super::remembered::remembered;
use crate::simd::dispatch;

/// The most lanes of any register.
pub const MOST_LANES: usize = 8;

/// A fixed number of `f64` that are processed together. `f64` itself is the one-lane case.
pub trait Lanes:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number of lanes.
    const WIDTH: usize;

    /// Returns the same number in every lane.
    fn splat(x: f64) -> Self;
    /// Returns lanes of which lane `i` holds `f(i)`.
    fn from_fn(f: impl FnMut(usize) -> f64) -> Self;
    /// Reads the first `WIDTH` numbers of a slice, which has at least as many.
    fn load(from: &[f64]) -> Self;
    /// Writes the lanes to the first `WIDTH` places of a slice, which has at least as many.
    fn store(self, to: &mut [f64]);
    /// Returns the number in lane `i`.
    fn lane(self, i: usize) -> f64;
    /// Returns the lanes before `count` unchanged and zero in the others.
    fn keep(self, count: usize) -> Self;
    /// Returns the sum of the lanes.
    fn sum(self) -> f64;
    /// Returns `self * a + b`, rounded once where the machine can.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// Returns the square root of each lane.
    fn sqrt(self) -> Self;
    /// Returns the absolute value of each lane.
    fn abs(self) -> Self;
    /// Returns each lane, or `bound` where the lane is less or NaN.
    fn at_least(self, bound: f64) -> Self;
    /// Returns e to the power of each lane.
    fn exp(self) -> Self;
    /// Returns the natural logarithm of each lane.
    fn ln(self) -> Self;
    /// Returns lane by lane `yes` where `self < other` and `no` elsewhere (also where either is NaN).
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self;
    /// Returns lane by lane `yes` where `self <= other` and `no` elsewhere (also where either is NaN).
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self;
    /// Returns the number that every lane holds. If they differ it is the first, and the block is marked as diverged.
    fn uniform(self) -> f64;
    /// Returns whether a comparison or [`Lanes::uniform`] met lanes that differ since the last call, on this thread.
    ///
    /// A branch can follow one lane only, so that results since then are right for the first lane alone. Code that runs
    /// blocks therefore calls this after each block and, if true, runs the elements of the block one by one.
    fn take_divergence() -> bool;

    /// Returns the value and the slope of a long function at each lane, by code that all who call it share. A number that is the same
    /// in all lanes, and was the same in the call before, costs nothing: it is a function of globals.
    fn apart<F: ValueAndSlope>(self) -> (Self, Self);

    /// Applies any function, one lane at a time.
    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self::from_fn(|i| f(self.lane(i)))
    }

    /// Returns the logarithm of one plus each lane, exact to rounding near zero, too.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        // ln(u) for the rounded u = 1 + x, plus the first-order term of the rounding error (Kahan).
        let one = Self::splat(1.0);
        let u = one + self;
        let corrected = u.ln() + (self - (u - one)) / u;
        // The correction is inf - inf where u is infinite, and 0 / 0 at x = -1.
        let finite = u.if_lt(Self::splat(f64::INFINITY), corrected, u);
        Self::splat(0.0).if_lt(u, finite, u.ln())
    }
}

/// A function of one number, with its slope.
pub trait ValueAndSlope {
    /// Where what it was last at is kept: of each such function another one, below [`FUNCTIONS`](super::remembered::FUNCTIONS).
    const PLACE: usize;
    /// Returns both at each lane. Must be `#[inline(always)]`, so that it is compiled for the register it runs on.
    fn at<V: Lanes>(x: V) -> (V, V);
}

impl Lanes for f64 {
    const WIDTH: usize = 1;
    #[inline]
    fn apart<F: ValueAndSlope>(self) -> (Self, Self) {
        let [value, slope] = remembered(true, F::PLACE, self, || F::at(self).into());
        (value, slope)
    }
    #[inline(always)]
    fn splat(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        f(0)
    }
    #[inline(always)]
    fn load(from: &[f64]) -> Self {
        from[0]
    }
    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        to[0] = self;
    }
    #[inline(always)]
    fn lane(self, _: usize) -> f64 {
        self
    }
    #[inline(always)]
    fn keep(self, count: usize) -> Self {
        if count == 0 { 0.0 } else { self }
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        self
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        // Without the instruction, a call to libm's `fma` would cost more than the rounding it saves.
        self * a + b
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn at_least(self, bound: f64) -> Self {
        self.max(bound)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        self.exp()
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.ln()
    }
    #[inline(always)]
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self {
        if self < other { yes } else { no }
    }
    #[inline(always)]
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self {
        if self <= other { yes } else { no }
    }
    #[inline(always)]
    fn uniform(self) -> f64 {
        self
    }
    #[inline(always)]
    fn take_divergence() -> bool {
        false
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
}

/// Work that is generic over the lanes that it runs on.
pub trait WithLanes {
    /// The result of the work.
    type Output;
    /// Does the work on lanes of type `V`. Must be `#[inline(always)]`, so that it is compiled for the register it runs
    /// on.
    fn run<V: Lanes>(self) -> Self::Output;
}

/// Runs `work` on the registers of the process: the widest of this machine, or those set by
/// [`HIERARCH_SIMD`](crate::simd). Plain scalars are `f64` itself.
#[inline]
pub fn with_lanes<W: WithLanes>(work: W) -> W::Output {
    struct Dispatch<W>(W);
    impl<W: WithLanes> WithSimd for Dispatch<W> {
        type Output = W::Output;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> W::Output {
            if S::IS_SCALAR { self.0.run::<f64>() } else { self.0.run::<Lane<S>>() }
        }
    }
    dispatch(Dispatch(work))
}

/// One register of the instruction set `S`.
///
/// The type is private to this file and is named only in [`with_lanes`], under a dispatch that holds a token for `S`.
#[derive(Clone, Copy, Debug)]
struct Lane<S: Simd>(S::f64s);

thread_local! {
    static DIVERGED: Cell<bool> = const { Cell::new(false) };
}

impl<S: Simd> Lane<S> {
    /// Returns the proof that this machine has the instructions of `S`.
    #[inline(always)]
    fn simd() -> S {
        const { assert!(size_of::<S>() == 0, "a token is proof alone and has no bytes") };
        // SAFETY: S has no bytes, so a dangling pointer to it may be read and there is nothing to initialise. What a
        // token proves, that the machine has the instructions, holds: `Lane<S>` is private to this file, and the one
        // place that names it is `with_simd`, which was handed a token of the same type by pulp's detection.
        unsafe { std::ptr::NonNull::<S>::dangling().read() }
    }

    #[inline(always)]
    fn bits(self) -> S::u32s {
        bytemuck::cast::<S::f64s, _>(self.0)
    }

    #[inline(always)]
    fn from_bits(bits: S::u32s) -> Self {
        Lane(bytemuck::cast(bits))
    }

    #[inline(always)]
    fn select(mask: S::m64s, yes: Self, no: Self) -> Self {
        Lane(Self::simd().select_f64s(mask, yes.0, no.0))
    }

    /// Returns a word whose high half holds the given bits in every lane and whose low half is zero.
    #[inline(always)]
    fn high(bits: u32) -> S::u32s {
        bytemuck::cast(Self::splat(f64::from_bits((bits as u64) << 32)).0)
    }
}

macro_rules! operator {
    ($name:ident, $method:ident, $simd:ident) => {
        impl<S: Simd> $name for Lane<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Lane(Self::simd().$simd(self.0, other.0))
            }
        }
    };
}
operator!(Add, add, add_f64s);
operator!(Sub, sub, sub_f64s);
operator!(Mul, mul, mul_f64s);
operator!(Div, div, div_f64s);

impl<S: Simd> Neg for Lane<S> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Lane(Self::simd().neg_f64s(self.0))
    }
}

/// Returns the answer for the first lane, and marks the block as diverged if any other lane has another answer.
#[inline(always)]
fn agree<A: Copy + PartialEq>(width: usize, answer: impl Fn(usize) -> A) -> A {
    let first = answer(0);
    if (1..width).any(|i| answer(i) != first) {
        DIVERGED.set(true);
    }
    first
}

impl<S: Simd> PartialEq for Lane<S> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        agree(Self::WIDTH, |i| self.lane(i) == other.lane(i))
    }
}

impl<S: Simd> PartialOrd for Lane<S> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        agree(Self::WIDTH, |i| self.lane(i).partial_cmp(&other.lane(i)))
    }
}

impl<S: Simd> Lanes for Lane<S> {
    const WIDTH: usize = S::F64_LANES;

    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        // A function of a global alone is the same in every lane, and expensive enough to compute once.
        let first = self.lane(0);
        if (1..Self::WIDTH).all(|i| self.lane(i) == first) {
            return Self::splat(f(first));
        }
        Self::from_fn(|i| f(self.lane(i)))
    }

    #[inline(always)]
    fn apart<F: ValueAndSlope>(self) -> (Self, Self) {
        struct Apart<F, V>(PhantomData<F>, V);
        impl<F: ValueAndSlope, V: Lanes> NullaryFnOnce for Apart<F, V> {
            type Output = (V, V);
            #[inline(always)]
            fn call(self) -> (V, V) {
                F::at(self.1)
            }
        }
        let work = || Self::simd().vectorize(Apart(PhantomData::<F>, self));
        let first = self.lane(0);
        if (1..Self::WIDTH).any(|i| self.lane(i) != first) {
            return work();
        }
        let at_first = || {
            let (value, slope) = work();
            [value.lane(0), slope.lane(0)]
        };
        remembered(false, F::PLACE, first, at_first).map(Self::splat).into()
    }

    #[inline(always)]
    fn splat(x: f64) -> Self {
        Lane(Self::simd().splat_f64s(x))
    }

    #[inline(always)]
    fn from_fn(mut f: impl FnMut(usize) -> f64) -> Self {
        let mut lanes = <S::f64s as bytemuck::Zeroable>::zeroed();
        for (i, lane) in bytemuck::cast_slice_mut::<_, f64>(std::slice::from_mut(&mut lanes)).iter_mut().enumerate() {
            *lane = f(i);
        }
        Lane(lanes)
    }

    #[inline(always)]
    fn load(from: &[f64]) -> Self {
        Lane(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&from[..Self::WIDTH])))
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        to[..Self::WIDTH].copy_from_slice(bytemuck::cast_slice(&[self.0]));
    }

    #[inline(always)]
    fn lane(self, i: usize) -> f64 {
        bytemuck::cast_slice::<_, f64>(&[self.0])[i]
    }

    #[inline(always)]
    fn keep(self, count: usize) -> Self {
        let simd = Self::simd();
        let mask = simd.mask_between_m64s(0, count.min(Self::WIDTH) as u64).mask();
        Self::select(mask, self, Self::splat(0.0))
    }

    #[inline(always)]
    fn sum(self) -> f64 {
        Self::simd().reduce_sum_f64s(self.0)
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Lane(Self::simd().mul_add_e_f64s(self.0, a.0, b.0))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Lane(Self::simd().sqrt_f64s(self.0))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Lane(Self::simd().abs_f64s(self.0))
    }

    #[inline(always)]
    fn at_least(self, bound: f64) -> Self {
        Lane(Self::simd().max_f64s(self.0, Self::splat(bound).0))
    }

    #[inline(always)]
    fn exp(self) -> Self {
        const OVERFLOW: f64 = 709.782712893384;
        const UNDERFLOW: f64 = -708.3964185322641;
        let simd = Self::simd();
        // Adding and subtracting 1.5 * 2^52 rounds to the nearest whole number.
        let round = Self::splat(1.5 * (1u64 << 52) as f64);
        let k = self.mul_add(Self::splat(std::f64::consts::LOG2_E), round) - round;
        let r = k.mul_add(Self::splat(-6.931_471_803_691_238e-1), self);
        let r = k.mul_add(Self::splat(-1.908_214_929_270_587_7e-10), r);
        // |r| <= ln(2) / 2, where the Taylor polynomial of degree 13 is off by less than 5e-18. Its terms are paired
        // (Estrin): a chain of thirteen products would take longer than all the rest.
        const FACTORIALS: [f64; 12] =
            [2.0, 6.0, 24.0, 120.0, 720.0, 5040.0, 40320.0, 362880.0, 3628800.0, 39916800.0, 479001600.0, 6227020800.0];
        let pair = |i: usize| r.mul_add(Self::splat(1.0 / FACTORIALS[i + 1]), Self::splat(1.0 / FACTORIALS[i]));
        let r2 = r * r;
        let r4 = r2 * r2;
        let four = |i: usize| pair(i + 2).mul_add(r2, pair(i));
        let tail = four(8).mul_add(r4, four(4)).mul_add(r4, four(0));
        let p = tail.mul_add(r2, r) + Self::splat(1.0);
        // 2^k: in 1.5 * 2^20 + 1023 + k the low bits of the high word are 1023 + k, the required exponent.
        let biased = k + Self::splat(1.5 * (1u64 << 20) as f64 + 1023.0);
        let scale = Self::from_bits(simd.wrapping_dyn_shl_u32s(biased.bits(), simd.splat_u32s(20)));
        let y = p * scale;
        // k = 1024 has no such number: without the second branch the largest results would be infinite.
        let top = (p * Self::splat(2.0)) * Self::splat(f64::from_bits(0x7fe0_0000_0000_0000));
        let y = Self::splat(1023.5).if_lt(k, top, y);
        let y = self.if_lt(Self::splat(UNDERFLOW), Self::splat(0.0), y);
        let y = Self::splat(OVERFLOW).if_lt(self, Self::splat(f64::INFINITY), y);
        Self::select(simd.equal_f64s(self.0, self.0), y, self)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        let simd = Self::simd();
        let tiny = Self::splat(f64::MIN_POSITIVE);
        let x = self.if_lt(tiny, self * Self::splat((1u64 << 54) as f64), self);
        let shift = self.if_lt(tiny, Self::splat(-54.0), Self::splat(0.0));
        // x = 2^e m with m in [sqrt(1/2), sqrt(2)).
        let high = simd.and_u32s(x.bits(), Self::high(0xffff_ffff));
        let exponent = simd.wrapping_dyn_shr_u32s(high, simd.splat_u32s(20));
        // The exponent in the high word of 2^20 adds itself to that number; the low word is zero.
        let e = Self::from_bits(simd.or_u32s(exponent, Self::high(0x4130_0000)))
            - Self::splat((1u64 << 20) as f64 + 1023.0);
        let mantissa = simd.and_u64s(bytemuck::cast(x.0), simd.splat_u64s(0x000f_ffff_ffff_ffff));
        let m = Self(bytemuck::cast(simd.or_u64s(mantissa, simd.splat_u64s(0x3ff0_0000_0000_0000))));
        let large = Self::splat(std::f64::consts::SQRT_2).if_le(m, Self::splat(1.0), Self::splat(0.0));
        let m = m * large.mul_add(Self::splat(-0.5), Self::splat(1.0));
        let e = e + large + shift;

        let f = m - Self::splat(1.0);
        let s = f / (Self::splat(2.0) + f);
        let z = s * s;
        let w = z * z;
        let horner = |coefficients: &[f64]| {
            let (last, rest) = coefficients.split_last().unwrap_or((&0.0, &[]));
            rest.iter().rev().fold(Self::splat(*last), |r, c| r.mul_add(w, Self::splat(*c)))
        };
        let even = horner(&[3.999_999_999_940_942e-1, 2.222_219_843_214_978_4e-1, 1.531_383_769_920_937_3e-1]);
        let odd = horner(&[
            6.666_666_666_666_735e-1,
            2.857_142_874_366_239e-1,
            1.818_357_216_161_805e-1,
            1.479_819_860_511_658_6e-1,
        ]);
        let r = w * even + z * odd;
        let half = Self::splat(0.5) * f * f;
        let low = s * (half + r) + e * Self::splat(1.908_214_929_270_587_7e-10);
        let y = e * Self::splat(6.931_471_803_691_238e-1) - ((half - low) - f);

        let zero = Self::splat(0.0);
        let y = Self::select(simd.equal_f64s(self.0, zero.0), Self::splat(f64::NEG_INFINITY), y);
        let y = self.if_lt(zero, Self::splat(f64::NAN), y);
        // Infinity and NaN are their own logarithms.
        self.if_lt(Self::splat(f64::INFINITY), y, self)
    }

    #[inline(always)]
    fn if_lt(self, other: Self, yes: Self, no: Self) -> Self {
        Self::select(Self::simd().less_than_f64s(self.0, other.0), yes, no)
    }

    #[inline(always)]
    fn if_le(self, other: Self, yes: Self, no: Self) -> Self {
        Self::select(Self::simd().less_than_or_equal_f64s(self.0, other.0), yes, no)
    }

    #[inline(always)]
    fn uniform(self) -> f64 {
        agree(Self::WIDTH, |i| self.lane(i).to_bits());
        self.lane(0)
    }

    #[inline(always)]
    fn take_divergence() -> bool {
        DIVERGED.replace(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Apply<'a> {
        xs: &'a [f64],
        f: Function,
    }

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        Ln,
        Ln1p,
    }

    impl WithLanes for Apply<'_> {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run<V: Lanes>(self) -> Vec<f64> {
            let mut out = vec![0.0; self.xs.len()];
            for (x, y) in self.xs.chunks_exact(V::WIDTH).zip(out.chunks_exact_mut(V::WIDTH)) {
                let x = V::load(x);
                match self.f {
                    Function::Exp => x.exp(),
                    Function::Ln => x.ln(),
                    Function::Ln1p => x.ln_1p(),
                }
                .store(y);
            }
            out
        }
    }

    fn compare(f: Function, plain: fn(f64) -> f64, xs: &[f64], ulps: f64) {
        let ys = with_lanes(Apply { xs, f });
        for (&x, &y) in xs.iter().zip(&ys) {
            let exact = plain(x);
            if exact.is_nan() {
                assert!(y.is_nan(), "{f:?}({x:e}) = {y}");
            } else if exact.is_infinite() || exact == 0.0 {
                assert_eq!(y, exact, "{f:?}({x:e})");
            } else {
                let error = ((y - exact) / (exact * f64::EPSILON)).abs();
                assert!(error <= ulps, "{f:?}({x:e}) = {y:e}, not {exact:e}: {error} ulp");
            }
        }
    }

    #[test]
    fn vector_functions_agree_with_the_standard_library() {
        let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -1.0, 1.0, f64::MAX];
        compare(Function::Exp, f64::exp, &special, 2.0);
        compare(Function::Ln, f64::ln, &special, 2.0);
        compare(Function::Ln1p, f64::ln_1p, &special, 2.0);
        let n = 1 << 16;
        let grid = |low: f64, high: f64| -> Vec<f64> {
            (0..n).map(|i| low + (high - low) * (i as f64 + 0.37) / n as f64).collect()
        };
        compare(Function::Exp, f64::exp, &grid(-708.0, 709.78), 2.0);
        compare(Function::Exp, f64::exp, &grid(-1.0, 1.0), 2.0);
        compare(Function::Exp, f64::exp, &grid(709.7, 709.79), 2.0);
        compare(Function::Ln, f64::ln, &grid(0.0, 4.0), 2.0);
        let wide: Vec<f64> = grid(-744.0, 709.0).iter().map(|x| x.exp()).collect();
        compare(Function::Ln, f64::ln, &wide, 2.0);
        let tiny: Vec<f64> = grid(-40.0, 40.0).iter().map(|x| x.exp()).collect();
        compare(Function::Ln1p, f64::ln_1p, &tiny, 3.0);
        compare(Function::Ln1p, f64::ln_1p, &grid(-0.999, 0.5), 3.0);
    }

    #[test]
    fn a_branch_on_lanes_that_differ_is_noticed() {
        struct Compare;
        impl WithLanes for Compare {
            type Output = [bool; 3];
            #[inline(always)]
            fn run<V: Lanes>(self) -> [bool; 3] {
                let ramp = V::from_fn(|i| i as f64);
                let _ = ramp < V::splat(0.5);
                let differ = V::take_divergence();
                let _ = ramp < V::splat(100.0);
                let same = V::take_divergence();
                [differ, same, V::WIDTH > 1]
            }
        }
        let [differ, same, wide] = with_lanes(Compare);
        assert_eq!(differ, wide);
        assert!(!same);
    }
}
