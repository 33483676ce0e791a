//! Mixtures of Gaussians: one family of distributions that a network can say its targets have.
//!
//! Component k has a weight, and its D numbers are drawn one after the other,
//!
//! ```text
//! t_i = m_i + sum over j < i of b_ij (t_j - m_j) + exp(s_i) times a standard normal number,
//! ```
//!
//! which is any Gaussian with D means: the s and b are those of the Cholesky decomposition of its precision. The network's
//! outputs for a data set are K logits of weights, then for each component its m, s and b.

use dfdx::prelude::{Cpu, CpuError, Tape};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use statrs::function::erf::erf_inv;

use super::gradients::give;
use super::graph::{Graph, Loss, Node};
use super::kernels::Number;

/// The largest number of outputs of a head with several components; heads for more targets get fewer components.
const OUTPUTS: usize = 512;
/// The largest number of targets that can be correlated. With more, their correlations would be most of the network, and so
/// targets are independent.
const CORRELATED: usize = 64;
/// The largest number of components.
pub(super) const COMPONENTS: usize = 16;

/// How the outputs of a network stand for a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MixtureHead {
    pub(super) dims: usize,
    pub(super) components: usize,
    /// How many numbers b each component has; 0 if the targets are independent within it.
    pub(super) slopes: usize,
}

impl MixtureHead {
    /// Returns the head for `dims` targets, with at most `components` components. The targets are independent within a
    /// component unless `correlated`.
    pub(super) fn new(dims: usize, components: usize, correlated: bool) -> MixtureHead {
        let slopes = if correlated && dims <= CORRELATED { dims * dims.saturating_sub(1) / 2 } else { 0 };
        let affordable = (OUTPUTS / (1 + 2 * dims + slopes)).clamp(1, COMPONENTS);
        MixtureHead { dims, components: components.min(affordable), slopes }
    }

    /// Returns the number of outputs of one component, without its logit.
    pub(super) fn stride(self) -> usize {
        2 * self.dims + self.slopes
    }

    /// Returns the number of outputs for a data set.
    pub(super) fn outputs(self) -> usize {
        self.components * (1 + self.stride())
    }

    /// Returns the initial bias of the outlet. It stands for components of equal weights around the middle of the targets'
    /// scales. They are far enough apart to become different, and so narrow that together they are as wide as the scales.
    pub(super) fn first_bias(self) -> Vec<f32> {
        let mut bias = vec![0.0; self.outputs()];
        let (_, parts) = bias.split_at_mut(self.components);
        for dim in 0..self.dims {
            // An additive recurrence (the golden ratio in the first dimension) fills the cube evenly.
            let step = 1.618_034_f64.powf(-(dim as f64 + 1.0));
            let place = |component: usize| 2.0 * (0.5 + component as f64 * step).fract() - 1.0;
            let mean = |of: &dyn Fn(f64) -> f64| {
                (0..self.components).map(|component| of(place(component))).sum::<f64>() / self.components as f64
            };
            let centre = mean(&|place| place);
            let variance = mean(&|place| (place - centre).powi(2));
            for (component, part) in parts.chunks_exact_mut(self.stride()).enumerate() {
                part[dim] = (place(component) - centre) as f32;
                part[self.dims + dim] = (0.5 * (1.0 - variance).ln()) as f32;
            }
        }
        bias
    }

    /// Computes the loss of data sets: [`loss_of`](MixtureHead::loss_of) each.
    pub(super) fn loss<E: Number, T: Tape<E, Cpu>>(
        self,
        graph: Graph<E, T>,
        output: &Node<E>,
        targets: &[E],
    ) -> Result<Loss<E, T>, CpuError> {
        let mut gradient = output.values.to_vec();
        let rows = gradient.chunks_exact_mut(self.outputs()).zip(targets.chunks_exact(self.dims));
        let mut scratch = Vec::new();
        let each = rows.map(|(row, targets)| self.loss_of(row, targets, &mut scratch)).collect();
        let output = output.key.clone();
        graph.total(each, move |grads| give(grads, &output, gradient))
    }

