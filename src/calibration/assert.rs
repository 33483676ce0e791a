//! Calibration as an assertion in a test: how wrong a posterior may be, and the message if it is worse.
//!
//! For each parameter the ranks of the true values estimate how far the posterior is shifted and how wrong its width is
//! (`misfit.rs`). The test is that neither is beyond the tolerance: a likelihood ratio at the edge of the tolerance
//! measures how improbable the estimate is there.

use std::fmt::{self, Write};

use super::misfit::{RankLikelihood, above};
use super::{Calibration, Estimate, Ranks};
use crate::model::UnknownName;

/// The power that a test must have: fewer simulations than this takes are an error.
const POWER: f64 = 0.95;
/// Bins of the histogram in a message, and the length of its longest bar.
const BINS: usize = 10;
const BAR: usize = 40;
/// The number of parameters whose ranks a message shows.
const SHOWN: usize = 4;

/// How wrong a posterior may be to pass [`Calibration::check`], and how seldom one within this tolerance may fail.
///
/// With the numbers of simulations in this table, a check finds in 19 of 20 cases a posterior of one parameter that is
/// too wide or too narrow by 10 % or shifted by 0.2 sd. The last columns are the smallest faults that it finds with
/// 1000 simulations (400 draws each; measured by
/// `cargo test --release -p hierarch-tests --test proofs tolerance::table -- --ignored --nocapture`):
///
/// | tolerance | false alarms | simulations | found | of 1000: width | of 1000: shift |
/// | --- | --- | --- | --- | --- | --- |
/// | 5 %, 0.1 sd | one in a thousand | 5904 | 0.943 | 18 % | 0.26 sd |
/// | 5 %, 0.1 sd | one in a million | 10402 | 0.948 | 22 % | 0.31 sd |
/// | none | one in a thousand | 1537 | 0.960 | 13 % | 0.16 sd |
/// | none | one in a million | 2625 | 0.960 | 17 % | 0.21 sd |
///
/// Where a posterior is neither normal nor right, its width is that of the normal distribution of scores under which
/// its ranks are likeliest.
///
/// ```
/// use hierarch::calibration::{Finding, Findings, Miscalibrated, Ranks, Tolerance};
///
/// // As of `calibration.ranks()`: in 1000 simulations at least half of the draws lie below the true value.
/// let ranks = Ranks { name: "mass".to_owned(), ranks: (10..20).cycle().take(1000).collect(), draws: 20 };
/// let tolerance = Tolerance { shift: 0.2, ..Tolerance::default() };
/// match tolerance.check(&[ranks]) {
///     Err(Miscalibrated::Off(Findings { off, .. })) => {
///         let finding: &Finding = &off[0];
///         println!("{finding}"); // `mass` is ... shifted low by ...
///         assert_eq!(finding.ranks.name, "mass");
///         assert!(finding.shift.value < 0.0);
///     }
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance<'a> {
    /// The tolerated relative error of the width: with 0.05 the posterior may be 1.05 times too wide or too narrow.
    pub width: f64,
    /// The tolerated shift, in units of the posterior's sd.
    pub shift: f64,
    /// The largest probability that a posterior at the edge of the tolerance fails, over all parameters together.
    pub false_alarm: f64,
    /// A width that is wrong by this must be found 19 times in 20: 1 for twice or half the right one. Too few
    /// simulations for this are an error.
    pub catch_width: f64,
    /// A shift of this many sd must be found 19 times in 20.
    pub catch_shift: f64,
    /// The parameters to check; if empty, all that were inferred.
    pub parameters: Vec<&'a str>,
}

impl Default for Tolerance<'_> {
    /// Returns 5 % of width and 0.1 sd of shift, with a false alarm in a million tests; a width that is wrong by a
    /// factor of two, or a shift of one sd, must be found.
    fn default() -> Self {
        Self { width: 0.05, shift: 0.1, false_alarm: 1e-6, catch_width: 1.0, catch_shift: 1.0, parameters: Vec::new() }
    }
}

