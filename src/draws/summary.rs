//! A table that summarises the draws of each parameter.

use super::diagnostics::{ess_bulk, ess_tail, quantile, rhat};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A summary of draws, with one row for each scalar parameter; `Display` prints it as a table.
///
/// ```
/// use hierarch::draws::{Draws, Summary, SummaryRow};
///
/// let draws = Draws::new([("mass", vec![90.1, 91.4, 90.8]), ("width", vec![2.1, 2.6, 2.4])]);
/// let summary: Summary = draws.summary();
/// println!("{summary}");
/// let mass: &SummaryRow = &summary.rows[0];
/// assert_eq!((mass.name.as_str(), mass.median), ("mass", 90.8));
/// assert!(mass.rhat.is_none()); // independent draws, no chains
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The rows, in the order of the parameters.
    pub rows: Vec<SummaryRow>,
}

/// The summary of one scalar's draws, in the units of that scalar. Every number is NaN if there are no draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// The name of the parameter.
    pub name: String,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, with denominator n - 1.
    pub sd: f64,
    /// The 5 % quantile, by linear interpolation, as are the other two quantiles.
    pub q05: f64,
    /// The median.
    pub median: f64,
    /// The 95 % quantile.
    pub q95: f64,
    /// Rank-normalised split R-hat; `None` for draws that are independent by construction.
    pub rhat: Option<f64>,
    /// Effective sample size of the bulk, in draws.
    pub ess_bulk: Option<f64>,
    /// Effective sample size of the tails, in draws.
    pub ess_tail: Option<f64>,
}

impl Summary {
    /// Summarises Markov chains, with diagnostics. `variables` holds for each scalar its name and its chains, of shape
    /// (chains, draws).
    pub fn from_chains<'a, N: Into<String>, C: AsRef<[f64]> + 'a>(
        variables: impl IntoIterator<Item = (N, &'a [C])>,
    ) -> Self {
        let row = |(name, chains): (N, &[C])| SummaryRow {
            rhat: Some(rhat(chains)),
            ess_bulk: Some(ess_bulk(chains)),
            ess_tail: Some(ess_tail(chains)),
            ..row(name.into(), chains.iter().flat_map(|c| c.as_ref()).copied().collect())
        };
        Self { rows: variables.into_iter().map(row).collect() }
    }

    /// Summarises independent draws, without diagnostics. `variables` holds for each scalar its name and its draws.
    pub fn from_draws<'a, N: Into<String>>(variables: impl IntoIterator<Item = (N, &'a [f64])>) -> Self {
        Self { rows: variables.into_iter().map(|(name, draws)| row(name.into(), draws.to_vec())).collect() }
    }

    /// Summarises weighted draws, without diagnostics. `variables` holds for each scalar its name and its draws;
    /// `weights` holds the weight of each draw, and sums to 1.
    pub(super) fn from_weighted<'a>(
        variables: impl IntoIterator<Item = (&'a str, &'a [f64])>,
        weights: &[f64],
    ) -> Self {
        let row = |(name, draws): (&str, &[f64])| {
            let [q05, median, q95] = quantiles(draws, weights, [0.05, 0.5, 0.95]);
            let (mean, sd) = (mean(draws, weights), sd(draws, weights));
            SummaryRow { name: name.to_owned(), mean, sd, q05, median, q95, rhat: None, ess_bulk: None, ess_tail: None }
        };
        Self { rows: variables.into_iter().map(row).collect() }
    }
}

/// Returns the mean of draws, whose weights sum to 1; no weights if all draws count the same.
pub(super) fn mean(draws: &[f64], weights: &[f64]) -> f64 {
    if weights.is_empty() {
        return draws.iter().sum::<f64>() / draws.len() as f64;
    }
    draws.iter().zip(weights).map(|(x, w)| w * x).sum()
}

