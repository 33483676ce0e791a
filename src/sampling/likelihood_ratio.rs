//! Maximum likelihood, and the exact profile likelihood ratio.
//!
//! The log likelihood is the log joint density of the globals and the data minus the log prior of the globals, both in
//! the unconstrained space, where their Jacobians are equal and cancel. The result does not depend on the prior, which
//! only determines where the search starts. A maximum at the edge of a support is the limit of the likelihood there.

use rand::RngExt;

use super::error::UNKNOWN;
use super::fit_error::FitError;
use super::minimise::{Minimum, NoMinimum, minimise};
use super::threads::on_threads;
use crate::draws::{Choice, fill_discrete_globals, has_discrete_global};
use crate::model::DataError;
use crate::model::{
    AnyData, AnyDensity, AnyModel, AsNumbers, Density, GlobalSlot, Likelihood, Model, Name, Plate, PlateSize,
    UnknownName,
};
use crate::model::{Purpose, stream_for};
use crate::simulate::Fixed;

/// The number of draws of the prior from which the search chooses its starting points.
const DRAWS: usize = 256;
/// The largest number of starting points, and how often the best maximum must be found from them.
const STARTS: usize = 12;
const FOUND: usize = 3;
/// The largest difference of log likelihoods, in nats, that counts as the same maximum.
const SAME: f64 = 1e-6;
/// The unconstrained numbers that represent the edge of a support, as near to it as a double can be: for one bound, as
/// e^-700 is to 0, and for two bounds, as 1 - e^-36 is to 1.
const EDGE: f64 = 700.0;
const EDGE_OF_TWO: f64 = 36.0;
/// The number of unconstrained numbers up to which all derivatives fit on any thread's stack.
const INLINE: usize = 16;

/// A maximum of the likelihood.
#[derive(Clone, Debug, PartialEq)]
pub struct Maximum<M: Model> {
    /// The globals at the maximum. At the edge of a support they are as near to it as a double can be.
    pub globals: M::Globals,
    /// The natural logarithm of the likelihood at the maximum.
    pub log_likelihood: f64,
}

/// The profile likelihood ratio of a model without continuous locals: how much smaller the likelihood is if some
/// globals have fixed values and all others are chosen to maximise it.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::sampling::{FitError, Maximum, ProfileLikelihood};
///
/// model! {
///     /// Counts in a signal region, and in one of background alone that is three times as large.
///     pub Counting {
///         global signal ~ Uniform(0.0, 100.0);
///         nuisance background ~ Uniform(0.0, 100.0);
///         observe on ~ Poisson(signal + background);
///         observe off ~ Poisson(3.0 * background);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = CountingData { on: 20, off: 15 };
/// let ratio = ProfileLikelihood::new(&Counting::default(), &["signal"])?;
/// let best: Maximum<Counting> = ratio.maximum(&data)?;
/// assert!((best.globals.signal - 15.0).abs() < 1e-3);
/// // No signal: eq. 17 of Li & Ma (1983) gives a significance of 4.03 sigma.
/// assert!((ratio.statistic(&data, &[0.0])?.sqrt() - 4.03).abs() < 0.01);
/// let beyond = ratio.statistic(&data, &[-1.0]);
/// assert!(matches!(beyond, Err(FitError::OutsideSupport { name, .. }) if name == "signal"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ProfileLikelihood<M: Model> {
    model: M,
    any: AnyProfileLikelihood,
}

/// The profile likelihood ratio of any model.
#[derive(Clone, Debug)]
struct AnyProfileLikelihood {
    /// The fixed globals, in the order in which they were named.
    fixed: Vec<GlobalSlot>,
    /// The names of the unconstrained numbers.
    names: Vec<String>,
}

/// A model, a data set of it, and a function that makes their density.
#[derive(Clone, Copy)]
struct Given<'a> {
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    density: &'a (dyn Fn() -> Result<Box<dyn AnyDensity + 'a>, DataError> + Sync),
}

impl<M: Likelihood> ProfileLikelihood<M> {
    /// Makes the ratio for hypotheses about the globals `interest`; all others are nuisance parameters, whatever their
    /// role in the model.
    ///
    /// # Errors
    /// The model has no global of a name, or the bounds of a global of interest depend on another that is not of
    /// interest.
    pub fn new<N: Into<Name>>(model: &M, interest: impl IntoIterator<Item = N>) -> Result<Self, FitError> {
        let interest: Vec<Name> = interest.into_iter().map(Into::into).collect();
        Ok(Self { model: model.clone(), any: AnyProfileLikelihood::new(model, &interest)? })
    }

