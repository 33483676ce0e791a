//! Tests whether a data set is like those that an estimator was trained on; for other data its posterior is a guess.
//!
//! The data set and simulations of its size are described by plain statistics, and the test statistic is the distance
//! to the nearest other data set. If the data come from the model, the data set is one among the simulations, and all
//! ranks of its distance among theirs are equally likely: the p-value is exact, whatever the distributions (Vovk,
//! Gammerman & Shafer, *Algorithmic learning in a random world*, 2005). It is nearly exact where covariates are drawn
//! from the data's own rows. The network's summary of the data could not replace the statistics: it has learned to
//! ignore all that did not matter in training.

use std::fmt;

use rayon::prelude::*;

use super::data_statistics::described;
use crate::draws::diagnostics::quantile;
use crate::model::{AnyData, Model};
use crate::model::{DataError, Frame};
use crate::simulate::{AnySimulate, Simulate, SimulateError, Simulated};

/// The default number of simulations, and the smallest.
const SIMULATIONS: usize = 1000;
const FEWEST: usize = 100;
/// Separates these simulations from those of a user, and of a training, with the same seed.
const APART: u64 = 0x7479_7069_6361_6c00;
/// Columns wider than this (pixels, say) are described as a whole, others component by component.
const WIDE: usize = 8;
/// Quantiles that describe a column, with its mean, sd and extremes.
const QUANTILES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];
/// Deviations up to this many scales count linearly, larger ones by their logarithm: otherwise heavy tails would hide
/// all else.
const LINEAR: f64 = 4.0;
/// A warning is given below this p-value.
const UNUSUAL: f64 = 0.01;
/// The number of statistics that a warning shows.
const SHOWN: usize = 3;

/// Why the typicality of a data set cannot be computed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TypicalityError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// Too few simulations.
    #[error("{simulations} simulations are too few: at least {FEWEST} are needed for a p-value of 1 %")]
    Few {
        /// How many were requested.
        simulations: usize,
    },
}

hierarch_core::debug_as_message!(TypicalityError);

/// A test of whether data are like simulations; made by `posterior.typicality()`.
///
/// ```
/// use hierarch::calibration::{Outlier, Typicality, TypicalityError, TypicalityTest};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 7e5, 0.3] } };
/// let test: TypicalityTest<'_, Flux> = TypicalityTest::new(&model).simulations(500);
/// let typicality: Typicality = test.of(&data)?;
/// println!("{typicality}");
/// assert!(typicality.p_value < 0.01);
/// let farthest: &Outlier = &typicality.outliers[0];
/// assert!(farthest.value > farthest.range.1);
///
/// let few = test.simulations(50).of(&data);
/// assert!(matches!(few, Err(TypicalityError::Few { simulations: 50 })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is simulated before `of`"]
pub struct TypicalityTest<'a, M: Model> {
    model: &'a M,
    simulations: usize,
    seed: u64,
}

impl<'a, M: Model> TypicalityTest<'a, M> {
    /// Creates a test with 1000 simulations of `model`, from seed 0. The p-value is then at least 0.001.
    pub fn new(model: &'a M) -> Self {
        Self { model, simulations: SIMULATIONS, seed: 0 }
    }

    /// Sets the number of simulated data sets.
    pub fn simulations(mut self, simulations: usize) -> Self {
        self.simulations = simulations;
        self
    }

    /// Sets the seed of the simulations. They differ from those of `simulate` with this seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Tests how typical `data` are among simulations from the prior, with the same sizes and covariates. Where a size
    /// is random, so are the sizes of the simulations, and covariates are drawn from those of the data.
    ///
    /// # Errors
    /// Data that do not fit the model; a model that cannot be simulated; fewer than 100 simulations.
    pub fn of(&self, data: &M::Data) -> Result<Typicality, TypicalityError> {
        if self.simulations < FEWEST {
            return Err(TypicalityError::Few { simulations: self.simulations });
        }
        let simulate = Simulate::new(self.model, self.simulations).seed(self.seed ^ APART).replicate(data);
        among(simulate.any(), data)
    }
}

