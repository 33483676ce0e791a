//! The construction of Neyman, *Outline of a theory of statistical estimation* (Philosophical Transactions A, 1937):
//! from any test statistic, confidence sets of a parameter with the stated coverage.

use std::error::Error;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use rayon::prelude::*;

use super::critical::{Critical, Found, Repeats};
use super::neyman_error::{FEWEST, NeymanError};
use crate::model::typed;
use crate::model::{AnyData, AnyGlobals, AnyModel, GlobalSlot, Model, Name, UnknownName};
use crate::model::{Purpose, stream_for};
use crate::progress::Progress;
use crate::simulate::{AnySimulate, Fixed, Simulate, SimulationSource};

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

/// The critical values of a test statistic as functions of the parameter of interest, from simulations.
///
/// The statistic t(data, value) must be large where the data disagree with the value: a [profile likelihood
/// ratio](crate::sampling::ProfileLikelihood), or a learned statistic. A value is in the confidence set if t is at most
/// its critical value, the quantile of t under this value. Nuisance parameters are drawn from their prior, so coverage
/// is exact on average over them. At a fixed value of them it is right as far as t depends on them little;
/// [`coverage`](Neyman::coverage) measures it. Where t depends on them more, [`following`](Neyman::following) makes
/// critical values a function of an estimate of one of them.
///
/// ```
/// use hierarch::calibration::{Coverage, Neyman, NeymanError};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Uniform(0.0, 50.0);
///         nuisance background ~ Normal(3.0, 0.3);
///         observe count ~ Poisson(rate + background);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// // How far the count is from what is expected, in units of its sd.
/// let far = |data: &FluxData, rate: f64| {
///     let expected = rate + 3.0;
///     Ok::<_, std::convert::Infallible>((data.count as f64 - expected).abs() / expected.sqrt())
/// };
/// let neyman = Neyman::new(model.simulate(10_000).seed(1), "rate", 0.0..=50.0, &[0.68, 0.95], far)?;
/// let sets = neyman.confidence_sets(&FluxData { count: 20 })?;
/// println!("68 %: {:?}, 95 %: {:?}", sets[0], sets[1]);
/// let coverage: Vec<Coverage> = neyman.coverage(&FluxGlobals { rate: 15.0, background: 3.2 }, 1000, 2)?;
/// assert!(coverage[1].level == 0.95 && coverage[1].share > 0.85);
/// let beyond = neyman.coverage(&FluxGlobals { rate: 60.0, background: 3.2 }, 1000, 2);
/// assert!(matches!(beyond, Err(NeymanError::Outside { high, .. }) if high == 50.0));
/// # Ok(())
/// # }
/// ```
pub struct Neyman<'a, M: Model> {
    any: AnyNeyman<'a>,
    model: PhantomData<fn() -> M>,
}

/// Confidence sets of a global of a model of any type.
struct AnyNeyman<'a> {
    simulate: AnySimulate<'a>,
    slot: GlobalSlot,
    range: RangeInclusive<f64>,
    statistic: Box<Statistic<'a>>,
    /// The nuisance parameter that critical values follow.
    nuisance: Option<(GlobalSlot, Box<EstimateOf<'a>>)>,
    /// For each level, its critical values as a function of the parameter.
    critical: Vec<Critical>,
}

/// A statistic of data at a value of the parameter of interest.
type Statistic<'a> = dyn Fn(&dyn AnyData, f64) -> Result<f64, Box<dyn Error + Send + Sync>> + Sync + 'a;

/// An estimate of a nuisance parameter from data, given a value of the parameter of interest.
type EstimateOf<'a> = dyn Fn(&dyn AnyData, f64) -> f64 + Sync + 'a;

impl<M: Model> std::fmt::Debug for Neyman<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AnyNeyman { slot, critical, .. } = &self.any;
        f.debug_struct("Neyman").field("interest", &slot.name).field("critical", critical).finish()
    }
}

