//! The posterior of one data set from few simulations: in rounds, each of the prior cut to where the posterior that the rounds before
//! have taught has its mass (truncated sequential neural posterior estimation: Deistler, Goncalves & Macke, arXiv 2210.04815).
//!
//! Cutting the prior changes the posterior of no data set but those that it cuts, so that a network learns from the simulations of all
//! rounds that lie within the last cut as from any others, with no correction.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::RngExt;
use rayon::prelude::*;

use super::bank::{AnyBank, SMALLEST};
use super::npe::{AnyNpe, seed_of_member};
use super::posterior::AnyPosterior;
use super::posterior_estimator::AnyPosteriorEstimator;
use super::{InferenceError, Npe, Posterior, RequestError};
use crate::draws::{cumulative, pick};
use crate::files::{exists, read};
use crate::hash::{NOTHING, fnv};
use crate::model::{AnyData, AnyModel, Model, Purpose, SimulateError, Stream, stream_for};
use crate::nn::{self, Budget};
use crate::simulate::{AnySimulate, DrawnGlobals, Fixed, SimulationSource};

/// The draws of a posterior that tell where its mass is.
const DRAWS: usize = 30_000;
/// The share of its mass that a cut may lose.
const LOST: f64 = 1e-4;
/// The draws of the prior that tell how much of it a cut leaves.
const TRIED: usize = 10_000;
/// Where a cut leaves less of the prior, globals are not drawn from the prior until one is inside.
const RARE: f64 = 0.01;
/// The points inside a cut of which one is chosen by its prior density.
const CANDIDATES: usize = 16;
/// The points that are tried for one simulation.
const TRIES: usize = 1_000_000;
/// The points whose density is worked out together.
const TOGETHER: usize = 64;

/// The posterior of one data set, to be learned in rounds; made by `model.npe().rounds(5)`.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate days(1..=30) {
///             observe count ~ Poisson(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let data = FluxData { days: FluxDays { count: vec![3, 5, 2, 4, 4] } };
/// // Far too few simulations and steps, for an example.
/// let model = Flux::default();
/// let rounds = model.npe().seed(1).rounds(2).simulations(2_000);
/// let posterior: Posterior<Flux> = rounds.for_data(&data, folder, Budget::simulations(2_000))?;
/// assert_eq!(posterior.names(), ["rate"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is simulated before `for_data`"]
pub struct Rounds<'a, M: Model> {
    any: AnyNpe<'a>,
    rounds: usize,
    simulations: usize,
    model: PhantomData<fn() -> M>,
}

impl<'a, M: Model> Npe<'a, M> {
    /// Learns the posterior of one data set in `rounds`: where a simulation is expensive, and no other data will come. See [`Rounds`].
    pub fn rounds(self, rounds: usize) -> Rounds<'a, M> {
        Rounds { any: self.any, rounds, simulations: 10_000, model: PhantomData }
    }
}

impl<M: Model> Rounds<'_, M> {
    /// Sets the number of simulations of all rounds together; the default is 10,000.
    pub fn simulations(self, simulations: usize) -> Self {
        Self { simulations, ..self }
    }

    /// Simulates data sets of the sizes and covariates of `data`, learns their posteriors, and returns that of `data`. Each of the rounds
    /// has the same number of simulations; half of a budget of time is for the last. All simulations and networks are kept in
    /// `folder`, those of each data set, and of what is asked for of it, in a folder of its own. What is there is not done again, so that
    /// a work that was stopped goes on.
    ///
    /// # Errors
    /// No rounds, or too few simulations for each; a [`bank`](Npe::bank) or a [`checkpoint`](super::Trainable::checkpoint), which rounds have of
    /// their own; and those of [`Simulate::bank`](crate::simulate::Simulate::bank), of [`Npe::train`] and of
    /// [`PosteriorEstimator::condition`](super::PosteriorEstimator::condition).
    pub fn for_data(
        self,
        data: &M::Data,
        folder: impl AsRef<Path>,
        budget: Budget,
    ) -> Result<Posterior<M>, InferenceError> {
        let each = self.simulations.checked_div(self.rounds).unwrap_or(0);
        if each < SMALLEST {
            return Err(
                RequestError::Rounds { rounds: self.rounds, simulations: self.simulations, least: SMALLEST }.into()
            );
        }
        let own = [("bank", self.any.bank.is_some()), ("checkpoint", self.any.setup.checkpoint.is_some())];
        if let Some((what, _)) = own.into_iter().find(|(_, given)| *given) {
            return Err(RequestError::RoundsWith { what }.into());
        }
        let covariates: Arc<dyn AnyData> = Arc::new(data.clone());
        let work = Work {
            npe: self.any,
            data: &*covariates,
            covariates: &covariates,
            each,
            rounds: self.rounds,
            folder: folder.as_ref(),
            budget,
        };
        Ok(Posterior::of(work.run()?))
    }
}

