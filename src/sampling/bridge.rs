//! The evidence from draws of a posterior, by a bridge between them and draws of a distribution that is normalised: Meng & Wong,
//! *Simulating ratios of normalizing constants via a simple identity* (Statistica Sinica 1996), as in Gronau et al., *A tutorial on
//! bridge sampling* (Journal of Mathematical Psychology 2017).
//!
//! Half of the draws fit the distribution and the other half are bridged to, and the other way round.

use rayon::prelude::*;

use super::elements::Elements;
use super::improper::check_proper;
use super::target::Target;
use super::threads::{derivatives, on_threads};
use super::{Evidence, SampleError};
use crate::draws::{Draws, StudentT, diagnostics, free_rows};
use crate::model::{AnyData, AnyModel, Densities, Purpose, stream_for};

/// The number of draws per parallel task: a constant, so that the result does not depend on the number of threads.
const CHUNK: usize = 50;
/// The fewest draws that fit a distribution, and the most that are used.
const FEWEST: usize = 100;
const MOST: usize = 4000;
/// The draws at which it is found out how many draws of the locals are needed.
const PILOT: usize = 32;
/// The degrees of freedom of the distribution that is bridged from, for each number: its radius then varies about as much as that of a
/// normal distribution of as many.
const FREEDOM: f64 = 4.0;

/// A draw of the posterior, or of the distribution that is fitted.
struct Point {
    q: Vec<f64>,
    weight: f64,
    /// ln of the density of the posterior, not normalised, over that of the distribution.
    log_ratio: f64,
}

/// See [`SamplingExt::bridge`](super::SamplingExt::bridge).
pub(super) fn bridge<'a>(
    (model, data): (&'a dyn AnyModel, &'a dyn AnyData),
    densities: Densities<'a>,
    draws: &Draws,
    seed: u64,
) -> Result<Evidence, SampleError> {
    check_proper(model)?;
    let rows = free_rows(model, data, draws)?;
    if densities().dimension() == 0 {
        return Err(SampleError::NothingToSample);
    }
    on_threads(derivatives(&model.specification()), usize::MAX, || {
        let halves = halves(rows, draws)?;
        let mut elements = Elements::new(model, data, &mut *densities()).ok();
        let target = loop {
            let mut target = Target::new(densities, elements.take());
            if around(&mut target, &halves, seed) {
                break target;
            }
        };
        let [one, other] = halves;
        let (one, other) = (Fold::new(&target, one, (seed, 0)), Fold::new(&target, other, (seed, 1)));
        let found = [one.estimate(&target, &other, (seed, 0))?, other.estimate(&target, &one, (seed, 1))?];
        Ok(Evidence { log: 0.5 * (found[0].log + found[1].log), error: 0.5 * found[0].error.hypot(found[1].error) })
    })?
}

/// Prepares a target for where draws are; returns whether it can be evaluated well enough there, as that of all latent variables at once
/// always can.
fn around(target: &mut Target<'_>, halves: &[Vec<Vec<Point>>; 2], seed: u64) -> bool {
    let points: Vec<&Point> = halves.iter().flatten().flatten().collect();
    let total: f64 = points.iter().map(|point| point.weight).sum();
    let mean = |at: usize| points.iter().map(|point| point.weight * point.q[at]).sum::<f64>() / total;
    target.look_around(&(0..target.numbers()).map(mean).collect::<Vec<_>>());
    let pilot: Vec<Vec<f64>> =
        points.iter().step_by(points.len().div_ceil(PILOT)).map(|point| point.q.clone()).collect();
    target.quiet(&pilot, true, (Purpose::Bridge, seed, 0))
}

/// Splits draws in two: each chain in the middle, and weighted draws by turns.
fn halves(rows: Vec<Vec<f64>>, draws: &Draws) -> Result<[Vec<Vec<Point>>; 2], SampleError> {
    let count = rows.len();
    let chains = draws.chains().max(1);
    let length = count / chains;
    // Long chains are thinned: every density costs a walk over the data.
    let every = count.div_ceil(MOST).max(1);
    let weights = draws.weights();
    let mut split = [Vec::new(), Vec::new()];
    let mut rows = rows.into_iter().enumerate();
    for _ in 0..chains {
        let mut own = [Vec::new(), Vec::new()];
        for (i, q) in rows.by_ref().take(length) {
            let (at, weight) = (i % length, weights.get(i).copied().unwrap_or(1.0));
            if weight == 0.0 || at % every != 0 {
                continue;
            }
            let half = match weights.is_empty() && draws.chains() > 0 {
                true => usize::from(2 * at >= length),
                false => (at / every) % 2,
            };
            own[half].push(Point { q, weight, log_ratio: f64::NAN });
        }
        split.iter_mut().zip(own).for_each(|(split, own)| split.push(own));
    }
    let finite =
        |half: &Vec<Vec<Point>>| half.iter().flatten().filter(|point| point.q.iter().all(|x| x.is_finite())).count();
    let usable = split.iter().map(finite).min().unwrap_or(0);
    match usable < FEWEST / 2 || split.iter().flatten().flatten().any(|point| point.q.iter().any(|x| !x.is_finite())) {
        true => Err(SampleError::FewDraws { draws: count, usable: split.iter().map(finite).sum(), least: FEWEST }),
        false => Ok(split),
    }
}

/// Half of the draws, chain by chain.
struct Fold {
    chains: Vec<Vec<Point>>,
    fitted: StudentT,
    weighted: bool,
}

