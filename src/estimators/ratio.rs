//! Neural ratio estimation: a network learns to tell which globals belong to a data set, and so the ratio of the
//! likelihood to the evidence, p(data | globals) / p(data). The prior times this ratio is the posterior.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::link::Link;
use super::npe::Npe;
use super::posterior_estimator::AnyPosteriorEstimator;
use super::trainable::{Trainable, TrainingSetup};
use super::units::{Target, places};
use super::{Bank, InferenceError, PosteriorEstimator};
use crate::draws::{Draws, Inferred, cumulative, pick};
use crate::model::typed;
use crate::model::{AnyData, AnyGlobals, AnyModel, AnySimulation, AsNumbers, Density, Explicit, Factor, Model, Name};
use crate::model::{Purpose, stream_for};
use crate::nn::{Budget, Contrast, ElementNetworks, Output, Ratio, RatioScratch, TrainingRecord};
use crate::sampling::{AnyWeightedDraws, Nuts, WeightedDraws};
use crate::simulate::{Fixed, SimulateError, Simulated, Simulation, SimulationSource, Stream};

/// The number of draws of the prior that, with weights, represent the posterior.
const PRIOR: usize = 20_000;
/// The width of the network that evaluates pairs of data and globals.
pub(super) const WIDTH: usize = 64;

/// A ratio estimator to be trained; made by `model.nre()`.
///
/// ```
/// use hierarch::estimators::Nre;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let nre: Nre<'_, Flux> = model.nre();
/// let estimator: RatioEstimator<Flux> = nre.train(Budget::simulations(2_000))?; // far too short, for an example
/// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 0.2, 0.3] } };
/// let posterior: RatioPosterior<Flux> = estimator.condition(&data)?;
/// println!("{posterior}");
/// println!("{:.2} nats", posterior.log_ratio(&FluxGlobals { rate: 1.5 }));
/// let chains = posterior.nuts().seed(1).run()?; // the same estimator, by a chain
/// # assert!(chains.rhat_max() < 1.1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct Nre<'a, M: Model> {
    pub(super) npe: Npe<'a, M>,
    others: usize,
    gamma: Option<f64>,
    balance: f64,
}

impl<'a, M: Model> Nre<'a, M> {
    /// Prepares a ratio estimator for all globals but nuisance parameters: by NRE-C with 31 others and even odds, from
    /// seed 0.
    pub fn new(model: &'a M) -> Self {
        Self { npe: Npe::new(model), others: 31, gamma: Some(1.0), balance: 0.0 }
    }

    fn with(self, change: impl FnOnce(Npe<'a, M>) -> Npe<'a, M>) -> Self {
        Self { npe: change(self.npe), ..self }
    }

    /// Infers only the globals `names`; the others are integrated over. Nuisance parameters are never inferred unless
    /// named.
    pub fn globals<N: Into<Name>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.with(|npe| npe.globals(names))
    }

    /// Trains on the simulations of `bank`, as [`Npe::bank`] does.
    pub fn bank(self, bank: &'a Bank<M>) -> Self {
        self.with(|npe| npe.bank(bank))
    }

    /// Sets the number of other data sets that each data set is told from, 63 at most. With more of them the network
    /// learns more about globals near the true ones, which helps if the posterior is narrow, and training takes more
    /// time. A chunk of a training step must have more data sets than `others`: by default it has 32.
    pub fn others(mut self, others: usize) -> Self {
        self.others = others;
        self
    }

