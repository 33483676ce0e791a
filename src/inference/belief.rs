//! What a trained posterior believes of the globals, given one data set.

use super::link::Link;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use statrs::function::erf::erf_inv;

use crate::distributions::{Distribution, Normal};
use crate::model::{GlobalSlot, Model, Record, constrain, log_jacobian, unconstrain};
use crate::sampling::Summary;
use crate::simulate::stream;

/// How many points stand for the distribution where a mean, an sd or a quantile is asked for.
const POINTS: usize = 4000;

/// A distribution over globals: a Gaussian with independent components in an unconstrained space (in which a uniform
/// variable is standard normal), carried into the support of each variable, so that a fraction stays within 0 and 1.
#[derive(Clone, Debug)]
pub struct Belief<M: Model> {
    model: M,
    targets: Vec<GlobalSlot>,
    /// Mean and standard deviation of each Gaussian number, target after target.
    mean: Vec<f64>,
    sd: Vec<f64>,
}

impl<M: Model> Belief<M> {
    pub(super) fn new(model: M, targets: Vec<GlobalSlot>, mean: Vec<f64>, sd: Vec<f64>) -> Self {
        Self { model, targets, mean, sd }
    }

    /// The names of the numbers: `mass`, or `mu[0]`, `mu[1]` for a vector.
    pub fn names(&self) -> Vec<&str> {
        self.targets.iter().flat_map(|t| t.components.iter().map(String::as_str)).collect()
    }

    /// Independent draws: for each name its `count` draws, from a seed.
    pub fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = stream(seed, 0);
        self.columns(count, |c, _| (0..count).map(|_| self.mean[c] + self.sd[c] * normal(&mut rng)).collect())
    }

    /// Independent draws of all globals; those that were not inferred are NaN.
    pub fn globals(&self, count: usize, seed: u64) -> Vec<M::Globals> {
        let columns = self.sample(count, seed);
        let size = self.targets.iter().map(|t| t.values.end).max().unwrap_or(0);
        let positions: Vec<usize> = self.targets.iter().flat_map(|t| t.values.clone()).collect();
        (0..count)
            .map(|i| {
                let mut values = vec![f64::NAN; size];
                positions.iter().zip(&columns).for_each(|(&at, column)| values[at] = column[i]);
                M::Globals::from_numbers(&values)
            })
            .collect()
    }

    /// Mean, sd and quantiles of every number.
    pub fn summary(&self) -> Summary {
        let columns = self.points();
        Summary::from_draws(self.names().into_iter().zip(columns.iter().map(Vec::as_slice)))
    }

    /// The mean of a number; nothing if there is none of that name.
    pub fn mean(&self, name: &str) -> Option<f64> {
        self.row(name).map(|r| r.mean)
    }

    /// The standard deviation of a number; nothing if there is none of that name.
    pub fn sd(&self, name: &str) -> Option<f64> {
        self.row(name).map(|r| r.sd)
    }

    /// A quantile of a number, for a probability between 0 and 1; nothing if there is none of that name.
    pub fn quantile(&self, name: &str, probability: f64) -> Option<f64> {
        let at = self.names().iter().position(|n| *n == name)?;
        let mut points = self.points().swap_remove(at);
        points.sort_by(f64::total_cmp);
        Some(crate::sampling::diagnostics::quantile(&points, probability))
    }

    fn row(&self, name: &str) -> Option<crate::sampling::SummaryRow> {
        self.summary().rows.into_iter().find(|r| r.name == name)
    }

    /// The log density at some globals, in the constrained space; of the inferred ones alone, the others being ignored.
    pub fn log_density(&self, globals: &M::Globals) -> f64 {
        let q = unconstrain(&self.model, globals, None);
        let free: Vec<usize> = self.targets.iter().flat_map(|t| t.free.clone()).collect();
        let gaussian: f64 = free
            .iter()
            .zip(self.links())
            .zip(self.mean.iter().zip(&self.sd))
            .map(|((&at, link), (&mean, &sd))| {
                Normal::new(mean, sd).log_density(link.forward(q[at])) + link.log_slope(q[at])
            })
            .sum();
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        gaussian - log_jacobian(&self.model, &q, &names)
    }

    /// Points that stand for the distribution better than as many draws: in each unconstrained number the middles of
    /// intervals of equal probability, in an order of its own (a Latin hypercube).
    fn points(&self) -> Vec<Vec<f64>> {
        self.columns(POINTS, |c, count| {
            let quantile = |i: usize| std::f64::consts::SQRT_2 * erf_inv((2 * i + 1) as f64 / count as f64 - 1.0);
            let mut points: Vec<f64> = (0..count).map(|i| self.mean[c] + self.sd[c] * quantile(i)).collect();
            points.shuffle(&mut stream(0, c as u64));
            points
        })
    }

    /// The link of each unconstrained number.
    fn links(&self) -> impl Iterator<Item = Link> + '_ {
        self.targets.iter().flat_map(|t| t.free.clone().map(|_| Link::of(t.bounded)))
    }

    /// The values at Gaussian numbers, of which `free` gives those of each component.
    fn columns(&self, count: usize, mut free: impl FnMut(usize, usize) -> Vec<f64>) -> Vec<Vec<f64>> {
        let positions: Vec<usize> = self.targets.iter().flat_map(|t| t.free.clone()).collect();
        let inner: Vec<Vec<f64>> = self
            .links()
            .enumerate()
            .map(|(c, link)| free(c, count).into_iter().map(|z| link.inverse(z)).collect())
            .collect();
        let shown: Vec<usize> = self.targets.iter().flat_map(|t| t.values.clone()).collect();
        let mut columns = vec![Vec::with_capacity(count); shown.len()];
        let size = crate::model::global_slots(&self.model).iter().map(|g| g.free.end).max().unwrap_or(0);
        let (mut q, mut values) = (vec![f64::NAN; size], Vec::new());
        for i in 0..count {
            positions.iter().zip(&inner).for_each(|(&at, column)| q[at] = column[i]);
            constrain(&self.model, None, &q, &mut values);
            shown.iter().zip(&mut columns).for_each(|(&at, column)| column.push(values[at]));
        }
        columns
    }
}

impl<M: Model> std::fmt::Display for Belief<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.summary().fmt(f)
    }
}

fn normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    rng.sample(rand_distr::StandardNormal)
}
