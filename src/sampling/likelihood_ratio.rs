//! Maximum likelihood, and the exact profile likelihood ratio.
//!
//! The log likelihood is the log joint density of the globals and the data minus the log prior of the globals, both in
//! the unconstrained space, where their Jacobians are equal and cancel. The result does not depend on the prior, which
//! only determines where the search starts. A maximum at the edge of a support is the limit of the likelihood there.

use super::fit_error::FitError;
use super::search::{Given, SAME, Search};
use super::threads::on_threads;
use crate::draws::{Choice, fill_discrete_globals, has_discrete_global};
use crate::model::{AnyDensity, AnyModel, AsNumbers, Density, GlobalSlot, Likelihood, Model, Name, UnknownName};

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
    /// The data do not fit the model, the model has continuous locals, or the likelihood has no maximum, more than one, or none that
    /// the search could reach.
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
            let mut search = Search::new(&self.names, given)?;
            let best = search.maximum(&fixed, &[])?;
            search.check_attained(&best.minimum, &fixed)?;
            search.check_unique(&best)?;
            Ok(best.minimum)
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
            let mut search = Search::new(&self.names, given)?;
            let mut best = search.maximum(&[], &[])?.minimum;
            let mut profile: Vec<f64> = Vec::with_capacity(hypotheses.len());
            let mut near = vec![best.at.clone()];
            for fixed in &hypotheses {
                let given = search.maximum(fixed, &near)?.minimum;
                profile.push(given.value);
                near.truncate(1);
                near.push(given.at.clone());
                if given.value < best.value - SAME {
                    // The search missed the overall maximum, which is near here.
                    best = search.maximum(&[], std::slice::from_ref(&given.at))?.minimum;
                    // What a hypothesis reaches, all globals can.
                    if given.value < best.value {
                        best = given;
                    }
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