    /// Returns -ln of the density of `target`, without the constant D ln(2 pi) / 2, and turns the outputs into their gradient.
    /// `scratch` may hold anything.
    pub(super) fn loss_of<E: Number>(self, outputs: &mut [E], target: &[E], scratch: &mut Vec<E>) -> E {
        let (logits, parts) = outputs.split_at_mut(self.components);
        scratch.resize(2 * self.dims, E::zero());
        let normaliser = log_sum_exp(logits);
        let mut log_weights = [E::zero(); COMPONENTS];
        for ((part, logit), log_weight) in parts.chunks_exact_mut(self.stride()).zip(&mut *logits).zip(&mut log_weights)
        {
            *log_weight = *logit - normaliser;
            *logit = *log_weight + self.differentiate(part, target, scratch);
        }
        let log_density = log_sum_exp(logits);
        for ((part, logit), log_weight) in parts.chunks_exact_mut(self.stride()).zip(logits).zip(log_weights) {
            let share = (*logit - log_density).exp();
            *logit = log_weight.exp() - share;
            for output in part {
                *output = -share * *output;
            }
        }
        -log_density
    }

    /// Returns the log density of one component, and turns its outputs into the gradient of that.
    fn differentiate<E: Number>(self, part: &mut [E], target: &[E], scratch: &mut [E]) -> E {
        let (residuals, noise) = scratch.split_at_mut(self.dims);
        let log_slope = self.whiten(part, target, residuals, noise);
        let squares: E = noise.iter().map(|z| *z * *z).sum();
        let pulls: &mut [E] = noise;
        pulls.iter_mut().for_each(|z| *z = -*z);
        self.whiten_backward(part, residuals, pulls, E::one());
        log_slope - E::number(0.5) * squares
    }

    /// Writes to `noise` the standard normal numbers that a component makes `target` from. Returns ln of the ratio of the
    /// density of the target to the density of these.
    pub(super) fn whiten<E: Number>(self, part: &[E], target: &[E], residuals: &mut [E], noise: &mut [E]) -> E {
        let (means, rest) = part.split_at(self.dims);
        let (log_sds, slopes) = rest.split_at(self.dims);
        let mut log_slope = E::zero();
        for i in 0..self.dims {
            residuals[i] = target[i] - means[i];
            let known: E =
                self.row(slopes, i).iter().zip(&*residuals).map(|(slope, residual)| *slope * *residual).sum();
            let log_sd = bound_log_sd(log_sds[i]);
            noise[i] = (residuals[i] - known) * (-log_sd).exp();
            log_slope -= log_sd;
        }
        log_slope
    }

    /// Turns the outputs of a component into their gradient. `by_noise` and `by_log` are the gradients with respect to what
    /// [`whiten`](MixtureHead::whiten) computes: the normal numbers, whose gradient is overwritten, and the logarithm.
    pub(super) fn whiten_backward<E: Number>(self, part: &mut [E], residuals: &[E], by_noise: &mut [E], by_log: E) {
        let (means, rest) = part.split_at_mut(self.dims);
        let (log_sds, slopes) = rest.split_at_mut(self.dims);
        // The known part of the residual and the precision are computed again, before the slopes turn into gradients.
        for i in 0..self.dims {
            let known: E = self.row(slopes, i).iter().zip(residuals).map(|(slope, residual)| *slope * *residual).sum();
            let precision = (-bound_log_sd(log_sds[i])).exp();
            let noise = (residuals[i] - known) * precision;
            log_sds[i] = -by_log - by_noise[i] * noise;
            by_noise[i] *= precision;
            means[i] = -by_noise[i];
        }
        let mut at = 0;
        for (i, pull) in by_noise.iter().enumerate().take(if slopes.is_empty() { 0 } else { self.dims }) {
            for (slope, (mean, residual)) in slopes[at..at + i].iter_mut().zip(means.iter_mut().zip(residuals)) {
                *mean += *slope * *pull;
                *slope = -*pull * *residual;
            }
            at += i;
        }
    }

