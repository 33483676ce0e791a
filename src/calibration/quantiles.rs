//! Quantile regression: a quantile of one number as a smooth function of others.
//!
//! The function is a sum of natural cubic splines, one in each of the others, straight at their ends, with evenly
//! spaced knots. It minimises the pinball loss (Koenker & Bassett, *Regression quantiles*, Econometrica 1978); the kink
//! of the loss is rounded off over a width that is small compared with the spread.

use crate::draws::diagnostics::quantile;
use crate::sampling::minimise;

/// The largest number of pieces of the spline, and the fewest values for each piece.
const PIECES: usize = 8;
const EACH: usize = 50;
/// Widths over which the kink is rounded off, in sequence, in units of the spread.
const WIDTHS: [f64; 3] = [0.3, 0.05, 0.01];

/// A natural cubic spline over a range.
#[derive(Clone, Debug, PartialEq)]
struct Spline {
    low: f64,
    high: f64,
    /// Three more than the number of pieces.
    coefficients: Vec<f64>,
}

impl Spline {
    /// Returns its value at `x`; beyond the range, the value at the end.
    fn at(&self, x: f64) -> f64 {
        let (first, shares) = place(x, self.low, self.high, self.coefficients.len() - 3);
        combine(&self.coefficients[first..], &shares)
    }
}

/// A sum of splines, each a function of one number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantile(Vec<Spline>);

impl Quantile {
    /// Fits the `level` quantile of `y` as a function of `numbers`, each given by its values and the two ends of its
    /// spline. `None` if it cannot be found.
    pub(super) fn fit(numbers: &[(&[f64], f64, f64)], y: &[f64], level: f64) -> Option<Self> {
        let pieces = (y.len() / EACH / numbers.len()).clamp(1, PIECES);
        let mut sorted = y.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        if spread == 0.0 {
            // Most values are equal, as those of a one-sided statistic.
            let mean = y.iter().sum::<f64>() / y.len() as f64;
            spread = (y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / y.len() as f64).sqrt();
        }
        // The first spline starts as the quantile of all values, and the others as zero.
        let knots = pieces + 1;
        let mut inner = vec![0.0; numbers.len() * knots];
        inner[..knots].fill(quantile(&sorted, level));
        if spread > 0.0 {
            let at = |&(x, low, high): &(&[f64], f64, f64)| -> Vec<_> {
                x.iter().map(|x| place(*x, low, high, pieces)).collect()
            };
            let places: Vec<Vec<(usize, [f64; 4])>> = numbers.iter().map(at).collect();
            let scale = vec![spread; inner.len()];
            for width in WIDTHS {
                let mut loss = |inner: &[f64], gradient: &mut [f64]| {
                    let coefficients: Vec<Vec<f64>> = inner.chunks_exact(knots).map(straight_ends).collect();
                    let mut by_coefficient = vec![vec![0.0; knots + 2]; numbers.len()];
                    let mut sum = 0.0;
                    for (row, y) in y.iter().enumerate() {
                        let parts = places.iter().zip(&coefficients);
                        let value: f64 = parts.map(|(p, c)| combine(&c[p[row].0..], &p[row].1)).sum();
                        let residual = (y - value) / spread;
                        let rounded = residual.hypot(width);
                        sum += 0.5 * rounded + (level - 0.5) * residual;
                        let slope = 0.5 * residual / rounded + (level - 0.5);
                        for (places, by) in places.iter().zip(&mut by_coefficient) {
                            let (first, shares) = &places[row];
                            let to = by[*first..].iter_mut().zip(shares);
                            to.for_each(|(to, share)| *to -= slope * share / spread);
                        }
                    }
                    for (gradient, by) in gradient.chunks_exact_mut(knots).zip(&by_coefficient) {
                        // As `straight_ends` makes the outer coefficients from the inner ones.
                        let (first, last) = (by[0], by[knots + 1]);
                        gradient.copy_from_slice(&by[1..=knots]);
                        gradient[0] += 2.0 * first;
                        gradient[1] -= first;
                        gradient[pieces] += 2.0 * last;
                        gradient[pieces - 1] -= last;
                    }
                    sum
                };
                inner = minimise(&mut loss, &inner, &scale).ok()?.at;
            }
        }
        let splines = inner.chunks_exact(knots).zip(numbers);
        let spline = |(inner, (_, low, high)): (&[f64], &(&[f64], f64, f64))| Spline {
            low: *low,
            high: *high,
            coefficients: straight_ends(inner),
        };
        Some(Self(splines.map(spline).collect()))
    }

    /// Returns its value at `numbers`, each clamped to its range.
    pub(super) fn at(&self, numbers: impl IntoIterator<Item = f64>) -> f64 {
        self.0.iter().zip(numbers).map(|(spline, x)| spline.at(x)).sum()
    }
}

/// The coefficients of a spline without curvature at its ends, from all but the outermost.
fn straight_ends(inner: &[f64]) -> Vec<f64> {
    let n = inner.len();
    let outer = |end: f64, next: f64| 2.0 * end - next;
    [&[outer(inner[0], inner[1])], inner, &[outer(inner[n - 1], inner[n - 2])]].concat()
}

