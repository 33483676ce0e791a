//! Local coverage: whether the posterior is right in every region of the data, and not only on average. If it is, ranks
//! are uniform whatever the data are: their normal scores have no trend along any statistic of the data.

use rayon::prelude::*;

use super::normal_scores::{Group, NormalScores};
use super::{Calibration, Ranks};

/// The number of groups of simulations along a feature, and the fewest simulations in a group.
const BINS: usize = 10;
const FEWEST: usize = 5;

/// The ranks of a parameter along a feature of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// The parameter, or `log density`.
    pub parameter: String,
    /// The feature: a statistic of the data in `backticks`, or `its mean` or `its sd`, those of the parameter's
    /// posterior.
    pub feature: String,
    /// The p-value of a trend, linear or quadratic, in shift or width.
    pub p_value: f64,
    /// Whether the linear trend, from low to high features, is the stronger one; otherwise the middle differs from both
    /// ends.
    pub straight: bool,
    /// Groups of simulations of about equal size, from the lowest feature to the highest.
    pub bins: Vec<LocalBin>,
}

/// The simulations whose feature is in one range.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalBin {
    /// The smallest feature.
    pub low: f64,
    /// The largest feature.
    pub high: f64,
    /// The ranks.
    pub ranks: Ranks,
}

impl Local {
    /// Returns what is wrong and where, in words; `None` if the p-value is not below `alarm`.
    pub fn verdict(&self, alarm: f64) -> Option<String> {
        (self.p_value < alarm).then(|| self.words())
    }

    pub(super) fn words(&self) -> String {
        let bins = self.bins.len();
        let ends = |i: usize| (4 * i + 2 < bins) || (4 * (bins - 1 - i) + 2 < bins);
        let part = |inside: &dyn Fn(usize) -> bool| {
            let among = self.bins.iter().enumerate().filter(|(i, _)| inside(*i));
            let ranks = among.flat_map(|(_, bin)| bin.ranks.ranks.iter().copied()).collect();
            let ranks = Ranks { name: self.parameter.clone(), ranks, draws: self.bins[0].ranks.draws };
            ranks.verdict(1e-2).unwrap_or_else(|| "right".to_owned())
        };
        let (names, parts) = if self.straight {
            (["low", "high"], [part(&|i| 2 * i < bins), part(&|i| 2 * i >= bins)])
        } else {
            (["in the middle", "at either end"], [part(&|i| !ends(i)), part(&ends)])
        };
        let [first, second] = names;
        format!("where {} is {first} {}, where it is {second} {}", self.feature, parts[0], parts[1])
    }
}

impl Calibration {
    /// Returns the ranks of each parameter, and of the log density where it is known, along each feature of the data:
    /// the statistics of [`CalibrationTrial`](super::CalibrationTrial), and the parameter's own posterior mean and sd.
    ///
    /// The test is a score test of a trend. The simulations are put in ten groups along the feature; weighted sums over
    /// the groups of the normal scores, and of their squares, are compared with their exact distribution. The weights
    /// rise from one end to the other, or from the middle to both ends. They sum to zero, so that a fault common to all
    /// groups is left to [`Ranks::p_value`]. The p-value is the smaller of the two, times two.
    pub fn local(&self) -> Vec<Local> {
        let mut statistics: Vec<&str> = Vec::new();
        for (name, _) in self.judged.iter().flat_map(|one| &one.statistics) {
            if !statistics.contains(&name.as_str()) {
                statistics.push(name);
            }
        }
        let by_name = |name: &str| -> Vec<f64> {
            let value = |(_, x): &(String, f64)| *x;
            self.judged.iter().map(|one| one.statistics.iter().find(|s| s.0 == name).map_or(f64::NAN, value)).collect()
        };
        let of_data: Vec<(String, Vec<f64>)> = statistics.iter().map(|s| (format!("`{s}`"), by_name(s))).collect();
        let scores = NormalScores::new(self.draws);
        let by = |name: &str, ranks: &[Option<usize>], own: &[(String, Vec<f64>)]| -> Vec<Local> {
            let features = of_data.iter().chain(own).collect::<Vec<_>>();
            features.into_par_iter().filter_map(|(f, values)| self.trend(name, ranks, f, values, &scores)).collect()
        };
        let mut found = Vec::new();
        for (p, name) in self.names.iter().enumerate() {
            let ranks: Vec<_> = self.judged.iter().enumerate().map(|(i, one)| one.rank(i, p)).collect();
            let (mean, log_sd) = self.judged.iter().map(|one| one.spread(p)).map(|(mean, sd)| (mean, sd.ln())).unzip();
            let own = [("its mean".to_owned(), mean), ("its sd".to_owned(), log_sd)];
            found.extend(by(name, &ranks, &own));
        }
        let ranks: Vec<_> = self.judged.iter().enumerate().map(|(i, one)| one.log_density_rank(i)).collect();
        found.extend(by("log density", &ranks, &[]));
        found
    }

