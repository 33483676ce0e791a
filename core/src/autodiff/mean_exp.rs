//! ln((exp(x) - 1) / x), the normalisation of exponentials and power laws on an interval, and its derivative.

use super::Lanes;

/// zeta(2), zeta(4), ...
const ZETA: [f64; 11] = [
    1.644_934_066_848_226_4,
    1.082_323_233_711_138_2,
    1.017_343_061_984_449,
    1.004_077_356_197_944_3,
    1.000_994_575_127_818_1,
    1.000_246_086_553_308,
    1.000_061_248_135_058_7,
    1.000_015_282_259_408_7,
    1.000_003_817_293_265,
    1.000_000_953_962_033_9,
    1.000_000_238_450_502_7,
];

/// Returns the value and the slope at each lane of `x`.
///
/// The value is x / 2 + ln(sinh(x / 2) / (x / 2)). The second part is even; below |x| = 1 it is the series
/// sum_n (-1)^(n + 1) zeta(2n) / n u^n with u = (x / (2 pi))^2, and the first term left out is below 1e-17.
#[inline(always)]
pub fn log_mean_exp<V: Lanes>(x: V) -> (V, V) {
    let (zero, half, one) = (V::splat(0.0), V::splat(0.5), V::splat(1.0));
    let size = x.abs();

    let square = V::splat(0.25 / (std::f64::consts::PI * std::f64::consts::PI));
    let u = x * x * square;
    let (mut series, mut series_slope) = (zero, zero);
    for n in (1..=ZETA.len()).rev() {
        let coefficient = if n % 2 == 1 { ZETA[n - 1] } else { -ZETA[n - 1] };
        series = series.mul_add(u, V::splat(coefficient / n as f64));
        series_slope = series_slope.mul_add(u, V::splat(coefficient));
    }
    let near = (series.mul_add(u, x * half), series_slope.mul_add(V::splat(2.0) * x * square, half));

    let e = (-size).exp();
    let rest = one - e;
    let far = x.if_lt(zero, zero, x) + (rest / size).ln();
    // exp(x) / (exp(x) - 1) - 1 / x
    let far_slope = x.if_lt(zero, -e, one) / rest - one / x;

    let choose = |near, far| size.if_le(one, near, far);
    (choose(near.0, far), choose(near.1, far_slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_plain_formula() {
        let plain = |x: f64| (x.exp_m1() / x).ln();
        let slope = |x: f64| 1.0 / -(-x).exp_m1() - 1.0 / x;
        for x in [-700.0, -30.0, -2.0, -1.000001, -1.0, -0.3, 0.04, 0.9, 1.0, 1.0000001, 5.0, 600.0] {
            let (value, derivative) = log_mean_exp(x);
            assert!((value - plain(x)).abs() <= 1e-15 * plain(x).abs().max(1.0), "{x}: {value} {}", plain(x));
            assert!((derivative - slope(x)).abs() <= 1e-14, "{x}: {derivative} {}", slope(x));
        }
        assert_eq!(log_mean_exp(0.0), (0.0, 0.5));
        assert_eq!(log_mean_exp(1e-30), (0.5e-30, 0.5));
        assert!((log_mean_exp(5000.0).0 - (5000.0 - 5000f64.ln())).abs() < 1e-12);
        assert!(log_mean_exp(f64::NAN).0.is_nan());
    }
}