/// Why a calibration does not pass [`Calibration::check`].
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Miscalibrated {
    /// Parameters are further off than the tolerance.
    #[error("{0}")]
    Off(Findings),
    /// No parameter has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// There are no ranks to check, or an invalid rank.
    #[error("{0}")]
    Ranks(String),
    /// There are too few simulations to find the faults that must be found.
    #[error(
        "{simulations} simulations of `{parameter}` are too few: a {what} would be found less often than 19 times in 20, at a \
         false-alarm rate of {false_alarm:e} and with this tolerance. It takes {needed}; or allow more false alarms, or less \
         deviation"
    )]
    TooFew {
        /// The parameter.
        parameter: String,
        /// How many simulations there are.
        simulations: usize,
        /// The fault that must be found.
        what: String,
        /// The false-alarm rate.
        false_alarm: f64,
        /// How many are needed.
        needed: usize,
    },
    /// An invalid tolerance.
    #[error("the tolerance's `{field}` is {value}, but must be {must}")]
    Tolerance {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
}

hierarch_core::debug_as_message!(Miscalibrated);

/// The parameters that are further off than a tolerance; `Display` is the message of a failed assertion.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// The parameters.
    pub off: Vec<Finding>,
    /// How many were checked.
    pub checked: usize,
    tolerance: [f64; 2],
    false_alarm: f64,
}

/// The shift and width of one parameter, estimated from its ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its ranks.
    pub ranks: Ranks,
    /// The posterior's shift in units of its sd: positive where it is too high.
    pub shift: Estimate,
    /// The posterior's width over the right one.
    pub width: Estimate,
    /// The probability, at the edge of the tolerance, of a shift as far out as the estimate.
    pub shift_p: f64,
    /// The probability, at the edge of the tolerance, of a width as far out as the estimate.
    pub width_p: f64,
    /// Whether the shift, and whether the width, are beyond the tolerance.
    beyond: [bool; 2],
}

impl Calibration {
    /// Checks that every parameter is within `tolerance`. See [`Tolerance`] for the faults that a number of simulations
    /// finds, and [`assert_calibrated!`](crate::assert_calibrated!) for tests.
    ///
    /// # Errors
    /// The parameters beyond the tolerance, in words; too few simulations; a parameter that was not inferred; an
    /// invalid tolerance.
    pub fn check(&self, tolerance: &Tolerance<'_>) -> Result<(), Miscalibrated> {
        tolerance.check(&self.ranks())
    }
}

