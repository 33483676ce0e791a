//! Markov chains of the No-U-Turn Sampler over a model's density.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::adaptation::Adaptation;
use super::checkpoint::{ChainState, Checkpoint, DrawStore, Run};
use super::improper;
use super::metric::Metric;
use super::start::{Known, start};
#[cfg(feature = "zarr")]
use super::store::ZarrStore;
use super::threads::{derivatives, on_threads};
use super::trajectory::{Position, Walker};
use super::{AnyChains, AnyWeightedDraws, Chains, SampleError, WeightedDraws};
use crate::draws::{Choice, Draws, SampleStats, diagnostics, fill_discrete_globals, has_discrete_global};
use crate::files::SaveClock;
use crate::model::{AnyData, AnyDensity, AnyModel, DataError, Densities, Density, Likelihood, Model};
use crate::model::{Purpose, stream_for};
use crate::progress::Progress;

/// The default number of warm-up steps: without a known posterior, and with one to start from.
const WARMUP: usize = 1000;
const WARMUP_FROM: usize = 100;
/// Markov chains that are ready to run; made by `model.nuts(&data)`.
#[derive(Clone, Debug)]
#[must_use = "nothing is sampled before `run`"]
pub struct Nuts<'a, M: Model> {
    model: &'a M,
    data: &'a M::Data,
    density: DensitySource<'a, M>,
    settings: NutsSettings<'a>,
}

/// The source of the density.
#[derive(Clone, Debug)]
enum DensitySource<'a, M: Model> {
    /// Made from the data, after checking them.
    Data(fn(&'a M, &'a M::Data) -> Result<Density<'a, M>, DataError>),
    /// A density that a network has learned, what speaks against it, and the names of the numbers that it is the posterior of, or
    /// `None` for all; the draws of the others are NaN.
    Learned(Density<'a, M>, Vec<String>, Option<Vec<String>>),
}

/// The settings of the chains.
#[derive(Clone, Debug)]
struct NutsSettings<'a> {
    seed: u64,
    chains: usize,
    warmup: Option<usize>,
    draws: usize,
    target_accept: f64,
    metric: Metric,
    from: Option<&'a AnyWeightedDraws>,
    checkpoint: Option<Kept>,
}

/// Where chains are kept while they run.
#[derive(Clone, Debug)]
enum Kept {
    /// In a file.
    File(PathBuf),
    /// In a store, with a file for what a store has no place for.
    #[cfg(feature = "zarr")]
    Store(PathBuf),
}

impl<'a, M: Likelihood> Nuts<'a, M> {
    /// Prepares four chains of 1000 draws each after 1000 warm-up steps, with seed 0.
    pub fn new(model: &'a M, data: &'a M::Data) -> Self {
        Self::with(model, data, DensitySource::Data(Density::new))
    }
}

// Only `new` requires a likelihood, so that a model without one causes one compiler error and not one for each method.
impl<'a, M: Model> Nuts<'a, M> {
    /// Prepares chains over `density`, one of the model's latent variables given data that a network has learned, with `doubts` of
    /// it, which are warnings of the chains. `inferred` names the numbers that it is the posterior of; `None` for all.
    pub(crate) fn over(
        (model, data): (&'a M, &'a M::Data),
        density: Density<'a, M>,
        doubts: Vec<String>,
        inferred: Option<Vec<String>>,
    ) -> Self {
        Self::with(model, data, DensitySource::Learned(density, doubts, inferred))
    }

    fn with(model: &'a M, data: &'a M::Data, density: DensitySource<'a, M>) -> Self {
        Self { model, data, density, settings: NutsSettings::default() }
    }

    /// Sets the seed; the default is 0. The same seed gives the same draws on any number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets the number of chains, which run in parallel; the default is 4.
    pub fn chains(mut self, chains: usize) -> Self {
        self.settings.chains = chains;
        self
    }

    /// Sets the number of warm-up steps, which adapt the step size and the metric before draws are kept.
    pub fn warmup(mut self, steps: usize) -> Self {
        self.settings.warmup = Some(steps);
        self
    }

    /// Starts each chain from a draw of a known posterior, with its covariance as the metric. The warm-up is then 100
    /// steps, unless [`warmup`](Nuts::warmup) sets another number. The chains are as exact as from any other start; if
    /// the weights of `refined` cannot be trusted, its draws are used with equal weights.
    pub fn start_from(mut self, refined: &'a WeightedDraws<M>) -> Self {
        self.settings.from = Some(refined.any());
        self
    }

    /// Sets the number of draws that each chain keeps; the default is 1000.
    pub fn draws(mut self, draws: usize) -> Self {
        self.settings.draws = draws;
        self
    }