    /// Returns the b of the i-th number.
    fn row<E>(self, slopes: &[E], i: usize) -> &[E] {
        if self.slopes == 0 { &[] } else { &slopes[i * i.saturating_sub(1) / 2..][..i] }
    }

    /// Returns the mixture that outputs stand for; `scales` are the mean and the standard deviation in whose units the outputs
    /// measure each target.
    pub(super) fn read(self, outputs: &[f32], scales: &[(f32, f32)]) -> GaussianMixture {
        let (logits, parts) = outputs.split_at(self.components);
        let normaliser = log_sum_exp(logits);
        let scale = |dim: usize| (f64::from(scales[dim].0), f64::from(scales[dim].1));
        let components = logits.iter().zip(parts.chunks_exact(self.stride())).map(|(logit, part)| {
            let (means, rest) = part.split_at(self.dims);
            let (log_sds, slopes) = rest.split_at(self.dims);
            let rows = (0..self.dims)
                .flat_map(|i| self.row(slopes, i).iter().enumerate().map(move |(j, slope)| (i, j, slope)));
            Component {
                weight: f64::from(logit - normaliser).exp(),
                mean: means.iter().enumerate().map(|(i, m)| scale(i).0 + scale(i).1 * f64::from(*m)).collect(),
                sd: log_sds.iter().enumerate().map(|(i, s)| scale(i).1 * f64::from(bound_log_sd(*s)).exp()).collect(),
                slopes: rows.map(|(i, j, slope)| f64::from(*slope) * scale(i).1 / scale(j).1).collect(),
            }
        });
        GaussianMixture { components: components.collect() }
    }
}

/// Computes ln of the sum of exp of each value.
pub(super) fn log_sum_exp<E: Number>(values: &[E]) -> E {
    let highest = values.iter().copied().fold(E::neg_infinity(), E::max);
    values.iter().map(|value| (*value - highest).exp()).sum::<E>().ln() + highest
}

/// Returns the log standard deviation that an output stands for, in units of the prior's. Its bounds are far outside of what a
/// posterior needs. Gradients ignore them, so that no output is stuck at a bound.
fn bound_log_sd<E: Number>(output: E) -> E {
    output.max(E::number(-15.0)).min(E::number(8.0))
}

/// A mixture of Gaussians over D numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    /// Its components; their weights sum to 1.
    pub components: Vec<Component>,
}

/// One Gaussian of a mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Its share of the probability.
    pub weight: f64,
    /// Its mean, D numbers.
    pub mean: Vec<f64>,
    /// The standard deviation of each number given those before it.
    pub sd: Vec<f64>,
    /// b_ij for i from 1 and j < i, row by row: how the mean of number i follows number j. Empty if the numbers are
    /// independent.
    slopes: Vec<f64>,
}

impl Component {
    /// Returns the b of the i-th number.
    fn row(&self, i: usize) -> &[f64] {
        if self.slopes.is_empty() { &[] } else { &self.slopes[i * i.saturating_sub(1) / 2..][..i] }
    }

    /// Returns the point that independent standard normal numbers stand for.
    pub fn place(&self, mut normal: impl FnMut(usize) -> f64) -> Vec<f64> {
        let mut deviations: Vec<f64> = Vec::with_capacity(self.mean.len());
        for (i, sd) in self.sd.iter().enumerate() {
            let known: f64 = self.row(i).iter().zip(&deviations).map(|(slope, deviation)| slope * deviation).sum();
            deviations.push(known + sd * normal(i));
        }
        deviations.iter().zip(&self.mean).map(|(deviation, mean)| mean + deviation).collect()
    }

    /// Returns the independent standard normal numbers that stand for a point: the inverse of [`place`](Component::place).
    pub fn whiten(&self, at: &[f64]) -> Vec<f64> {
        let deviations: Vec<f64> = at.iter().zip(&self.mean).map(|(x, mean)| x - mean).collect();
        let known = |i| self.row(i).iter().zip(&deviations).map(|(slope, deviation)| slope * deviation).sum::<f64>();
        self.sd.iter().enumerate().map(|(i, sd)| (deviations[i] - known(i)) / sd).collect()
    }