impl<'a, M: Model> Neyman<'a, M> {
    /// Learns the critical values of `statistic` at each of `levels` (0.95, say) from simulations. In these the scalar
    /// global `interest` is spread evenly over `range`; the other globals, all sizes and covariates are those of
    /// `simulate`.
    ///
    /// # Errors
    /// An invalid global, range or level; another global whose prior depends on `interest`; fewer than 200 simulations;
    /// an error of the simulations or of the statistic.
    pub fn new<E: Into<Box<dyn Error + Send + Sync>>, G>(
        simulate: Simulate<'a, M, G>,
        interest: impl Into<Name>,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: impl Fn(&M::Data, f64) -> Result<f64, E> + Sync + 'a,
    ) -> Result<Self, NeymanError> {
        let interest = interest.into();
        let statistic = move |data: &dyn AnyData, value| statistic(typed(data), value).map_err(Into::into);
        let any =
            AnyNeyman::learn(simulate.any().clone(), interest.as_str(), range, levels, Box::new(statistic), None)?;
        Ok(Self { any, model: PhantomData })
    }

    /// Learns critical values that also depend on an estimate of the global `nuisance`: `estimate` returns it, in the
    /// units of `nuisance`, from data and a value of `interest`. This is the hybrid resampling of Chuang & Lai
    /// (Statistica Sinica 2000), which physicists call the profile construction: the critical value is the quantile of
    /// t where both parameters have these values. Where the estimate is off, coverage is right as far as critical
    /// values vary little over its error. A statistic that does not depend on the nuisance parameter loses nothing.
    ///
    /// # Errors
    /// Those of [`new`](Neyman::new); a `nuisance` that is not another scalar global; an estimate that is not finite.
    pub fn following<E: Into<Box<dyn Error + Send + Sync>>, G>(
        simulate: Simulate<'a, M, G>,
        interest: impl Into<Name>,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: impl Fn(&M::Data, f64) -> Result<f64, E> + Sync + 'a,
        nuisance: impl Into<Name>,
        estimate: impl Fn(&M::Data, f64) -> f64 + Sync + 'a,
    ) -> Result<Self, NeymanError> {
        let (interest, nuisance) = (interest.into(), nuisance.into());
        let simulate = simulate.any().clone();
        let slot = scalar(simulate.source.model, nuisance.as_str())?;
        if nuisance == interest {
            return Err(NeymanError::Both(slot.name));
        }
        let statistic = move |data: &dyn AnyData, value| statistic(typed(data), value).map_err(Into::into);
        let estimate = Box::new(move |data: &dyn AnyData, value| estimate(typed(data), value));
        let any =
            AnyNeyman::learn(simulate, interest.as_str(), range, levels, Box::new(statistic), Some((slot, estimate)))?;
        Ok(Self { any, model: PhantomData })
    }

    /// Returns whether the sets are randomised: where a statistic has only few values, as that of a count, a uniform number
    /// from the seed and the data decides whether a value at the edge belongs to the set. The coverage is then right on
    /// average over data sets; without it no set of counts has the stated coverage everywhere.
    pub fn is_randomised(&self) -> bool {
        self.any.critical.iter().any(Critical::is_randomised)
    }

    /// Returns for each level the critical value of the statistic at `value` of the parameter. It depends on `data`
    /// only where critical values [follow](Neyman::following) an estimate.
    ///
    /// # Errors
    /// An estimate that is not finite.
    pub fn critical_values(&self, data: &M::Data, value: f64) -> Result<Vec<f64>, NeymanError> {
        self.any.critical_values(data, value)
    }

    /// Returns for each level the confidence set given `data`, as intervals: none where the data disagree with every
    /// value, several where the statistic has several minima. An interval that reaches an end of the range may continue
    /// beyond it.
    ///
    /// # Errors
    /// A statistic that fails or is not finite.
    pub fn confidence_sets(&self, data: &M::Data) -> Result<Vec<Vec<RangeInclusive<f64>>>, NeymanError> {
        self.any.confidence_sets(data)
    }

