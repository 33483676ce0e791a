//! The posterior of the globals that an estimator returns for one data set.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use super::link::Link;
use super::units::{Target, places};

use crate::draws::{Draws, Inferred};
use crate::model::{AnyGlobals, AnyModel, AsNumbers, Likelihood, Model, Name};
use crate::model::{Purpose, stream_for};
use crate::nn::Prediction;
use crate::sampling::{Proposal, Refined, SampleError, WeightedDraws, importance_sample, refine_until};
use crate::simulate::Stream;

/// The number of points that represent the distribution, for means, sds and quantiles.
const POINTS: usize = 4000;
/// The number of draws for importance sampling.
pub(super) const REFINED: usize = 4000;

/// A distribution over globals: a mixture of Gaussians or a flow in an unconstrained space (in which a uniform variable
/// is standard normal), mapped into the support of each variable, so that a fraction stays within 0 and 1.
#[derive(Clone, Debug)]
pub struct Posterior<M: Model> {
    any: Arc<AnyPosterior>,
    model: PhantomData<fn() -> M>,
}

/// A distribution over globals of some model.
#[derive(Clone, Debug)]
pub(crate) struct AnyPosterior {
    model: Arc<dyn AnyModel>,
    targets: Arc<[Target]>,
    /// The distribution over the numbers that a network infers, target after target.
    pub(super) estimate: Prediction,
    /// What speaks against the estimator that it is of.
    doubts: Arc<[String]>,
    points: OnceLock<Draws>,
}

impl<M: Model> Posterior<M> {
    pub(crate) fn of(any: AnyPosterior) -> Self {
        Self::of_shared(Arc::new(any))
    }

    pub(super) fn of_shared(any: Arc<AnyPosterior>) -> Self {
        Self { any, model: PhantomData }
    }

    /// Returns the exact posterior, by importance sampling with this posterior as the proposal: with the evidence, and
    /// with k-hat, which tells whether the result can be trusted. `data` must be those that the posterior was
    /// conditioned on. It takes milliseconds; for more draws, or another seed, see
    /// [`importance_sample`](crate::sampling::importance_sample).
    ///
    /// ```
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
    /// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 0.2, 0.3] } };
    /// let estimator = model.npe().train(Budget::simulations(2_000))?; // far too short, for an example
    /// let posterior: Posterior<Flux> = estimator.condition(&data)?;
    /// let exact = posterior.importance_sample(&model, &data)?;
    /// println!("{exact}");
    /// // Gamma(2 + 6, 1 + 3.6), whatever the network has learned.
    /// assert!((exact.mean("rate").unwrap() - 8.0 / 4.6).abs() < 0.1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Data that do not fit the model; a model with continuous locals, or a posterior of only some globals, since
    /// importance sampling needs the whole posterior; and draws that are all impossible under the model.
    pub fn importance_sample(&self, model: &M, data: &M::Data) -> Result<WeightedDraws<M>, SampleError>
    where
        M: Likelihood,
    {
        // Random numbers of its own for each data set: the same ones would make all results wrong in the same direction.
        importance_sample(model, data, self, REFINED, crate::model::DataSet::frame(data).hash())
    }

    /// Returns the exact posterior of all latent variables, however far off this one is: by importance sampling in rounds that adapt,
    /// with k-hat at most `k_hat`, or else by chains from there; the locals of a model that has such come along. See
    /// [`refine_until`](crate::sampling::refine_until), also for more draws than 4000, and another seed. `data` must be those that
    /// the posterior was conditioned on.
    ///
    /// ```
    /// use hierarch::prelude::*;
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
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Schools::default();
    /// let y: Vec<f64> = (0..60).map(|i| f64::from(i % 7) - 1.0).collect();
    /// let sum: f64 = y.iter().sum();
    /// let data = SchoolsData { schools: SchoolsSchools { y } };
    /// let estimator = model.npe().train(Budget::simulations(500))?; // far too short
    /// let exact: Refined<Schools> = estimator.condition(&data)?.refine_until(&model, &data, 0.5)?;
    /// println!("{exact}"); // with `theta[0]` to `theta[59]`, and the evidence
    /// assert!((exact.mean("mu")? - sum / 2.0 / (0.04 + 30.0)).abs() < 0.02);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Data that do not fit the model; a `k_hat` that is not above 0 and at most 0.7; a posterior of only some globals; and chains that find
    /// nowhere to begin.
    pub fn refine_until(&self, model: &M, data: &M::Data, k_hat: f64) -> Result<Refined<M>, SampleError>
    where
        M: Likelihood,
    {
        refine_until(model, data, self, k_hat, REFINED, crate::model::DataSet::frame(data).hash())
    }