    /// Returns the maximum of the likelihood over all globals. A discrete global is summed out by its prior; it has its most
    /// probable value at the maximum.
    ///
    /// # Errors
    /// The data do not fit the model, the model has continuous locals, or the likelihood has no maximum.
    pub fn maximum(&self, data: &M::Data) -> Result<Maximum<M>, FitError> {
        self.maximum_of(data, None)
    }

    /// Returns the maximum of the likelihood over the nuisance parameters for fixed `values` of the globals of
    /// interest: one value for each component of each global, in the order in which the globals were named.
    ///
    /// # Errors
    /// Those of [`maximum`](ProfileLikelihood::maximum); a wrong number of values; or a value outside its support.
    pub fn maximum_given(&self, data: &M::Data, values: &[f64]) -> Result<Maximum<M>, FitError> {
        self.maximum_of(data, Some(values))
    }

    fn maximum_of(&self, data: &M::Data, values: Option<&[f64]>) -> Result<Maximum<M>, FitError> {
        let density = || Ok(Box::new(Density::new(&self.model, data)?) as Box<dyn AnyDensity>);
        let (globals, log_likelihood) =
            self.any.maximum(Given { model: &self.model, data, density: &density }, values)?;
        Ok(Maximum { globals: M::Globals::from_lengths(&globals, &self.model.lengths()), log_likelihood })
    }

    /// Returns the test statistic -2 ln [max L(values, nuisance) / max L], which is 0 at the maximum and grows away
    /// from it. If the values are true and the data many, its distribution is the chi-square of Wilks (1938).
    ///
    /// # Errors
    /// Those of [`maximum_given`](ProfileLikelihood::maximum_given).
    pub fn statistic(&self, data: &M::Data, values: &[f64]) -> Result<f64, FitError> {
        self.curve(data, &[values]).map(|curve| curve[0])
    }

    /// Returns the [`statistic`](ProfileLikelihood::statistic) of the same data for several hypotheses, with a single
    /// search for the overall maximum.
    ///
    /// # Errors
    /// Those of [`maximum_given`](ProfileLikelihood::maximum_given).
    pub fn curve<V: AsRef<[f64]>>(&self, data: &M::Data, hypotheses: &[V]) -> Result<Vec<f64>, FitError> {
        let density = || Ok(Box::new(Density::new(&self.model, data)?) as Box<dyn AnyDensity>);
        let hypotheses: Vec<&[f64]> = hypotheses.iter().map(AsRef::as_ref).collect();
        self.any.curve(Given { model: &self.model, data, density: &density }, &hypotheses)
    }
}

impl AnyProfileLikelihood {
    fn new(model: &dyn AnyModel, interest: &[Name]) -> Result<Self, FitError> {
        let all = model.global_slots();
        let known: Vec<&str> = all.iter().map(|global| global.name.as_str()).collect();
        let find = |name: &Name| Ok(all[UnknownName::find("global", name.as_str(), &known)?].clone());
        let fixed = interest.iter().map(find).collect::<Result<Vec<_>, FitError>>()?;
        if let Some(discrete) = fixed.iter().find(|slot| slot.free.is_empty()) {
            return Err(FitError::Discrete { name: discrete.name.clone() });
        }
        let mut names = vec![String::new(); free(&all)];
        for slot in &all {
            for (at, name) in slot.free.clone().zip(&slot.components) {
                names[at].clone_from(name);
            }
        }
        // The values of the fixed globals must be numbers even if all other globals are NaN.
        let (mut q, mut values) = (vec![f64::NAN; names.len()], Vec::new());
        fixed.iter().for_each(|slot| q[slot.free.clone()].fill(0.0));
        model.constrain(None, &q, &mut values);
        match fixed.iter().find(|slot| values[slot.values.clone()].iter().any(|x| x.is_nan())) {
            Some(open) => Err(FitError::OpenSupport { name: open.name.clone() }),
            None => Ok(Self { fixed, names }),
        }
    }

