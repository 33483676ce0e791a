//! Exact posteriors by importance sampling: draws of a proposal near the posterior, such as a neural posterior, each
//! with a weight, the ratio of the model's density to the proposal's.
//!
//! The largest weights are smoothed (Vehtari, Simpson, Gelman, Yao & Gabry, *Pareto smoothed importance sampling*,
//! Journal of Machine Learning Research 2024), and the shape k-hat of their tail shows whether they can be trusted. If
//! it is below 0.7, the posterior is exact up to a Monte Carlo error, however the proposal was found; and the mean of
//! the weights is the evidence, the probability of the data under the model.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::threads::{derivatives, on_threads};
use super::{Evidence, SampleError};
use crate::draws::{Choice, Draws, Inferred, fill_discrete_globals, has_discrete_global, smooth};
use crate::model::{AnyData, AnyModel, Densities, Density, Likelihood, Model, Name, UnknownName, globals_of};
use crate::model::{Purpose, stream_for};
use crate::progress::Progress;
use crate::simulate::Stream;

/// The number of draws per parallel task: a constant, so that the result does not depend on the number of threads.
const CHUNK: usize = 250;
/// The smallest number of draws for which the largest weights form a tail.
const FEWEST: usize = 100;
/// The effective sample size below which there is a warning.
const ENOUGH: f64 = 100.0;
/// What to do where draws of the prior, weighed by a learned ratio, are too few for a posterior: no training makes it wider.
const FEW_OF_PRIOR: &str =
    "since few draws of the prior lie in the posterior; `.nuts()` of this posterior samples it whatever its width";

/// A distribution over the latent variables of a model given a data set, as the proposal of importance sampling.
///
/// ```
/// use hierarch::distributions::{Distribution, Draw, Normal};
/// use hierarch::prelude::*;
/// use hierarch::sampling::{Proposal, WeightedDraws, importance_sample};
///
/// model! {
///     pub Weight {
///         global mean ~ Normal(0.0, 1.0);
///         observe x ~ Normal(mean, 1.0);
///     }
/// }
///
/// /// The prior. A global over all reals is its own unconstrained number.
/// struct Prior;
///
/// impl Proposal for Prior {
///     fn latent_names(&self) -> Vec<String> {
///         vec!["mean".to_owned()]
///     }
///
///     fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
///         let prior = Normal::new(0.0, 1.0);
///         for (q, log_density) in q.iter_mut().zip(log_density) {
///             *q = prior.draw(rng);
///             *log_density = prior.log_density(*q);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (model, data) = (Weight::default(), WeightData { x: 1.0 });
/// let exact: WeightedDraws<Weight> = importance_sample(&model, &data, &Prior, 1000, 1)?;
/// println!("{exact}");
/// assert!((exact.mean("mean")? - 0.5).abs() < 0.3);
/// // The evidence is the density of x = 1 under the variance 1 + 1.
/// let evidence = Normal::new(0.0, 2.0_f64.sqrt()).log_density(1.0);
/// assert!((exact.evidence().log - evidence).abs() < 0.3);
/// # Ok(())
/// # }
/// ```
pub trait Proposal: Sync {
    /// Returns the names of the latent numbers that it is a distribution of, as [`model::names`](crate::model::names)
    /// gives them.
    fn latent_names(&self) -> Vec<String>;

    /// Fills `q` with independent draws, one after the other, each as the unconstrained numbers of a [`Density`] in its
    /// order, and `log_density` with the log density of each in the same unconstrained space.
    ///
    /// `q` has room for as many draws as `log_density` has elements.
    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]);

    /// Returns the log densities of some points, which stand one after the other in `q`, in the unconstrained space; `None` if they
    /// are known of draws alone. Where they are known, [`refine_until`](crate::sampling::refine_until) keeps the draws of this
    /// distribution in the mixture that it adapts.
    fn log_densities(&self, q: &[f64]) -> Option<Vec<f64>> {
        let _ = q;
        None
    }

    /// Returns the distribution of the globals alone, where this one is of locals too and that one is known.
    fn of_globals(&self) -> Option<&dyn Proposal> {
        None
    }
}

/// An exact posterior: draws with weights, from importance sampling.
///
/// `Display` prints a table of each variable's mean, sd and quantiles, a line of diagnostics, and the warnings.
#[derive(Clone, Debug)]
pub struct WeightedDraws<M> {
    any: AnyWeightedDraws,
    model: PhantomData<fn() -> M>,
}

