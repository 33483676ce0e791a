//! The exact posterior from one that is near: by its weights, in rounds of adaptation, or else by chains from there.

use std::borrow::Cow;
use std::fmt;

use super::adaptive::{Quality, Rounds};
use super::bridge::bridge;
use super::elements::Elements;
use super::importance::{covered, weigh};
use super::improper::check_proper;
use super::nuts::run_from;
use super::target::Target;
use super::threads::{derivatives, on_threads};
use super::{AnyChains, AnyWeightedDraws, Chains, Evidence, Proposal, SampleError, WeightedDraws};
use crate::draws::{Choice, Draws, Inferred, SampleStats, fill_discrete_globals, has_discrete_global};
use crate::model::{AnyData, AnyModel, Densities, Density, Likelihood, Model, Purpose, stream_for};

/// The smallest number of draws.
const FEWEST: usize = 100;
/// The share of draws that weights have to be worth, for no round to follow.
const WORTH: f64 = 0.1;

/// How an exact posterior was found: see [`refine_until`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Road {
    /// By the weights of the proposal's draws.
    Weights,
    /// By the weights of draws of all rounds, the first of which is the proposal's.
    Adaptive {
        /// The number of rounds.
        rounds: usize,
        /// Whether the locals were integrated out element by element.
        by_element: bool,
    },
    /// By Markov chains that began where the rounds ended.
    Nuts,
}

/// An exact posterior, and how it was found: made by [`refine_until`] and by `refine_until` of neural posteriors.
///
/// `Display` prints a table of each variable's mean, sd and quantiles, the evidence, the steps that were taken, and the warnings.
#[derive(Clone, Debug)]
pub struct Refined<M> {
    road: Road,
    draws: Found<M>,
    evidence: Option<Evidence>,
    steps: Vec<String>,
}

#[derive(Clone, Debug)]
enum Found<M> {
    Weighted(WeightedDraws<M>),
    Chains(Chains<M>),
}

/// Computes the posterior of `model` given `data` from `draws` draws of a `proposal` that may be far off, without a failure that is
/// left to the user. The proposal is a distribution of all latent numbers, or of the globals alone. The same `seed` gives the same result on
/// any number of threads. The roads, of which [`Refined::road`] tells the last:
///
/// 1. a proposal of all latent numbers: its draws, weighed as by [`importance_sample`](super::importance_sample);
/// 2. adaptive importance sampling: rounds of draws of Student t distributions that follow the weights, in a mixture with the proposal
///    and the prior. Where elements are independent given the globals (no plate that joins them by two indices), the continuous locals are
///    integrated out element by element, however many there are, and drawn given the globals;
/// 3. where k-hat is above `k_hat` after twelve rounds: four Markov chains (NUTS) from there, with the evidence by
///    [`bridge`](super::SamplingExt::bridge).
///
/// `k_hat` is above 0 and at most 0.7: at 0.7 weights can just be trusted, and at 0.5 they are good.
///
/// ```
/// use hierarch::distributions::{Distribution, Draw, Normal};
/// use hierarch::prelude::*;
/// use hierarch::sampling::{Road, refine_until};
///
/// model! {
///     pub Schools {
///         global mu ~ Normal(0.0, 5.0);
///         plate schools(1..=100) {
///             local theta ~ Normal(mu, 1.0);
///             observe y ~ Normal(theta, 1.0);
///         }
///     }
/// }
///
/// /// Of the mean alone, and far from where it is.
/// struct Guess;
///
/// impl hierarch::sampling::Proposal for Guess {
///     fn latent_names(&self) -> Vec<String> {
///         vec!["mu".to_owned()]
///     }
///
///     fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
///         let guess = Normal::new(-2.0, 0.5);
///         for (q, log_density) in q.iter_mut().zip(log_density) {
///             *q = guess.draw(rng);
///             *log_density = guess.log_density(*q);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let y: Vec<f64> = (0..60).map(|i| f64::from(i % 7) - 1.0).collect();
/// let (n, sum) = (60.0, y.iter().sum::<f64>());
/// let (model, data) = (Schools::default(), SchoolsData { schools: SchoolsSchools { y } });
/// let exact = refine_until(&model, &data, &Guess, 0.5, 2000, 1)?;
/// println!("{exact}");
/// assert!(matches!(exact.road(), Road::Adaptive { by_element: true, .. }));
/// // Normal with the precision 1/25 + 60/2.
/// assert!((exact.mean("mu")? - sum / 2.0 / (0.04 + n / 2.0)).abs() < 0.02);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The data do not fit the model; there are fewer than 100 draws; `k_hat` is out of its range; the proposal lacks a global, or gives
/// numbers that are not finite; or the chains find nowhere to begin.
pub fn refine_until<M: Likelihood>(
    model: &M,
    data: &M::Data,
    proposal: &dyn Proposal,
    k_hat: f64,
    draws: usize,
    seed: u64,
) -> Result<Refined<M>, SampleError> {
    if draws < FEWEST {
        return Err(SampleError::Setting { setting: "the number of draws", value: draws, least: FEWEST });
    }
    if !(k_hat > 0.0 && k_hat <= 0.7) {
        return Err(SampleError::KHat { value: k_hat });
    }
    let density = Density::new(model, data)?;
    let found = refine((model, data), &|| Box::new(density.clone()), proposal, (k_hat, draws, seed))?;
    let draws = match found.draws {
        AnyFound::Weighted(weighted) => Found::Weighted(WeightedDraws::of(weighted)),
        AnyFound::Chains(chains) => Found::Chains(Chains::of(chains)),
    };
    Ok(Refined { road: found.road, draws, evidence: found.evidence, steps: found.steps })
}