    /// Returns the numbers of the globals at the maximum, with the globals of interest fixed to `values` if given, and
    /// the log likelihood there.
    fn maximum<'a>(&'a self, given: Given<'a>, values: Option<&[f64]>) -> Result<(Vec<f64>, f64), FitError> {
        let fixed = values.map_or(Ok(Vec::new()), |values| self.hypothesis(given.model, values))?;
        let best = self.inline(|| {
            let mut search = Search::new(self, given)?;
            let best = search.maximum(&fixed, &[])?;
            search.check_attained(&best, &fixed)?;
            Ok(best)
        })?;
        let mut globals = Vec::new();
        given.model.constrain(None, &best.at, &mut globals);
        if has_discrete_global(&given.model.specification()) {
            fill_discrete_globals(given.model, given.data, &mut globals, Choice::MostProbable);
        }
        Ok((globals, -best.value))
    }

    fn curve<'a>(&'a self, given: Given<'a>, hypotheses: &[&[f64]]) -> Result<Vec<f64>, FitError> {
        let hypotheses =
            hypotheses.iter().map(|values| self.hypothesis(given.model, values)).collect::<Result<Vec<_>, _>>()?;
        self.inline(|| {
            let mut search = Search::new(self, given)?;
            let mut best = search.maximum(&[], &[])?;
            let mut profile: Vec<f64> = Vec::with_capacity(hypotheses.len());
            let mut near = vec![best.at.clone()];
            for fixed in &hypotheses {
                let given = search.maximum(fixed, &near)?;
                profile.push(given.value);
                near.truncate(1);
                near.push(given.at.clone());
                if given.value < best.value - SAME {
                    // The search missed the overall maximum, which is near here.
                    best = search.maximum(&[], std::slice::from_ref(&given.at))?;
                }
            }
            Ok(profile.into_iter().map(|value| 2.0 * (value - best.value).max(0.0)).collect())
        })
    }

    /// Returns the positions and values of the unconstrained numbers that a hypothesis fixes.
    fn hypothesis(&self, model: &dyn AnyModel, values: &[f64]) -> Result<Vec<(usize, f64)>, FitError> {
        let names = self.fixed.iter().flat_map(|slot| &slot.components);
        let expected = names.clone().count();
        if values.len() != expected {
            let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(FitError::Values { found: values.len(), expected, names });
        }
        let places = self.fixed.iter().flat_map(|slot| slot.values.clone());
        let mut all = vec![f64::NAN; places.clone().max().map_or(0, |last| last + 1)];
        places.zip(values).for_each(|(at, value)| all[at] = *value);
        let q = model.unconstrain(&*model.globals(&all), None);
        let mut fixed = Vec::new();
        let mut rest = values;
        for slot in &self.fixed {
            let (own, after) = rest.split_at(slot.values.len());
            rest = after;
            let two = slot.bounded || slot.free.len() < slot.values.len();
            let upper = if two { EDGE_OF_TWO } else { f64::INFINITY };
            for (i, at) in slot.free.clone().enumerate() {
                if q[at].is_nan() || own[i].is_infinite() {
                    let (name, value) = (slot.components[i].clone(), own[i]);
                    return Err(FitError::OutsideSupport { name, value });
                }
                // A number beyond is at the edge of the support, if it has one.
                fixed.push((at, if q[at] == own[i] { q[at] } else { q[at].clamp(-EDGE, upper) }));
            }
        }
        Ok(fixed)
    }

    /// Calls `run`, which evaluates densities, on a thread whose stack is large enough for all derivatives.
    fn inline<R: Send>(&self, run: impl FnOnce() -> Result<R, FitError> + Send) -> Result<R, FitError> {
        if self.names.len() <= INLINE { run() } else { on_threads(self.names.len(), 1, run)? }
    }
}

fn free(slots: &[GlobalSlot]) -> usize {
    slots.iter().map(|slot| slot.free.end).max().unwrap_or(0)
}

/// The search for maxima of the likelihood of one data set.
struct Search<'a> {
    ratio: &'a AnyProfileLikelihood,
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    density: Box<dyn AnyDensity + 'a>,
    /// Unconstrained draws of the prior, and the standard deviation of each unconstrained number.
    draws: Vec<Vec<f64>>,
    scale: Vec<f64>,
    /// The gradients of the whole density and of the prior.
    whole: Vec<f64>,
    prior: Vec<f64>,
}

impl<'a> Search<'a> {
    fn new(ratio: &'a AnyProfileLikelihood, Given { model, data, density }: Given<'a>) -> Result<Self, FitError> {
        let density = density()?;
        let n = ratio.names.len();
        if density.dimension() > n {
            return Err(FitError::Locals { locals: density.dimension() - n });
        }
        let mut draws = prior(model, data);
        draws.retain(|q| q.len() == n && q.iter().all(|q| q.is_finite()));
        if draws.is_empty() {
            // There is nothing to draw from a flat prior.
            let mut rng = stream_for(Purpose::Search, 0, 1, 0);
            draws.extend((0..DRAWS).map(|_| (0..n).map(|_| rng.random_range(-2.0..2.0)).collect()));
        }
        let count = draws.len() as f64;
        let scale = |i: usize| {
            let mean = draws.iter().map(|q| q[i]).sum::<f64>() / count;
            let sd = (draws.iter().map(|q| (q[i] - mean).powi(2)).sum::<f64>() / count).sqrt();
            if sd > 0.0 && sd.is_finite() { sd } else { 1.0 }
        };
        let scale = (0..n).map(scale).collect();
        draws.push(vec![0.0; n]);
        Ok(Self { ratio, model, data, density, draws, scale, whole: vec![0.0; n], prior: vec![0.0; n] })
    }