    /// Sets the acceptance probability that the step size aims at, between 0 and 1; the default is 0.8. Choose a value
    /// nearer to 1 if there are divergences.
    pub fn target_accept(mut self, probability: f64) -> Self {
        self.settings.target_accept = probability;
        self
    }

    /// Sets what the warm-up learns of the posterior's shape; the default is [`Metric::Diagonal`]. Choose
    /// [`Metric::LowRank`] where variables are strongly correlated.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.settings.metric = metric;
        self
    }

    /// Writes the chains to the file `path` every few seconds and at their end; Ctrl-C writes them once more. If the file
    /// exists already, the chains go on from it: the draws are those of chains that were never interrupted, to the bit on the
    /// same instruction set. More draws than the file holds may be asked for.
    ///
    /// ```
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Mean {
    ///         global mean ~ Normal(0.0, 1.0);
    ///         plate events(1..=50) {
    ///             observe x ~ Normal(mean, 1.0);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mean.chains");
    /// let (model, data) = (Mean::default(), MeanData { events: MeanEvents { x: vec![0.3, 1.1, 0.7] } });
    /// let first = model.nuts(&data).draws(500).checkpoint(&path).run()?;
    /// let all = model.nuts(&data).draws(800).checkpoint(&path).run()?; // 300 more of each chain
    /// assert_eq!(all.by_chain("mean")?[0][..500], *first.by_chain("mean")?[0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.checkpoint = Some(Kept::File(path.as_ref().to_owned()));
        self
    }

    /// Writes the draws to the store of Zarr `path`, such as `run.zarr`, every few seconds and at the end: ArviZ opens it while the
    /// chains run, and what it holds is kept where they are killed. If it exists already, the chains go on from it, as they do from
    /// the file of a [`checkpoint`](Nuts::checkpoint), which this replaces.
    ///
    /// It has the groups `posterior`, `sample_stats`, `observed_data` and `constant_data`, as long as the longest chain: what the others
    /// have not drawn yet is NaN (0 and `false` among whole numbers and truths). `chains.save(..)` writes all groups, to another store
    /// or over this one, from which chains then no longer go on.
    ///
    /// ```
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Mean {
    ///         global mean ~ Normal(0.0, 1.0);
    ///         plate events(1..=50) {
    ///             observe x ~ Normal(mean, 1.0);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mean.zarr");
    /// let (model, data) = (Mean::default(), MeanData { events: MeanEvents { x: vec![0.3, 1.1, 0.7] } });
    /// let first = model.nuts(&data).draws(500).store(&path).run()?;
    /// let all = model.nuts(&data).draws(800).store(&path).run()?; // 300 more of each chain
    /// assert_eq!(all.by_chain("mean")?[0][..500], *first.by_chain("mean")?[0]);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "zarr")]
    pub fn store(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.checkpoint = Some(Kept::Store(path.as_ref().to_owned()));
        self
    }

    /// Runs the chains on all cores.
    ///
    /// # Errors
    /// The data do not fit the model, a setting is too small, no starting point with a finite density is found, or the
    /// checkpoint cannot be used.
    pub fn run(self) -> Result<Chains<M>, SampleError> {
        self.settings.check()?;
        let (density, doubts, inferred) = match self.density {
            DensitySource::Data(make) => (make(self.model, self.data)?, Vec::new(), None),
            DensitySource::Learned(density, doubts, inferred) => (density, doubts, inferred),
        };
        let chains = self.settings.run(self.model, self.data, &|| Box::new(density.clone()), inferred.as_deref())?;
        Ok(Chains::of(AnyChains { doubts, ..chains }))
    }
}

/// Runs four chains over `densities` from a posterior that is roughly known, with `draws` draws in all.
pub(super) fn run_from(
    (model, data): (&dyn AnyModel, &dyn AnyData),
    densities: Densities<'_>,
    from: Option<&AnyWeightedDraws>,
    (draws, seed): (usize, u64),
) -> Result<AnyChains, SampleError> {
    let settings =
        NutsSettings { seed, draws: draws.div_ceil(4).max(4), warmup: Some(WARMUP), from, ..NutsSettings::default() };
    settings.run(model, data, densities, None)
}

impl Default for NutsSettings<'_> {
    fn default() -> Self {
        Self {
            seed: 0,
            chains: 4,
            warmup: None,
            draws: 1000,
            target_accept: 0.8,
            metric: Metric::default(),
            from: None,
            checkpoint: None,
        }
    }
}