/// Returns the standard deviation of draws, corrected by the denominator n - 1; for weighted draws n is the effective
/// sample size. The weights sum to 1; there are none if all draws count the same.
pub(super) fn sd(draws: &[f64], weights: &[f64]) -> f64 {
    let mean = mean(draws, weights);
    if weights.is_empty() {
        return (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (draws.len() as f64 - 1.0)).sqrt();
    }
    let (squares, of_weights) = draws
        .iter()
        .zip(weights)
        .fold((0.0, 0.0), |(squares, of_weights), (x, w)| (squares + w * (x - mean).powi(2), of_weights + w * w));
    (squares / (1.0 - of_weights)).sqrt()
}

/// Returns quantiles of weighted draws, by linear interpolation between draws; each draw is placed at the middle of its
/// weight.
pub(super) fn quantiles<const N: usize>(draws: &[f64], weights: &[f64], probabilities: [f64; N]) -> [f64; N] {
    let mut order: Vec<usize> = (0..draws.len()).filter(|&i| weights[i] > 0.0).collect();
    order.sort_unstable_by(|&a, &b| draws[a].total_cmp(&draws[b]));
    let mut below = 0.0;
    let middles: Vec<f64> = order
        .iter()
        .map(|&i| {
            below += weights[i];
            below - 0.5 * weights[i]
        })
        .collect();
    probabilities.map(|p| {
        let above = middles.partition_point(|middle| *middle < p);
        let draw = |at: usize| order.get(at).map_or(f64::NAN, |&i| draws[i]);
        if above == 0 || above == order.len() {
            return draw(above.min(order.len().saturating_sub(1)));
        }
        let share = (p - middles[above - 1]) / (middles[above] - middles[above - 1]);
        draw(above - 1) + share * (draw(above) - draw(above - 1))
    })
}

fn row(name: String, mut draws: Vec<f64>) -> SummaryRow {
    let (mean, sd) = (mean(&draws, &[]), sd(&draws, &[]));
    draws.sort_unstable_by(f64::total_cmp);
    let [q05, median, q95] = [0.05, 0.5, 0.95].map(|p| quantile(&draws, p));
    SummaryRow { name, mean, sd, q05, median, q95, rhat: None, ess_bulk: None, ess_tail: None }
}