/// Rounds for one data set.
struct Work<'a> {
    npe: AnyNpe<'a>,
    data: &'a dyn AnyData,
    covariates: &'a Arc<dyn AnyData>,
    /// The simulations of a round.
    each: usize,
    rounds: usize,
    folder: &'a Path,
    budget: Budget,
}

/// What a round has found.
struct Found {
    bank: AnyBank,
    posterior: AnyPosterior,
    /// A hash of the networks.
    hash: u64,
}

impl Work<'_> {
    fn run(&self) -> Result<AnyPosterior, InferenceError> {
        let mut found = self.round(0, &[], None)?;
        let mut cuts = Vec::new();
        for round in 1..self.rounds {
            cuts.push(Cut::new(found.posterior));
            found = self.round(round, &cuts, Some((found.bank, found.hash)))?;
        }
        Ok(found.posterior)
    }

    /// Simulates within `cuts`, and learns from that and from what the simulations `before` have there.
    fn round(&self, round: usize, cuts: &[Cut], before: Option<(AnyBank, u64)>) -> Result<Found, InferenceError> {
        let model = self.npe.source.model;
        let folder = self.own_folder().join(format!("round-{round}"));
        let mut simulate = AnySimulate::new(model, self.each);
        simulate.source =
            SimulationSource { seed: seed_of_member(self.npe.source.seed, round), ..self.npe.source.clone() };
        simulate.follow(self.data, true);
        if let Some((_, hash)) = &before {
            let prior = CutPrior::new(cuts, model, self.data)?;
            let draw = Arc::new(move |rng: &mut Stream| prior.draw(rng));
            simulate.drawn = Some(DrawnGlobals { of: format!("round {round} after {hash:016x}"), draw });
        }
        let units = before.as_ref().map(|(bank, _)| bank.units());
        let mut bank = simulate.bank(&folder, Some(self.covariates.clone()), units)?;
        if let (Some((mut all, _)), Some(last)) = (before, cuts.last()) {
            // The cuts before have been applied to them.
            all.retain(&|q| last.holds(q));
            all.append(bank);
            bank = all;
        }
        let path = folder.with_extension("safetensors");
        let failed = |source| nn::Error::Io { action: "read", path: path.clone(), source };
        if !exists(&path).map_err(failed)? {
            AnyNpe { bank: Some(&bank), ..self.npe.clone() }.train(self.budget_of(round))?.save(&path)?;
        }
        let estimator = AnyPosteriorEstimator::read(model, &path, self.npe.setup.networks.clone(), false)?;
        let bytes = read(&path).map_err(failed)?;
        let hash = fnv(NOTHING, bytes.into_iter().map(u64::from));
        Ok(Found { bank, posterior: estimator.condition(self.data)?, hash })
    }

    /// Returns the folder of these rounds: others of the same data, which are asked for otherwise, have another.
    fn own_folder(&self) -> PathBuf {
        let AnyNpe { source, globals, setup, mirrors, members, .. } = &self.npe;
        let asked = format!(
            "{}, {}, {}, {}, {}, {globals:?}, {:?}, {:?}, {mirrors:?}, {members:?}",
            source.seed,
            source.describe(),
            self.each,
            self.rounds,
            self.budget,
            setup.network,
            setup.training
        );
        let asked = fnv(NOTHING, asked.bytes().map(u64::from));
        self.folder.join(format!("{}-{asked:016x}", self.data.frame().digest()))
    }

    /// Divides a budget of time: half of it is for the last round.
    fn budget_of(&self, round: usize) -> Budget {
        match self.budget {
            Budget::Time(time) if self.rounds > 1 => {
                let (half, earlier) = (0.5 * time.as_secs_f64(), (self.rounds - 1) as f64);
                Budget::seconds(if round + 1 == self.rounds { half } else { half / earlier })
            }
            other => other,
        }
    }
}