    /// Returns minus the log likelihood at the unconstrained numbers `q`, and leaves its gradient in `whole`.
    fn value(&mut self, q: &[f64]) -> f64 {
        let whole = self.density.gradient(q, &mut self.whole);
        let prior = self.density.prior_gradient(q, &mut self.prior);
        self.whole.iter_mut().zip(&self.prior).for_each(|(whole, prior)| *whole = prior - *whole);
        prior - whole
    }

    /// Returns the minimum of minus the log likelihood with the numbers `fixed`. The search starts from the best draws
    /// of the prior and from the positions `near`, all with the fixed numbers inserted.
    fn maximum(&mut self, fixed: &[(usize, f64)], near: &[Vec<f64>]) -> Result<Minimum, FitError> {
        let n = self.scale.len();
        let free: Vec<usize> = (0..n).filter(|i| fixed.iter().all(|(at, _)| at != i)).collect();
        let place = |mut q: Vec<f64>| {
            fixed.iter().for_each(|(at, value)| q[*at] = *value);
            q
        };
        let (mut last, mut at) = (f64::NAN, vec![0.0; n]);
        let mut score = |search: &mut Self, q: &[f64]| {
            at.copy_from_slice(q);
            last = search.value(q);
            (last.is_finite() && search.whole.iter().all(|g| g.is_finite())).then_some(last)
        };
        let mut starts: Vec<(f64, Vec<f64>)> = Vec::new();
        let draws = if free.is_empty() { vec![vec![0.0; n]] } else { self.draws.clone() };
        let tried = draws.len() + near.len();
        for q in draws.into_iter().map(place) {
            starts.extend(score(self, &q).map(|value| (value, q)));
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts.truncate(STARTS);
        for q in near.iter().cloned().map(place) {
            if let Some(value) = score(self, &q) {
                starts.insert(0, (value, q));
            }
        }
        if starts.is_empty() {
            return Err(self.no_start(tried, last, &at));
        }
        if free.is_empty() {
            let (value, at) = starts.swap_remove(0);
            return Ok(Minimum { at, value });
        }
        let scale: Vec<f64> = free.iter().map(|&i| self.scale[i]).collect();
        let (mut found, mut failed): (Vec<Minimum>, Option<NoMinimum>) = (Vec::new(), None);
        for (_, start) in starts {
            let mut q = start.clone();
            let reduced: Vec<f64> = free.iter().map(|&i| start[i]).collect();
            let run = minimise(
                &mut |x, gradient| {
                    free.iter().zip(x).for_each(|(&i, x)| q[i] = *x);
                    let value = self.value(&q);
                    free.iter().zip(gradient).for_each(|(&i, g)| *g = self.whole[i]);
                    value
                },
                &reduced,
                &scale,
            );
            match run {
                Ok(minimum) => {
                    free.iter().zip(&minimum.at).for_each(|(&i, x)| q[i] = *x);
                    found.push(Minimum { at: q, value: minimum.value });
                }
                Err(no) if failed.as_ref().is_some_and(|failed| failed.value <= no.value) => {}
                Err(no) => failed = Some(no),
            }
            let least = found.iter().map(|m| m.value).fold(f64::INFINITY, f64::min);
            if found.iter().filter(|m| m.value < least + SAME).count() >= FOUND {
                break;
            }
        }
        match (found.into_iter().min_by(|a, b| a.value.total_cmp(&b.value)), failed) {
            // If one search fell below the others without finding a minimum, theirs are only local.
            (Some(best), Some(no)) if no.value < best.value - SAME => Err(self.no_maximum(&no, &free, fixed)),
            (Some(best), _) => Ok(best),
            (None, Some(no)) => Err(self.no_maximum(&no, &free, fixed)),
            (None, None) => Err(self.no_start(tried, last, &at)),
        }
    }

    fn no_start(&self, tried: usize, last: f64, at: &[f64]) -> FitError {
        let of = self.model.not_finite(self.data, at).map(|of| format!(", {of}"));
        FitError::NoStart { tried, value: -last, of: of.unwrap_or(UNKNOWN.to_owned()) }
    }

    /// Returns an error if the likelihood goes on past `best` to infinity without ever falling again: along one number, or
    /// straight away from the middle of the prior or from zero. A number at the edge of its support is a maximum.
    fn check_attained(&mut self, best: &Minimum, fixed: &[(usize, f64)]) -> Result<(), FitError> {
        let n = self.scale.len();
        let draws = &self.draws;
        let middle = (0..n).map(|i| draws.iter().map(|q| q[i]).sum::<f64>() / draws.len() as f64).collect();
        let mut directions = Vec::new();
        for centre in [middle, vec![0.0; n]] {
            let mut away: Vec<f64> = best.at.iter().zip(&centre).map(|(at, centre)| at - centre).collect();
            for (i, away) in away.iter_mut().enumerate() {
                if fixed.iter().any(|(at, _)| *at == i) || !self.is_unbounded(&best.at, i, *away) {
                    *away = 0.0;
                }
            }
            directions.extend((0..n).map(|i| (0..n).map(|k| if k == i { away[i] } else { 0.0 }).collect()));
            directions.push(away);
        }
        for direction in directions.into_iter().filter(|d: &Vec<f64>| d.iter().any(|d| *d != 0.0)) {
            let mut loss = |t: f64| {
                let q: Vec<f64> = best.at.iter().zip(&direction).map(|(at, d)| at + t * d).collect();
                self.value(&q) - best.value
            };
            // A number that the likelihood does not depend on falls on neither side.
            if [0.3, 1.0, 3.0, 10.0].iter().all(|&t| loss(t) < SAME) && loss(-0.9) > SAME {
                let far = |i: &usize| (direction[*i] / self.scale[*i]).abs();
                let most = (0..n).max_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0);
                let (name, value) = self.named_value(&best.at, most);
                return Err(FitError::AtInfinity { name, value });
            }
        }
        Ok(())
    }