    /// Chooses NRE-C with odds of `gamma` to 1 that any of the pairs belongs together (Miller et al., arXiv
    /// 2210.06170).
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = Some(gamma);
        self
    }

    /// Chooses NRE-B (Durkan et al., arXiv 2002.03712): the ratio is learned up to a factor that depends on the data.
    /// This factor does not affect the posterior, but it does affect ratios that are added or compared between data
    /// sets.
    pub fn up_to_a_factor(mut self) -> Self {
        self.gamma = None;
        self
    }

    /// Adds a `cost`, in nats, for a ratio that is off balance, so that posteriors err on the side of being too wide
    /// (Delaunoy et al., arXiv 2208.13624, who take 100).
    pub fn balanced(mut self, cost: f64) -> Self {
        self.balance = cost;
        self
    }

    /// Returns how the ratio is learned.
    pub(super) fn output(&self) -> Output {
        let others = self.others;
        let contrast = match self.gamma {
            Some(gamma) => Contrast::WhichIfAny { others, gamma: gamma as f32 },
            None => Contrast::Which { others },
        };
        Output::Ratio { contrast, balance: self.balance as f32, width: WIDTH }
    }

    /// Trains on fresh simulations, or on those of a [`bank`](Nre::bank), on all cores, until the budget is spent.
    ///
    /// # Errors
    /// A model that cannot be simulated, a global that does not exist, a training that diverges, or a checkpoint of
    /// another training.
    pub fn train(mut self, budget: Budget) -> Result<RatioEstimator<M>, InferenceError> {
        self.npe.any.output = Some(self.output());
        Ok(RatioEstimator { trained: self.npe.train(budget)? })
    }
}

impl<M: Model> Trainable for Nre<'_, M> {
    fn setup_mut(&mut self) -> &mut TrainingSetup {
        self.npe.setup_mut()
    }
}

impl<'a, M: Model> Simulated<'a, M> for Nre<'a, M> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.npe.any.source
    }
}

/// An amortized ratio of the likelihood to the evidence, as a function of globals of a model.
#[derive(Clone, Debug)]
pub struct RatioEstimator<M: Model> {
    /// The trained network with its model, as for a posterior; only what it returns for data differs.
    trained: PosteriorEstimator<M>,
}

impl<M: Model> RatioEstimator<M> {
    /// Returns the ratio and the posterior given `data`, a data set of any size in the model's ranges.
    ///
    /// # Errors
    /// Data that do not fit the model; data that the network finds impossible at all draws of the prior.
    pub fn condition(&self, data: &M::Data) -> Result<RatioPosterior<M>, InferenceError> {
        let trained = self.trained.any();
        AnyRatioPosterior::new(trained, trained.ratio(data)?, data).map(RatioPosterior::of)
    }

    /// Returns the records of the training. The losses are those of telling data sets apart, in nats.
    pub fn history(&self) -> &[TrainingRecord] {
        self.trained.history()
    }

    /// Returns warnings about the training, in words; none if all seems well.
    pub fn warnings(&self) -> Vec<String> {
        self.trained.warnings()
    }

    /// Returns the plates whose size was fixed in training, with that size.
    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        self.trained.sizes()
    }

    /// Returns the model that the estimator was trained for.
    pub fn model(&self) -> &M {
        self.trained.model()
    }

    /// Writes the estimator to the file `path` in the safetensors format, completely or not at all. The header names
    /// the model.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.trained.save(path)
    }

    /// Reads an estimator from the file `path`, which was saved for the same model with the same params as `model`.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds something else, such as the ratio of another model, or a
    /// posterior.
    pub fn load(model: &M, path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::load_with(model, path, ElementNetworks::default())
    }

    /// Reads an estimator that was trained with element networks of your own, `networks`: else as
    /// [`load`](RatioEstimator::load).
    ///
    /// # Errors
    /// Those of [`load`](RatioEstimator::load), and a network whose sizes are not those of the training.
    pub fn load_with(model: &M, path: impl AsRef<Path>, networks: ElementNetworks) -> Result<Self, InferenceError> {
        let trained = AnyPosteriorEstimator::read(model, path.as_ref(), networks, true)?;
        Ok(Self { trained: PosteriorEstimator::of(trained) })
    }
}

/// The posterior of the globals given one data set, by a learned ratio: the prior times the ratio.
///
/// Means and quantiles are those of draws of the prior, with the ratios as weights: see
/// [`weighted`](RatioPosterior::weighted), and [`warnings`](Inferred::warnings) on whether these draws are enough. If
/// the posterior is much narrower than the prior they are not; then sample it with [`nuts`](RatioPosterior::nuts).
#[derive(Clone, Debug)]
pub struct RatioPosterior<M: Model> {
    any: Arc<AnyRatioPosterior>,
    weighted: WeightedDraws<M>,
}