/// Where a posterior has all but little of its mass.
struct Cut {
    posterior: AnyPosterior,
    /// The least log density, in the numbers of the network.
    floor: f64,
    /// The corners of a box around it. A point outside of the box is outside of the cut, which costs no evaluation of the network.
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Cut {
    fn new(posterior: AnyPosterior) -> Self {
        let points = posterior.estimate.sample(DRAWS, &mut stream_for(Purpose::Posterior, 1, 0, 0));
        let mut log_densities = posterior.estimate.log_densities(&points);
        log_densities.sort_unstable_by(f64::total_cmp);
        let floor = log_densities[(LOST * DRAWS as f64) as usize];
        let dims = points.len() / DRAWS;
        let bounds = (0..dims).map(|k| {
            let column = || points.iter().skip(k).step_by(dims).copied();
            let (low, high) = (column().fold(f64::INFINITY, f64::min), column().fold(f64::NEG_INFINITY, f64::max));
            let margin = 0.05 * (high - low);
            (low - margin, high + margin)
        });
        let (low, high) = bounds.unzip();
        Self { posterior, floor, low, high }
    }

    /// Tells whether the globals with the unconstrained numbers `q` are inside.
    fn holds(&self, q: &[f64]) -> bool {
        let point = self.posterior.to_point(q);
        let mut bounds = point.iter().zip(self.low.iter().zip(&self.high));
        let in_box = bounds.all(|(x, (low, high))| x >= low && x <= high);
        in_box && self.posterior.estimate.log_densities(&point)[0] >= self.floor
    }
}

/// The prior, cut.
struct CutPrior<'a> {
    cuts: &'a [Cut],
    model: &'a dyn AnyModel,
    /// What is held fixed while globals are drawn from the prior.
    fixed: Fixed<'a>,
    /// Whether points are drawn from the box of the last cut, and weighed by the prior.
    from_box: bool,
}

impl<'a> CutPrior<'a> {
    fn new(cuts: &'a [Cut], model: &'a dyn AnyModel, data: &'a dyn AnyData) -> Result<Self, InferenceError> {
        let fixed = Fixed::new(&model.specification(), &[], None, Some((data, false)))?.without_elements();
        let mut prior = Self { cuts, model, fixed, from_box: false };
        // Nothing is known of the prior density of some of the globals alone.
        if cuts.last().is_some_and(|cut| cut.posterior.is_of_all()) {
            let tried = (0..TRIED as u64).into_par_iter().map(|i| {
                let mut rng = stream_for(Purpose::Posterior, 2, 0, i);
                Ok(prior.hold(&model.draw_globals(&prior.fixed, &mut rng)?))
            });
            let inside: Vec<bool> = tried.collect::<Result<_, SimulateError>>()?;
            let inside = inside.into_iter().filter(|inside| *inside).count();
            prior.from_box = (inside as f64) < RARE * TRIED as f64;
        }
        Ok(prior)
    }

    /// Tells whether all cuts hold the globals of some `numbers`.
    fn hold(&self, numbers: &[f64]) -> bool {
        let q = self.model.unconstrain(&*self.model.globals(numbers), None);
        self.cuts.iter().all(|cut| cut.holds(&q))
    }

    /// Draws the numbers of the globals.
    fn draw(&self, rng: &mut Stream) -> Result<Vec<f64>, SimulateError> {
        match self.cuts.split_last() {
            Some((last, earlier)) if self.from_box => self.draw_from_box(last, earlier, rng),
            _ => self.draw_from_prior(rng),
        }
    }

