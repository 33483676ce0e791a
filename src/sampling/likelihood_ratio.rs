//! Maximum likelihood, and the exact profile likelihood ratio.
//!
//! The log likelihood is the log joint density of the globals and the data minus the log prior of the globals, both in
//! the unconstrained space, where their Jacobians are equal and cancel. The result does not depend on the prior, which
//! only determines where the search starts. A maximum at the edge of a support is the limit of the likelihood there.

use super::minimise::{Minimum, NoMinimum, minimise};
use super::{SampleError, threads::on_threads};
use crate::model::DataError;
use crate::model::{
    AnyData, AnyDensity, AnyModel, AsNumbers, Density, GlobalSlot, Likelihood, Model, Name, Plate, PlateSize,
    UnknownName,
};
use crate::simulate::{Fixed, stream};

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

/// Why a likelihood could not be maximized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model has locals that are not summed out.
    #[error(
        "the model has continuous locals ({locals} numbers with these data), which a likelihood of the globals has to be \
         integrated over: sample them with `nuts()`"
    )]
    Locals {
        /// How many numbers they have.
        locals: usize,
    },
    /// There is no global of that name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A hypothesis has the wrong number of values.
    #[error("the hypothesis has {found} values, but fixes {expected}: {names}")]
    Values {
        /// The number of values that were given.
        found: usize,
        /// The number of values that are needed.
        expected: usize,
        /// The names of the numbers.
        names: String,
    },
    /// A value of a hypothesis is outside its support.
    #[error("`{name}` = {value} lies outside its support")]
    OutsideSupport {
        /// The number.
        name: String,
        /// Its value.
        value: f64,
    },
    /// The support of a fixed global depends on a global that is not fixed.
    #[error("the bounds of `{name}` depend on a global that is not fixed with it: fix both")]
    OpenSupport {
        /// The global.
        name: String,
    },
    /// The likelihood is zero or undefined at all starting points.
    #[error(
        "the log likelihood is {value} at each of {tried} points from the prior: the data may be impossible under the \
         model, or a `let` may give NaN"
    )]
    NoStart {
        /// The number of points that were tried.
        tried: usize,
        /// The log likelihood at the last point.
        value: f64,
    },
    /// No maximum of the likelihood was found.
    #[error(
        "the likelihood still rises where the search ended, most as `{name}` passes {value}: it may grow without bound, as \
         where an sd of zero makes one observation certain"
    )]
    NoMaximum {
        /// The number along which it rises most.
        name: String,
        /// Its last value.
        value: f64,
    },
    /// The threads could not be started.
    #[error(transparent)]
    Threads(#[from] SampleError),
}

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
/// let best = ratio.maximum(&data)?;
/// assert!((best.globals.signal - 15.0).abs() < 1e-3);
/// // No signal: eq. 17 of Li & Ma (1983) gives a significance of 4.03 sigma.
/// assert!((ratio.statistic(&data, &[0.0])?.sqrt() - 4.03).abs() < 0.01);
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

    /// Returns the maximum of the likelihood over all globals.
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
        Ok(Maximum { globals: M::Globals::from_numbers(&globals), log_likelihood })
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
        let best = self.inline(|| Search::new(self, given)?.maximum(&fixed, &[]))?;
        let mut globals = Vec::new();
        given.model.constrain(None, &best.at, &mut globals);
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
            let edge = if two { EDGE_OF_TWO } else { EDGE };
            for (i, at) in slot.free.clone().enumerate() {
                if q[at].is_nan() || own[i].is_infinite() {
                    let (name, value) = (slot.components[i].clone(), own[i]);
                    return Err(FitError::OutsideSupport { name, value });
                }
                // An infinite unconstrained number is the edge of the support.
                fixed.push((at, if q[at].is_infinite() { edge.copysign(q[at]) } else { q[at] }));
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
        let count = draws.len() as f64;
        let scale = |i: usize| {
            let mean = draws.iter().map(|q| q[i]).sum::<f64>() / count;
            let sd = (draws.iter().map(|q| (q[i] - mean).powi(2)).sum::<f64>() / count).sqrt();
            if sd > 0.0 && sd.is_finite() { sd } else { 1.0 }
        };
        let scale = (0..n).map(scale).collect();
        draws.push(vec![0.0; n]);
        Ok(Self { ratio, model, density, draws, scale, whole: vec![0.0; n], prior: vec![0.0; n] })
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
        let mut last = f64::NAN;
        let mut score = |search: &mut Self, q: &[f64]| {
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
            return Err(FitError::NoStart { tried, value: -last });
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
            (None, None) => Err(FitError::NoStart { tried, value: -last }),
        }
    }

    fn no_maximum(&self, no: &NoMinimum, free: &[usize], fixed: &[(usize, f64)]) -> FitError {
        let (mut q, mut values) = (vec![0.0; self.scale.len()], Vec::new());
        fixed.iter().for_each(|(at, value)| q[*at] = *value);
        free.iter().zip(&no.at).for_each(|(&i, x)| q[i] = *x);
        self.model.constrain(None, &q, &mut values);
        let name = self.ratio.names[free[no.steepest]].clone();
        let slots = self.model.global_slots();
        let component =
            |slot: &GlobalSlot| slot.components.iter().position(|c| *c == name).map(|c| slot.values.start + c);
        let value = slots.iter().find_map(component).map_or(f64::NAN, |at| values[at]);
        FitError::NoMaximum { name, value }
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
    let drawn = (0..DRAWS).filter_map(|i| model.draw(&fixed, &mut stream(0, i as u64)).ok());
    drawn.map(|simulation| model.unconstrain(simulation.globals(), None)).collect()
}