    /// Returns the sum of the squares of the numbers that [`whiten`](Component::whiten) returns; `deviations` is room for D
    /// numbers.
    fn square(&self, at: &[f64], deviations: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for (i, sd) in self.sd.iter().enumerate() {
            deviations[i] = at[i] - self.mean[i];
            let known: f64 = self.row(i).iter().zip(&*deviations).map(|(slope, deviation)| slope * deviation).sum();
            sum += ((deviations[i] - known) / sd).powi(2);
        }
        sum
    }
}

impl GaussianMixture {
    /// Returns the log density at a point.
    pub fn log_density(&self, at: &[f64]) -> f64 {
        self.log_densities(at)[0]
    }

    /// Returns the log density at each of `points` (points x D).
    pub(super) fn log_densities(&self, points: &[f64]) -> Vec<f64> {
        let dims = self.components.first().map_or(1, |part| part.mean.len());
        let constant = |part: &Component| {
            let log_sds: f64 = part.sd.iter().map(|sd| sd.ln()).sum();
            part.weight.ln() - log_sds - 0.5 * dims as f64 * std::f64::consts::TAU.ln()
        };
        let constants: Vec<f64> = self.components.iter().map(constant).collect();
        let (mut deviations, mut terms) = (vec![0.0; dims], vec![0.0; constants.len()]);
        let of = |point: &[f64]| {
            for ((term, constant), part) in terms.iter_mut().zip(&constants).zip(&self.components) {
                *term = constant - 0.5 * part.square(point, &mut deviations);
            }
            log_sum_exp(&terms)
        };
        points.chunks_exact(dims).map(of).collect()
    }

    /// Returns the distribution of number `dim` alone.
    ///
    /// # Panics
    /// If there is no such number.
    pub fn marginal(&self, dim: usize) -> GaussianMixture {
        let one = |part: &Component| {
            // How number `dim` follows each independent normal number before it, from the last to the first.
            let mut follows = part.row(dim).to_vec();
            let mut variance = part.sd[dim].powi(2);
            for j in (0..follows.len()).rev() {
                variance += (follows[j] * part.sd[j]).powi(2);
                let (before, this) = follows.split_at_mut(j);
                before.iter_mut().zip(part.row(j)).for_each(|(follow, slope)| *follow += this[0] * slope);
            }
            Component { weight: part.weight, mean: vec![part.mean[dim]], sd: vec![variance.sqrt()], slopes: Vec::new() }
        };
        GaussianMixture { components: self.components.iter().map(one).collect() }
    }

    /// Draws a point.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut left: f64 = rng.random();
        let chosen = self.components.iter().find(|part| {
            left -= part.weight;
            left < 0.0
        });
        // Weights may sum to a little less than 1.
        let part = chosen.unwrap_or(&self.components[self.components.len() - 1]);
        part.place(|_| rng.sample(rand_distr::StandardNormal))
    }

    /// Returns about `count` points (points x D) that stand for the mixture. Each component has a share of them that is its
    /// weight, in a Latin hypercube.
    pub(super) fn points(&self, count: usize) -> Vec<f64> {
        let (mut points, mut placed, mut due) = (Vec::new(), 0, 0.0);
        for (index, part) in self.components.iter().enumerate() {
            due += part.weight * count as f64;
            let own = (due.round() as usize).saturating_sub(placed);
            let columns = hypercube(own, part.mean.len(), index as u64);
            points.extend((0..own).flat_map(|i| part.place(|c| columns[c][i])));
            placed += own;
        }
        points
    }
}

/// Returns for each of `dims` numbers the middles of `count` intervals of equal probability under the standard normal
/// distribution, in an order of its own.
pub(super) fn hypercube(count: usize, dims: usize, seed: u64) -> Vec<Vec<f64>> {
    let level = |i: usize| (2 * i + 1) as f64 / count as f64 - 1.0;
    let column = |dim: usize| {
        let mut normal: Vec<f64> = (0..count).map(|i| std::f64::consts::SQRT_2 * erf_inv(level(i))).collect();
        normal.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed << 32 | dim as u64));
        normal
    };
    (0..dims).map(column).collect()
}