/// How typical a data set is among simulations.
fn among(simulate: &AnySimulate<'_>, data: &dyn AnyData) -> Result<Typicality, TypicalityError> {
    simulate.source.model.check(data)?;
    let fixed = simulate.fixed()?;
    let values = |frame: &Frame<'_>| -> Vec<f64> { statistics(frame).into_iter().map(|(_, value)| value).collect() };
    let mut all = vec![values(&data.frame())];
    let drawn = (0..simulate.sets).into_par_iter().map(|i| Ok(values(&simulate.draw(&fixed, i)?.data().frame())));
    all.extend(drawn.collect::<Result<Vec<_>, SimulateError>>()?);
    let names = statistics(&data.frame()).into_iter().map(|(name, _)| name);
    let columns: Vec<(String, Vec<f64>)> =
        names.enumerate().map(|(s, name)| (name, all.iter().map(|one| one[s]).collect())).collect();
    Ok(Typicality::new(&columns, all.len()))
}

/// How typical a data set is of a model. `Display` writes it in a line or two.
#[derive(Clone, Debug, PartialEq)]
pub struct Typicality {
    /// The distance of the data set to the nearest simulation. Each statistic is in units of its spread over
    /// simulations (that of the middle half, converted to a standard deviation).
    pub distance: f64,
    /// The median distance of a simulation to the nearest other data set.
    pub usual: f64,
    /// The probability that data from the model are as far from the nearest simulation: the share of all data sets,
    /// including this one, that are as far or farther.
    pub p_value: f64,
    /// The number of simulations.
    pub simulations: usize,
    /// Statistics that lie outside the range of all simulations, the farthest first.
    pub outliers: Vec<Outlier>,
}

/// A statistic of a data set that lies outside the range of all simulations.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// Its name: `largest x`, say, or `size of events`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// The smallest and the largest value among the simulations.
    pub range: (f64, f64),
}

impl Typicality {
    /// Computes the result from statistics, each with the values of `sets` data sets, of which the first is the one
    /// tested.
    fn new(columns: &[(String, Vec<f64>)], sets: usize) -> Self {
        let scaled: Vec<(&String, &Vec<f64>, Vec<f64>)> =
            columns.iter().filter_map(|(name, values)| Some((name, values, standardised(values)?))).collect();
        let rows: Vec<Vec<f64>> = (0..sets).map(|i| scaled.iter().map(|(_, _, z)| z[i]).collect()).collect();
        let squared = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        let nearest = |i: usize| {
            let others = rows.iter().enumerate().filter(|(j, _)| *j != i);
            others.map(|(_, other)| squared(&rows[i], other)).fold(f64::INFINITY, f64::min).sqrt()
        };
        let distances: Vec<f64> = (0..sets).into_par_iter().map(nearest).collect();
        let distance = distances[0];
        let as_far = distances.iter().filter(|one| **one >= distance).count();
        let mut of_simulations = distances[1..].to_vec();
        of_simulations.sort_unstable_by(f64::total_cmp);
        let mut outliers: Vec<(f64, Outlier)> = scaled
            .iter()
            .filter_map(|(name, values, z)| {
                let (low, high) = range(&z[1..]);
                let beyond = (low - z[0]).max(z[0] - high);
                let outlier = || Outlier { name: (*name).clone(), value: values[0], range: range(&values[1..]) };
                (beyond > 0.0).then(|| (beyond, outlier()))
            })
            .collect();
        outliers.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self {
            distance,
            usual: quantile(&of_simulations, 0.5),
            p_value: as_far as f64 / sets as f64,
            simulations: sets - 1,
            outliers: outliers.into_iter().map(|(_, outlier)| outlier).collect(),
        }
    }

