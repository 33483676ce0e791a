//! The covariates that a network has read in training, and how far its observations reached. Of other covariates it knows nothing,
//! and nothing else tells: a test of whether data are typical takes covariates as they are. That test is for observations. An
//! observation far beyond all that was seen, in another unit for example, has a warning without that test, which finds more.

use serde::{Deserialize, Serialize};

use crate::model::{Column, Frame, Kind, Plate, Role, Specification, Variable};

/// By how much of its range each of the [`STATISTICS`] may lie beyond it. Fewer data sets tell what the last two may be.
const MARGINS: [f64; STATISTICS.len()] = [0.1, 0.1, 0.25, 0.25];
/// By how many times its range an observation may lie beyond it. Tails are longer than some simulations show.
const OBSERVED: f64 = 2.0;
/// The fewest numbers whose mean and sd are looked at.
const ENOUGH: usize = 10;
/// The fewest data sets that show what the mean and the sd may be.
const SETS: usize = 100;
/// The statistics of the numbers of a covariate in one data set.
const STATISTICS: [&str; 4] = ["least", "largest", "mean", "sd"];

/// The range that each covariate and each observation had in simulations of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reach {
    covariates: Vec<Covariate>,
    /// Files of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    observed: Vec<Observed>,
}

/// The numbers of an observation, all components together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Observed {
    name: String,
    /// The least and the largest, and in how many data sets there was one.
    range: (f64, f64, usize),
}

/// What of some data is farthest beyond a [`Reach`], with how far: among covariates, and among observations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Beyond {
    covariate: Option<((bool, f64), String)>,
    observed: Option<(f64, String)>,
}

impl Beyond {
    /// Says it in words.
    pub(super) fn warnings(self) -> impl Iterator<Item = String> {
        self.covariate.map(|(_, text)| text).into_iter().chain(self.observed.map(|(_, text)| text))
    }

    /// Keeps the farther of this and of `other`, of another part of the data.
    pub(super) fn join(&mut self, other: &Self) {
        fn keep<F: PartialOrd + Clone>(own: &mut Option<(F, String)>, other: &Option<(F, String)>) {
            if own.as_ref().map(|(far, _)| far) < other.as_ref().map(|(far, _)| far) {
                own.clone_from(other);
            }
        }
        keep(&mut self.covariate, &other.covariate);
        keep(&mut self.observed, &other.observed);
    }
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
        self.covariates.is_empty() && self.observed.is_empty()
    }

    /// Takes the ranges from the data of simulations.
    pub(super) fn of<'a>(specification: &Specification, data: impl Iterator<Item = Frame<'a>>) -> Self {
        let mut reach = Self::default();
        reach.add(&specification.variables, &specification.plates);
        for frame in data {
            for covariate in &mut reach.covariates {
                let Some((_, column)) = find(&frame, &covariate.name) else { continue };
                for (range, x) in covariate.ranges.iter_mut().zip(statistics(column, covariate.component)) {
                    x.iter().for_each(|x| widen(range, (*x, *x)));
                }
            }
            for observed in &mut reach.observed {
                let ends = find(&frame, &observed.name).and_then(|(_, column)| ends(column));
                ends.iter().for_each(|ends| widen(&mut observed.range, *ends));
            }
        }
        reach.covariates.retain(|covariate| covariate.ranges[0].2 > 0);
        reach.observed.retain(|observed| observed.range.2 > 0);
        reach
    }

    /// Adds variables whose ranges are not known yet.
    fn add(&mut self, variables: &[Variable], plates: &[Plate]) {
        for variable in variables {
            let name = || variable.name.clone();
            match (variable.role, variable.kind) {
                (Role::Given, _) => self.covariates.extend((0..variable.len()).map(|component| Covariate {
                    name: name(),
                    component,
                    ranges: [(0.0, 0.0, 0); STATISTICS.len()],
                })),
                (Role::Observed, Kind::Real | Kind::Count | Kind::Pixels) => {
                    self.observed.push(Observed { name: name(), range: (0.0, 0.0, 0) });
                }
                _ => {}
            }
        }
        plates.iter().for_each(|plate| self.add(&plate.variables, &plate.plates));
    }

    /// Finds what of `data` is farthest from what it was in training. Where they are not the `whole`, but a part, mean and sd of a
    /// covariate say nothing.
    pub(super) fn beyond(&self, data: &Frame<'_>, whole: bool) -> Beyond {
        // One element that is far off moves mean and sd too, and is what to look at.
        let mut beyond = Beyond::default();
        for covariate in &self.covariates {
            // A file may name components that there are not.
            let own = find(data, &covariate.name).filter(|(_, column)| covariate.component < column.width);
            let Some((frame, column)) = own else { continue };
            for (at, x) in statistics(column, covariate.component).into_iter().enumerate() {
                let Some(x) = x.filter(|_| whole || at < 2) else { continue };
                let far = (at < 2, covariate.far(at, x));
                if far.1 > 0.0 && beyond.covariate.as_ref().is_none_or(|(most, _)| far > *most) {
                    beyond.covariate = Some((far, covariate.say(at, x, frame, column)));
                }
            }
        }
        for observed in &self.observed {
            let Some((frame, column)) = find(data, &observed.name) else { continue };
            for x in ends(column).into_iter().flat_map(<[f64; 2]>::from) {
                let far = how_far(x, observed.range, OBSERVED, 0.0);
                if far > 0.0 && beyond.observed.as_ref().is_none_or(|(most, _)| far > *most) {
                    beyond.observed = Some((far, observed.say(x, frame, column)));
                }
            }
        }
        beyond
    }
}

impl Observed {
    fn say(&self, x: f64, frame: &Frame<'_>, column: &Column<'_>) -> String {
        let (low, high, sets) = self.range;
        let at = (0..column.values.len()).find(|i| column.is_there(*i) && column.get(*i) == x).unwrap_or(0);
        let width = column.width.max(1);
        let component = if width == 1 { String::new() } else { format!("[{}]", at % width) };
        let place = match frame.name {
            "" => String::new(),
            plate => format!(" of element {} of the plate `{plate}`", at / width),
        };
        format!(
            "`{}{component}`{place} is {}, but {} to {} in {sets} simulations like those of the training: of such data the network has \
             seen next to none, and its posterior is a guess, which may be far off. Is it in the unit of the model?",
            self.name,
            short(x),
            short(low),
            short(high),
        )
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
        how_far(x, (low, high, sets), MARGINS[at], digits)
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

/// Widens a range to hold the least and the largest number of one more data set, which is counted.
fn widen((low, high, sets): &mut (f64, f64, usize), (least, largest): (f64, f64)) {
    (*low, *high) = if *sets == 0 { (least, largest) } else { (low.min(least), high.max(largest)) };
    *sets += 1;
}

/// Returns how far `x` is beyond a range, in units of what is allowed: `margin` times the width of the range, plus `digits`. Returns 0
/// where no more than that is used.
fn how_far(x: f64, (low, high, _): (f64, f64, usize), margin: f64, digits: f64) -> f64 {
    let (beyond, width) = ((low - x).max(x - high), margin * (high - low) + digits);
    // Finite, since a file cannot hold what is not.
    if beyond > width { (beyond / width.max(f64::MIN_POSITIVE)).min(f64::MAX) } else { 0.0 }
}

/// Returns the least and the largest finite number of a column; `None` if it has none.
fn ends(column: &Column<'_>) -> Option<(f64, f64)> {
    let numbers = (0..column.values.len()).filter(|i| column.is_there(*i)).map(|i| column.get(i));
    let ends = numbers
        .filter(|x| x.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    (ends.0 <= ends.1).then_some(ends)
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
