//! The confluent hypergeometric limit function 0F1(; b; y), the sum of y^j / (j! b (b + 1) ... (b + j - 1)), which is that of modified
//! Bessel functions: I_v(x) = (x / 2)^v / Gamma(v + 1) 0F1(; v + 1; x^2 / 4).

use super::special::ln_gamma;

/// Returns ln(0F1(; b; y)) for b >= 1/2 and y >= 0; NaN elsewhere.
pub fn ln_0f1(b: f64, y: f64) -> f64 {
    if is_known(b, y) { plain(b, y) } else { f64::NAN }
}

fn is_known(b: f64, y: f64) -> bool {
    b >= 0.5 && y >= 0.0 && b.is_finite() && y.is_finite()
}

/// Returns the function and its derivative by y, 0F1(; b + 1; y) / (b 0F1(; b; y)).
pub fn value_and_slope(b: f64, y: f64) -> (f64, f64) {
    if !is_known(b, y) {
        return (f64::NAN, f64::NAN);
    }
    let value = plain(b, y);
    (value, (plain(b + 1.0, y) - value).exp() / b)
}

/// By the series, whose terms are positive, where few of them count; else by the uniform expansion of Bessel functions of large order
/// (NIST Digital Library of Mathematical Functions, 10.41.3 and 10.41.10), of which what is left out is below 1e-14.
fn plain(b: f64, y: f64) -> f64 {
    let order = b - 1.0;
    let size = (order * order + 4.0 * y).sqrt();
    if size < 400.0 {
        let (mut term, mut rest, mut j) = (1.0, 0.0, 0.0);
        while term > 1e-18 * rest {
            term *= y / ((j + 1.0) * (b + j));
            rest += term;
            j += 1.0;
        }
        return rest.ln_1p();
    }
    let square = (order / size).powi(2);
    let terms: [&[f64]; 4] = [
        &[3.0, -5.0],
        &[81.0, -462.0, 385.0],
        &[30_375.0, -369_603.0, 765_765.0, -425_425.0],
        &[4_465_125.0, -94_121_676.0, 349_922_430.0, -446_185_740.0, 185_910_725.0],
    ];
    let (mut beyond, mut scale) = (0.0, 1.0);
    for (coefficients, divisor) in terms.into_iter().zip([24.0, 1152.0, 414_720.0, 39_813_120.0]) {
        scale /= size;
        beyond += scale * coefficients.iter().rev().fold(0.0, |sum, c| sum * square + c) / divisor;
    }
    ln_gamma(b) + size + order * (2.0 / (order + size)).ln() - 0.5 * (2.0 * std::f64::consts::PI * size).ln()
        + beyond.ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sinh and cosh are such sums, and both ways to them meet.
    #[test]
    fn agrees_with_closed_forms() {
        for x in [0.0_f64, 1e-5, 0.3, 2.0, 17.0, 80.0, 390.0, 410.0, 5e3, 1e6] {
            let y = 0.25 * x * x;
            let log_sinh = if x == 0.0 { 0.0 } else { x + (-(-2.0 * x).exp_m1() / (2.0 * x)).ln() };
            assert!((plain(1.5, y) - log_sinh).abs() < 1e-13 * log_sinh.max(1.0), "{x}");
            let log_cosh = x + (0.5 * (1.0 + (-2.0 * x).exp())).ln();
            assert!((plain(0.5, y) - log_cosh).abs() < 1e-13 * log_cosh.max(1.0), "{x}");
        }
    }

    /// The ratios of neighbours: I_{v-1}(x) = I_{v+1}(x) + 2 v / x I_v(x), which is F(b - 1) = F(b) + y / (b (b - 1)) F(b + 1).
    #[test]
    fn neighbours_agree() {
        for b in [1.5_f64, 2.0, 7.5, 40.0, 398.0, 420.0, 3000.0] {
            for y in [0.1, 9.0, 3e3, 3.9e4, 4.1e4, 1e6, 1e9] {
                let (low, middle, high) = (plain(b - 1.0 + 1e-300, y), plain(b, y), plain(b + 1.0, y));
                let sum = (middle - low).exp() + y / (b * (b - 1.0)) * (high - low).exp();
                assert!((sum - 1.0).abs() < 1e-11, "{b} {y}: {sum}");
            }
        }
    }

    #[test]
    fn slopes_are_those_of_differences() {
        for (b, y) in [(1.0, 0.0), (1.0, 2.0), (3.5, 700.0), (5.0, 5e4), (600.0, 1e3)] {
            let h = 1e-4 * f64::max(y, 1.0);
            let slope = (plain(b, y + 2.0 * h) - plain(b, y + h)) / h;
            assert!((value_and_slope(b, y + 1.5 * h).1 / slope - 1.0).abs() < 1e-5, "{b} {y}");
        }
    }
}