impl Fold {
    /// Takes half of the draws: fits a distribution to them, and evaluates the target at each.
    fn new(target: &Target<'_>, mut chains: Vec<Vec<Point>>, (seed, half): (u64, u64)) -> Self {
        let numbers = target.numbers();
        let total: f64 = chains.iter().flatten().map(|point| point.weight).sum();
        let (points, weights): (Vec<&[f64]>, Vec<f64>) =
            chains.iter().flatten().map(|point| (&point.q[..numbers], point.weight / total)).unzip();
        let fitted = StudentT::weighted(&points, &weights, numbers, (FREEDOM * numbers as f64).max(FREEDOM + 2.0));
        let weighted = weights.iter().any(|w| *w != weights[0]);
        for (chain, points) in chains.iter_mut().enumerate() {
            evaluate(target, points, true, (seed, 10 + 2 * chain as u64 + half));
        }
        Self { chains, fitted, weighted }
    }

    /// Returns the evidence by these draws, with the distribution that is fitted to the other half.
    fn estimate(&self, target: &Target<'_>, other: &Self, (seed, half): (u64, u64)) -> Result<Evidence, SampleError> {
        let numbers = target.numbers();
        let ratio = |point: &Point| point.log_ratio - other.fitted.log_density(&point.q[..numbers]);
        let drawn: Vec<Vec<f64>> = self.chains.iter().map(|chain| chain.iter().map(ratio).collect()).collect();
        let weights: Vec<f64> = self.chains.iter().flatten().map(|point| point.weight).collect();
        let mut rng = stream_for(Purpose::Bridge, seed, 2, half);
        let fresh = (0..weights.len()).map(|_| other.fitted.draw(&mut rng).0);
        let mut fresh: Vec<Point> = fresh
            .map(|mut q| {
                q.resize(target.dimension, 0.0);
                Point { q, weight: 1.0, log_ratio: f64::NAN }
            })
            .collect();
        evaluate(target, &mut fresh, false, (seed, 3 + half));
        let proposed: Vec<f64> = fresh.iter().map(ratio).collect();
        let usable = drawn.iter().flatten().filter(|x| x.is_finite()).count();
        if usable < FEWEST / 2 || usable < weights.len() {
            return Err(SampleError::FewDraws { draws: weights.len(), usable, least: FEWEST / 2 });
        }
        Ok(optimal(&drawn, &weights, self.weighted, &proposed))
    }
}

/// Evaluates the target at each point.
fn evaluate(target: &Target<'_>, points: &mut [Point], keep: bool, (seed, step): (u64, u64)) {
    points.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, points)| {
        let mut evaluate = target.evaluate();
        for (i, point) in points.iter_mut().enumerate() {
            let mut rng = stream_for(Purpose::Bridge, seed, step, (chunk * CHUNK + i) as u64);
            let log_density = evaluate.at(&mut point.q, keep, &mut rng);
            point.log_ratio = if log_density.is_nan() { f64::NEG_INFINITY } else { log_density };
        }
    });
}

/// Returns the bridge estimate that has the smallest error, from the log ratios of the densities at draws of the posterior, chain by chain
/// with their weights, and at `proposed` ones of the distribution.
fn optimal(drawn: &[Vec<f64>], weights: &[f64], weighted: bool, proposed: &[f64]) -> Evidence {
    let mut sorted: Vec<f64> = drawn.concat();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted[sorted.len() / 2];
    let total: f64 = weights.iter().sum();
    let worth = match weighted {
        true => total * total / weights.iter().map(|w| w * w).sum::<f64>(),
        false => diagnostics::ess_mean(drawn).min(sorted.len() as f64),
    };
    let worth = if worth.is_finite() { worth } else { sorted.len() as f64 };
    let (share, rest) =
        (worth / (worth + proposed.len() as f64), proposed.len() as f64 / (worth + proposed.len() as f64));
    // Both in units of exp(middle), and bounded where the ratio is infinite.
    let of_proposed = |log: f64, r: f64| {
        let x = log - middle;
        if x > 0.0 { 1.0 / (share + rest * r * (-x).exp()) } else { x.exp() / (share * x.exp() + rest * r) }
    };
    let of_drawn = |log: f64, r: f64| {
        let x = log - middle;
        if x > 0.0 { (-x).exp() / (share + rest * r * (-x).exp()) } else { 1.0 / (share * x.exp() + rest * r) }
    };
    let above = |r: f64| proposed.iter().map(|log| of_proposed(*log, r)).sum::<f64>() / proposed.len() as f64;
    let below = |r: f64| drawn.iter().flatten().zip(weights).map(|(log, w)| w * of_drawn(*log, r)).sum::<f64>() / total;
    let mut r = 1.0_f64;
    for _ in 0..1000 {
        let next = above(r) / below(r);
        let done = (next / r - 1.0).abs() < 1e-10;
        r = next;
        if done {
            break;
        }
    }
    let mean = above(r);
    let square: f64 = proposed.iter().map(|log| (of_proposed(*log, r) - mean).powi(2)).sum();
    let of_proposed = square / (proposed.len() as f64 - 1.0) / proposed.len() as f64 / (mean * mean);
    let values: Vec<Vec<f64>> = drawn.iter().map(|chain| chain.iter().map(|log| of_drawn(*log, r)).collect()).collect();
    let mean = below(r);
    let of_drawn = match weighted {
        true => {
            let each = values.iter().flatten().zip(weights).map(|(x, w)| (w / total * (x - mean)).powi(2));
            each.sum::<f64>()
        }
        false => diagnostics::mcse_mean(&values).powi(2),
    };
    Evidence { log: middle + r.ln(), error: (of_proposed + of_drawn / (mean * mean)).sqrt() }
}
