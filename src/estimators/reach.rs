//! The covariates that a network has read in training. Of others it knows nothing, and nothing else tells: a test of whether data
//! are typical takes covariates as they are.

use serde::{Deserialize, Serialize};

use crate::model::{Column, Frame, Plate, Role, Specification, Variable};

/// By how much of its range each of the [`STATISTICS`] may lie beyond it. Fewer data sets tell what the last two may be.
const MARGINS: [f64; STATISTICS.len()] = [0.1, 0.1, 0.25, 0.25];
/// The fewest numbers whose mean and sd are looked at.
const ENOUGH: usize = 10;
/// The fewest data sets that show what the mean and the sd may be.
const SETS: usize = 100;
/// The statistics of the numbers of a covariate in one data set.
const STATISTICS: [&str; 4] = ["least", "largest", "mean", "sd"];

/// The range that each covariate had in simulations of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reach {
    covariates: Vec<Covariate>,
}

/// One component of a covariate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Covariate {
    name: String,
    component: usize,
    /// For each statistic its least and its largest value, and in how many data sets it had one.
    ranges: [(f64, f64, usize); STATISTICS.len()],
}

impl Reach {
    pub(super) fn is_empty(&self) -> bool {
        self.covariates.is_empty()
    }

    /// Takes the ranges from the data of simulations.
    pub(super) fn of<'a>(specification: &Specification, data: impl Iterator<Item = Frame<'a>>) -> Self {
        let mut covariates = Vec::new();
        add_covariates(&specification.variables, &specification.plates, &mut covariates);
        for frame in data {
            for covariate in &mut covariates {
                let Some((_, column)) = find(&frame, &covariate.name) else { continue };
                for ((low, high, sets), x) in covariate.ranges.iter_mut().zip(statistics(column, covariate.component)) {
                    if let Some(x) = x {
                        (*low, *high, *sets) =
                            if *sets == 0 { (x, x, 1) } else { (low.min(x), high.max(x), *sets + 1) };
                    }
                }
            }
        }
        covariates.retain(|covariate| covariate.ranges[0].2 > 0);
        Self { covariates }
    }

    /// Says which covariate of `data` is farthest from what it was in training; `None` if all are like it.
    pub(super) fn beyond(&self, data: &Frame<'_>) -> Option<String> {
        // One element that is far off moves mean and sd too, and is what to look at.
        let mut farthest: Option<((bool, f64), String)> = None;
        for covariate in &self.covariates {
            // A file may name components that there are not.
            let own = find(data, &covariate.name).filter(|(_, column)| covariate.component < column.width);
            let Some((frame, column)) = own else { continue };
            for (at, x) in statistics(column, covariate.component).into_iter().enumerate() {
                let Some(x) = x else { continue };
                let far = (at < 2, covariate.far(at, x));
                if far.1 > 0.0 && farthest.as_ref().is_none_or(|(most, _)| far > *most) {
                    farthest = Some((far, covariate.say(at, x, frame, column)));
                }
            }
        }
        farthest.map(|(_, text)| text)
    }
}

impl Covariate {
    /// Returns the range of the statistic `at`, and in how many data sets it was seen: that of all elements for the least and the largest.
    fn range(&self, at: usize) -> (f64, f64, usize) {
        if at < 2 { (self.ranges[0].0, self.ranges[1].1, self.ranges[0].2) } else { self.ranges[at] }
    }

    /// Returns how far `x`, the statistic `at` of a data set, is beyond its margin; 0 where it is not, or where too few data sets had
    /// that statistic.
    fn far(&self, at: usize, x: f64) -> f64 {
        let (low, high, sets) = self.range(at);
        if at >= 2 && sets < SETS {
            return 0.0;
        }
        // Sums of equal numbers differ in their last digits.
        let digits = 1e-9 * self.ranges[0].0.abs().max(self.ranges[1].1.abs());
        let (beyond, width) = ((low - x).max(x - high), MARGINS[at] * (high - low) + digits);
        if beyond > width { beyond / width.max(f64::MIN_POSITIVE) } else { 0.0 }
    }

    fn say(&self, at: usize, x: f64, frame: &Frame<'_>, column: &Column<'_>) -> String {
        let (low, high, sets) = self.range(at);
        let name = match column.width {
            1 => format!("`{}`", self.name),
            _ => format!("`{}[{}]`", self.name, self.component),
        };
        let element = (0..frame.size).find(|i| column.get(i * column.width + self.component) == x);
        let place = match element {
            Some(element) if at < 2 && !frame.name.is_empty() => {
                format!("the covariate {name} of element {element} of the plate `{}`", frame.name)
            }
            _ if at < 2 => format!("the covariate {name}"),
            _ => format!("the {} of the covariate {name}", STATISTICS[at]),
        };
        format!(
            "{place} is {}, but {} to {} in {sets} simulations like those of the training: of such data the network has seen none, \
             and its posterior is a guess, which may be far off. Train with covariates like these, by `.covariates_from(&data)` or a \
             wider distribution behind `given`, or use `nuts()`",
            short(x),
            short(low),
            short(high),
        )
    }
}

/// Writes a number with as many digits as are read at a glance.
fn short(x: f64) -> String {
    let size = x.abs();
    if x == x.round() && size < 1e9 {
        format!("{x}")
    } else if (1e-3..1e6).contains(&size) {
        format!("{x:.4}")
    } else {
        format!("{x:.3e}")
    }
}

/// Returns the [`STATISTICS`] of a component of a column, those that it has.
fn statistics(column: &Column<'_>, component: usize) -> [Option<f64>; STATISTICS.len()] {
    let places = (component..column.values.len()).step_by(column.width.max(1)).filter(|i| column.is_there(*i));
    let numbers = || places.clone().map(|i| column.get(i));
    let count = places.clone().count();
    if count == 0 {
        return [None; STATISTICS.len()];
    }
    let mean = numbers().sum::<f64>() / count as f64;
    let sd = (numbers().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64).sqrt();
    let of_many = |x: f64| Some(x).filter(|_| count >= ENOUGH);
    let (least, largest) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
    // A sum may be beyond all numbers.
    [Some(least), Some(largest), of_many(mean), of_many(sd)].map(|x| x.filter(|x| x.is_finite()))
}

/// Finds the column of a variable, and the plate that it is in.
fn find<'f, 'a>(frame: &'f Frame<'a>, name: &str) -> Option<(&'f Frame<'a>, &'f Column<'a>)> {
    let own = frame.columns.iter().find(|column| column.name == name).map(|column| (frame, column));
    own.or_else(|| frame.plates.iter().find_map(|plate| find(plate, name)))
}

fn add_covariates(variables: &[Variable], plates: &[Plate], to: &mut Vec<Covariate>) {
    for variable in variables.iter().filter(|v| v.role == Role::Given) {
        let of =
            |component| Covariate { name: variable.name.clone(), component, ranges: [(0.0, 0.0, 0); STATISTICS.len()] };
        to.extend((0..variable.len()).map(of));
    }
    plates.iter().for_each(|plate| add_covariates(&plate.variables, &plate.plates, to));
}