    /// Returns for each level the share of `sets` data sets, simulated at `globals`, whose confidence set contains the
    /// true value.
    ///
    /// # Errors
    /// Zero data sets; a true value outside the range of the critical values; an error of the simulations or of the
    /// statistic.
    pub fn coverage(&self, globals: &M::Globals, sets: usize, seed: u64) -> Result<Vec<Coverage>, NeymanError> {
        self.any.coverage(globals, sets, seed)
    }
}

impl<'a> AnyNeyman<'a> {
    fn learn(
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
        let (model, sets, seed) = (simulate.source.model, simulate.sets, simulate.source.seed);
        if sets < FEWEST {
            return Err(NeymanError::Few(sets));
        }
        let mut neyman = Self { simulate, slot, range, statistic, nuisance, critical: Vec::new() };
        let fixed = neyman.simulate.fixed()?;
        // The other globals come from one simulation, and the data given them from another, with its own random
        // numbers.
        let drawn = |i: usize| {
            let mut numbers = neyman.simulate.draw(&fixed, i)?.globals().to_numbers();
            let within = stream_for(Purpose::Confidence, seed, 0, i as u64).random::<f64>();
            let value = low + (high - low) * (i as f64 + within) / sets as f64;
            numbers[neyman.slot.values.start] = value;
            Ok::<_, NeymanError>((value, numbers))
        };
        let (progress, done) = (Progress::new("simulating", sets as u64), AtomicU64::new(0));
        let simulated = (0..sets).into_par_iter().map(|i| {
            let (value, numbers) = drawn(i)?;
            let globals = model.globals(&numbers);
            let found = neyman.simulated(&fixed.at(&*globals), value, (seed, 1), i)?;
            progress.set(done.fetch_add(1, Ordering::Relaxed), String::new);
            let nuisance = neyman.nuisance.as_ref().map(|(slot, _)| numbers[slot.values.start]);
            Ok::<_, NeymanError>((value, nuisance, found))
        });
        let simulated = simulated.collect::<Result<Vec<_>, _>>()?;
        drop(progress);
        let repeats = neyman.repeats(&fixed, &drawn)?;
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
        let fit =
            |level: &f64| Critical::learn(*level, &numbers, &found, &repeats).ok_or(NeymanError::Quantile(*level));
        neyman.critical = levels.par_iter().map(fit).collect::<Result<_, NeymanError>>()?;
        Ok(neyman)
    }

    fn critical_values(&self, data: &dyn AnyData, value: f64) -> Result<Vec<f64>, NeymanError> {
        let estimate = self.estimate(data, value)?;
        Ok(self.critical.iter().map(|critical| critical.at(value, estimate)).collect())
    }

    fn confidence_sets(&self, data: &dyn AnyData) -> Result<Vec<Vec<RangeInclusive<f64>>>, NeymanError> {
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

    fn coverage(&self, globals: &dyn AnyGlobals, sets: usize, seed: u64) -> Result<Vec<Coverage>, NeymanError> {
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

    /// Returns the sorted statistics of several data sets at some values, drawn by `drawn` from all over the range.
    fn repeats(
        &self,
        fixed: &Fixed<'_>,
        drawn: &(dyn Fn(usize) -> Result<(f64, Vec<f64>), NeymanError> + Sync),
    ) -> Result<Repeats, NeymanError> {
        let SimulationSource { model, seed, .. } = self.simulate.source;
        let at = |i: usize| {
            let (value, numbers) = drawn(i * self.simulate.sets / PLACES)?;
            let globals = model.globals(&numbers);
            let fixed = fixed.at(&*globals);
            let one = |k| Ok(self.simulated(&fixed, value, (seed, 2), i * REPEATS + k)?.statistic);
            let mut statistics = (0..REPEATS).map(one).collect::<Result<Vec<f64>, NeymanError>>()?;
            statistics.sort_unstable_by(f64::total_cmp);
            Ok((value, statistics))
        };
        (0..PLACES).into_par_iter().map(at).collect()
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

fn scalar(model: &dyn AnyModel, name: &str) -> Result<GlobalSlot, NeymanError> {
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
