//! Functions of whole registers: a value, and its slope where that comes with it.
//!
//! On plain numbers, of which there is one lane, they are those of the standard library, so that a density with derivatives and one
//! without have the same value to the bit.

use super::Lanes;

/// Returns the nearest finite number of one that is not minus infinity, with which zero times an infinite slope is zero. NaN
/// stays NaN.
#[inline(always)]
pub fn finite<V: Lanes>(slope: V) -> V {
    let most = V::splat(f64::MAX);
    most.if_lt(slope, most, slope)
}

/// Returns a number that is not negative and whose reciprocal is finite: the same, or a tiny one in place of zero. An
/// infinite slope becomes a finite one, as with [`finite`], at the cost of one instruction.
#[inline(always)]
pub fn nonzero<V: Lanes>(x: V) -> V {
    x.at_least(f64::MIN_POSITIVE)
}

/// Returns the largest whole number not above each lane.
#[inline(always)]
pub fn floor<V: Lanes>(x: V) -> V {
    if V::WIDTH == 1 {
        return x.map(f64::floor);
    }
    // Adding and subtracting 2^52 rounds to the nearest whole number; from there on there are no others.
    let (zero, round) = (V::splat(0.0), V::splat((1u64 << 52) as f64));
    let nearest = (x.abs() + round) - round;
    let nearest = x.if_lt(zero, -nearest, nearest);
    let floor = x.if_lt(nearest, nearest - V::splat(1.0), nearest);
    x.abs().if_lt(round, floor, x)
}

/// Returns a polynomial at each lane, from its coefficients, the constant first.
#[inline(always)]
pub fn polynomial<V: Lanes>(coefficients: &[f64], x: V) -> V {
    coefficients.iter().rev().fold(V::splat(0.0), |sum, c| sum.mul_add(x, V::splat(*c)))
}

/// Returns 1 / (1 + exp(-x)) and its slope at each lane x.
#[inline(always)]
pub fn sigmoid<V: Lanes>(x: V) -> (V, V) {
    // exp of a negative number only: no overflow, and full precision on either side.
    let e = (-x.abs()).exp();
    let u = V::splat(1.0) + e;
    let (large, small) = (V::splat(1.0) / u, e / u);
    (x.if_lt(V::splat(0.0), small, large), small * large)
}

/// Returns ln(1 + exp(x)) and its slope 1 / (1 + exp(-x)) at each lane x.
#[inline(always)]
pub fn softplus<V: Lanes>(x: V) -> (V, V) {
    // The nearest to the series (artanh(s) / s - 1) / s^2 for s <= 1 / 3 in powers of s^2, off by 5e-18 of the result.
    const SERIES: [f64; 10] = [
        0.333_333_333_333_333_3,
        0.200_000_000_000_072_92,
        0.142_857_142_835_543_8,
        0.111_111_113_587_139_32,
        0.090_908_947_180_664_29,
        0.076_927_850_324_793_12,
        0.066_570_721_048_274_68,
        0.060_005_364_047_953_605,
        0.044_003_692_430_723_17,
        0.080_820_228_059_718_04,
    ];
    let (zero, one) = (V::splat(0.0), V::splat(1.0));
    let e = (-x.abs()).exp();
    let inverse = one / (one + e);
    let log = if V::WIDTH == 1 {
        e.ln_1p()
    } else {
        // ln(1 + e) = 2 artanh(s) with s = e / (2 + e) <= 1 / 3. The terms are paired (Estrin).
        let s = e / (V::splat(2.0) + e);
        let z = s * s;
        let (z2, pair) = (z * z, |i: usize| z.mul_add(V::splat(SERIES[i + 1]), V::splat(SERIES[i])));
        let z4 = z2 * z2;
        let tail = pair(8).mul_add(z4, pair(6).mul_add(z2, pair(4)));
        let series = tail.mul_add(z4, pair(2).mul_add(z2, pair(0)));
        let double = s + s;
        (double * z).mul_add(series, double)
    };
    (zero.if_lt(x, x, zero) + log, x.if_lt(zero, e * inverse, inverse))
}

/// Returns the hyperbolic tangent at each lane.
#[inline(always)]
pub fn tanh<V: Lanes>(x: V) -> V {
    // The nearest to (tanh(x) / x - 1) / x^2 for |x| < 0.55 in powers of x^2, off by 8e-17 of the result.
    const SERIES: [f64; 10] = [
        -0.333_333_333_333_333_1,
        0.133_333_333_333_156_47,
        -0.053_968_253_948_899_14,
        0.021_869_487_712_363_182,
        -0.008_863_217_663_269_123,
        0.003_591_904_413_192_802,
        -0.001_454_118_043_617_458_3,
        0.000_581_772_440_786_813_1,
        -0.000_214_542_220_890_751_02,
        5.390_642_014_172_177e-5,
    ];
    if V::WIDTH == 1 {
        return V::splat(x.lane(0).tanh());
    }
    let (size, square, one) = (x.abs(), x * x, V::splat(1.0));
    let series = polynomial(&SERIES, square);
    let small = (x * square).mul_add(series, x);
    let e = (V::splat(-2.0) * size).exp();
    let large = one - (e + e) / (one + e);
    let large = x.if_lt(V::splat(0.0), -large, large);
    // Of NaN it is NaN, by `small`.
    V::splat(0.55).if_le(size, large, small)
}