    fn draw_from_prior(&self, rng: &mut Stream) -> Result<Vec<f64>, SimulateError> {
        for _ in 0..TRIES {
            let numbers = self.model.draw_globals(&self.fixed, rng)?;
            if self.hold(&numbers) {
                return Ok(numbers);
            }
        }
        Err(SimulateError::Cut { tries: TRIES })
    }

    /// Draws points from the box of the `last` cut until some are inside all cuts, and one of these by its prior density: that varies
    /// little, where the box is a small part of the prior.
    fn draw_from_box(&self, last: &Cut, earlier: &[Cut], rng: &mut Stream) -> Result<Vec<f64>, SimulateError> {
        let (mut numbers, mut log_weights) = (Vec::new(), Vec::new());
        for _ in 0..TRIES / TOGETHER {
            let mut points = Vec::with_capacity(TOGETHER * last.low.len());
            for _ in 0..TOGETHER {
                let sides = last.low.iter().zip(&last.high);
                points.extend(sides.map(|(low, high)| low + (high - low) * rng.random::<f64>()));
            }
            let log_densities = last.posterior.estimate.log_densities(&points);
            for (point, log_density) in points.chunks_exact(last.low.len()).zip(log_densities) {
                if log_density < last.floor || log_density.is_nan() {
                    continue;
                }
                let (q, values, log_prior) = last.posterior.prior_at(point);
                if log_prior.is_finite() && earlier.iter().all(|cut| cut.holds(&q)) {
                    numbers.push(values);
                    log_weights.push(log_prior);
                }
            }
            if numbers.len() >= CANDIDATES {
                let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = log_weights.iter().map(|log| (log - highest).exp()).collect();
                return Ok(numbers.swap_remove(pick(&cumulative(&weights), rng)));
            }
        }
        Err(SimulateError::Cut { tries: TRIES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    model! {
        pub Pair {
            global rate ~ Gamma(2.0, 1.0);
            global mu ~ Normal(rate, 2.0);
            plate rows(1..=30) {
                observe y ~ Normal(mu, 0.2 + rate);
            }
        }
    }

    /// Points of a box that are weighed by the prior are draws of the cut prior, as those of the prior that are inside are.
    #[test]
    fn both_ways_to_draw_from_a_cut_prior_agree() {
        let model = Pair::default();
        let estimator = model.npe().size("rows", 30).seed(1).train(Budget::simulations(20_000)).unwrap();
        let data = PairData { rows: PairRows { y: (0..30).map(|i| 3.0 + f64::from(i % 5) * 0.7).collect() } };
        let cuts = [Cut::new(estimator.any().condition(&data).unwrap())];
        let mut prior = CutPrior::new(&cuts, &model, &data).unwrap();
        let draws = |prior: &CutPrior<'_>, purpose: u64| -> Vec<Vec<f64>> {
            let one = |i| prior.draw(&mut stream_for(Purpose::Posterior, purpose, 0, i)).unwrap();
            (0..6_000).into_par_iter().map(one).collect()
        };
        prior.from_box = false;
        let from_prior = draws(&prior, 3);
        prior.from_box = true;
        let from_box = draws(&prior, 4);
        for k in 0..2 {
            let moments = |draws: &[Vec<f64>]| {
                let n = draws.len() as f64;
                let mean = draws.iter().map(|x| x[k]).sum::<f64>() / n;
                let variance = draws.iter().map(|x| (x[k] - mean).powi(2)).sum::<f64>() / n;
                (mean, variance.sqrt())
            };
            let ((mean, sd), (expected, expected_sd)) = (moments(&from_box), moments(&from_prior));
            // Five standard errors of a difference of means are 0.09 sd, of sds 6 % at most.
            assert!((mean - expected).abs() < 0.09 * expected_sd, "{mean} {expected} {expected_sd}");
            assert!((sd / expected_sd - 1.0).abs() < 0.06, "{sd} {expected_sd}");
        }
    }
}