    /// Returns whether the value of the unconstrained number `i` has no bound in the direction of `sign`.
    fn is_unbounded(&self, q: &[f64], i: usize, sign: f64) -> bool {
        let at = |far: f64| {
            let mut q = q.to_vec();
            q[i] = far.copysign(sign);
            self.named_value(&q, i).1
        };
        (at(600.0) - at(500.0)).abs() > 1.0
    }

    fn no_maximum(&self, no: &NoMinimum, free: &[usize], fixed: &[(usize, f64)]) -> FitError {
        let mut q = vec![0.0; self.scale.len()];
        fixed.iter().for_each(|(at, value)| q[*at] = *value);
        free.iter().zip(&no.at).for_each(|(&i, x)| q[i] = *x);
        let (name, value) = self.named_value(&q, free[no.steepest]);
        FitError::NoMaximum { name, value }
    }

    /// Returns the name of the unconstrained number `i`, and its value at `q`.
    fn named_value(&self, q: &[f64], i: usize) -> (String, f64) {
        let mut values = Vec::new();
        self.model.constrain(None, q, &mut values);
        let name = self.ratio.names[i].clone();
        let slots = self.model.global_slots();
        let component =
            |slot: &GlobalSlot| slot.components.iter().position(|c| *c == name).map(|c| slot.values.start + c);
        let value = slots.iter().find_map(component).map_or(f64::NAN, |at| values[at]);
        (name, value)
    }
}

/// Returns unconstrained draws of the globals from their prior: those that can be drawn, with plates as small as
/// possible.
fn prior(model: &dyn AnyModel, data: &dyn AnyData) -> Vec<Vec<f64>> {
    fn least(plates: &[Plate], sizes: &mut Vec<(String, usize)>) {
        for plate in plates {
            match plate.size {
                PlateSize::Range(low, _) => sizes.push((plate.name.clone(), low)),
                PlateSize::Random { .. } => sizes.push((plate.name.clone(), 0)),
                PlateSize::Fixed(_) => {}
            }
            least(&plate.plates, sizes);
        }
    }
    let mut sizes = Vec::new();
    least(&model.specification().plates, &mut sizes);
    let Ok(fixed) = Fixed::new(&model.specification(), &sizes, None, Some((data, false))) else { return Vec::new() };
    let drawn = (0..DRAWS).filter_map(|i| model.draw(&fixed, &mut stream_for(Purpose::Search, 0, 0, i as u64)).ok());
    drawn.map(|simulation| model.unconstrain(simulation.globals(), None)).collect()
}