/// Returns the index of the first of the four coefficients that matter at `x`, and their weights: the uniform cubic
/// B-spline.
fn place(x: f64, low: f64, high: f64, pieces: usize) -> (usize, [f64; 4]) {
    let position = ((x - low) / (high - low)).clamp(0.0, 1.0) * pieces as f64;
    let first = (position as usize).min(pieces - 1);
    let t = position - first as f64;
    let s = 1.0 - t;
    let inner = |t: f64| (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0;
    (first, [s * s * s / 6.0, inner(t), inner(s), t * t * t / 6.0])
}

fn combine(coefficients: &[f64], shares: &[f64; 4]) -> f64 {
    coefficients.iter().zip(shares).map(|(c, share)| c * share).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::{seed, within};
    use rand::RngExt;

    #[test]
    fn a_spline_is_smooth_and_sums_to_one() {
        for pieces in [1, 8] {
            for i in 0..=1000 {
                let shares = place(f64::from(i) / 1000.0, 0.0, 1.0, pieces).1;
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12 && shares.iter().all(|s| *s >= 0.0));
            }
        }
        let spline = Spline { low: 1.0, high: 2.0, coefficients: vec![0.0, 1.0, -2.0, 4.0, 0.5, 3.0] };
        for knot in [1.0 + 1.0 / 3.0, 1.0 + 2.0 / 3.0] {
            let second = |x: f64| (spline.at(x + 1e-4) - 2.0 * spline.at(x) + spline.at(x - 1e-4)) / 1e-8;
            assert!((second(knot - 2e-4) - second(knot + 2e-4)).abs() < 0.3, "{knot}");
        }
        let straight = Spline { low: 0.0, high: 2.0, coefficients: straight_ends(&[1.0, 3.0, 2.0]) };
        assert!((straight.at(0.0) - 1.0).abs() < 1e-12 && (straight.at(2.0) - 2.0).abs() < 1e-12);
        assert_eq!((spline.at(0.0), spline.at(9.0)), (spline.at(1.0), spline.at(2.0)));
    }

    /// Exponential with a mean that depends on x, straight at the ends: its quantile is -mean ln(1 - level). The error
    /// is four standard errors of a quantile from the values that a coefficient sees; that at an end sees half as many,
    /// on one side.
    #[test]
    fn quantiles_of_an_exponential() {
        let (n, mut rng) = (40_000, stream(seed(1), 0));
        let mean = |x: f64| 1.0 + x + (2.0 * std::f64::consts::PI * x / 3.0).sin();
        let x: Vec<f64> = (0..n).map(|i| 3.0 * (f64::from(i) + 0.5) / f64::from(n)).collect();
        let y: Vec<f64> = x.iter().map(|x| -mean(*x) * (-rng.random::<f64>()).ln_1p()).collect();
        for level in [0.5, 0.68, 0.9, 0.95] {
            let spline = Quantile::fit(&[(&x, 0.0, 3.0)], &y, level).unwrap();
            let below = x.iter().zip(&y).filter(|(x, y)| **y <= spline.at([**x])).count() as f64 / f64::from(n);
            within!((below - level).abs(), 0.001, "{level}");
            for i in 0..=30 {
                let at = 0.1 * f64::from(i);
                let exact = -mean(at) * (1.0 - level).ln();
                let error = mean(at) * (level / (1.0 - level) / (f64::from(n) / 9.0)).sqrt();
                let error = if (3..=27).contains(&i) { 1.2 } else { 2.0 } * error;
                within!((spline.at([at]) - exact).abs(), 4.0 * error, "{level} {at}: {exact}");
            }
        }
        let constant = Quantile::fit(&[(&x, 0.0, 3.0)], &vec![2.0; x.len()], 0.9).unwrap();
        assert_eq!(constant.at([1.0]), 2.0);
    }

    /// A uniform number of width 1 that is shifted by a function of one number and another of a second. The errors are
    /// as above: sqrt(level (1 - level) / (n / 9)) for each of the two functions.
    #[test]
    fn quantiles_follow_two_numbers() {
        let (n, mut rng) = (40_000, stream(seed(2), 0));
        let shift = |a: f64, b: f64| a.sin() - 0.5 * b * b;
        let a: Vec<f64> = (0..n).map(|_| 3.0 * rng.random::<f64>()).collect();
        let b: Vec<f64> = (0..n).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect();
        let y: Vec<f64> = a.iter().zip(&b).map(|(a, b)| shift(*a, *b) + rng.random::<f64>()).collect();
        for level in [0.68, 0.9] {
            let found = Quantile::fit(&[(&a, 0.0, 3.0), (&b, -1.0, 1.0)], &y, level).unwrap();
            let error = (level * (1.0 - level) * 2.0 / (f64::from(n) / 9.0)).sqrt();
            for (a, b) in [(0.4, -0.8), (1.5, 0.0), (2.2, 0.3), (2.7, 0.8)] {
                let (at, exact) = (found.at([a, b]), shift(a, b) + level);
                within!((at - exact).abs(), 4.0 * error, "{level} {a} {b}: {at} {exact}");
            }
        }
    }
}