impl Tolerance<'_> {
    /// Checks ranks from any source, as [`Calibration::check`] does.
    ///
    /// # Errors
    /// Those of [`Calibration::check`]; no ranks at all; ranks above the number of draws.
    pub fn check(&self, ranks: &[Ranks]) -> Result<(), Miscalibrated> {
        self.makes_sense()?;
        if ranks.is_empty() {
            return Err(Miscalibrated::Ranks("there are no ranks to check".to_owned()));
        }
        for Ranks { name, ranks, draws } in ranks {
            if let Some(rank) = ranks.iter().find(|rank| *rank > draws) {
                return Err(Miscalibrated::Ranks(format!("`{name}` has the rank {rank} among {draws} draws")));
            }
        }
        let known: Vec<&str> = ranks.iter().map(|one| one.name.as_str()).collect();
        let named = |name: &&str| {
            Ok::<_, UnknownName>(&ranks[UnknownName::find("parameter of the calibration", name, &known)?])
        };
        let chosen: Vec<&Ranks> = match self.parameters.as_slice() {
            [] => ranks.iter().collect(),
            names => names.iter().map(named).collect::<Result<_, _>>()?,
        };
        for one in &chosen {
            self.enough(one, chosen.len())?;
        }
        let each = self.each(chosen.len());
        let off: Vec<Finding> =
            chosen.iter().map(|one| self.find(one, each)).filter(|found| found.beyond.contains(&true)).collect();
        if off.is_empty() {
            return Ok(());
        }
        let tolerance = [self.shift, self.width];
        Err(Miscalibrated::Off(Findings { off, checked: chosen.len(), tolerance, false_alarm: self.false_alarm }))
    }

    /// Returns the number of simulations, with `draws` draws each, that find the required faults in one of `parameters`
    /// parameters.
    pub fn simulations(&self, draws: usize, parameters: usize) -> usize {
        let each = self.each(parameters);
        let cases = [0, 1].into_iter().flat_map(|which| [1.0, -1.0].map(|side| (which, side)));
        let cases: Vec<_> = cases
            .map(|(which, side)| {
                let (edge, mut truth) = (self.edges()[which], [0.0, 0.0]);
                truth[which] = side * self.to_catch()[which];
                let of = |held| RankLikelihood::power(draws, truth, which, held);
                (of(side * edge), of(-side * edge))
            })
            .collect();
        let enough = |simulations: usize| {
            let root = (simulations as f64).sqrt();
            cases.iter().all(|((near, spread), (far, _))| {
                // How far from the near edge the p-value is that small.
                let p = |deviate: f64| above(deviate) + above(deviate + root * (far - near));
                above((least(|deviate| p(deviate) <= each) - root * near) / spread) >= POWER
            })
        };
        let mut high = 1;
        while !enough(high) && high < usize::MAX / 4 {
            high *= 2;
        }
        let (mut low, mut high) = (high / 2, high);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if enough(middle) { high = middle } else { low = middle }
        }
        high
    }

    /// The false-alarm rate of one test: each parameter has two, of shift and of width.
    fn each(&self, parameters: usize) -> f64 {
        self.false_alarm / (2 * parameters.max(1)) as f64
    }

    /// The edges of the tolerance: of the shift, and of ln of the width.
    fn edges(&self) -> [f64; 2] {
        [self.shift, self.width.ln_1p()]
    }

    fn to_catch(&self) -> [f64; 2] {
        [self.catch_shift, self.catch_width.ln_1p()]
    }

    fn makes_sense(&self) -> Result<(), Miscalibrated> {
        let finite = |x: f64| x.is_finite();
        let positive = "a finite number, and not negative";
        let beyond = "a finite number, and larger than what is tolerated";
        let checks = [
            ("width", self.width, finite(self.width) && self.width >= 0.0, positive),
            ("shift", self.shift, finite(self.shift) && self.shift >= 0.0, positive),
            ("false_alarm", self.false_alarm, self.false_alarm > 0.0 && self.false_alarm < 1.0, "between 0 and 1"),
            ("catch_width", self.catch_width, finite(self.catch_width) && self.catch_width > self.width, beyond),
            ("catch_shift", self.catch_shift, finite(self.catch_shift) && self.catch_shift > self.shift, beyond),
        ];
        match checks.into_iter().find(|(_, _, good, _)| !good) {
            None => Ok(()),
            Some((field, value, _, must)) => Err(Miscalibrated::Tolerance { field, value, must }),
        }
    }

    fn enough(&self, ranks: &Ranks, parameters: usize) -> Result<(), Miscalibrated> {
        let (simulations, needed) = (ranks.ranks.len(), self.simulations(ranks.draws, parameters));
        if simulations >= needed {
            return Ok(());
        }
        let (percent, shift) = (100.0 * self.catch_width as f32, self.catch_shift);
        let what = format!("width that is wrong by {percent} %, or a shift of {shift} sd,");
        let (parameter, false_alarm) = (ranks.name.clone(), self.false_alarm);
        Err(Miscalibrated::TooFew { parameter, simulations, what, false_alarm, needed })
    }

    /// Estimates the shift and width of one parameter; `each` is the smallest p-value that passes.
    fn find(&self, ranks: &Ranks, each: f64) -> Finding {
        let likelihood = RankLikelihood::new(&ranks.ranks, ranks.draws);
        let best = likelihood.maximum([None, None]);
        let edges = self.edges();
        let p_value = |which: usize| {
            let (estimate, edge) = (best.at[which], edges[which].copysign(best.at[which]));
            if estimate.abs() <= edge.abs() {
                return 1.0;
            }
            // From the edge on its side, and from the other edge.
            let beyond = |edge: f64| above(1_f64.copysign(estimate) * likelihood.deviate(&best, which, edge));
            (beyond(edge) + beyond(-edge)).min(1.0)
        };
        let p_values = [0, 1].map(p_value);
        let ([a, log_b], [a_error, log_b_error]) = (best.at, best.errors());
        let width = (-log_b).exp();
        Finding {
            ranks: ranks.clone(),
            shift: Estimate { value: -a, error: a_error },
            width: Estimate { value: width, error: width * log_b_error },
            shift_p: p_values[0],
            width_p: p_values[1],
            beyond: p_values.map(|p| p < each),
        }
    }
}

