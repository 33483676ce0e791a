//! What a network predicts for one data set.

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::flow::Flow;
use super::mixture::{GaussianMixture, hypercube, log_sum_exp};

/// A distribution over the D targets of a network.
#[derive(Debug, Clone, PartialEq)]
pub enum Prediction {
    /// A mixture of Gaussians.
    Mixture(GaussianMixture),
    /// A normalising flow.
    Flow(Flow),
    /// Probabilities of the categories of the only target.
    Categories(Vec<f64>),
    /// The predictions of several networks, each with the same weight.
    Ensemble(Vec<Prediction>),
}

impl Prediction {
    /// Returns how many targets there are.
    pub fn dims(&self) -> usize {
        match self {
            Prediction::Mixture(mixture) => mixture.components.first().map_or(0, |part| part.mean.len()),
            Prediction::Flow(flow) => flow.dims(),
            Prediction::Categories(_) => 1,
            Prediction::Ensemble(members) => members.first().map_or(0, Prediction::dims),
        }
    }

    /// Returns the log density at each of `points` (points x D), or the log probability of each if they are categories.
    pub fn log_densities(&self, points: &[f64]) -> Vec<f64> {
        match self {
            Prediction::Mixture(mixture) => mixture.log_densities(points),
            Prediction::Flow(flow) => flow.log_densities(points),
            Prediction::Categories(probabilities) => {
                let of = |category: &f64| probabilities.get(*category as usize).map_or(f64::NEG_INFINITY, |p| p.ln());
                points.iter().map(of).collect()
            }
            Prediction::Ensemble(members) => {
                let each: Vec<Vec<f64>> = members.iter().map(|member| member.log_densities(points)).collect();
                let log_count = (members.len() as f64).ln();
                let at = |i: usize| -> Vec<f64> { each.iter().map(|densities| densities[i]).collect() };
                (0..points.len() / self.dims()).map(|i| log_sum_exp(&at(i)) - log_count).collect()
            }
        }
    }

    /// Draws `count` points (draws x D).
    pub fn sample<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> Vec<f64> {
        match self {
            Prediction::Mixture(mixture) => (0..count).flat_map(|_| mixture.sample(rng)).collect(),
            Prediction::Flow(flow) => flow.sample(count, rng),
            Prediction::Categories(probabilities) => {
                let draw = |_| {
                    let mut left: f64 = rng.random();
                    let chosen = probabilities.iter().position(|p| {
                        left -= p;
                        left < 0.0
                    });
                    chosen.unwrap_or(probabilities.len() - 1) as f64
                };
                (0..count).map(draw).collect()
            }
            Prediction::Ensemble(members) => {
                let chosen: Vec<usize> = (0..count).map(|_| rng.random_range(0..members.len())).collect();
                let dims = self.dims();
                let mut draws = vec![0.0; count * dims];
                for (index, member) in members.iter().enumerate() {
                    let own: Vec<usize> = (0..count).filter(|i| chosen[*i] == index).collect();
                    for (at, draw) in own.iter().zip(member.sample(own.len(), rng).chunks_exact(dims)) {
                        draws[at * dims..(at + 1) * dims].copy_from_slice(draw);
                    }
                }
                draws
            }
        }
    }

    /// Returns about `count` points (points x D) that stand for the distribution better than as many draws. Each of the D
    /// normal numbers that a point is made from takes the middles of intervals of equal probability, in an order of its own
    /// (a Latin hypercube).
    pub fn points(&self, count: usize) -> Vec<f64> {
        match self {
            Prediction::Mixture(mixture) => mixture.points(count),
            Prediction::Flow(flow) => {
                let columns = hypercube(count, flow.dims(), 0);
                flow.place((0..count).flat_map(|i| columns.iter().map(move |column| column[i])).collect())
            }
            Prediction::Categories(_) => self.sample(count, &mut Xoshiro256PlusPlus::seed_from_u64(0)),
            Prediction::Ensemble(members) => {
                members.iter().flat_map(|member| member.points(count / members.len())).collect()
            }
        }
    }

    /// Returns the distribution of target `dim` alone; `None` for a flow over several numbers, where it has no closed form.
    pub fn marginal(&self, dim: usize) -> Option<Prediction> {
        match self {
            Prediction::Mixture(mixture) => Some(Prediction::Mixture(mixture.marginal(dim))),
            Prediction::Flow(flow) => (flow.dims() == 1).then(|| self.clone()),
            Prediction::Categories(_) => Some(self.clone()),
            Prediction::Ensemble(members) => {
                members.iter().map(|member| member.marginal(dim)).collect::<Option<_>>().map(Prediction::Ensemble)
            }
        }
    }
}