/// A posterior of the globals of some model, by a learned ratio.
#[derive(Debug)]
struct AnyRatioPosterior {
    model: Arc<dyn AnyModel>,
    targets: Arc<[Target]>,
    ratio: Ratio,
    /// ln of the ratio at draws of the prior, and of their mean.
    log_ratios: Vec<f64>,
    log_evidence: f64,
    /// A simulation without elements.
    empty: Box<dyn AnySimulation>,
    /// What speaks against the estimator that it is of, and what of the data is beyond it.
    doubts: Vec<String>,
}

impl AnyRatioPosterior {
    /// Makes the posterior and draws of the prior, which have the ratios as weights.
    fn new(
        trained: &AnyPosteriorEstimator,
        ratio: Ratio,
        data: &dyn AnyData,
    ) -> Result<(Self, AnyWeightedDraws), InferenceError> {
        let (model, targets) = (trained.model().clone(), trained.targets());
        // Globals do not depend on covariates, but a draw needs values for those outside plates.
        let fixed = Fixed::new(&model.specification(), &[], None, Some((data, false)))?.without_elements();
        let draw = |i: u64| model.draw(&fixed, &mut stream_for(Purpose::RatioPrior, 0, 0, i));
        let own = |i: usize| {
            let simulation = draw(i as u64)?;
            Ok((model.unconstrain(simulation.globals(), None), simulation.globals().to_numbers()))
        };
        let drawn = (0..PRIOR).into_par_iter().with_min_len(64).map(own);
        let drawn: Vec<_> = drawn.collect::<Result<_, SimulateError>>()?;
        let free = model.global_slots().iter().map(|g| g.free.end).max().unwrap_or(0);
        let (mut q, mut points, mut values) = (Vec::with_capacity(PRIOR * free), Vec::new(), Vec::new());
        let shown: Vec<usize> = targets.iter().flat_map(|t| t.values.clone()).collect();
        for (own, numbers) in drawn {
            points.extend(places(&targets).map(|(at, link)| link.forward(own[at])));
            q.extend(own);
            values.extend(shown.iter().map(|&at| numbers[at]));
        }
        let names = targets.iter().flat_map(|t| t.components.clone()).collect();
        let log_ratios = ratio.log_ratios(0, &points);
        let weighted = AnyWeightedDraws::new(names, values, q, log_ratios.clone())?.of_prior();
        let empty = draw(0)?;
        let log_evidence = weighted.evidence().log;
        let doubts = [trained.warnings(), trained.beyond(data)].concat();
        Ok((Self { model, targets, ratio, log_ratios, log_evidence, empty, doubts }, weighted))
    }

    fn log_ratio(&self, globals: &dyn AnyGlobals) -> f64 {
        let q = self.model.unconstrain(globals, None);
        let point: Vec<f64> = places(&self.targets).map(|(at, link)| link.forward(q[at])).collect();
        self.ratio.log_ratios(0, &point)[0]
    }

    /// Returns whether all globals were inferred.
    fn is_of_all(&self) -> bool {
        self.targets.len() == self.model.global_slots().len()
    }

    fn log_posterior(&self, globals: &dyn AnyGlobals) -> Option<f64> {
        if !self.is_of_all() {
            return None;
        }
        let prior = self.model.log_prior(globals);
        // Outside the prior's support the ratio is meaningless.
        let ratio = if prior == f64::NEG_INFINITY { 0.0 } else { self.log_ratio(globals) };
        Some(prior + ratio - self.log_evidence)
    }

    /// Returns the ratio as a factor of the prior's density.
    fn factor(&self) -> Box<dyn Factor> {
        let places: Vec<(usize, Link)> = places(&self.targets).collect();
        Box::new(RatioFactor::new(self.ratio.clone(), (0..places.len()).collect(), places))
    }
}

impl<M: Model> RatioPosterior<M> {
    fn of((any, weighted): (AnyRatioPosterior, AnyWeightedDraws)) -> Self {
        Self { any: Arc::new(any), weighted: WeightedDraws::of(weighted) }
    }

    /// Returns ln of the learned ratio p(data | globals) / p(data) at `globals`; those that were not inferred are
    /// ignored. It is NaN outside the prior's support.
    pub fn log_ratio(&self, globals: &M::Globals) -> f64 {
        self.any.log_ratio(globals)
    }