struct AnyRefined {
    road: Road,
    draws: AnyFound,
    evidence: Option<Evidence>,
    steps: Vec<String>,
}

enum AnyFound {
    Weighted(AnyWeightedDraws),
    Chains(AnyChains),
}

/// See [`refine_until`].
fn refine<'a>(
    (model, data): (&'a dyn AnyModel, &'a dyn AnyData),
    densities: Densities<'a>,
    proposal: &dyn Proposal,
    (k_hat, draws, seed): (f64, usize, u64),
) -> Result<AnyRefined, SampleError> {
    let dimension = densities().dimension();
    let (mut steps, proper) = (Vec::new(), check_proper(model).is_ok());
    let of_globals = model.global_slots().last().map_or(0, |global| global.free.end);
    let whole = match covered(model, Some(data), proposal) {
        Ok(_) => true,
        Err(error) => {
            // Of the globals alone it will do too.
            covered(model, None, proposal).map_err(|_| error)?;
            dimension == of_globals
        }
    };
    if whole {
        match weigh((model, data), densities, proposal, draws, seed) {
            Ok(weighted) => {
                let quality =
                    Quality { k_hat: weighted.k_hat(), effective_sample_size: weighted.effective_sample_size() };
                steps.push(format!("the proposal's draws: {}", quality.said(draws)));
                if quality.k_hat <= k_hat && quality.effective_sample_size >= WORTH * draws as f64 {
                    let evidence = proper.then(|| weighted.evidence());
                    return Ok(AnyRefined {
                        road: Road::Weights,
                        draws: AnyFound::Weighted(weighted),
                        evidence,
                        steps,
                    });
                }
            }
            Err(SampleError::NoWeight { .. }) => steps.push("the proposal's draws: none is possible".to_owned()),
            Err(error) => return Err(error),
        }
    }
    let elements = match of_globals < dimension {
        true => match Elements::new(model, data, &mut *densities()) {
            Ok(elements) => Some(elements),
            Err(why) => {
                steps.push(format!("not element by element: {why}"));
                None
            }
        },
        false => None,
    };
    let mut from = None;
    if whole || elements.is_some() {
        let mut target = Target::new(densities, elements);
        let by_element = target.is_by_element();
        let (proposal, width) = match proposal.of_globals().filter(|_| by_element) {
            Some(globals) => (globals, of_globals),
            None => (proposal, if whole { dimension } else { of_globals }),
        };
        let run = on_threads(derivatives(&model.specification()), usize::MAX, || {
            let (rounds, quality, good) =
                Rounds::run((model, data), &mut target, (proposal, width), (k_hat, draws, seed))?;
            let count = rounds.len();
            let said = format!(
                "{} rounds{}: {}",
                rounds.rounds,
                if by_element { ", element by element" } else { "" },
                quality.said(count)
            );
            let made = match good {
                true => {
                    let (q, log_weights, error) = rounds.weighted();
                    weighted((model, data), q, log_weights, seed)?.with_evidence_error(error)
                }
                false => {
                    let (q, log_weights) = rounds.beginnings()?;
                    weighted((model, data), q, log_weights, seed)?
                }
            };
            Ok((rounds.rounds, said, made, good))
        });
        match run? {
            Ok((rounds, said, weighted, good)) => {
                steps.push(said);
                if good {
                    let (road, evidence) = (Road::Adaptive { rounds, by_element }, proper.then(|| weighted.evidence()));
                    return Ok(AnyRefined { road, draws: AnyFound::Weighted(weighted), evidence, steps });
                }
                from = Some(weighted);
            }
            Err(SampleError::NoWeight { .. }) => steps.push("rounds: no draw is possible".to_owned()),
            Err(error) => return Err(error),
        }
    }
    let chains = run_from((model, data), densities, from.as_ref(), (draws, seed))?;
    steps.push(format!(
        "NUTS{}{}",
        if from.is_some() { ", from the last round" } else { "" },
        // A bridge from chains that have not mixed has a stated error that is far too small.
        if chains.warnings().is_empty() {
            ""
        } else {
            "; there are warnings, and the evidence is as doubtful as the chains"
        }
    ));
    let evidence = match bridge((model, data), densities, &chains.draws, seed) {
        Ok(evidence) => Some(evidence),
        Err(error) => {
            steps.push(format!("no evidence: {error}"));
            None
        }
    };
    Ok(AnyRefined { road: Road::Nuts, draws: AnyFound::Chains(chains), evidence, steps })
}