    fn trend(
        &self,
        parameter: &str,
        ranks: &[Option<usize>],
        feature: &str,
        values: &[f64],
        scores: &NormalScores,
    ) -> Option<Local> {
        let known =
            ranks.iter().zip(values).filter_map(|(rank, x)| rank.filter(|_| !x.is_nan()).map(|rank| (*x, rank)));
        let mut sorted: Vec<(f64, usize)> = known.collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bins = binned(&sorted);
        if bins.len() < 2 {
            return None;
        }
        // The middle of each bin as a fraction of all, from which the weights are orthogonal polynomials.
        let n = sorted.len() as f64;
        let share: Vec<f64> = bins.iter().map(|bin| bin.len() as f64 / n).collect();
        let mean = |of: &dyn Fn(usize) -> f64| share.iter().enumerate().map(|(g, share)| share * of(g)).sum::<f64>();
        let mut below = 0.0;
        let middle: Vec<f64> = share
            .iter()
            .map(|share| {
                below += share;
                below - 0.5 * share - 0.5
            })
            .collect();
        let variance = mean(&|g| middle[g].powi(2));
        let slope = mean(&|g| middle[g].powi(3)) / variance;
        let bent: Vec<f64> = middle.iter().map(|u| u * (u - slope) - variance).collect();
        let test = |weights: &[f64]| {
            let scale = mean(&|g| weights[g].powi(2)).sqrt();
            let group = |(bin, weight): (&&[(f64, usize)], &f64)| scores.group(weight / scale, bin.iter().map(|x| x.1));
            let groups: Vec<Group> = bins.iter().zip(weights).map(group).collect();
            scores.deviates(&groups).p_value()
        };
        let straight = test(&middle);
        let (least, tests) = if bins.len() > 2 { (straight.min(test(&bent)), 2.0) } else { (straight, 1.0) };
        let bin = |of: &&[(f64, usize)]| {
            let ranks = of.iter().map(|(_, rank)| *rank).collect();
            let ranks = Ranks { name: parameter.to_owned(), ranks, draws: self.draws };
            LocalBin { low: of[0].0, high: of[of.len() - 1].0, ranks }
        };
        Some(Local {
            parameter: parameter.to_owned(),
            feature: feature.to_owned(),
            p_value: (tests * least).min(1.0),
            straight: least == straight,
            bins: bins.iter().map(bin).collect(),
        })
    }
}

/// Splits `sorted` by its first number into groups of about equal size; equal numbers stay together.
fn binned(sorted: &[(f64, usize)]) -> Vec<&[(f64, usize)]> {
    let bins = BINS.min(sorted.len() / FEWEST);
    let (mut found, mut from) = (Vec::new(), 0);
    for bin in 1..=bins {
        let mut to = (bin * sorted.len() / bins).max(from);
        while to > from && to < sorted.len() && sorted[to].0 == sorted[to - 1].0 {
            to += 1;
        }
        if to > from {
            found.push(&sorted[from..to]);
            from = to;
        }
    }
    found
}