    /// Returns the log density of the posterior at `globals`, in the constrained space, normalised over the draws of
    /// the prior; `None` if some globals were not inferred, since the prior would have to be integrated over them.
    pub fn log_posterior(&self, globals: &M::Globals) -> Option<f64> {
        self.any.log_posterior(globals)
    }

    /// Returns draws of the prior with the ratios as weights: with their k-hat and effective sample size, and ln of
    /// their mean, which is 0 for a perfect ratio (unless the ratio is known only up to a factor).
    pub fn weighted(&self) -> &WeightedDraws<M> {
        &self.weighted
    }

    /// Returns draws, number by number, from the posterior over the draws of the prior and `truth`, at which the data were
    /// simulated: whatever the points, it is one of them with the probability that its ratio
    /// gives, if the ratio is exact. So ranks of it among these draws are uniform however few points have weight, where the
    /// posterior over the draws of the prior alone would be too narrow.
    pub(crate) fn sample_with(&self, truth: &M::Globals, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let AnyRatioPosterior { targets, log_ratios, .. } = &*self.any;
        let mut rng = stream_for(Purpose::Posterior, seed, 0, 0);
        let picked = pick_with(log_ratios, self.log_ratio(truth), count, &mut rng);
        let numbers = AsNumbers::to_numbers(truth);
        let truth = targets.iter().flat_map(|target| target.values.clone()).map(|at| numbers[at]);
        let columns = self.weighted.as_draws().columns().to_vec().into_iter().zip(truth);
        columns
            .map(|(column, truth)| picked.iter().map(|&at| column.get(at).copied().unwrap_or(truth)).collect())
            .collect()
    }

    /// Samples the posterior, the prior times the learned ratio, by Markov chains, whose warnings include those of the ratio. Globals
    /// that were not inferred are NaN in the draws.
    pub fn nuts(&self) -> Nuts<'_, M>
    where
        M: Explicit,
    {
        let (model, empty) = (typed(&*self.any.model), typed::<Simulation<M>>(&*self.any.empty));
        let density = Density::of_globals(model, &empty.data).with_factor(self.any.factor());
        let inferred = (!self.any.is_of_all()).then(|| self.names());
        Nuts::over((model, &empty.data), density, self.any.doubts.clone(), inferred)
    }
}

/// Draws `count` positions of points by their ratios; the point after the last has the ratio `own`.
fn pick_with(log_ratios: &[f64], own: f64, count: usize, rng: &mut Stream) -> Vec<usize> {
    let most = log_ratios.iter().fold(own, |most, ratio| most.max(*ratio));
    let weights: Vec<f64> = log_ratios.iter().chain([&own]).map(|ratio| (ratio - most).exp()).collect();
    let below = cumulative(&weights);
    (0..count).map(|_| pick(&below, rng)).collect()
}

impl<M: Model> Inferred for RatioPosterior<M> {
    /// Returns draws of the prior with the ratios as weights.
    fn as_draws(&self) -> Cow<'_, Draws> {
        self.weighted.as_draws()
    }

    fn warnings(&self) -> Vec<String> {
        [&self.any.doubts[..], &self.weighted.warnings()].concat()
    }
}

impl<M: Model> std::fmt::Display for RatioPosterior<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.weighted.fmt(f)?;
        self.any.doubts.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

/// The ratios of some data sets as a factor of a density.
#[derive(Debug)]
pub(super) struct RatioFactor {
    ratio: Ratio,
    /// For each data set and each target, the index of its number in `places`.
    of: Arc<[usize]>,
    /// Where the unconstrained numbers are in the density, and their links to the numbers that the network reads.
    places: Arc<[(usize, Link)]>,
    /// For each place the number that the network reads, and its derivative.
    linked: Vec<(f64, f64)>,
    points: Vec<f64>,
    gradient: Vec<f64>,
    scratch: RatioScratch,
}

impl RatioFactor {
    pub(super) fn new(ratio: Ratio, of: Vec<usize>, places: Vec<(usize, Link)>) -> Self {
        let gradient = vec![0.0; of.len()];
        Self {
            ratio,
            of: of.into(),
            places: places.into(),
            linked: Vec::new(),
            points: Vec::new(),
            gradient,
            scratch: RatioScratch::default(),
        }
    }
}