impl Quality {
    fn said(&self, of: usize) -> String {
        format!("k-hat {:.2}, effective sample size {:.0} of {of}", self.k_hat, self.effective_sample_size)
    }
}

/// Makes weighted draws of unconstrained numbers.
fn weighted(
    (model, data): (&dyn AnyModel, &dyn AnyData),
    q: Vec<f64>,
    log_weights: Vec<f64>,
    seed: u64,
) -> Result<AnyWeightedDraws, SampleError> {
    let names = [model.names(Some(data)), model.derived_names(data)].concat();
    let discrete = has_discrete_global(&model.specification());
    let (mut values, mut row) = (Vec::with_capacity(names.len() * log_weights.len()), Vec::new());
    for (i, q) in q.chunks(q.len() / log_weights.len()).enumerate() {
        model.constrain_with_derived(Some(data), q, &mut row);
        if discrete {
            let rng = stream_for(Purpose::Discrete, seed, 0, i as u64);
            fill_discrete_globals(model, data, &mut row, Choice::Draw(rng));
        }
        values.extend_from_slice(&row);
    }
    AnyWeightedDraws::new(names, values, q, log_weights)
}

impl<M: Model> Refined<M> {
    /// Returns how the posterior was found.
    pub fn road(&self) -> Road {
        self.road
    }

    /// Returns the steps that were taken, with what was found: why the road is what it is.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Returns the evidence with its standard error; `None` where a prior is flat, or the bridge from chains failed, as the steps then say.
    pub fn evidence(&self) -> Option<Evidence> {
        self.evidence
    }

    /// Returns the weighted draws; `None` if chains were needed.
    pub fn weighted(&self) -> Option<&WeightedDraws<M>> {
        match &self.draws {
            Found::Weighted(weighted) => Some(weighted),
            Found::Chains(_) => None,
        }
    }

    /// Returns the chains; `None` if weights were enough.
    pub fn chains(&self) -> Option<&Chains<M>> {
        match &self.draws {
            Found::Weighted(_) => None,
            Found::Chains(chains) => Some(chains),
        }
    }
}

impl<M: Model> Inferred for Refined<M> {
    fn as_draws(&self) -> Cow<'_, Draws> {
        match &self.draws {
            Found::Weighted(weighted) => weighted.as_draws(),
            Found::Chains(chains) => chains.as_draws(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        match &self.draws {
            Found::Weighted(weighted) => weighted.warnings(),
            Found::Chains(chains) => chains.warnings(),
        }
    }

    fn stats(&self) -> Option<&SampleStats> {
        self.chains().and_then(Inferred::stats)
    }

    fn about(&self) -> String {
        self.steps.join("; ")
    }
}

impl<M: Model> fmt::Display for Refined<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary())?;
        if let Some(evidence) = self.evidence {
            writeln!(f, "{evidence}")?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        self.warnings().iter().try_for_each(|w| writeln!(f, "warning: {w}"))
    }
}
