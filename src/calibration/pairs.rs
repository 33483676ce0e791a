//! Ranks of sums and differences of two parameters: where a posterior lacks a correlation, one of them is too narrow
//! and the other too wide, while all marginals are right.

use rayon::prelude::*;

use super::ranks::rank;
use super::{Calibration, Estimate, Ranks};

/// Sums and differences closer than this part of an sd count as equal. Where one never varies, as for two numbers that
/// sum to one, only rounding is left, and true values are rounded in another way than draws are.
const APART: f64 = 1e-9;

/// Two parameters together. Their sum and difference are in units of the posterior sd of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The ranks of the sum, named `a + b`.
    pub sum: Ranks,
    /// The ranks of the difference, named `a - b`.
    pub difference: Ranks,
    /// The correlation in the posterior, averaged over simulations.
    pub correlation: f64,
}

impl Pair {
    /// Returns the p-value of a wrong width of the sum or of the difference: the smaller of the two, times two.
    pub fn p_value(&self) -> f64 {
        (2.0 * self.sum.p_width().min(self.difference.p_width())).min(1.0)
    }

    /// Returns the correlation that the posterior should have, from the widths of the sum and of the difference. Their
    /// variances are in the ratio 1 + r to 1 - r; the square root of this ratio is the exponential of Fisher's z =
    /// atanh r.
    pub fn right_correlation(&self) -> Estimate {
        let (sum, difference) = (self.sum.width(), self.difference.width());
        let z = self.correlation.atanh() - sum.value.ln() + difference.value.ln();
        let error = (sum.error / sum.value).hypot(difference.error / difference.value);
        Estimate { value: z.tanh(), error: error * (1.0 - z.tanh().powi(2)) }
    }

    /// Returns what is wrong, in words; `None` if the p-value is not below `alarm`.
    pub fn verdict(&self, alarm: f64) -> Option<String> {
        (self.p_value() < alarm).then(|| self.words())
    }

    pub(super) fn words(&self) -> String {
        let (is, right) = (self.correlation, self.right_correlation());
        let width = |ranks: &Ranks| format!("`{}` is {}", ranks.name, ranks.words());
        let widths = [&self.sum, &self.difference].map(width).join(" and ");
        if (is - right.value).abs() < 3.0 * right.error {
            return widths;
        }
        format!("{widths}: the correlation is {is:.2}, and should be about {right}")
    }
}

impl Calibration {
    /// Returns all pairs of parameters.
    pub fn pairs(&self) -> Vec<Pair> {
        let d = self.names.len();
        let each: Vec<(usize, usize)> = (0..d).flat_map(|a| (a + 1..d).map(move |b| (a, b))).collect();
        let scales: Vec<Vec<(f64, f64)>> =
            self.judged.par_iter().map(|one| (0..d).map(|p| one.spread(p)).collect()).collect();
        each.into_par_iter().map(|(a, b)| self.pair(a, b, &scales)).collect()
    }

    fn pair(&self, a: usize, b: usize, scales: &[Vec<(f64, f64)>]) -> Pair {
        let combined = |sign: f64| {
            self.ranked(
                &format!("{} {} {}", self.names[a], if sign > 0.0 { '+' } else { '-' }, self.names[b]),
                |i, one| {
                    let ((mean_a, sd_a), (mean_b, sd_b)) = (scales[i][a], scales[i][b]);
                    let together =
                        |x: f64, y: f64| (((x - mean_a) / sd_a + sign * (y - mean_b) / sd_b) / APART).round();
                    let truth = together(one.truth[a], one.truth[b]);
                    let draws = one.draws[a].iter().zip(&one.draws[b]).map(|(x, y)| together(*x, *y));
                    (!truth.is_nan()).then(|| rank(i, truth, draws))
                },
            )
        };
        let told = self.judged.iter().zip(scales).filter(|(one, _)| !(one.truth[a] + one.truth[b]).is_nan());
        let (mut n, mut correlation) = (0.0, 0.0);
        for (one, scales) in told {
            let ((mean_a, sd_a), (mean_b, sd_b)) = (scales[a], scales[b]);
            let product = |(x, y): (&f64, &f64)| (x - mean_a) * (y - mean_b);
            let sum: f64 = one.draws[a].iter().zip(&one.draws[b]).map(product).sum();
            correlation += sum / (self.draws as f64 * sd_a * sd_b);
            n += 1.0;
        }
        let correlation = (correlation / n).clamp(-1.0, 1.0);
        Pair { sum: combined(1.0), difference: combined(-1.0), correlation }
    }
}