/// An exact posterior of any model.
#[derive(Clone, Debug)]
pub(crate) struct AnyWeightedDraws {
    draws: Draws,
    /// The unconstrained numbers, draw after draw.
    q: Vec<f64>,
    evidence: Evidence,
    k_hat: f64,
    /// The number of draws at which the model's log density is NaN or infinite.
    undefined: usize,
    /// Whether they are draws of the prior, weighed by a learned ratio.
    of_prior: bool,
}

/// Computes the posterior of `model` given `data` by importance sampling, from `draws` draws of `proposal`. The same
/// `seed` gives the same result on any number of threads.
///
/// `posterior.importance_sample(&model, &data)` calls this with 4000 draws and seed 0, and takes milliseconds.
///
/// # Errors
/// The data do not fit the model; there are fewer than 100 draws; the proposal lacks a latent number or gives numbers
/// that are not finite; or all draws are impossible under the model.
pub fn importance_sample<M: Likelihood>(
    model: &M,
    data: &M::Data,
    proposal: &dyn Proposal,
    draws: usize,
    seed: u64,
) -> Result<WeightedDraws<M>, SampleError> {
    if draws < FEWEST {
        return Err(SampleError::Setting { setting: "the number of draws", value: draws, least: FEWEST });
    }
    let density = Density::new(model, data)?;
    weigh((model, data), &|| Box::new(density.clone()), proposal, draws, seed).map(WeightedDraws::of)
}

/// See [`importance_sample`].
pub(super) fn weigh(
    (model, data): (&dyn AnyModel, &dyn AnyData),
    densities: Densities<'_>,
    proposal: &dyn Proposal,
    draws: usize,
    seed: u64,
) -> Result<AnyWeightedDraws, SampleError> {
    let dimension = model.dimension(data);
    if dimension == 0 {
        return Err(SampleError::NothingToSample);
    }
    let names = covered(model, Some(data), proposal)?;
    let discrete = has_discrete_global(&model.specification());
    let derived = model.derived_names(data);
    let width = names.len() + derived.len();
    // Numbers of locals, and what depends on data.
    let mut of_globals = Vec::new();
    model.constrain_with_derived(None, &vec![0.0; dimension], &mut of_globals);
    let walked = (of_globals.len() < width).then_some(data);
    let (mut q, mut values) = (vec![0.0; draws * dimension], vec![0.0; draws * width]);
    let (mut log_weights, mut log_proposal) = (vec![0.0; draws], vec![0.0; draws]);
    let (progress, done) = (Progress::new("importance sampling", draws as u64), AtomicU64::new(0));
    let weigh = |(chunk, (((q, values), log_weights), log_proposal)): (usize, Chunk<'_>)| {
        proposal.draw(&mut stream_for(Purpose::Importance, seed, 0, chunk as u64), q, log_proposal);
        let (mut density, mut gradient, mut row) = (densities(), vec![0.0; dimension], Vec::with_capacity(width));
        let each = q.chunks(dimension).zip(values.chunks_mut(width)).zip(log_weights.iter_mut().zip(&*log_proposal));
        for (i, ((q, values), (log_weight, log_proposal))) in each.enumerate() {
            if !log_proposal.is_finite() || q.iter().any(|q| !q.is_finite()) {
                return Err(SampleError::Proposal { draw: chunk * CHUNK + i, at: q.to_vec(), value: *log_proposal });
            }
            *log_weight = density.gradient(q, &mut gradient) - log_proposal;
            model.constrain_with_derived(walked, q, &mut row);
            if discrete {
                let rng = stream_for(Purpose::Discrete, seed, 0, (chunk * CHUNK + i) as u64);
                fill_discrete_globals(model, data, &mut row, Choice::Draw(rng));
            }
            values.copy_from_slice(&row);
        }
        let done = done.fetch_add(log_weights.len() as u64, Ordering::Relaxed);
        progress.set(done, String::new);
        Ok(())
    };
    on_threads(derivatives(&model.specification()), usize::MAX, || {
        q.par_chunks_mut(CHUNK * dimension)
            .zip(values.par_chunks_mut(CHUNK * width))
            .zip(log_weights.par_chunks_mut(CHUNK))
            .zip(log_proposal.par_chunks_mut(CHUNK))
            .enumerate()
            .try_for_each(weigh)
    })??;
    drop(progress);

    AnyWeightedDraws::new([names, derived].concat(), values, q, log_weights)
}

type Chunk<'a> = (((&'a mut [f64], &'a mut [f64]), &'a mut [f64]), &'a mut [f64]);