    /// Returns warnings in words; none if the data are typical. One in a hundred data sets from the model gets a
    /// warning.
    pub fn warnings(&self) -> Vec<String> {
        if self.p_value >= UNUSUAL { Vec::new() } else { vec![self.to_string()] }
    }
}

impl fmt::Display for Typicality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { distance, usual, p_value, simulations, outliers } = self;
        if *p_value >= UNUSUAL {
            return write!(f, "the data are like simulations of the model (p = {p_value:.3}, of {simulations})");
        }
        write!(
            f,
            "the data are unlike all {simulations} simulations of the model: {distance:.2} from the nearest, which is \
             {usual:.2} for a simulation (p = {p_value:.3})"
        )?;
        if outliers.is_empty() {
            write!(f, "; no statistic stands out by itself, but their combination does")?;
        }
        for Outlier { name, value, range: (low, high) } in outliers.iter().take(SHOWN) {
            write!(f, "; `{name}` is {value:.4}, but {low:.4} to {high:.4} in simulations")?;
        }
        write!(f, ". No network was trained on such data: check whether the model can produce them")
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
}

/// Values on a common scale; `None` if they never vary. A value that a data set does not have is put in the middle.
fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let mut known: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    known.sort_unstable_by(f64::total_cmp);
    if known.first() == known.last() {
        return None;
    }
    let [lower, median, upper] = [0.25, 0.5, 0.75].map(|p| quantile(&known, p));
    // The middle half of a normal distribution is 1.349 sd wide.
    let mut scale = (upper - lower) / 1.349;
    if scale == 0.0 {
        scale = (known.iter().map(|x| (x - median).powi(2)).sum::<f64>() / known.len() as f64).sqrt();
    }
    let squashed = |x: &f64| {
        let z = if x.is_finite() { (x - median) / scale } else { 0.0 };
        if z.abs() <= LINEAR { z } else { (LINEAR + (z.abs() - (LINEAR - 1.0)).ln()).copysign(z) }
    };
    Some(values.iter().map(squashed).collect())
}

/// Statistics of a data set by name, the same names for any data set: NaN where it has no value.
fn statistics(data: &Frame<'_>) -> Vec<(String, f64)> {
    fn visit(frame: &Frame<'_>, top: bool, found: &mut Vec<(String, f64)>) {
        if !top {
            found.push((format!("size of {}", frame.name), frame.size as f64));
        }
        if let Some(offsets) = &frame.offsets {
            let sizes = offsets.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
            describe(&format!("size of one of {}", frame.name), sizes, found);
        }
        for column in &frame.columns {
            let (width, count) = (column.width, column.values.len());
            let numbers = |component: usize, step: usize| {
                (component..count).step_by(step).filter(|&i| column.is_there(i)).map(|i| column.get(i))
            };
            if width > WIDE {
                describe(column.name, numbers(0, 1).collect(), found);
                continue;
            }
            for component in 0..width {
                let name = match width {
                    1 => column.name.to_owned(),
                    _ => format!("{}[{component}]", column.name),
                };
                match top {
                    true => found.push((name, column.get(component))),
                    false => describe(&name, numbers(component, width).collect(), found),
                }
            }
        }
        frame.plates.iter().for_each(|plate| visit(plate, false, found));
    }
    let mut found = Vec::new();
    visit(data, true, &mut found);
    found
}

fn describe(name: &str, mut values: Vec<f64>, found: &mut Vec<(String, f64)>) {
    values.sort_unstable_by(f64::total_cmp);
    found.extend(described(name, &values));
    // Beside other standard deviations, one of zero is only somewhat small.
    let equal = values.first() == values.last();
    found.push((format!("whether all {name} are equal"), if values.len() > 2 && equal { 1.0 } else { 0.0 }));
    for p in QUANTILES {
        let value = if values.is_empty() { f64::NAN } else { quantile(&values, p) };
        found.push((format!("{} % quantile of {name}", 100.0 * p), value));
    }
}