/// Formats `x` to three significant digits of `sd`: more would be noise, fewer would hide a shift.
pub(crate) fn to_scale(x: f64, sd: f64) -> String {
    let scale = if sd > 0.0 && sd.is_finite() { sd } else { x.abs() / 10.0 };
    let decimals = if scale > 0.0 { 2 - scale.log10().floor() as i32 } else { 2 };
    if x.abs() >= 1e7 || decimals > 7 {
        // Still to the scale of the sd, as far as a double goes.
        let digits = if x == 0.0 { 2 } else { x.abs().log10().floor() as i32 + decimals };
        format!("{x:.*e}", digits.clamp(0, 15) as usize)
    } else {
        format!("{x:.*}", decimals.max(0) as usize)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        type Cell = fn(&SummaryRow) -> Option<String>;
        let columns: [(&str, Cell); 9] = [
            ("", |r| Some(r.name.clone())),
            ("mean", |r| Some(to_scale(r.mean, r.sd))),
            ("sd", |r| Some(to_scale(r.sd, r.sd))),
            ("5 %", |r| Some(to_scale(r.q05, r.sd))),
            ("median", |r| Some(to_scale(r.median, r.sd))),
            ("95 %", |r| Some(to_scale(r.q95, r.sd))),
            ("R-hat", |r| r.rhat.map(|x| format!("{x:.3}"))),
            ("ESS bulk", |r| r.ess_bulk.map(|x| format!("{x:.0}"))),
            ("ESS tail", |r| r.ess_tail.map(|x| format!("{x:.0}"))),
        ];
        let mut lines = vec![String::new(); self.rows.len() + 1];
        for (i, (title, cell)) in columns.into_iter().enumerate() {
            let cells: Vec<Option<String>> = self.rows.iter().map(cell).collect();
            if i > 0 && cells.iter().all(Option::is_none) {
                continue;
            }
            let titled = std::iter::once(title.to_string()).chain(cells.into_iter().map(Option::unwrap_or_default));
            let cells: Vec<String> = titled.collect();
            let width = cells.iter().map(|c| c.chars().count()).max().unwrap_or(0);
            for (line, cell) in lines.iter_mut().zip(&cells) {
                *line += &if i == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            }
        }
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_an_aligned_table() {
        let fraction: Vec<f64> = (0..=100).map(|i| 0.15 + 0.001 * i as f64).collect();
        let mass: Vec<f64> = (0..=100).map(|i| 1200.0 + i as f64).collect();
        let table = Summary::from_draws([("fraction", &fraction[..]), ("m", &mass[..])]).to_string();
        let expected = [
            "            mean      sd     5 %  median    95 %",
            "fraction  0.2000  0.0293  0.1550  0.2000  0.2450",
            "m         1250.0    29.3  1205.0  1250.0  1295.0",
        ];
        assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn shows_diagnostics_of_chains_alone() {
        let chains = [vec![1.0, 2.0, 3.0, 2.5, 1.5, 0.5], vec![1.2, 2.1, 2.9, 2.0, 1.0, 0.7]];
        let summary = Summary::from_chains([("mu", &chains[..])]);
        assert!(summary.to_string().contains("R-hat"));
        let plain = Summary::from_draws([("mu", &chains.concat()[..])]);
        assert!(!plain.to_string().contains("R-hat"));
        assert_eq!(summary.rows[0].median, plain.rows[0].median);
        let json = serde_json::to_string(&plain).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap().to_string(), plain.to_string());
    }

    /// A weight that is a count is equivalent to that number of equal draws.
    #[test]
    fn weights_are_like_repeated_draws() {
        let draws = [3.0, 1.0, 2.5, 9.0, -4.0];
        let counts = [400, 100, 300, 0, 200];
        let weights = counts.map(|c| c as f64 / 1000.0);
        let repeated: Vec<f64> = draws.iter().zip(counts).flat_map(|(x, c)| std::iter::repeat_n(*x, c)).collect();
        let weighted = Summary::from_weighted([("x", &draws[..])], &weights).rows.remove(0);
        let plain = Summary::from_draws([("x", &repeated[..])]).rows.remove(0);
        assert!((weighted.mean - plain.mean).abs() < 1e-12);
        // The corrections are for an effective size of 3.3 and for 1000.
        assert!((weighted.sd * 0.7_f64.sqrt() - plain.sd * 0.999_f64.sqrt()).abs() < 1e-12);
        // Middles of the weights at 0.1 (-4), 0.25 (1), 0.45 (2.5) and 0.8 (3).
        let found = quantiles(&draws, &weights, [0.0, 0.1, 0.175, 0.45, 0.8, 1.0]);
        let expected = [-4.0, -4.0, -1.5, 2.5, 3.0, 3.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert!(quantiles(&[], &[], [0.5])[0].is_nan());

        let many: Vec<f64> = (0..1001).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let weighted = Summary::from_weighted([("x", &many[..])], &[1.0 / 1001.0; 1001]).rows.remove(0);
        let plain = Summary::from_draws([("x", &many[..])]).rows.remove(0);
        assert!((weighted.sd - plain.sd).abs() < 1e-12 && (weighted.median - plain.median).abs() < 1e-12);
        assert!((weighted.q05 - plain.q05).abs() < 2e-3);
    }

    #[test]
    fn survives_odd_draws() {
        let rows: [(&str, &[f64]); 4] =
            [("none", &[]), ("one", &[3.25]), ("same", &[2.0; 5]), ("tiny", &[1e-12, 2e-12, 4e-12])];
        let table = Summary::from_draws(rows).to_string();
        assert!(table.contains("NaN") && table.contains("3.25") && table.contains("2.33e-12"), "{table}");
    }

    #[test]
    fn writes_numbers_to_the_scale_of_the_sd() {
        assert_eq!(to_scale(91.1876, 0.0021), "91.18760");
        assert_eq!(to_scale(123456.0, 1500.0), "123456");
        assert_eq!(to_scale(1.5e9, 2e7), "1.5000e9");
        assert_eq!(to_scale(0.0, 0.0), "0.00");
    }
}