impl Factor for RatioFactor {
    fn add(&mut self, q: &[f64], gradient: &mut [f64]) -> f64 {
        self.linked.clear();
        self.linked.extend(self.places.iter().map(|(at, link)| (link.forward(q[*at]), link.log_slope(q[*at]).exp())));
        self.points.clear();
        self.points.extend(self.of.iter().map(|&place| self.linked[place].0));
        let value = self.ratio.gradient(&self.points, &mut self.gradient, &mut self.scratch);
        for (&place, by) in self.of.iter().zip(&self.gradient) {
            gradient[self.places[place].0] += by * self.linked[place].1;
        }
        value
    }

    fn copy(&self) -> Box<dyn Factor> {
        let (of, places) = (self.of.clone(), self.places.clone());
        Box::new(Self {
            ratio: self.ratio.clone(),
            of,
            places,
            linked: Vec::new(),
            points: Vec::new(),
            gradient: self.gradient.clone(),
            scratch: RatioScratch::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use hierarch_margins::{seed, within};
    use rand::RngExt;

    use super::*;
    use crate::distributions::{Distribution, Draw, Normal};
    use crate::simulate::stream;

    /// No training helps where few draws of the prior lie in a posterior, and a ratio has nothing to refine.
    #[test]
    fn too_few_draws_of_the_prior_name_what_helps() {
        let draws: Vec<f64> = (0..1000).map(|i| f64::from(i) / 500.0 - 1.0).collect();
        let said = |sd: f64| {
            let log_ratios = draws.iter().map(|x| -0.5 * (x / sd).powi(2)).collect();
            let names = vec!["mean".to_owned()];
            AnyWeightedDraws::new(names, draws.clone(), draws.clone(), log_ratios).unwrap().of_prior().warnings()
        };
        assert!(said(0.3).is_empty());
        for sd in [0.02, 1e-4] {
            let warnings = said(sd);
            assert!(warnings.len() == 1 && warnings[0].contains("few draws of the prior"), "{warnings:?}");
            assert!(warnings[0].contains("`.nuts()`") && !warnings[0].contains("train"), "{warnings:?}");
        }
    }

    /// With the exact ratio and about three points of weight, ranks of the truth among draws of the points and it are uniform,
    /// and ranks among draws of the points alone are not.
    #[test]
    fn ranks_of_an_exact_ratio_are_uniform_however_few_points_have_weight() {
        const TRIALS: usize = 4_000;
        const DRAWS: usize = 9;
        let ranks = |with_truth: bool| {
            let mut counts = [0.0; DRAWS + 1];
            for trial in 0..TRIALS {
                let mut rng = stream(seed(1), trial as u64);
                let prior = Normal::new(0.0, 1.0);
                let points: Vec<f64> = (0..200).map(|_| prior.draw(&mut rng)).collect();
                let truth = prior.draw(&mut rng);
                let x = Normal::new(truth, 0.01).draw(&mut rng);
                let log_ratio = |mean: f64| Normal::new(mean, 0.01).log_density(x);
                let log_ratios: Vec<f64> = points.iter().map(|point| log_ratio(*point)).collect();
                let own = if with_truth { log_ratio(truth) } else { f64::NEG_INFINITY };
                let drawn = pick_with(&log_ratios, own, DRAWS, &mut rng);
                let drawn: Vec<f64> = drawn.iter().map(|&at| points.get(at).copied().unwrap_or(truth)).collect();
                let (below, ties) =
                    (drawn.iter().filter(|x| **x < truth).count(), drawn.iter().filter(|x| **x == truth).count());
                counts[below + rng.random_range(0..=ties)] += 1.0;
            }
            let expected = TRIALS as f64 / (DRAWS + 1) as f64;
            counts.iter().map(|count| (count - expected).powi(2) / expected).sum::<f64>()
        };
        // Nine degrees of freedom: one false alarm in a million at 45.
        within!(ranks(true), 45.0);
        assert!(ranks(false) > 1_000.0, "{}", ranks(false));
    }
}