impl NutsSettings<'_> {
    fn check(&self) -> Result<(), SampleError> {
        for (setting, value, least) in [
            ("the number of chains", self.chains, 1),
            ("the number of draws", self.draws, 4),
            ("the warm-up", self.steps_of_warmup(), 50),
        ] {
            if value < least {
                return Err(SampleError::Setting { setting, value, least });
            }
        }
        if !(0.05..=0.999).contains(&self.target_accept) {
            return Err(SampleError::TargetAccept { value: self.target_accept });
        }
        Ok(())
    }

    /// Runs the chains over a density of a model's latent variables given data. `inferred` names the numbers that it is
    /// the posterior of; `None` for all.
    fn run(
        &self,
        model: &dyn AnyModel,
        data: &dyn AnyData,
        densities: Densities<'_>,
        inferred: Option<&[String]>,
    ) -> Result<AnyChains, SampleError> {
        let dimension = densities().dimension();
        if dimension == 0 {
            return Err(SampleError::NothingToSample);
        }
        improper::check(model, &mut *densities(), self.seed)?;
        let known = self.from.map(|refined| Known::new(refined, dimension)).transpose()?;
        let started = Instant::now();
        let steps = self.chains * (self.steps_of_warmup() + self.draws);
        let checkpoint = self.checkpoint.as_ref().map(|kept| {
            let identity = self.identity(model, data, known.as_ref());
            let (path, store): (_, Option<Box<dyn DrawStore>>) = match kept {
                Kept::File(path) => (path.clone(), None),
                #[cfg(feature = "zarr")]
                Kept::Store(path) => {
                    let store = ZarrStore::new(path, (model, data), self.chains, inferred)?;
                    (path.join(ZarrStore::STATES), Some(Box::new(store)))
                }
            };
            let steps = (self.steps_of_warmup(), self.draws);
            Checkpoint::open(&path, identity, (self.chains, dimension), steps, store)
        });
        let checkpoint = checkpoint.transpose()?;
        let before = checkpoint.as_ref().map_or(0, Checkpoint::done);
        let (progress, done, divergent) =
            (Progress::new("sampling", steps as u64), AtomicU64::new(before), AtomicU64::new(0));
        let report = |diverging: bool| {
            let divergent = divergent.fetch_add(u64::from(diverging), Ordering::Relaxed);
            let done = done.fetch_add(1, Ordering::Relaxed);
            if done % 64 == 0 {
                progress.set(done, || format!("{divergent} divergences,"));
            }
        };
        let runs: Vec<Run> = on_threads(derivatives(&model.specification()), self.chains, || {
            let chain =
                |chain| self.chain((model, data), chain, densities(), known.as_ref(), checkpoint.as_ref(), &report);
            (0..self.chains).into_par_iter().map(chain).collect::<Result<_, _>>()
        })??;
        drop(progress);
        let mut names = model.names(Some(data));
        names.extend(model.derived_names(data));
        let mut draws = vec![Vec::with_capacity(self.chains); names.len()];
        let (mut divergences, mut cut, mut without_slope, mut bfmi) = (0, 0, 0, Vec::new());
        let mut stats = SampleStats::default();
        for run in runs {
            divergences += run.divergences;
            cut += run.cut;
            without_slope += run.without_slope;
            bfmi.push(diagnostics::bfmi(&run.energies));
            stats.append(run.stats);
            run.columns.into_iter().zip(&mut draws).for_each(|(column, all)| all.push(column));
        }
        if let Some(inferred) = inferred {
            for (_, draws) in names.iter().zip(&mut draws).filter(|(name, _)| !inferred.contains(name)) {
                draws.iter_mut().flatten().for_each(|x| *x = f64::NAN);
            }
        }
        let columns = draws.into_iter().map(|chains: Vec<Vec<f64>>| chains.concat());
        let draws = Draws::new(names.into_iter().zip(columns)).of_chains(self.chains);
        if stats.len() != self.chains * self.draws {
            stats = SampleStats::default();
        }
        let time = started.elapsed();
        let (chains, doubts) = (self.chains, Vec::new());
        Ok(AnyChains { draws, chains, divergences, cut, without_slope, bfmi, time, stats, doubts })
    }

    fn steps_of_warmup(&self) -> usize {
        self.warmup.unwrap_or(if self.from.is_some() { WARMUP_FROM } else { WARMUP })
    }

    /// Returns a text that is the same for the same chains, of any number of draws.
    fn identity(&self, model: &dyn AnyModel, data: &dyn AnyData, known: Option<&Known<'_>>) -> String {
        let Self { seed, chains, target_accept, metric, .. } = self;
        let (model, data, warmup) =
            (model.specification().fingerprint(), data.frame().digest(), self.steps_of_warmup());
        let from = known.map(|known| format!(", from {:016x}", known.hash())).unwrap_or_default();
        let metric = match metric {
            Metric::Diagonal => "",
            Metric::LowRank => ", metric of low rank",
        };
        format!(
            "{model}, data {data}, seed {seed}, {chains} chains, warm-up {warmup}, target_accept {target_accept}{metric}{from}"
        )
    }

    fn chain(
        &self,
        (model, data): (&dyn AnyModel, &dyn AnyData),
        chain: usize,
        mut density: Box<dyn AnyDensity + '_>,
        known: Option<&Known<'_>>,
        checkpoint: Option<&Checkpoint>,
        report: &(dyn Fn(bool) + Sync),
    ) -> Result<Run, SampleError> {
        let saved = checkpoint.and_then(|checkpoint| Some((checkpoint, checkpoint.state(chain)?)));
        let mut rng = stream_for(Purpose::Chains, self.seed, 0, chain as u64);
        let start = match &saved {
            Some(_) => None,
            None => Some(start((model, data), chain, known, &mut *density, &mut rng)?),
        };
        let metric = known.map(|known| &known.metric);
        let dimension = density.dimension();
        let (mut unrounded, mut by_unrounded) = (vec![0.0; dimension], vec![0.0; dimension]);
        let mut in_metric = |y: &[f64], gradient: &mut [f64]| match metric {
            // The Jacobian of the metric is constant, so it is left out.
            Some(metric) => {
                metric.forward(y, &mut unrounded);
                let value = density.gradient(&unrounded, &mut by_unrounded);
                metric.pull(&by_unrounded, gradient);
                value
            }
            None => density.gradient(y, gradient),
        };
        let warmup = self.steps_of_warmup();
        let mut state = match (saved, start) {
            (Some((checkpoint, saved)), _) => {
                let now = Position::new(saved.position.q.clone(), &mut in_metric).value;
                checkpoint.check_density(saved.position.value, now)?;
                saved
            }
            (None, start) => {
                let start = start.unwrap_or_default();
                let start = metric.map_or_else(|| start.clone(), |metric| metric.inverse(&start));
                let position = Position::new(start, &mut in_metric);
                let scales = if known.is_some() { vec![1.0; dimension] } else { Adaptation::first_scales(&position) };
                let mut walker = Walker::new(scales);
                walker.find_step(&position, &mut in_metric, &mut rng);
                let adaptation = Adaptation::new(warmup, self.target_accept, walker.step, self.metric);
                ChainState { done: 0, rng, position, walker, adaptation, run: Run::default() }
            }
        };
        let (mut values, mut q) = (Vec::new(), vec![0.0; dimension]);
        let discrete = has_discrete_global(&model.specification());
        let (last, mut clock) = (warmup + self.draws, SaveClock::default());
        while state.done < last {
            let ChainState { done, rng, position, walker, adaptation, run } = &mut state;
            let transition = walker.transition(position, &mut in_metric, rng);
            *done += 1;
            if *done <= warmup {
                adaptation.learn(position, transition, walker);
                report(false);
                if *done == warmup {
                    walker.without_slope = 0;
                }
            } else {
                report(transition.diverged);
                run.divergences += usize::from(transition.diverged);
                run.cut += usize::from(transition.cut);
                run.energies.push(transition.energy);
                run.stats.diverging.push(transition.diverged);
                run.stats.energy.push(transition.energy);
                run.stats.lp.push(position.value);
                run.stats.tree_depth.push(transition.depth as u64);
                run.stats.n_steps.push(transition.steps as u64);
                run.stats.step_size.push(walker.step);
                run.stats.acceptance_rate.push(transition.accept);
                match metric {
                    Some(metric) => metric.forward(&position.q, &mut q),
                    None => q.copy_from_slice(&position.q),
                }
                model.constrain_with_derived(Some(data), &q, &mut values);
                if discrete {
                    let rng = stream_for(Purpose::Discrete, self.seed, 1 + chain as u64, *done as u64);
                    fill_discrete_globals(model, data, &mut values, Choice::Draw(rng));
                }
                run.columns.resize_with(values.len(), || Vec::with_capacity(self.draws));
                run.columns.iter_mut().zip(&values).for_each(|(column, &x)| column.push(x));
                run.without_slope = walker.without_slope;
            }
            if let Some(checkpoint) = checkpoint {
                checkpoint.keep(chain, &state, state.done == last, &mut clock)?;
            }
        }
        Ok(state.run)
    }
}
