//! The construction of Neyman, *Outline of a theory of statistical estimation* (Philosophical Transactions A, 1937):
//! from any test statistic, confidence sets of a parameter with the stated coverage.

use std::error::Error;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use rayon::prelude::*;

use super::quantiles::Quantile;
use crate::model::typed;
use crate::model::{AnyData, AnyGlobals, AnyModel, GlobalSlot, Model, Name, Role, UnknownName};
use crate::progress::Progress;
use crate::simulate::{AnySimulate, Fixed, Simulate, SimulateError, stream};

/// The fewest simulations from which critical values are learned.
const FEWEST: usize = 200;
/// A confidence set is computed on a grid of this many points, with this many golden sections where no grid point is
/// inside, and this many bisections at each of its ends.
const POINTS: usize = 101;
const SECTIONS: usize = 30;
const BISECTIONS: usize = 20;

/// Why confidence sets cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NeymanError {
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// No scalar global has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The nuisance parameter is also the parameter of interest.
    #[error("`{0}` cannot be both the parameter of interest and the nuisance parameter")]
    Both(String),
    /// The prior of another global depends on the parameter of interest.
    #[error(
        "the prior of `{other}` depends on `{name}`, which is not drawn but set: write `{other}` as a `let` of globals \
             that do not"
    )]
    Depends {
        /// The parameter.
        name: String,
        /// The global whose prior depends on it.
        other: String,
    },
    /// The range is empty.
    #[error("the range {low} to {high} of `{name}` is empty or not finite")]
    Range {
        /// The parameter.
        name: String,
        /// The low end.
        low: f64,
        /// The high end.
        high: f64,
    },
    /// A confidence level is not between 0 and 1.
    #[error("the confidence level {0} must lie between 0 and 1")]
    Level(f64),
    /// Too few simulations.
    #[error("{0} simulations are too few to learn critical values from: {FEWEST} at least, and 10,000 to trust them")]
    Few(usize),
    /// The number of data sets for the coverage is zero.
    #[error("the coverage cannot be estimated from 0 data sets: use 1000, say")]
    NoSets,
    /// A value outside the range for which critical values were learned.
    #[error("there are no critical values at `{name}` = {value}: they were learned from {low} to {high}")]
    Outside {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The low end of the range.
        low: f64,
        /// The high end.
        high: f64,
    },
    /// The test statistic failed.
    #[error("the test statistic at `{name}` = {value} failed: {error}")]
    Statistic {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The error that the statistic returned.
        error: Box<dyn Error + Send + Sync>,
    },
    /// The test statistic is not finite.
    #[error("the test statistic at `{name}` = {value} is {statistic}, but must be finite")]
    NotFinite {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The statistic.
        statistic: f64,
    },
    /// The estimate of the nuisance parameter is not finite.
    #[error("the estimate of the nuisance parameter at `{name}` = {value} is {estimate}, but must be finite")]
    Estimate {
        /// The parameter.
        name: String,
        /// Its value.
        value: f64,
        /// The estimate.
        estimate: f64,
    },
    /// The quantiles could not be found.
    #[error(
        "the critical values at level {0} could not be found: the statistic may range over too many orders of magnitude"
    )]
    Quantile(f64),
}

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
    critical: Vec<(f64, Quantile)>,
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
    pub fn new<E: Into<Box<dyn Error + Send + Sync>>>(
        simulate: Simulate<'a, M>,
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
    pub fn following<E: Into<Box<dyn Error + Send + Sync>>>(
        simulate: Simulate<'a, M>,
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
        let mut depends = vec![interest.to_owned()];
        for variable in simulate.source.model.specification().variables {
            if variable.parents.iter().any(|parent| depends.contains(parent)) {
                if matches!(variable.role, Role::Global | Role::Nuisance) {
                    return Err(NeymanError::Depends { name: slot.name, other: variable.name });
                }
                depends.push(variable.name);
            }
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
            let within = stream(seed ^ 0x5851_f42d_4c95_7f2d, i as u64).random::<f64>();
            let value = low + (high - low) * (i as f64 + within) / sets as f64;
            numbers[neyman.slot.values.start] = value;
            Ok::<_, NeymanError>((value, numbers))
        };
        let (progress, done) = (Progress::new("simulating", sets as u64), AtomicU64::new(0));
        let simulated = (0..sets).into_par_iter().map(|i| {
            let (value, numbers) = drawn(i)?;
            let globals = model.globals(&numbers);
            let t = neyman.simulated(&fixed.at(&*globals), value, seed.wrapping_add(0x9e37_79b9), i)?.statistic;
            progress.set(done.fetch_add(1, Ordering::Relaxed), String::new);
            let nuisance = neyman.nuisance.as_ref().map(|(slot, _)| numbers[slot.values.start]);
            Ok::<_, NeymanError>((value, nuisance, t))
        });
        let simulated = simulated.collect::<Result<Vec<_>, _>>()?;
        drop(progress);
        let (values, t): (Vec<f64>, Vec<f64>) = simulated.iter().map(|(value, _, t)| (*value, *t)).unzip();
        let nuisance: Vec<f64> = simulated.iter().filter_map(|(_, nuisance, _)| *nuisance).collect();
        let least = nuisance.iter().copied().fold(f64::INFINITY, f64::min);
        let most = nuisance.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut numbers = vec![(values.as_slice(), low, high)];
        // An estimate that never varies makes no difference.
        if least < most {
            numbers.push((&nuisance, least, most));
        }
        let fit = |level: &f64| {
            let critical = Quantile::fit(&numbers, &t, *level).ok_or(NeymanError::Quantile(*level))?;
            Ok::<_, NeymanError>((*level, critical))
        };
        neyman.critical = levels.par_iter().map(fit).collect::<Result<_, _>>()?;
        Ok(neyman)
    }

    fn critical_values(&self, data: &dyn AnyData, value: f64) -> Result<Vec<f64>, NeymanError> {
        let estimate = self.estimate(data, value)?;
        Ok(self
            .critical
            .iter()
            .map(|(_, critical)| critical.at([Some(value), estimate].into_iter().flatten()))
            .collect())
    }

    fn confidence_sets(&self, data: &dyn AnyData) -> Result<Vec<Vec<RangeInclusive<f64>>>, NeymanError> {
        let (low, high) = (*self.range.start(), *self.range.end());
        let grid = |i: usize| if i + 1 == POINTS { high } else { low + (high - low) * i as f64 / (POINTS - 1) as f64 };
        let coarse = (0..POINTS)
            .into_par_iter()
            .map(|i| Ok((grid(i), self.found(data, grid(i))?)))
            .collect::<Result<Vec<_>, NeymanError>>()?;
        self.critical.par_iter().map(|(_, critical)| self.confidence_set(data, critical, coarse.clone())).collect()
    }

    /// The set where the statistic is at most the critical value, from its values at ascending points.
    fn confidence_set(
        &self,
        data: &dyn AnyData,
        critical: &Quantile,
        mut points: Vec<(f64, Found)>,
    ) -> Result<Vec<RangeInclusive<f64>>, NeymanError> {
        let outside = |(value, found): &(f64, Found)| found.beyond(critical, *value);
        let at = |value: f64| Ok::<_, NeymanError>((value, self.found(data, value)?));
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
            .map(|i| self.simulated(&fixed, value, seed, i))
            .collect::<Result<Vec<Found>, _>>()?;
        let n = sets as f64;
        let coverage = |(level, critical): &(f64, Quantile)| {
            let share = found.iter().filter(|found| found.beyond(critical, value) <= 0.0).count() as f64 / n;
            Coverage { level: *level, share, error: (level * (1.0 - level) / n).sqrt() }
        };
        Ok(self.critical.iter().map(coverage).collect())
    }

    /// Returns the statistic of a data set simulated at globals of which `value` is the true value of interest.
    fn simulated(&self, fixed: &Fixed<'_>, value: f64, seed: u64, position: usize) -> Result<Found, NeymanError> {
        let simulation = self.simulate.source.model.draw(fixed, &mut stream(seed, position as u64))?;
        self.found(simulation.data(), value)
    }

    fn found(&self, data: &dyn AnyData, value: f64) -> Result<Found, NeymanError> {
        Ok(Found { statistic: self.statistic(data, value)?, estimate: self.estimate(data, value)? })
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
    let scalars: Vec<GlobalSlot> = model.global_slots().into_iter().filter(|global| global.values.len() == 1).collect();
    let known: Vec<&str> = scalars.iter().map(|global| global.name.as_str()).collect();
    Ok(scalars[UnknownName::find("scalar global", name, &known)?].clone())
}

/// The statistic, and the estimate, of a data set at a value.
#[derive(Clone, Copy, PartialEq)]
struct Found {
    statistic: f64,
    /// The estimate of the nuisance parameter, where critical values follow it.
    estimate: Option<f64>,
}

impl Found {
    /// Returns by how much the statistic at `value` exceeds its critical value.
    fn beyond(self, critical: &Quantile, value: f64) -> f64 {
        self.statistic - critical.at([Some(value), self.estimate].into_iter().flatten())
    }
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
