//! Special functions of plain numbers.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::{gamma, normal};

/// Returns ln(Gamma(x)) for x > 0; NaN elsewhere, where Gamma is of either sign.
pub fn ln_gamma(x: f64) -> f64 {
    gamma::ln_gamma(x).0
}

/// Returns the derivative of ln(Gamma(x)) for x > 0.
pub fn digamma(x: f64) -> f64 {
    gamma::ln_gamma(x).1
}

/// Returns the error function at `x`.
pub fn erf(x: f64) -> f64 {
    normal::erf(x).0
}

/// Returns ln(k!) of a whole number, from a table below 256 and Stirling's series from there (its next term is below
/// 1e-17). A number that is negative or not whole has no factorial: it gives NaN, never minus infinity.
pub fn ln_factorial(k: f64) -> f64 {
    static TABLE: LazyLock<[f64; 256]> = LazyLock::new(|| {
        let mut table = [0.0; 256];
        let (mut sum, mut lost) = (0.0, 0.0);
        for (k, entry) in table.iter_mut().enumerate().skip(1) {
            // Compensated (Kahan), so that the last entry is as precise as the first.
            let term = (k as f64).ln() - lost;
            let next: f64 = sum + term;
            lost = (next - sum) - term;
            sum = next;
            *entry = sum;
        }
        table
    });
    if !(k >= 0.0 && k.fract() == 0.0) {
        f64::NAN
    } else if k < 256.0 {
        TABLE[k as usize]
    } else {
        let x = k + 1.0;
        let inverse = 1.0 / (x * x);
        (x - 0.5) * x.ln() - x
            + 0.5 * (2.0 * PI).ln()
            + (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / x
    }
}

/// Returns the cumulative distribution of the standard normal at `x`, exact in the lower tail.
pub fn normal_cdf(x: f64) -> f64 {
    normal::normal_cdf(x).0
}

/// Returns the logarithm of [`normal_cdf`], exact in both tails.
pub fn ln_normal_cdf(x: f64) -> f64 {
    normal::ln_normal_cdf(x).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ln_factorial_is_ln_gamma_of_the_next() {
        for k in (0..2000).chain([10_000, 1_000_000]) {
            let exact = ln_gamma(k as f64 + 1.0);
            let got = ln_factorial(k as f64);
            assert!((got - exact).abs() <= 1e-13 * exact.abs().max(1.0), "{k}: {got} {exact}");
        }
        assert!(ln_factorial(-1.0).is_nan() && ln_factorial(1.5).is_nan());
    }

    #[test]
    fn the_normal_cdf_is_exact_in_both_tails() {
        // scipy.special.log_ndtr
        let reference = [
            (-37.0, -689.0305855768908),
            (-30.001, -454.3512777154587),
            (-29.999, -454.2912111961238),
            (-20.0, -203.9171553710973),
            (-10.0, -53.23128515051248),
            (-4.001, -10.36432757033834),
            (-3.999, -10.355876356043407),
            (-1.0, -1.8410216450092636),
            (0.5, -0.3689464152886564),
            (3.0, -0.0013508099647481923),
        ];
        for (x, exact) in reference {
            let got: f64 = ln_normal_cdf(x);
            assert!((got / exact - 1.0).abs() < 1e-13, "{x}: {got} {exact}");
            assert!((normal_cdf(x) / exact.exp() - 1.0).abs() < 2e-13);
        }
        assert!(ln_normal_cdf(f64::NAN).is_nan() && normal_cdf(f64::NAN).is_nan());
        assert_eq!(ln_normal_cdf(f64::NEG_INFINITY), f64::NEG_INFINITY);
    }
}