/// Returns the angle of each point (`x`, `y`) (Cephes' `atan`).
#[inline(always)]
pub fn atan2<V: Lanes>(from_y: V, from_x: V) -> V {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    // The rounding error of pi.
    const LOST: f64 = 1.2246467991473532e-16;
    if V::WIDTH == 1 {
        return V::splat(from_y.lane(0).atan2(from_x.lane(0)));
    }
    let (zero, y, x) = (V::splat(0.0), from_y.abs(), from_x.abs());
    let (small, large) = (x.if_lt(y, x, y), x.if_lt(y, y, x));
    // The angle below the diagonal: atan(t) for small t, and pi / 4 + atan((t - 1) / (t + 1)) for others.
    let steep = large * V::splat(0.66);
    let numerator = steep.if_lt(small, small - large, small);
    let denominator = steep.if_lt(small, small + large, large);
    let t = zero.if_lt(large, numerator / denominator, large);
    let z = t * t;
    let mut p = V::splat(-0.8750608600031904);
    for c in [-16.157537187333652, -75.00855792314705, -122.88666844901361, -64.85021904942025] {
        p = p.mul_add(z, V::splat(c));
    }
    let mut q = z + V::splat(24.858464901423062);
    for c in [165.02700983169885, 432.88106049129027, 485.3903996359137, 194.5506571482614] {
        q = q.mul_add(z, V::splat(c));
    }
    let angle = (z * (p / q)).mul_add(t, t);
    let diagonal = V::splat(FRAC_PI_4) + (angle + V::splat(LOST / 4.0));
    let angle = steep.if_lt(small, diagonal, angle);
    let angle = x.if_lt(y, V::splat(FRAC_PI_2) - (angle - V::splat(LOST / 2.0)), angle);
    let angle = from_x.if_lt(zero, V::splat(PI) - (angle - V::splat(LOST)), angle);
    from_y.if_lt(zero, -angle, angle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::{WithLanes, with_lanes};

    struct Apply<'a>(&'a [f64]);

    impl WithLanes for Apply<'_> {
        type Output = Vec<[f64; 5]>;

        #[inline(always)]
        fn run<V: Lanes>(self) -> Vec<[f64; 5]> {
            let of = |x: &f64| {
                let x = V::splat(*x);
                let ((soft, slope), (sigmoid, _)) = (softplus(x), sigmoid(x));
                [floor(x), soft, slope, sigmoid, tanh(x)].map(|y| y.lane(V::WIDTH - 1))
            };
            self.0.iter().map(of).collect()
        }
    }

    #[test]
    fn functions_are_those_of_the_standard_library() {
        let mut xs: Vec<f64> = (-400_000..400_000).map(|i| f64::from(i) * 1e-4 + 1e-9).collect();
        xs.extend([0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 4503599627370497.5, -2251799813685248.5, 710.0, -740.0]);
        xs.extend([f64::INFINITY, f64::NEG_INFINITY, 1e-300, -1e-300]);
        for (x, [floor, soft, slope, sigmoid, tanh]) in xs.iter().zip(with_lanes(Apply(&xs))) {
            assert_eq!(floor, x.floor(), "floor({x:e})");
            assert!((tanh - x.tanh()).abs() <= 3.0 * f64::EPSILON * x.tanh().abs(), "tanh({x:e}) is {tanh:e}");
            let exact = x.max(0.0) + (-x.abs()).exp().ln_1p();
            // exp is off by 2 units in the last place, and flushes what is below the normal numbers to zero.
            assert!(
                soft == exact || (soft - exact).abs() <= 4.0 * f64::EPSILON * exact + 1e-307,
                "softplus({x:e}) is {exact:e}, not {soft:e}"
            );
            let exact = if *x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
            for got in [slope, sigmoid] {
                assert!(
                    (got - exact).abs() <= 4.0 * f64::EPSILON * exact + 1e-307,
                    "sigmoid({x:e}) is {exact:e}, not {got:e}"
                );
            }
        }
        assert!(with_lanes(Apply(&[f64::NAN]))[0].iter().all(|y| y.is_nan()));
    }

    #[test]
    fn angles_agree_with_the_standard_library() {
        struct Angles<'a>(&'a [(f64, f64)]);
        impl WithLanes for Angles<'_> {
            type Output = Vec<f64>;
            #[inline(always)]
            fn run<V: Lanes>(self) -> Vec<f64> {
                self.0.iter().map(|&(y, x)| atan2(V::splat(y), V::splat(x)).lane(V::WIDTH - 1)).collect()
            }
        }
        let sizes = [0.0, 1e-300, 1e-9, 0.3, 0.65, 0.66, 0.67, 0.999, 1.0, 1.001, 1.5, 1.52, 3.0, 1e9, 1e300];
        let numbers: Vec<f64> = sizes.into_iter().flat_map(|a| [a, -a]).collect();
        let mut points: Vec<(f64, f64)> = numbers.iter().flat_map(|&y| numbers.iter().map(move |&x| (y, x))).collect();
        points.retain(|&(y, x)| (y != 0.0 || x != 0.0) && !(y == 0.0 && y.is_sign_negative()));
        points.extend([(1.0, f64::INFINITY), (f64::INFINITY, -2.0), (f64::NEG_INFINITY, 1.0)]);
        for (&(y, x), angle) in points.iter().zip(with_lanes(Angles(&points))) {
            let exact = y.atan2(x);
            assert!((angle - exact).abs() <= 3e-16 * exact.abs(), "atan2({y:e}, {x:e}) = {angle:e}, not {exact:e}");
        }
        assert!(with_lanes(Angles(&[(f64::NAN, 1.0), (1.0, f64::NAN)])).iter().all(|angle| angle.is_nan()));
    }
}
