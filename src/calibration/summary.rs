//! All checks of a calibration in one table.

use std::fmt;

use rayon::prelude::*;

use super::{Calibration, Coverage, Estimate, Ranks};

/// The credibilities in the table.
const LEVELS: [f64; 2] = [0.68, 0.95];
/// The seed of TARP's random references.
const SEED: u64 = 0;

/// The results of all checks of a calibration; `Display` is a table with warnings.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationSummary {
    /// How many data sets were simulated.
    pub simulations: usize,
    /// How many draws were taken given each.
    pub draws: usize,
    /// A row for each parameter.
    pub rows: Vec<CalibrationRow>,
    /// The checks that can be made: of the parameters, the log density, ellipsoids, TARP, pairs of parameters, and
    /// local ones.
    pub checks: Vec<Check>,
}

/// The results of the ranks of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationRow {
    /// The parameter.
    pub name: String,
    /// [`Ranks::p_value`].
    pub p_value: f64,
    /// [`Ranks::ecdf_p_value`].
    pub ecdf_p_value: f64,
    /// [`Ranks::shift`].
    pub shift: Estimate,
    /// [`Ranks::width`].
    pub width: Estimate,
    /// How often the central intervals of 68 % and 95 % contain the true value.
    pub coverage: Vec<Coverage>,
}

/// One check, over all that it tests together.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Its p-value: the smallest of its tests times their number (Bonferroni), at most 1.
    pub p_value: f64,
    /// The deviation that its most significant test finds, in words; it matters only if the p-value is low.
    pub finding: String,
}

/// A p-value below this gives a warning.
const ALARM: f64 = 1e-3;

impl Calibration {
    /// Makes all checks.
    pub fn summary(&self) -> CalibrationSummary {
        let ranks = self.ranks();
        let rows: Vec<CalibrationRow> = ranks.par_iter().map(CalibrationRow::new).collect();
        let mut checks = Vec::new();
        let each = ranks.iter().zip(&rows).map(|(ranks, row)| (row.p_value, ranks));
        checks
            .extend(Check::least("parameters", each.collect(), |ranks| format!("`{}`: {}", ranks.name, ranks.words())));
        let log_density: Vec<_> = self.log_density_ranks().into_iter().map(|ranks| (ranks.p_value(), ranks)).collect();
        checks.extend(Check::least("log density", log_density, |ranks| {
            held("regions of highest density", &ranks.highest_coverage(&LEVELS))
        }));
        let ellipsoids = self.ellipsoid_ranks();
        checks.extend(Check::least("ellipsoids", vec![(ellipsoids.p_value(), ellipsoids)], |ranks| {
            held("ellipsoids", &ranks.highest_coverage(&LEVELS))
        }));
        let tarp = self.tarp(SEED);
        checks.extend(Check::least("TARP", vec![(tarp.p_value(), tarp)], |ranks| {
            held("balls around random points", &ranks.lowest_coverage(&LEVELS))
        }));
        let pairs: Vec<_> = self.pairs().into_iter().map(|pair| (pair.p_value(), pair)).collect();
        checks.extend(Check::least("pairs", pairs, |pair| pair.words()));
        let local: Vec<_> = self.local().into_iter().map(|local| (local.p_value, local)).collect();
        checks.extend(Check::least("local", local, |local| format!("`{}`: {}", local.parameter, local.words())));
        CalibrationSummary { simulations: self.judged.len(), draws: self.draws, rows, checks }
    }
}

/// How often regions contain the true values, in words.
fn held(regions: &str, coverage: &[Coverage]) -> String {
    let of = |c: &Coverage| {
        let [level, share, error] = [c.level, c.share, c.error].map(|x| 100.0 * x);
        format!("in {share:.1} % ± {error:.1} % for {level:.0} %")
    };
    format!("{regions} hold the true values {}", coverage.iter().map(of).collect::<Vec<_>>().join(", "))
}

impl CalibrationRow {
    fn new(ranks: &Ranks) -> Self {
        Self {
            name: ranks.name.clone(),
            p_value: ranks.p_value(),
            ecdf_p_value: ranks.ecdf_p_value(),
            shift: ranks.shift(),
            width: ranks.width(),
            coverage: ranks.central_coverage(&LEVELS),
        }
    }
}

impl Check {
    fn least<T>(name: &'static str, tests: Vec<(f64, T)>, finding: impl Fn(&T) -> String) -> Option<Self> {
        let (p_value, least) = tests.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Self { name, p_value: (p_value * tests.len() as f64).min(1.0), finding: finding(least) })
    }
}

impl CalibrationSummary {
    /// Returns the p-value of all checks together: the smallest times their number.
    pub fn p_value(&self) -> f64 {
        let least = self.checks.iter().map(|check| check.p_value).fold(1.0, f64::min);
        (least * self.checks.len() as f64).min(1.0)
    }

    /// Returns what is wrong, in words: the findings of the checks whose p-value is below 0.001.
    pub fn warnings(&self) -> Vec<String> {
        let wrong = self.checks.iter().filter(|check| check.p_value < ALARM);
        wrong.map(|check| format!("{} (p = {:.1e}): {}", check.name, check.p_value, check.finding)).collect()
    }
}

impl fmt::Display for CalibrationSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} simulations, {} draws each", self.simulations, self.draws)?;
        let names = self.rows.iter().map(|row| row.name.chars().count());
        let wide = names.chain(["log density".len()]).max().unwrap_or(0);
        let title = ["p", "p of ECDF", "shift / sd", "width / right", "in 68 %", "in 95 %"];
        writeln!(
            f,
            "{:wide$}  {:>8}  {:>9}  {:>13}  {:>13}  {:>12}  {:>12}",
            "", title[0], title[1], title[2], title[3], title[4], title[5]
        )?;
        for row in &self.rows {
            write!(f, "{:wide$}  {:>8}  {:>9}", row.name, p(row.p_value), p(row.ecdf_p_value))?;
            let shift = format!("{:+.2} ± {:.2}", row.shift.value, row.shift.error);
            write!(f, "  {shift:>13}  {:>13}", row.width.to_string())?;
            for c in &row.coverage {
                write!(f, "  {:>12}", format!("{:.1} ± {:.1}", 100.0 * c.share, 100.0 * c.error))?;
            }
            writeln!(f)?;
        }
        for check in &self.checks {
            writeln!(f, "{:wide$}  {:>8}", check.name, p(check.p_value))?;
        }
        let warnings = self.warnings();
        if warnings.is_empty() {
            return write!(f, "No check is alarmed: no p-value is below {ALARM}.");
        }
        write!(f, "Not calibrated.")?;
        warnings.iter().try_for_each(|warning| write!(f, "\n{warning}"))
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

/// Formats a p-value.
fn p(value: f64) -> String {
    if value < 0.001 { format!("{value:.0e}") } else { format!("{value:.3}") }
}
