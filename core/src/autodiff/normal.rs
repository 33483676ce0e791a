//! The error function, and the cumulative distribution of the normal, with their slopes, on whole registers.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::functions::polynomial;
use super::lanes::{Lanes, ValueAndSlope};

/// (1 + 2 x) exp(x^2) erfc(x) as a polynomial in t = (x - K) / (x + K), the constant first, for all x >= 0 (the idea of Shepherd and
/// Laframboise 1981; the polynomial is Chebyshev's series up to degree 23, in 80 digits, off by 3e-17).
const K: f64 = 3.5;
const SCALED: [f64; 24] = [
    1.2423492448711544,
    -0.1400091801376197,
    -0.010555596332221669,
    0.09751909515328706,
    -0.11508959816003075,
    0.08798315382403678,
    -0.04882332583088402,
    0.019099330953271165,
    -0.004215019879774186,
    -0.0003022679534333239,
    0.0005643842668705102,
    -0.00012151212091980101,
    -4.2781739959539994e-05,
    2.4260300984917994e-05,
    2.3273309537791425e-06,
    -3.814012584490695e-06,
    -4.309237398316666e-08,
    6.014823849950426e-07,
    -8.611571571113718e-09,
    -9.64004253144383e-08,
    6.651894382376532e-10,
    1.3624442778701048e-08,
    6.040390099342991e-11,
    -1.1656687889203665e-09,
];

/// (erf(x) - x) / x as a ratio of polynomials in x^2, the constant first, for |x| < 0.84375 (fdlibm's `s_erf.c`, Sun Microsystems,
/// 1993, freely granted).
const NUMERATOR: [f64; 5] =
    [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-05];
const DENOMINATOR: [f64; 6] = [
    1.0,
    0.39791722395915535,
    0.0650222499887673,
    0.005081306281875766,
    0.00013249473800432164,
    -3.960228278775368e-06,
];

/// Returns exp(x^2) erfc(x) at each lane x >= 0.
#[inline(always)]
fn scaled_erfc<V: Lanes>(x: V) -> V {
    let (one, k) = (V::splat(1.0), V::splat(K));
    let t = one - (k + k) / (x + k);
    polynomial(&SCALED, t) / (one + (x + x))
}

/// Returns exp(-x^2 / 2), also where the rounding of x^2 would show: up to 40, above which it is zero.
#[inline(always)]
fn exp_of_half_square<V: Lanes>(x: V) -> V {
    let most = V::splat(40.0);
    let x = x.abs();
    let x = x.if_lt(most, x, most);
    // The upper half of the digits (Veltkamp), whose square is exact.
    let scaled = x * V::splat((1u64 << 27) as f64 + 1.0);
    let high = scaled - (scaled - x);
    let rest = V::splat(0.5) * (x - high) * (x + high);
    let less = rest * (V::splat(0.5) * rest - V::splat(1.0));
    let y = (V::splat(-0.5) * (high * high)).exp();
    less.mul_add(y, y)
}

/// Returns the error function and its slope at each lane.
#[inline(always)]
pub fn erf<V: Lanes>(x: V) -> (V, V) {
    x.apart::<Erf>()
}

struct Erf;

impl ValueAndSlope for Erf {
    const PLACE: usize = 1;

    #[inline(always)]
    fn at<V: Lanes>(x: V) -> (V, V) {
        let (square, size, one) = (x * x, x.abs(), V::splat(1.0));
        let gauss = (-square).exp();
        let small = (x * polynomial(&NUMERATOR, square)) / polynomial(&DENOMINATOR, square) + x;
        let large = one - scaled_erfc(size) * gauss;
        let large = x.if_lt(V::splat(0.0), -large, large);
        // Of NaN it is NaN, by `small`.
        (V::splat(0.84375).if_le(size, large, small), V::splat(FRAC_2_SQRT_PI) * gauss)
    }
}

/// Returns the cumulative distribution of the standard normal, exact in the lower tail, and the density at each lane.
#[inline(always)]
pub fn normal_cdf<V: Lanes>(x: V) -> (V, V) {
    x.apart::<NormalCdf>()
}

struct NormalCdf;

impl ValueAndSlope for NormalCdf {
    const PLACE: usize = 2;

    #[inline(always)]
    fn at<V: Lanes>(x: V) -> (V, V) {
        let gauss = exp_of_half_square(x);
        let beyond = V::splat(0.5) * scaled_erfc(x.abs() * V::splat(FRAC_1_SQRT_2)) * gauss;
        let value = x.if_lt(V::splat(0.0), beyond, V::splat(1.0) - beyond);
        // Of NaN it is NaN.
        (x.if_le(x, value, x), V::splat(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI) * gauss)
    }
}

/// Returns the logarithm of the cumulative distribution of the standard normal, exact in both tails, and its slope at each lane.
#[inline(always)]
pub fn ln_normal_cdf<V: Lanes>(x: V) -> (V, V) {
    x.apart::<LnNormalCdf>()
}

struct LnNormalCdf;

impl ValueAndSlope for LnNormalCdf {
    const PLACE: usize = 3;

