//! The modified Bessel function I0 of plain numbers, without its growth, and its derivative.

/// Returns ln(I0(x)) - x and its derivative I1(x) / I0(x) - 1 for x >= 0; NaN elsewhere.
///
/// Below 20 by the power series, whose terms are positive, and from there by the asymptotic one, whose terms decrease to below 1e-17
/// (Abramowitz and Stegun, 9.6.10 and 9.7.1).
fn ln_i0e_and_slope(x: f64) -> (f64, f64) {
    if x.is_nan() || x < 0.0 {
        return (f64::NAN, f64::NAN);
    }
    if x < 20.0 {
        let square = 0.25 * x * x;
        // I0(x) - 1, and I1(x) / (x / 2).
        let (mut term, mut rest, mut first) = (1.0, 0.0, 1.0);
        let mut k = 1.0;
        while term > 1e-18 * rest {
            term *= square / (k * k);
            rest += term;
            first += term / (k + 1.0);
            k += 1.0;
        }
        return (rest.ln_1p() - x, 0.5 * x * first / (1.0 + rest) - 1.0);
    }
    // I0(x) and I1(x) over exp(x) / sqrt(2 pi x), and the difference of both, term by term, since they are nearly equal.
    let (mut zero, mut one) = (1.0, 1.0);
    let (mut sum, mut difference) = (1.0, 0.0);
    for k in 1..=40 {
        let (odd, by) = (f64::from(2 * k - 1).powi(2), 8.0 * x * f64::from(k));
        zero *= odd / by;
        one *= (odd - 4.0) / by;
        sum += zero;
        difference += one - zero;
        if zero < 1e-18 {
            break;
        }
    }
    (sum.ln() - 0.5 * (2.0 * std::f64::consts::PI * x).ln(), difference / sum)
}

/// Returns ln(I0(x)) - x for x >= 0.
pub fn ln_i0e(x: f64) -> f64 {
    ln_i0e_and_slope(x).0
}

/// Returns the derivative of [`ln_i0e`].
pub fn ln_i0e_slope(x: f64) -> f64 {
    ln_i0e_and_slope(x).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_fifty_digits() {
        // mpmath
        let reference = [
            (1e-12, -9.9999999999975e-13, -0.9999999999995),
            (0.001, -0.000999750000015625, -0.9995000000625),
            (0.5, -0.4384502808145187, -0.757500387419198),
            (3.75, -1.5396457880279808, -0.14682954054693154),
            (10.0, -2.0570279168813044, -0.05140017404515404),
            (19.999, -2.410364241621656, -0.02533077605096601),
            (20.001, -2.41041490060592, -0.025328208299648727),
            (31.0, -2.6318325376335863, -0.016263527987002126),
            (500.0, -4.0259923318933035, -0.0010005010031380675),
            (1000000.0, -7.826693687186747, -5.00000125000125e-07),
            (1000000000000.0, -14.734449091168822, -5.00000000000125e-13),
        ];
        for (x, value, slope) in reference {
            let (got, derivative) = (ln_i0e(x), ln_i0e_slope(x));
            assert!((got - value).abs() <= 4e-15 * value.abs().max(1.0), "{x}: {got}, not {value}");
            assert!((derivative / slope - 1.0).abs() <= 1e-14, "{x}: {derivative}, not {slope}");
        }
        assert_eq!((ln_i0e(0.0), ln_i0e_slope(0.0)), (0.0, -1.0));
        assert!(ln_i0e(-1.0).is_nan() && ln_i0e(f64::NAN).is_nan());
    }
}