/// Returns the names of the model's latent numbers, without `data` those of the globals, which must be those of the proposal.
pub(super) fn covered(
    model: &dyn AnyModel,
    data: Option<&dyn AnyData>,
    proposal: &dyn Proposal,
) -> Result<Vec<String>, SampleError> {
    let (names, known) = (model.names(data), proposal.latent_names());
    let missing = |of: &[String], from: &[String]| -> Vec<String> {
        let from: std::collections::HashSet<&String> = from.iter().collect();
        of.iter().filter(|name| !from.contains(name)).cloned().collect()
    };
    // A discrete global is drawn given what is proposed.
    let slots = model.global_slots();
    let discrete: Vec<&String> = slots.iter().filter(|s| s.free.is_empty()).flat_map(|s| &s.components).collect();
    let proposed: Vec<String> = names.iter().filter(|name| !discrete.contains(name)).cloned().collect();
    let (missing, surplus) = (missing(&proposed, &known), missing(&known, &proposed));
    if !missing.is_empty() {
        return Err(SampleError::Uncovered { missing: shown(&missing) });
    }
    if !surplus.is_empty() {
        return Err(SampleError::Surplus { surplus: shown(&surplus) });
    }
    Ok(names)
}

/// Returns the first names as a list for a message.
fn shown(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

impl<M: Model> WeightedDraws<M> {
    pub(crate) fn of(any: AnyWeightedDraws) -> Self {
        Self { any, model: PhantomData }
    }

    pub(crate) fn any(&self) -> &AnyWeightedDraws {
        &self.any
    }

    /// Returns the globals of `count` draws, resampled by weight as by [`sample`](Inferred::sample).
    pub fn globals(&self, count: usize, seed: u64) -> Vec<M::Globals> {
        self.any
            .draws
            .resample(count, seed)
            .into_iter()
            .map(|i| globals_of(&self.any.draws.row(i), self.any.draws.names()))
            .collect()
    }

    /// Returns the evidence, the probability (density) of the data under the model, with its standard error from the spread of the
    /// weights.
    pub fn evidence(&self) -> Evidence {
        self.any.evidence()
    }

    /// Returns the Monte Carlo standard error of the mean of the number `name`, by the delta method: the root of the sum of squared
    /// weights times squared deviations.
    ///
    /// # Errors
    /// There is no number of that name.
    pub fn mcse_mean(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.any.mcse(name.into(), |x, mean, _| x - mean)
    }

    /// Returns the Monte Carlo standard error of the standard deviation of the number `name`, by the delta method.
    ///
    /// # Errors
    /// There is no number of that name.
    pub fn mcse_sd(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.any.mcse(name.into(), |x, mean, sd| ((x - mean).powi(2) - sd * sd) / (2.0 * sd))
    }

    /// Returns k-hat, the shape of the tail of the weights: they have 1 / k-hat finite moments. Up to 0.5 the draws are
    /// nearly as good as [`effective_sample_size`](WeightedDraws::effective_sample_size) draws of the posterior; above
    /// 0.7 they are not reliable. Minus infinity if there is no tail.
    pub fn k_hat(&self) -> f64 {
        self.any.k_hat()
    }

    /// Returns the number of independent draws of the posterior that the weighted draws are worth: 1 / the sum of
    /// squared weights (Kong 1992). It is reliable only if [`k_hat`](WeightedDraws::k_hat) is small.
    pub fn effective_sample_size(&self) -> f64 {
        self.any.effective_sample_size()
    }
}

impl AnyWeightedDraws {
    pub(crate) fn new(
        names: Vec<String>,
        values: Vec<f64>,
        q: Vec<f64>,
        mut log_weights: Vec<f64>,
    ) -> Result<Self, SampleError> {
        let draws = log_weights.len();
        let undefined = log_weights.iter().filter(|w| w.is_nan() || **w == f64::INFINITY).count();
        let last = log_weights.last().copied().unwrap_or(f64::NAN);
        log_weights.iter_mut().filter(|w| w.is_nan() || **w == f64::INFINITY).for_each(|w| *w = f64::NEG_INFINITY);
        let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY {
            return Err(SampleError::NoWeight { draws, value: last });
        }
        log_weights.iter_mut().for_each(|w| *w -= highest);
        let k_hat = smooth(&mut log_weights, 1.0);
        let mut weights: Vec<f64> = log_weights.iter().map(|w| w.exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        let error = weights.iter().map(|w| w * w).sum::<f64>() - 1.0 / draws as f64;
        let evidence = Evidence { log: highest + (sum / draws as f64).ln(), error: error.max(0.0).sqrt() };
        let column = |at: usize| values.iter().skip(at).step_by(names.len()).copied().collect();
        let columns: Vec<Vec<f64>> = (0..names.len()).map(column).collect();
        let draws = Draws::new(names.into_iter().zip(columns)).weighted(weights);
        Ok(Self { draws, q, evidence, k_hat, undefined, of_prior: false })
    }

    /// Sets the standard error of the logarithm of the evidence, where the draws are not of one proposal.
    pub(super) fn with_evidence_error(mut self, error: f64) -> Self {
        self.evidence.error = error;
        self
    }

    /// Says that these are draws of the prior, weighed by a learned ratio.
    pub(crate) fn of_prior(self) -> Self {
        Self { of_prior: true, ..self }
    }

    pub(crate) fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Returns the standard error of a weighted mean of what a draw moves it by, given the mean and the sd.
    fn mcse(&self, name: Name, moves: impl Fn(f64, f64, f64) -> f64) -> Result<f64, UnknownName> {
        let draws = self.draws.get(name.clone())?;
        let (mean, sd) = (self.draws.mean(name.clone())?, self.draws.sd(name)?);
        let squares = draws.iter().zip(self.draws.weights()).map(|(x, w)| (w * moves(*x, mean, sd)).powi(2));
        Ok(squares.sum::<f64>().sqrt())
    }

    pub(crate) fn k_hat(&self) -> f64 {
        self.k_hat
    }

    pub(crate) fn effective_sample_size(&self) -> f64 {
        1.0 / self.draws.weights().iter().map(|w| w * w).sum::<f64>()
    }

    /// Returns whether the weights can be trusted: k-hat is at most min(1 - 1 / log10(draws), 0.7), eq. 13 of Vehtari
    /// et al.
    fn trusted(&self) -> bool {
        self.k_hat <= self.k_most()
    }

    fn k_most(&self) -> f64 {
        (1.0 - 1.0 / (self.draws.weights().len() as f64).log10()).min(0.7)
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let (mut warnings, size) = (Vec::new(), self.effective_sample_size());
        if !self.trusted() {
            let why = match self.of_prior {
                true => FEW_OF_PRIOR,
                false => {
                    "since the proposal misses a part of the posterior; `refine_until` goes on until they can, or train longer, or sample \
                     with `nuts()`"
                }
            };
            let (k_hat, most) = (self.k_hat, self.k_most());
            warnings.push(format!("k-hat is {k_hat:.2}, above {most:.2}: the weights cannot be trusted, {why}"));
        } else if size < ENOUGH {
            let why = if self.of_prior { FEW_OF_PRIOR } else { "take more draws with `sampling::importance_sample`" };
            warnings.push(format!("the effective sample size is {size:.0}, below {ENOUGH:.0}: {why}"));
        }
        if self.undefined > 0 {
            warnings.push(format!(
                "at {} of {} draws the model's log density is NaN or infinite, so they have weight zero: a `let` may give NaN",
                self.undefined,
                self.draws.weights().len()
            ));
        }
        warnings
    }

    /// Returns the unconstrained draws, one after the other, and weights for starting points: those of the draws if
    /// they can be trusted, else equal weights for all possible draws.
    pub(super) fn start(&self) -> (&[f64], Vec<f64>) {
        if self.trusted() {
            return (&self.q, self.draws.weights().to_vec());
        }
        let possible = self.draws.weights().iter().filter(|w| **w > 0.0).count() as f64;
        (&self.q, self.draws.weights().iter().map(|w| if *w > 0.0 { possible.recip() } else { 0.0 }).collect())
    }
}

impl<M: Model> Inferred for WeightedDraws<M> {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(&self.any.draws)
    }

    fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }

    fn about(&self) -> String {
        format!(
            "importance sampling, effective sample size {:.0}, k-hat {:.2}, log evidence {:.3} ± {:.3}",
            self.effective_sample_size(),
            self.k_hat(),
            self.evidence().log,
            self.evidence().error
        )
    }
}

impl<M: Model> std::fmt::Display for WeightedDraws<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.any.fmt(f)
    }
}

impl std::fmt::Display for AnyWeightedDraws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.draws.summary())?;
        writeln!(
            f,
            "{}, k-hat {:.2}, effective sample size {:.0} of {} draws",
            self.evidence,
            self.k_hat,
            self.effective_sample_size(),
            self.draws.weights().len()
        )?;
        self.warnings().iter().try_for_each(|w| writeln!(f, "warning: {w}"))
    }
}