    #[inline(always)]
    fn at<V: Lanes>(x: V) -> (V, V) {
        let (zero, one, half) = (V::splat(0.0), V::splat(1.0), V::splat(0.5));
        let scaled = scaled_erfc(x.abs() * V::splat(FRAC_1_SQRT_2));
        let half_square = half * x * x;
        let gauss = exp_of_half_square(x);
        // Below zero ln(scaled / 2) - x^2 / 2, above it ln(1 - beyond) with what the difference rounds away.
        let beyond = half * scaled * gauss;
        let rest = one - beyond;
        let of = x.if_lt(zero, half * scaled, rest);
        let more = x.if_lt(zero, -half_square, ((one - rest) - beyond) / rest);
        let density = V::splat(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI);
        let slope = density * x.if_lt(zero, one, gauss) / of;
        (of.ln() + more, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::{WithLanes, with_lanes};

    struct Apply(f64);

    impl WithLanes for Apply {
        type Output = [f64; 6];

        #[inline(always)]
        fn run<V: Lanes>(self) -> [f64; 6] {
            let x = V::splat(self.0);
            let ((a, b), (c, d), (e, f)) = (erf(x), normal_cdf(x), ln_normal_cdf(x));
            [a, b, c, d, e, f].map(|y| y.lane(V::WIDTH - 1))
        }
    }

    /// The functions of plain numbers, and of the registers of the process.
    fn both(x: f64) -> [[f64; 6]; 2] {
        let ((a, b), (c, d), (e, f)) = (erf(x), normal_cdf(x), ln_normal_cdf(x));
        [[a, b, c, d, e, f], with_lanes(Apply(x))]
    }

    fn off(got: f64, exact: f64) -> f64 {
        (got / exact - 1.0).abs() / f64::EPSILON
    }

    #[test]
    fn agree_with_fifty_digits() {
        // mpmath
        for (x, exact) in [
            (1e-10, 1.1283791670955126e-10),
            (0.1, 0.1124629160182849),
            (0.3, 0.3286267594591274),
            (0.7, 0.6778011938374184),
            (0.84, 0.7651427114549945),
            (0.85, 0.7706680576083526),
            (1.1, 0.8802050695740817),
            (1.24, 0.9205051842990297),
            (2.0, 0.9953222650189527),
            (2.87, 0.9999506729696856),
            (5.0, 0.9999999999984626),
            (-0.2, -0.22270258921047847),
            (-1.0, -0.8427007929497149),
            (-3.0, -0.9999779095030014),
        ] {
            for [got, ..] in both(x) {
                assert!(off(got, exact) <= 4.0, "erf({x}) is {exact:e}, not {got:e}");
            }
        }
        for (x, exact, log) in [
            (-37.4, 1.9536815616489922e-306, -703.9213228832643),
            (-37.0, 5.725571222524577e-300, -689.0305855768906),
            (-30.001, 4.761537866980608e-198, -454.3512777154588),
            (-20.0, 2.7536241186062337e-89, -203.91715537109727),
            (-10.0, 7.619853024160525e-24, -53.23128515051247),
            (-6.5, 4.016000583859118e-11, -23.938149495161838),
            (-4.001, 3.153767893352074e-05, -10.364327570338338),
            (-2.2, 0.013903447513498604, -4.275618447044144),
            (-1.0, 0.15865525393145705, -1.8410216450092636),
            (-0.3, 0.3820885778110474, -0.9621028181688507),
            (-1e-09, 0.49999999960105773, -0.6931471813578298),
            (1e-09, 0.5000000003989423, -0.6931471797620608),
            (0.5, 0.6914624612740131, -0.3689464152886564),
            (1.1, 0.8643339390536173, -0.14579608131705274),
            (3.0, 0.9986501019683699, -0.0013508099647481938),
            (5.5, 0.9999999810104375, -1.8989562646189464e-08),
            (8.2, 0.9999999999999999, -1.2019351542735859e-16),
        ] {
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            for [_, _, got, got_density, got_log, slope] in both(x) {
                assert!(off(got, exact) <= 5.0, "Phi({x}) is {exact:e}, not {got:e}");
                assert!(off(got_log, log) <= 4.0, "ln Phi({x}) is {log:e}, not {got_log:e}");
                // Those with x^2 rounded are less exact.
                assert!(off(got_density, density) <= 4.0 + x * x, "phi({x}) is {density:e}, not {got_density:e}");
                assert!(
                    off(slope, (-0.5 * x * x - log).exp() / (2.0 * std::f64::consts::PI).sqrt()) <= 8.0 + 2.0 * x * x
                );
            }
        }
    }

    #[test]
    fn ends_are_what_they_are() {
        for [of_erf, _, cdf, density, log, slope] in both(f64::INFINITY) {
            assert_eq!([of_erf, cdf, density, log, slope], [1.0, 1.0, 0.0, 0.0, 0.0]);
        }
        for [of_erf, _, cdf, density, log, _] in both(f64::NEG_INFINITY) {
            assert_eq!([of_erf, cdf, density, log], [-1.0, 0.0, 0.0, f64::NEG_INFINITY]);
        }
        for [of_erf, _, cdf, _, log, _] in both(f64::NAN) {
            assert!(of_erf.is_nan() && cdf.is_nan() && log.is_nan());
        }
        for [of_erf, ..] in both(0.0) {
            assert_eq!(of_erf, 0.0);
        }
        for [.., log, slope] in both(-1e5) {
            assert!(
                off(log, -5e9 - 1e5f64.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()) < 4.0 && off(slope, 1e5) < 1e6
            );
        }
    }
}