    /// Returns `count` independent draws with the log density of each, in the constrained space.
    pub(crate) fn sample_with_log_density(&self, count: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
        self.any.sample_with_log_density(count, seed)
    }

    /// Returns `count` independent draws of all globals; those that were not inferred are NaN.
    pub fn globals(&self, count: usize, seed: u64) -> Vec<M::Globals> {
        let lengths = self.any.model.lengths();
        self.any.globals(count, seed).iter().map(|values| M::Globals::from_lengths(values, &lengths)).collect()
    }

    /// Returns the log density at `globals`, in the constrained space, of the inferred globals alone; the others are
    /// ignored.
    pub fn log_density(&self, globals: &M::Globals) -> f64 {
        self.any.log_density(globals)
    }

    /// Returns the log density of the scalar global `name` at `value`, the others being integrated over; `None` if
    /// there is no scalar of that name, if its support depends on another global, or if the posterior is a flow of
    /// several numbers.
    pub fn log_density_of(&self, name: impl Into<Name>, value: f64) -> Option<f64> {
        self.any.log_density_of(name.into().as_str(), value)
    }
}

impl AnyPosterior {
    pub(super) fn new(
        model: Arc<dyn AnyModel>,
        targets: Arc<[Target]>,
        estimate: Prediction,
        doubts: Arc<[String]>,
    ) -> Self {
        Self { model, targets, estimate, doubts, points: OnceLock::new() }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.targets.iter().flat_map(|t| t.components.iter().map(String::as_str)).collect()
    }

    pub(crate) fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = stream_for(Purpose::Posterior, seed, 0, 0);
        self.columns(&self.estimate.sample(count, &mut rng))
    }

    pub(crate) fn sample_with_log_density(&self, count: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
        let points = self.estimate.sample(count, &mut stream_for(Purpose::Posterior, seed, 0, 0));
        let mut log_densities = self.estimate.log_densities(&points);
        let places: Vec<(usize, Link)> = places(&self.targets).collect();
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        let size = self.model.global_slots().iter().map(|g| g.free.end).max().unwrap_or(0);
        let mut q = vec![f64::NAN; size];
        for (log_density, point) in log_densities.iter_mut().zip(points.chunks_exact(places.len())) {
            to_unconstrained(&places, point, &mut q, log_density);
            *log_density -= self.model.log_jacobian(&q, &names);
        }
        (self.columns(&points), log_densities)
    }

    pub(crate) fn globals(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let columns = self.sample(count, seed);
        let size = self.targets.iter().map(|t| t.values.end).max().unwrap_or(0);
        let positions: Vec<usize> = self.targets.iter().flat_map(|t| t.values.clone()).collect();
        (0..count)
            .map(|i| {
                let mut values = vec![f64::NAN; size];
                positions.iter().zip(&columns).for_each(|(&at, column)| values[at] = column[i]);
                values
            })
            .collect()
    }

    /// Returns whether it is over all globals.
    pub(super) fn is_of_all(&self) -> bool {
        self.targets.len() == self.model.global_slots().len()
    }

    /// Returns the numbers of the network at the unconstrained numbers `q` of the globals.
    pub(super) fn to_point(&self, q: &[f64]) -> Vec<f64> {
        places(&self.targets).map(|(at, link)| link.forward(q[at])).collect()
    }

    /// Returns the unconstrained numbers of all globals at a `point` of the network, their values, and the logarithm of their prior
    /// density there, as one of the numbers of the network.
    pub(super) fn prior_at(&self, point: &[f64]) -> (Vec<f64>, Vec<f64>, f64) {
        let places: Vec<(usize, Link)> = places(&self.targets).collect();
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        let (mut q, mut values, mut log_slope) = (vec![f64::NAN; places.len()], Vec::new(), 0.0);
        to_unconstrained(&places, point, &mut q, &mut log_slope);
        self.model.constrain(None, &q, &mut values);
        let log_prior = self.model.log_prior(&*self.model.globals(&values)) + self.model.log_jacobian(&q, &names);
        (q, values, log_prior - log_slope)
    }

    pub(crate) fn log_density(&self, globals: &dyn AnyGlobals) -> f64 {
        let q = self.model.unconstrain(globals, None);
        let at = self.to_point(&q);
        let slopes: f64 = places(&self.targets).map(|(at, link)| link.log_slope(q[at])).sum();
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        self.estimate.log_densities(&at)[0] + slopes - self.model.log_jacobian(&q, &names)
    }

    pub(crate) fn log_density_of(&self, name: &str, value: f64) -> Option<f64> {
        let at = self.targets.iter().position(|t| t.name == name && t.values.len() == 1 && t.free.len() == 1)?;
        let target = &self.targets[at];
        let dim = self.targets[..at].iter().map(|t| t.free.len()).sum();
        let mut values = vec![f64::NAN; target.values.end];
        values[target.values.start] = value;
        let q = self.model.unconstrain(&*self.model.globals(&values), None);
        let (link, free) = (target.links[0], q[target.free.start]);
        let inner = self.estimate.marginal(dim)?.log_densities(&[link.forward(free)])[0] + link.log_slope(free);
        let density = inner - self.model.log_jacobian(&q, &[name]);
        (!density.is_nan()).then_some(density)
    }

    /// Returns points that represent the distribution better than as many draws.
    pub(crate) fn points(&self) -> &Draws {
        if let Some(points) = self.points.get() {
            return points;
        }
        // Worked out before the cell is locked: threads that wait inside a parallel loop may come back for it.
        let columns = self.columns(&self.estimate.points(POINTS));
        let points = Draws::new(self.names().into_iter().zip(columns));
        self.points.get_or_init(|| points)
    }

    /// Returns the values of each name at `points` of the estimate, which stand one after the other.
    fn columns(&self, points: &[f64]) -> Vec<Vec<f64>> {
        let places: Vec<(usize, Link)> = places(&self.targets).collect();
        let shown: Vec<usize> = self.targets.iter().flat_map(|t| t.values.clone()).collect();
        let mut columns = vec![Vec::new(); shown.len()];
        let size = self.model.global_slots().iter().map(|g| g.free.end).max().unwrap_or(0);
        let (mut q, mut values) = (vec![f64::NAN; size], Vec::new());
        for point in points.chunks_exact(places.len()) {
            places.iter().zip(point).for_each(|((at, link), z)| q[*at] = link.inverse(*z));
            self.model.constrain(None, &q, &mut values);
            shown.iter().zip(&mut columns).for_each(|(&at, column)| column.push(values[at]));
        }
        columns
    }
}