/// The smallest deviate for which `is` holds, as it does for all larger ones.
fn least(is: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if is(middle) { high = middle } else { low = middle }
    }
    high
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [shift, width] = self.tolerance;
        let (off, checked) = (self.off.len(), self.checked);
        let of = if checked == 1 { String::new() } else { format!("{off} of {checked} parameters: ") };
        writeln!(
            f,
            "not calibrated: {of}further off than {} % of width or {shift} sd of shift, at a false-alarm rate of {:e}",
            100.0 * width as f32, // 5, and not 5.000000000000001
            self.false_alarm
        )?;
        for finding in self.off.iter().take(SHOWN) {
            writeln!(f, "\n{finding}")?;
        }
        if off > SHOWN {
            let names: Vec<&str> = self.off[SHOWN..].iter().map(|finding| finding.ranks.name.as_str()).collect();
            writeln!(f, "\nand {}", names.join(", "))?;
        }
        let any = |which: fn(&Finding) -> bool| self.off.iter().any(which);
        writeln!(f, "\nwhat may help:")?;
        if any(Finding::is_narrow) {
            writeln!(
                f,
                "- too narrow is overconfident: train on more simulations (`warnings()` tells of overfitting), average an \
                 `ensemble`, or `importance_sample` where there is a likelihood"
            )?;
        }
        if any(Finding::is_wide) {
            writeln!(f, "- too wide has not learned all that is in the data: train longer, or use a larger network")?;
        }
        if any(Finding::is_shifted) {
            writeln!(
                f,
                "- shifted is biased: train longer; check whether the estimator was trained for this model's prior"
            )?;
        }
        write!(
            f,
            "- of a sampler that should be exact: do its density and the model's simulator agree, do its chains converge, are \
             its draws independent?"
        )
    }
}

impl Finding {
    fn is_narrow(&self) -> bool {
        self.beyond[1] && self.width.value < 1.0
    }

    fn is_wide(&self) -> bool {
        self.beyond[1] && self.width.value > 1.0
    }

    fn is_shifted(&self) -> bool {
        self.beyond[0]
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ranks { name, ranks, draws } = &self.ranks;
        let side = if self.width.value < 1.0 { "narrow" } else { "wide" };
        let (percent, error) = (100.0 * (self.width.value - 1.0).abs(), 100.0 * self.width.error);
        let of_width = format!("too {side} by {percent:.1} % ± {error:.1} %");
        let side = if self.shift.value < 0.0 { "low" } else { "high" };
        let of_shift = format!("shifted {side} by {:.2} ± {:.2} of its sd", self.shift.value.abs(), self.shift.error);
        let said: Vec<String> = [(self.beyond[1], of_width), (self.beyond[0], of_shift)]
            .into_iter()
            .filter_map(|(is, said)| is.then_some(said))
            .collect();
        writeln!(f, "`{name}` is {}", said.join(" and "))?;
        let (n, levels) = (ranks.len() as f64, draws + 1);
        let bins = BINS.min(levels);
        let start = |bin: usize| bin * levels / bins;
        let mut counts = vec![0; bins];
        for rank in ranks {
            // The last bin that starts at or before the rank.
            counts[((rank + 1) * bins - 1) / levels] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let share = 1.0 / bins as f64;
        let error = (n * share * (1.0 - share)).sqrt();
        writeln!(
            f,
            "ranks of the true value among {draws} draws, over {} simulations; {:.0} ± {error:.0} should be in each row",
            ranks.len(),
            n * share
        )?;
        let digits = draws.to_string().len();
        for (bin, count) in counts.iter().enumerate() {
            let bar = "#".repeat((BAR * count).div_ceil(most));
            let mut line = String::new();
            let (first, last) = (start(bin), start(bin + 1) - 1);
            write!(line, "{first:>digits$} to {last:>digits$} {count:>6} {bar}")?;
            f.write_str(line.trim_end())?;
            if bin + 1 < bins {
                f.write_char('\n')?;
            }
        }
        Ok(())
    }
}

/// Fails a test, with a message, if a [`Calibration`](crate::calibration::Calibration) is not within a
/// [`Tolerance`](crate::calibration::Tolerance). Fields of the tolerance may be set.
///
/// ```
/// use hierarch::assert_calibrated;
/// use hierarch::calibration::{Calibrate, NutsEstimator};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=10) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let calibration = Calibrate::new(&model, &NutsEstimator::new(&model)).simulations(100).draws(40).run()?;
/// assert_calibrated!(calibration);
/// assert_calibrated!(calibration, width = 0.0, shift = 0.0, parameters = ["rate"]); // for what should be exact
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! assert_calibrated {
    ($calibration:expr $(, $field:ident = $value:expr)* $(,)?) => {
        match $crate::calibration::Calibration::check(
            &$calibration,
            &$crate::calibration::Tolerance {
                $($field: ::core::convert::Into::into($value),)*
                ..::core::default::Default::default()
            },
        ) {
            ::core::result::Result::Ok(()) => {}
            ::core::result::Result::Err(error) => ::core::panic!("{error}"),
        }
    };
}
