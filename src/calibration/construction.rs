//! The construction of Neyman for a model of any type: statistics of simulations, critical values of them, and confidence sets.

use std::error::Error;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::critical::{Critical, Found, Repeats};
use super::neyman_error::{FEWEST, NeymanError};
use crate::model::{AnyData, AnyGlobals, GlobalSlot, UnknownName};
use crate::model::{AnyModel, Purpose, stream_for};
use crate::progress::Progress;
use crate::simulate::{AnySimulate, Fixed, SimulationSource};

/// A confidence set is computed on a grid of this many points, with this many golden sections where no grid point is
/// inside, and this many bisections at each of its ends.
const POINTS: usize = 101;
const SECTIONS: usize = 30;
const BISECTIONS: usize = 20;
/// The number of data sets at each of some values of the parameter, and the number of these values, that show whether a
/// statistic is discrete.
const REPEATS: usize = 40;
const PLACES: usize = 60;

/// How often confidence sets contain the true value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coverage {
    /// The confidence level.
    pub level: f64,
    /// The share of simulated data sets whose confidence set contains the true value.
    pub share: f64,
    /// The standard error of the share if the coverage equals the level, from the number of simulations.
    pub error: f64,
}

/// Confidence sets of a global of a model of any type.
pub(super) struct AnyNeyman<'a> {
    simulate: AnySimulate<'a>,
    pub(super) slot: GlobalSlot,
    range: RangeInclusive<f64>,
    pub(super) levels: Vec<f64>,
    statistic: Box<Statistic<'a>>,
    /// The nuisance parameter that critical values follow.
    nuisance: Option<(GlobalSlot, Box<EstimateOf<'a>>)>,
    /// For each level, its critical values as a function of the parameter.
    pub(super) critical: Vec<Critical>,
}

/// A statistic of data at a value of the parameter of interest.
pub(super) type Statistic<'a> = dyn Fn(&dyn AnyData, f64) -> Result<f64, Box<dyn Error + Send + Sync>> + Sync + 'a;

/// An estimate of a nuisance parameter from data, given a value of the parameter of interest.
pub(super) type EstimateOf<'a> = dyn Fn(&dyn AnyData, f64) -> f64 + Sync + 'a;

/// What critical values are learned from: for each simulation the value of the parameter, that of the nuisance parameter where it is
/// followed, and the statistic; and the statistics of several data sets at some values.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Learning {
    pub(super) found: Vec<(f64, Option<f64>, Found)>,
    pub(super) repeats: Repeats,
}

impl<'a> AnyNeyman<'a> {
    pub(super) fn prepare(
        simulate: AnySimulate<'a>,
        interest: &str,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: Box<Statistic<'a>>,
        nuisance: Option<(GlobalSlot, Box<EstimateOf<'a>>)>,
    ) -> Result<Self, NeymanError> {
        let slot = scalar(simulate.source.model, interest)?;
        if let Some(other) = simulate.source.model.specification().global_that_depends_on(interest) {
            return Err(NeymanError::Depends { name: slot.name, other: other.to_owned() });
        }
        let (low, high) = (*range.start(), *range.end());
        if !(low < high && low.is_finite() && high.is_finite()) {
            return Err(NeymanError::Range { name: slot.name, low, high });
        }
        if let Some(level) = levels.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
            return Err(NeymanError::Level(*level));
        }
        if simulate.sets < FEWEST {
            return Err(NeymanError::Few(simulate.sets));
        }
        Ok(Self { simulate, slot, range, levels: levels.to_vec(), statistic, nuisance, critical: Vec::new() })
    }

    /// Returns how many simulations and places there are, and a text that tells their statistics from others.
    pub(super) fn identity(&self) -> (usize, usize, String) {
        let Self { simulate, slot, range, nuisance, .. } = self;
        let specification = simulate.source.model.specification();
        let (name, fingerprint) = (&specification.name, specification.fingerprint());
        let following =
            nuisance.as_ref().map_or(String::new(), |(nuisance, _)| format!(", following `{}`", nuisance.name));
        let of = format!("`{}` from {:?} to {:?}{following}", slot.name, range.start(), range.end());
        let what = format!("statistics of {of}, of `{name}` ({fingerprint}), {}", simulate.describe());
        (simulate.sets, PLACES, what)
    }

    /// Draws the value of the parameter, and all globals, of a simulation: the others come from one simulation, and the data given
    /// them from another, with its own random numbers.
    fn drawn(&self, fixed: &Fixed<'_>, i: usize) -> Result<(f64, Vec<f64>), NeymanError> {
        let (low, high) = (*self.range.start(), *self.range.end());
        let mut numbers = self.simulate.draw(fixed, i)?.globals().to_numbers();
        let within = stream_for(Purpose::Confidence, self.simulate.source.seed, 0, i as u64).random::<f64>();
        let value = low + (high - low) * (i as f64 + within) / self.simulate.sets as f64;
        numbers[self.slot.values.start] = value;
        Ok((value, numbers))
    }

