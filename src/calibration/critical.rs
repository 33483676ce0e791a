//! Critical values of a statistic, also of one that has only few values for each value of the parameter.
//!
//! Where data are counts, the quantile of a statistic is a sawtooth of the parameter, and a smooth function through it
//! covers too little in one place and too much in another. The test is then randomised (Neyman & Pearson 1933): a uniform
//! number, as wide as the distance between neighbouring values of the statistic, is added to the statistic, in learning
//! critical values and in using them, which makes the quantile smooth and the coverage exact.

use serde::{Deserialize, Serialize};

use super::quantiles::Quantile;

/// The share of data sets at one value of the parameter that must have the same statistic as another for it to be discrete.
const TIES: f64 = 0.02;

/// The critical values of one level.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Critical {
    pub(super) level: f64,
    quantile: Quantile,
    /// The width of the uniform number, as a function of the parameter; `None` for a continuous statistic.
    width: Option<Quantile>,
}

/// The statistic of a data set at a value, the estimate of the nuisance parameter, where critical values follow it, and the
/// data set's uniform number, from -0.5 to 0.5.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) statistic: f64,
    pub(super) estimate: Option<f64>,
    pub(super) uniform: f64,
}

/// The statistics of some data sets at one value of the parameter each.
pub(super) type Repeats = Vec<(f64, Vec<f64>)>;

impl Critical {
    /// Learns the critical values of `level` from the statistics `found` at `numbers`, of which the first are the values of
    /// the parameter, each with the two ends of its range; and `repeats`. `None` if they cannot be found.
    pub(super) fn learn(
        level: f64,
        numbers: &[(&[f64], f64, f64)],
        found: &[Found],
        repeats: &Repeats,
    ) -> Option<Self> {
        let (values, low, high) = *numbers.first()?;
        let width = if is_discrete(repeats) {
            let (at, gaps): (Vec<f64>, Vec<f64>) = repeats.iter().map(|(value, t)| (*value, gap(t, level))).unzip();
            Some(Quantile::fit(&[(&at, low, high)], &gaps, 0.8)?)
        } else {
            None
        };
        let spread = |found: &Found, value: f64| found.statistic + width_at(width.as_ref(), value) * found.uniform;
        let t: Vec<f64> = found.iter().zip(values).map(|(found, value)| spread(found, *value)).collect();
        Some(Self { level, quantile: Quantile::fit(numbers, &t, level)?, width })
    }

    /// Returns whether the test is randomised.
    pub(super) fn is_randomised(&self) -> bool {
        self.width.is_some()
    }

    /// Returns the critical value at `value`, for an `estimate` of the nuisance parameter.
    pub(super) fn at(&self, value: f64, estimate: Option<f64>) -> f64 {
        self.quantile.at([Some(value), estimate].into_iter().flatten())
    }

    /// Returns by how much the statistic of `found` at `value` exceeds its critical value.
    pub(super) fn excess(&self, found: &Found, value: f64) -> f64 {
        found.statistic + width_at(self.width.as_ref(), value) * found.uniform - self.at(value, found.estimate)
    }
}

fn width_at(width: Option<&Quantile>, value: f64) -> f64 {
    width.map_or(0.0, |width| width.at([value]).max(0.0))
}

/// Returns whether data sets at the same value have the same statistic too often for a continuous one.
fn is_discrete(repeats: &Repeats) -> bool {
    let pairs = |t: &Vec<f64>| (t.len() - 1, t.windows(2).filter(|pair| pair[0] == pair[1]).count());
    let (all, same) = repeats.iter().map(|(_, t)| pairs(t)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    same as f64 > TIES * all.max(1) as f64
}

/// Returns the distance between the values of a sorted discrete statistic next to its quantile: the larger one of those to
/// either side.
fn gap(t: &[f64], level: f64) -> f64 {
    let at = t[((level * t.len() as f64) as usize).min(t.len() - 1)];
    let below = t.iter().rev().find(|t| **t < at).map_or(0.0, |below| at - below);
    let above = t.iter().find(|t| **t > at).map_or(0.0, |above| above - at);
    below.max(above)
}
