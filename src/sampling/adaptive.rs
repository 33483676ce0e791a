//! Importance sampling in rounds: each round draws from a mixture of Student t distributions that is fitted to the weighted draws so
//! far, and all draws of all rounds are weighed by the mixture of all that was drawn from, in its shares (Cornuet, Marin, Mira & Robert,
//! *Adaptive multiple importance sampling*, Scandinavian Journal of Statistics 2012). A share of the first round is of the prior, so
//! that no weight is larger than the largest likelihood times the inverse of that share.
//!
//! Weights that say next to nothing, as those of a proposal far off, are flattened until some of the draws count, so that the next
//! round moves towards the posterior (Koblents & Míguez, *A population Monte Carlo scheme with transformed weights*, Statistics and
//! Computing 2015).

use rayon::prelude::*;

use super::mixture::Mixture;
use super::target::Target;
use super::{Proposal, SampleError};
use crate::autodiff::LogSum;
use crate::draws::{cumulative, pick, smooth};
use crate::model::{AnyData, AnyModel, Purpose, SimulateError, stream_for};
use crate::simulate::Fixed;

/// The number of draws per parallel task: a constant, so that the result does not depend on the number of threads.
const CHUNK: usize = 50;
/// The share of a round in the draws that are asked for, and the most rounds.
const SHARE: usize = 4;
const ROUNDS: usize = 12;
/// The rounds after which there are no more if the locals are too noisy for any weight.
const TRIED: usize = 3;
/// The inverse of the prior's share in the first round.
const PRIOR: usize = 10;
/// The draws at which it is found out how many draws of the locals are needed.
const PILOT: usize = 32;
/// The share of the draws that they have to be worth for a round to be the last, and at least after all rounds.
const GOOD: f64 = 0.4;
const WORTH: f64 = 0.1;

/// The first stream of random numbers of the draws of a source; those before are of the whole.
const OWN: u64 = 10;

/// What draws come from.
enum Source<'a> {
    Proposal(&'a dyn Proposal),
    Prior,
    Adapted(Mixture),
}

/// One draw.
struct Sample {
    /// The unconstrained numbers of all latent variables.
    q: Vec<f64>,
    source: usize,
    log_target: f64,
}

/// The draws of all rounds.
pub(super) struct Rounds<'a> {
    sources: Vec<Source<'a>>,
    samples: Vec<Sample>,
    /// For each source, its log density at each sample; none of a source whose density is not known there.
    log_densities: Vec<Option<Vec<f64>>>,
    /// Draws of the prior that are not among the samples yet.
    prior: Vec<Vec<f64>>,
    pub(super) rounds: usize,
    /// The number of sources that were ever added, which decides on their streams of random numbers.
    added: u64,
}

/// How good the draws are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    pub k_hat: f64,
    pub effective_sample_size: f64,
}