    /// Returns the statistics of some simulations, and those at some of the places that show whether they are discrete.
    pub(super) fn learning(&self, sets: Range<usize>, places: Range<usize>) -> Result<Learning, NeymanError> {
        let SimulationSource { model, seed, .. } = self.simulate.source;
        let fixed = self.simulate.fixed()?;
        let (progress, done) = (Progress::new("simulating", sets.len() as u64), AtomicU64::new(0));
        let simulated = sets.into_par_iter().map(|i| {
            let (value, numbers) = self.drawn(&fixed, i)?;
            let globals = model.globals(&numbers);
            let found = self.simulated(&fixed.at(&*globals), value, (seed, 1), i)?;
            progress.set(done.fetch_add(1, Ordering::Relaxed), String::new);
            let nuisance = self.nuisance.as_ref().map(|(slot, _)| numbers[slot.values.start]);
            Ok::<_, NeymanError>((value, nuisance, found))
        });
        let found = simulated.collect::<Result<Vec<_>, _>>()?;
        Ok(Learning { found, repeats: self.repeats(&fixed, places)? })
    }

    /// Learns the critical values from the statistics of all simulations.
    pub(super) fn learned(mut self, learning: &Learning) -> Result<Self, NeymanError> {
        let Learning { found: simulated, repeats } = learning;
        let (low, high) = (*self.range.start(), *self.range.end());
        let (values, found): (Vec<f64>, Vec<Found>) =
            simulated.iter().map(|(value, _, found)| (*value, *found)).unzip();
        let nuisance: Vec<f64> = simulated.iter().filter_map(|(_, nuisance, _)| *nuisance).collect();
        let least = nuisance.iter().copied().fold(f64::INFINITY, f64::min);
        let most = nuisance.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut numbers = vec![(values.as_slice(), low, high)];
        // An estimate that never varies makes no difference.
        if least < most {
            numbers.push((&nuisance, least, most));
        }
        let fit = |level: &f64| Critical::learn(*level, &numbers, &found, repeats).ok_or(NeymanError::Quantile(*level));
        self.critical = self.levels.par_iter().map(fit).collect::<Result<_, NeymanError>>()?;
        Ok(self)
    }

    pub(super) fn critical_values(&self, data: &dyn AnyData, value: f64) -> Result<Vec<f64>, NeymanError> {
        let estimate = self.estimate(data, value)?;
        Ok(self.critical.iter().map(|critical| critical.at(value, estimate)).collect())
    }

    pub(super) fn confidence_sets(&self, data: &dyn AnyData) -> Result<Vec<Vec<RangeInclusive<f64>>>, NeymanError> {
        let (low, high) = (*self.range.start(), *self.range.end());
        let grid = |i: usize| if i + 1 == POINTS { high } else { low + (high - low) * i as f64 / (POINTS - 1) as f64 };
        let coarse = (0..POINTS)
            .into_par_iter()
            .map(|i| Ok((grid(i), self.observed(data, grid(i))?)))
            .collect::<Result<Vec<_>, NeymanError>>()?;
        self.critical.par_iter().map(|critical| self.confidence_set(data, critical, coarse.clone())).collect()
    }