impl<M: Model> Inferred for Posterior<M> {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(self.any.points())
    }

    /// Returns independent draws.
    fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        self.any.sample(count, seed)
    }

    fn thinned(&self, count: usize) -> Vec<Vec<f64>> {
        self.any.sample(count, 0)
    }

    /// Returns those of the estimator: what speaks against all its posteriors.
    fn warnings(&self) -> Vec<String> {
        self.any.doubts.to_vec()
    }
}

/// For a model without continuous locals, and a posterior of all its globals.
impl Proposal for AnyPosterior {
    fn latent_names(&self) -> Vec<String> {
        self.names().into_iter().map(str::to_owned).collect()
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        let places: Vec<(usize, Link)> = places(&self.targets).collect();
        let points = self.estimate.sample(log_density.len(), rng);
        log_density.copy_from_slice(&self.estimate.log_densities(&points));
        let width = places.len();
        for ((q, log_density), point) in q.chunks_exact_mut(width).zip(log_density).zip(points.chunks_exact(width)) {
            to_unconstrained(&places, point, q, log_density);
        }
    }

    fn log_densities(&self, q: &[f64]) -> Option<Vec<f64>> {
        let places: Vec<(usize, Link)> = places(&self.targets).collect();
        let width = places.len();
        let points: Vec<f64> =
            q.chunks_exact(width).flat_map(|q| places.iter().map(|(at, link)| link.forward(q[*at]))).collect();
        let mut log_densities = self.estimate.log_densities(&points);
        for (log_density, q) in log_densities.iter_mut().zip(q.chunks_exact(width)) {
            *log_density += places.iter().map(|(at, link)| link.log_slope(q[*at])).sum::<f64>();
            // Where the links have no numbers any more.
            if log_density.is_nan() {
                *log_density = f64::NEG_INFINITY;
            }
        }
        Some(log_densities)
    }
}

/// Maps a point of an estimate, and the log density there, to the unconstrained numbers at `places`.
fn to_unconstrained(places: &[(usize, Link)], point: &[f64], q: &mut [f64], log_density: &mut f64) {
    for ((at, link), z) in places.iter().zip(point) {
        let (free, log_slope) = link.inverse_with_log_slope(*z);
        q[*at] = free;
        *log_density += log_slope;
    }
}

impl<M: Model> Proposal for Posterior<M> {
    fn latent_names(&self) -> Vec<String> {
        Proposal::latent_names(&*self.any)
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        self.any.draw(rng, q, log_density);
    }

    fn log_densities(&self, q: &[f64]) -> Option<Vec<f64>> {
        Proposal::log_densities(&*self.any, q)
    }
}

impl<M: Model> std::fmt::Display for Posterior<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.any.points().summary().fmt(f)?;
        self.any.doubts.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}