impl<'a> Rounds<'a> {
    /// Draws in rounds until there are `draws` draws whose k-hat is at most `k_hat` and which are worth much of their number, or until the
    /// rounds are spent; says whether they then are good.
    pub fn run(
        (model, data): (&dyn AnyModel, &dyn AnyData),
        target: &mut Target<'_>,
        (proposal, width): (&'a dyn Proposal, usize),
        (k_hat, draws, seed): (f64, usize, u64),
    ) -> Result<(Self, Quality, bool), SampleError> {
        let batch = draws.div_ceil(SHARE);
        let of_globals = model.global_slots().last().map_or(0, |global| global.free.end);
        // That of locals too is no distribution of the globals alone.
        let prior = match of_globals == target.numbers() {
            true => prior(model, data, batch / PRIOR, seed).unwrap_or_default(),
            false => Vec::new(),
        };
        let mut all =
            Self { sources: Vec::new(), samples: Vec::new(), log_densities: Vec::new(), prior, rounds: 0, added: 0 };
        all.begin(target, (proposal, width), (batch, seed))?;
        let mut quiet = true;
        loop {
            let (quality, last) = (all.quality(), all.rounds == ROUNDS || !quiet && all.rounds >= TRIED);
            let worth = if last { WORTH * draws as f64 } else { GOOD * all.samples.len() as f64 };
            let good = quality.k_hat <= k_hat && quality.effective_sample_size >= worth;
            if last || good && all.samples.len() >= draws {
                return Ok((all, quality, good));
            }
            quiet = all.next(target, (batch, seed))?;
        }
    }

    /// Draws the first round, from the proposal and the prior. The proposal draws `width` numbers, of which the target's are the first.
    fn begin(
        &mut self,
        target: &mut Target<'_>,
        (proposal, width): (&'a dyn Proposal, usize),
        (batch, seed): (usize, u64),
    ) -> Result<(), SampleError> {
        let (numbers, count) = (target.numbers(), batch - self.prior.len());
        let (mut q, mut log_densities) = (vec![0.0; count * width], vec![0.0; count]);
        let chunks = q.par_chunks_mut(CHUNK * width).zip(log_densities.par_chunks_mut(CHUNK)).enumerate();
        chunks.for_each(|(chunk, (q, log_densities))| {
            proposal.draw(&mut stream_for(Purpose::Refinement, seed, 0, chunk as u64), q, log_densities);
        });
        let finite = |(q, log_density): (&[f64], &f64)| log_density.is_finite() && q.iter().all(|x| x.is_finite());
        if let Some((draw, (q, value))) =
            q.chunks(width).zip(&log_densities).enumerate().find(|(_, draw)| !finite(*draw))
        {
            return Err(SampleError::Proposal { draw, at: q.to_vec(), value: *value });
        }
        let first: Vec<Vec<f64>> = q.chunks(width).map(|q| q[..numbers].to_vec()).collect();
        let mean = |at: usize| first.iter().map(|q| q[at]).sum::<f64>() / first.len() as f64;
        target.look_around(&(0..numbers).map(mean).collect::<Vec<_>>());
        // The density of globals and locals is not one of the globals.
        let known = width == numbers;
        let elsewhere = known && proposal.log_densities(&first[0]).is_some();
        self.add(target, Source::Proposal(proposal), known.then_some(log_densities), first, seed);
        if elsewhere {
            self.add_prior(target, seed);
        }
        self.rounds = 1;
        Ok(())
    }

    fn add_prior(&mut self, target: &Target<'_>, seed: u64) {
        let prior = std::mem::take(&mut self.prior);
        if !prior.is_empty() {
            self.add(target, Source::Prior, Some(Vec::new()), prior, seed);
        }
    }

    /// Draws a round from a mixture that is fitted to the draws so far; returns whether its weights can say anything.
    fn next(&mut self, target: &mut Target<'_>, (batch, seed): (usize, u64)) -> Result<bool, SampleError> {
        let numbers = target.numbers();
        let weights = self.flattened(10 * numbers + 10)?;
        let globals: Vec<&[f64]> = self.samples.iter().map(|sample| &sample.q[..numbers]).collect();
        let mut rng = stream_for(Purpose::Refinement, seed, 2, self.rounds as u64);
        let adapted = Mixture::fit(&globals, &weights, numbers, &mut rng);
        let drawn = (0..batch).map(|_| adapted.draw(&mut rng)).collect();
        let mean = |of: &dyn Fn(&Sample) -> f64| -> f64 {
            let each = self.samples.iter().zip(&weights).filter(|(_, w)| **w > 0.0);
            each.map(|(sample, w)| w * of(sample)).sum()
        };
        let centre: Vec<f64> = (0..numbers).map(|at| mean(&|sample| sample.q[at])).collect();
        target.look_around(&centre);
        let mut rng = stream_for(Purpose::Refinement, seed, 3, self.rounds as u64);
        let below = cumulative(&weights);
        let pilot: Vec<Vec<f64>> = (0..PILOT).map(|_| self.samples[pick(&below, &mut rng)].q.clone()).collect();
        let quiet = target.quiet(&pilot, false, (Purpose::Refinement, seed, OWN + 3 * self.added));
        let elsewhere = |source: &Source<'_>| match source {
            Source::Proposal(proposal) => proposal.log_densities(&self.samples[0].q[..numbers]).is_some(),
            Source::Prior | Source::Adapted(_) => true,
        };
        if self.rounds == 1 && !(self.log_densities[0].is_some() && elsewhere(&self.sources[0])) {
            // Without its density at other draws, the first proposal is no part of a mixture.
            (self.sources, self.samples, self.log_densities) = (Vec::new(), Vec::new(), Vec::new());
            self.add_prior(target, seed);
        }
        self.add(target, Source::Adapted(adapted), Some(Vec::new()), drawn, seed);
        self.rounds += 1;
        Ok(quiet)
    }

    /// Adds draws of a new source, whose log densities at the draws so far and at these are `known` up to some draw; `None` if they never are.
    fn add(
        &mut self,
        target: &Target<'_>,
        source: Source<'a>,
        known: Option<Vec<f64>>,
        drawn: Vec<Vec<f64>>,
        seed: u64,
    ) {
        let at = self.sources.len();
        let step = OWN + 3 * self.added + 2;
        self.added += 1;
        let sample = |mut q: Vec<f64>| {
            q.resize(target.dimension, 0.0);
            Sample { q, source: at, log_target: f64::NAN }
        };
        let mut samples: Vec<Sample> = drawn.into_iter().map(sample).collect();
        samples.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, samples)| {
            let mut evaluate = target.evaluate();
            for (i, sample) in samples.iter_mut().enumerate() {
                let mut rng = stream_for(Purpose::Refinement, seed, step, (chunk * CHUNK + i) as u64);
                sample.log_target = evaluate.at(&mut sample.q, false, &mut rng);
            }
        });
        self.samples.extend(samples);
        self.sources.push(source);
        self.log_densities.push(known);
        // Each source at the draws at which it is not known yet.
        let numbers = target.numbers();
        for (source, known) in self.sources.iter().zip(&mut self.log_densities) {
            let Some(known) = known else { continue };
            let points = self.samples[known.len()..].iter().map(|sample| &sample.q[..]);
            match source {
                Source::Prior => known.extend(target.log_priors(points)),
                Source::Adapted(mixture) => known.extend(points.map(|q| mixture.log_density(&q[..numbers]))),
                Source::Proposal(proposal) => {
                    let points: Vec<f64> = points.flat_map(|q| &q[..numbers]).copied().collect();
                    known.extend(proposal.log_densities(&points).unwrap_or_default());
                }
            }
        }
    }

    /// Returns the logarithm of each draw's weight: of the target over the mixture of all sources.
    fn log_weights(&self) -> Vec<f64> {
        let mut counts = vec![0_usize; self.sources.len()];
        self.samples.iter().for_each(|sample| counts[sample.source] += 1);
        let total = self.samples.len() as f64;
        let known: Vec<(f64, &Vec<f64>)> = counts
            .iter()
            .zip(&self.log_densities)
            .filter_map(|(count, log)| Some(((*count as f64 / total).ln(), log.as_ref()?)))
            .collect();
        let of = |(at, sample): (usize, &Sample)| {
            let mut mixture = LogSum::new();
            known.iter().for_each(|(share, log)| mixture.push(share + log[at]));
            let weight = sample.log_target - mixture.finish();
            if weight.is_nan() || weight == f64::INFINITY { f64::NEG_INFINITY } else { weight }
        };
        // Where no density is known, as of the globals of a joint proposal, all draws count the same.
        match known.is_empty() {
            true => {
                self.samples.iter().map(|s| if s.log_target.is_finite() { 0.0 } else { f64::NEG_INFINITY }).collect()
            }
            false => self.samples.iter().enumerate().map(of).collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.samples.len()
    }

    fn quality(&self) -> Quality {
        let mut log_weights = self.log_weights();
        let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY || self.log_densities.iter().all(Option::is_none) {
            return Quality { k_hat: f64::INFINITY, effective_sample_size: 0.0 };
        }
        log_weights.iter_mut().for_each(|w| *w -= highest);
        let k_hat = smooth(&mut log_weights, 1.0);
        Quality { k_hat, effective_sample_size: worth(&log_weights) }
    }

    /// Returns the weights, which sum to 1, raised to the largest power up to 1 at which they are worth `least` draws.
    fn flattened(&self, least: usize) -> Result<Vec<f64>, SampleError> {
        let mut log_weights = self.log_weights();
        let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY {
            let value = self.samples.last().map_or(f64::NAN, |sample| sample.log_target);
            return Err(SampleError::NoWeight { draws: self.samples.len(), value });
        }
        log_weights.iter_mut().for_each(|w| *w -= highest);
        let possible = log_weights.iter().filter(|w| w.is_finite()).count();
        let least = least.min(possible / 2) as f64;
        let scaled = |power: f64| -> Vec<f64> {
            log_weights.iter().map(|w| if w.is_finite() { power * w } else { *w }).collect()
        };
        let (mut low, mut high) = (0.0, 1.0);
        if worth(&log_weights) < least {
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if worth(&scaled(middle)) < least { high = middle } else { low = middle }
            }
        } else {
            low = 1.0;
        }
        let weights: Vec<f64> = scaled(low).iter().map(|w| w.exp()).collect();
        let sum: f64 = weights.iter().sum();
        Ok(weights.iter().map(|w| w / sum).collect())
    }

    /// Returns the unconstrained numbers of all draws, one after the other, the logarithms of their weights, and the standard error of the
    /// logarithm of the mean weight: the draws of each source vary by themselves.
    pub fn weighted(&self) -> (Vec<f64>, Vec<f64>, f64) {
        let log_weights = self.log_weights();
        let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sums = vec![(0.0, 0.0, 0.0); self.sources.len()];
        for (sample, log_weight) in self.samples.iter().zip(&log_weights) {
            let (weight, sum) = ((log_weight - highest).exp(), &mut sums[sample.source]);
            *sum = (sum.0 + 1.0, sum.1 + weight, sum.2 + weight * weight);
        }
        let total: f64 = sums.iter().map(|(_, sum, _)| sum).sum();
        let variance = |(n, sum, squares): &(f64, f64, f64)| match *n > 1.0 {
            true => (squares - sum * sum / n) * n / (n - 1.0),
            false => 0.0,
        };
        let error = sums.iter().map(variance).sum::<f64>().max(0.0).sqrt() / total;
        (self.samples.iter().flat_map(|sample| sample.q.iter().copied()).collect(), log_weights, error)
    }

    /// Returns the unconstrained numbers of all draws and the logarithms of flattened weights: where to begin from.
    pub fn beginnings(&self) -> Result<(Vec<f64>, Vec<f64>), SampleError> {
        let numbers = self.samples.first().map_or(0, |sample| sample.q.len());
        let weights = self.flattened(10 * numbers + 10)?;
        let q = self.samples.iter().flat_map(|sample| sample.q.iter().copied()).collect();
        Ok((q, weights.iter().map(|w| w.ln()).collect()))
    }
}

/// Returns the number of draws that draws with these weights are worth.
fn worth(log_weights: &[f64]) -> f64 {
    let (sum, squares) = log_weights.iter().fold((0.0, 0.0), |(sum, squares), log| {
        let weight = log.exp();
        (sum + weight, squares + weight * weight)
    });
    sum * sum / squares
}

/// Draws the globals of a model from their prior.
fn prior(model: &dyn AnyModel, data: &dyn AnyData, count: usize, seed: u64) -> Result<Vec<Vec<f64>>, SimulateError> {
    // Globals do not depend on covariates, but a draw needs values for those outside plates.
    let fixed = Fixed::new(&model.specification(), &[], None, Some((data, false)))?.without_elements();
    let draw = |i: usize| {
        let drawn = model.draw(&fixed, &mut stream_for(Purpose::Refinement, seed, 1, i as u64))?;
        Ok(model.unconstrain(drawn.globals(), None))
    };
    let drawn: Vec<Vec<f64>> = (0..count).map(draw).collect::<Result<_, SimulateError>>()?;
    Ok(drawn.into_iter().filter(|q| q.iter().all(|x| x.is_finite())).collect())
}