    /// The set where the statistic is at most the critical value, from its values at ascending points.
    fn confidence_set(
        &self,
        data: &dyn AnyData,
        critical: &Critical,
        mut points: Vec<(f64, Found)>,
    ) -> Result<Vec<RangeInclusive<f64>>, NeymanError> {
        let outside = |(value, found): &(f64, Found)| critical.excess(found, *value);
        let at = |value: f64| Ok::<_, NeymanError>((value, self.observed(data, value)?));
        let best = (0..points.len()).min_by(|a, b| outside(&points[*a]).total_cmp(&outside(&points[*b])));
        let best = best.unwrap_or(0);
        if outside(&points[best]) > 0.0 {
            // The set may be narrower than the grid: search for the minimum by golden sections.
            let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
            let (mut from, mut to) = (points[best.saturating_sub(1)].0, points[(best + 1).min(points.len() - 1)].0);
            for _ in 0..SECTIONS {
                let (a, b) = (at(to - golden * (to - from))?, at(from + golden * (to - from))?);
                let nearer = if outside(&a) < outside(&b) { a } else { b };
                if outside(&nearer) <= 0.0 {
                    points.push(nearer);
                    break;
                }
                *(if nearer == a { &mut to } else { &mut from }) = if nearer == a { b.0 } else { a.0 };
            }
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        // Bisects between a value inside and one outside.
        let edge = |mut inside: f64, mut beyond: f64| {
            for _ in 0..BISECTIONS {
                let middle = 0.5 * (inside + beyond);
                let within = outside(&at(middle)?) <= 0.0;
                *(if within { &mut inside } else { &mut beyond }) = middle;
            }
            Ok::<_, NeymanError>(inside)
        };
        let mut intervals = Vec::new();
        for run in runs(&points, |point| outside(point) <= 0.0) {
            let first = if run.start == 0 { points[0].0 } else { edge(points[run.start].0, points[run.start - 1].0)? };
            let end =
                points.get(run.end).map_or(Ok(points[run.end - 1].0), |next| edge(points[run.end - 1].0, next.0))?;
            intervals.push(first..=end);
        }
        Ok(intervals)
    }

    pub(super) fn coverage(
        &self,
        globals: &dyn AnyGlobals,
        sets: usize,
        seed: u64,
    ) -> Result<Vec<Coverage>, NeymanError> {
        let value = globals.to_numbers()[self.slot.values.start];
        if sets == 0 {
            return Err(NeymanError::NoSets);
        }
        if !self.range.contains(&value) {
            let (low, high) = (*self.range.start(), *self.range.end());
            return Err(NeymanError::Outside { name: self.slot.name.clone(), value, low, high });
        }
        let fixed = self.simulate.fixed()?;
        let fixed = fixed.at(globals);
        let found = (0..sets)
            .into_par_iter()
            .map(|i| self.simulated(&fixed, value, (seed, 3), i))
            .collect::<Result<Vec<Found>, _>>()?;
        let n = sets as f64;
        let coverage = |critical: &Critical| {
            let (level, inside) = (critical.level, |found: &&Found| critical.excess(found, value) <= 0.0);
            let share = found.iter().filter(inside).count() as f64 / n;
            Coverage { level, share, error: (level * (1.0 - level) / n).sqrt() }
        };
        Ok(self.critical.iter().map(coverage).collect())
    }

    /// Returns the statistic of a data set simulated at globals of which `value` is the true value of interest.
    fn simulated(
        &self,
        fixed: &Fixed<'_>,
        value: f64,
        (seed, step): (u64, u64),
        position: usize,
    ) -> Result<Found, NeymanError> {
        let mut rng = stream_for(Purpose::Confidence, seed, step, position as u64);
        let simulation = self.simulate.source.model.draw(fixed, &mut rng)?;
        self.found(simulation.data(), value, rng.random())
    }

    /// Returns the statistic of observed data at `value`; its uniform number is that of the seed and the data.
    fn observed(&self, data: &dyn AnyData, value: f64) -> Result<Found, NeymanError> {
        let uniform = stream_for(Purpose::Confidence, self.simulate.source.seed, 4, data.frame().hash()).random();
        self.found(data, value, uniform)
    }

    /// `uniform` is between 0 and 1.
    fn found(&self, data: &dyn AnyData, value: f64, uniform: f64) -> Result<Found, NeymanError> {
        let (statistic, estimate) = (self.statistic(data, value)?, self.estimate(data, value)?);
        Ok(Found { statistic, estimate, uniform: uniform - 0.5 })
    }

    /// Returns the sorted statistics of several data sets at some values, drawn from all over the range.
    fn repeats(&self, fixed: &Fixed<'_>, places: Range<usize>) -> Result<Repeats, NeymanError> {
        let SimulationSource { model, seed, .. } = self.simulate.source;
        let at = |i: usize| {
            let (value, numbers) = self.drawn(fixed, i * self.simulate.sets / PLACES)?;
            let globals = model.globals(&numbers);
            let fixed = fixed.at(&*globals);
            let one = |k| Ok(self.simulated(&fixed, value, (seed, 2), i * REPEATS + k)?.statistic);
            let mut statistics = (0..REPEATS).map(one).collect::<Result<Vec<f64>, NeymanError>>()?;
            statistics.sort_unstable_by(f64::total_cmp);
            Ok((value, statistics))
        };
        places.into_par_iter().map(at).collect()
    }

    fn estimate(&self, data: &dyn AnyData, value: f64) -> Result<Option<f64>, NeymanError> {
        match self.nuisance.as_ref().map(|(_, estimate)| estimate(data, value)) {
            Some(estimate) if !estimate.is_finite() => {
                Err(NeymanError::Estimate { name: self.slot.name.clone(), value, estimate })
            }
            estimate => Ok(estimate),
        }
    }

    fn statistic(&self, data: &dyn AnyData, value: f64) -> Result<f64, NeymanError> {
        let name = || self.slot.name.clone();
        let statistic =
            (self.statistic)(data, value).map_err(|error| NeymanError::Statistic { name: name(), value, error })?;
        if !statistic.is_finite() {
            return Err(NeymanError::NotFinite { name: name(), value, statistic });
        }
        Ok(statistic)
    }
}

pub(super) fn scalar(model: &dyn AnyModel, name: &str) -> Result<GlobalSlot, NeymanError> {
    let is_scalar = |global: &GlobalSlot| global.values.len() == 1 && global.free.len() == 1;
    let scalars: Vec<GlobalSlot> = model.global_slots().into_iter().filter(is_scalar).collect();
    let known: Vec<&str> = scalars.iter().map(|global| global.name.as_str()).collect();
    Ok(scalars[UnknownName::find("scalar global", name, &known)?].clone())
}

/// Returns the ranges of consecutive items for which `holds` is true.
fn runs<T>(items: &[T], holds: impl Fn(&T) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for at in (0..items.len()).filter(|at| holds(&items[*at])) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}
