//! Normalising flows: any density, as a chain of monotone maps to a standard normal one.
//!
//! First the targets are whitened by one Gaussian, which is an output of the network. So a flow starts from the posterior of a
//! linear model, and only has to learn what is not Gaussian. Then come autoregressive steps
//! (Kingma et al., arXiv 1606.04934; Papamakarios et al., arXiv 1705.07057): number i is mapped by a monotone map whose
//! parameters depend on the data set and on the numbers before it,
//!
//! ```text
//! z_i = map(x_i; parameters = W gelu(V gelu(U [context, x_1 .. x_(i-1)] + a) + b) + c),
//! ```
//!
//! and the numbers are taken in the opposite order by the next step. Affine maps make a masked autoregressive flow; splines
//! a neural spline flow. The masks are in the layout: each number has a small network of its own, which reads only
//! the numbers that it may. So a draw takes one evaluation of each small network, not one of a large network for each number.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, Tape};
use rand::{Rng, RngExt};
use rayon::prelude::*;

use super::activation::{Activation, activate};
use super::builder::Builder;
use super::gradients::{give, take};
use super::graph::{Graph, Input, Loss, Node};
use super::kernels::{Number, View, add, product};
use super::mixture::{Component, MixtureHead};
use super::spline::Map;
use super::weights::{Layer, Weights};

/// Points that are mapped at once.
const TILE: usize = 128;

/// Where the weights of a flow lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FlowHead {
    pub(super) gaussian: MixtureHead,
    pub(super) map: Map,
    /// For each step, the small network of each number, in the step's order.
    pub(super) steps: Vec<Vec<Conditioner>>,
}

/// The small network that computes the parameters of a number's map from the context and the numbers before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditioner {
    pub(super) first: Layer,
    pub(super) second: Layer,
    pub(super) last: Layer,
}

impl FlowHead {
    pub(super) fn new(
        gaussian: MixtureHead,
        map: Map,
        steps: usize,
        width: usize,
        context: usize,
        builder: &mut Builder,
    ) -> FlowHead {
        let mut step = |step: usize| -> Vec<Conditioner> {
            let conditioner = |i: usize| {
                let name = format!("flow.{step}.{i}");
                let inputs: &[usize] = if i == 0 { &[context] } else { &[context, i] };
                let first = builder.layer(&format!("{name}.first"), inputs, width, 1.0);
                let second = builder.layer(&format!("{name}.second"), &[width], width, 1.0);
                // Zero at first, which makes the map the identity.
                let last = builder.layer(&format!("{name}.last"), &[width], map.parameters(), 0.0);
                Conditioner { first, second, last }
            };
            (0..gaussian.dims).map(conditioner).collect()
        };
        FlowHead { gaussian, map, steps: (0..steps).map(&mut step).collect() }
    }

    /// Computes -ln of the density of the targets of each data set, without the constant D ln(2 pi) / 2.
    pub(super) fn loss<E: Number, T: Tape<E, Cpu>>(
        &self,
        mut graph: Graph<E, T>,
        output: &Node<E>,
        context: &Node<E>,
        targets: &[E],
    ) -> Result<Loss<E, T>, CpuError> {
        let rows = targets.len() / self.gaussian.dims;
        let (mut x, first) = graph.whiten(output, targets, self.gaussian)?;
        let mut log_slopes = vec![first];
        for step in &self.steps {
            let mut parameters = Vec::with_capacity(step.len());
            for (i, conditioner) in step.iter().enumerate() {
                let mut inputs = vec![Input::Node(context.clone())];
                if i > 0 {
                    inputs.push(Input::Node(graph.columns_before(&x, i)?));
                }
                let mut hidden = graph.affine(rows, &inputs, &conditioner.first, Activation::Gelu)?;
                hidden = graph.affine(rows, &[Input::Node(hidden)], &conditioner.second, Activation::Gelu)?;
                parameters.push(graph.affine(rows, &[Input::Node(hidden)], &conditioner.last, Activation::None)?);
            }
            let (z, log_slope) = graph.map_and_turn(&x, &parameters, self.map)?;
            x = z;
            log_slopes.push(log_slope);
        }
        graph.standard_normal(&x, &log_slopes)
    }
}

impl<E: Number, T: Tape<E, Cpu>> Graph<E, T> {
    /// Computes the standard normal numbers that the Gaussians of `output` make the targets from (rows x D), and for each
    /// row the logarithm of the slope. If there are k times as many rows of targets as of outputs, each output belongs to k
    /// rows in turn.
    pub(super) fn whiten(
        &mut self,
        output: &Node<E>,
        targets: &[E],
        head: MixtureHead,
    ) -> Result<(Node<E>, Node<E>), CpuError> {
        let dims = head.dims;
        let rows = targets.len() / dims;
        let times = (rows * output.columns).checked_div(output.values.len()).unwrap_or(1);
        let (mut residuals, mut noise) = (vec![E::zero(); rows * dims], vec![E::zero(); rows * dims]);
        let mut log_slopes = vec![E::zero(); rows];
        for (row, log_slope) in log_slopes.iter_mut().enumerate() {
            let own = row * dims..(row + 1) * dims;
            let part = &output.values[row / times * output.columns..][head.components..output.columns];
            *log_slope = head.whiten(part, &targets[own.clone()], &mut residuals[own.clone()], &mut noise[own]);
        }
        let (noise, log_slopes) = (self.node(noise, dims)?, self.node(log_slopes, 1)?);
        let (output, by_noise, by_log) = (output.clone(), noise.key.clone(), log_slopes.key.clone());
        self.tape.add_backward_op(move |grads| {
            let (mut by_noise, by_log) = (take(grads, &by_noise)?, take(grads, &by_log)?);
            let mut gradient = vec![E::zero(); output.values.len()];
            let mut part = Vec::new();
            for (row, by_log) in by_log.into_iter().enumerate() {
                let own = row * dims..(row + 1) * dims;
                // The only Gaussian has all of the weight, whatever its logit is.
                let at = row / times * output.columns + head.components..(row / times + 1) * output.columns;
                part.clear();
                part.extend_from_slice(&output.values[at.clone()]);
                head.whiten_backward(&mut part, &residuals[own.clone()], &mut by_noise[own], by_log);
                add(&mut gradient[at], &part);
            }
            give(grads, &output.key, gradient)
        });
        Ok((noise, log_slopes))
    }

    /// Returns the first `count` columns.
    pub(super) fn columns_before(&mut self, input: &Node<E>, count: usize) -> Result<Node<E>, CpuError> {
        let columns = input.columns;
        let values = input.values.chunks_exact(columns).flat_map(|row| &row[..count]).copied().collect();
        let output = self.node(values, count)?;
        let (input, key, length) = (input.key.clone(), output.key.clone(), input.values.len());
        self.tape.add_backward_op(move |grads| {
            let upstream = take(grads, &key)?;
            let mut gradient = vec![E::zero(); length];
            for (row, upstream) in gradient.chunks_exact_mut(columns).zip(upstream.chunks_exact(count)) {
                row[..count].copy_from_slice(upstream);
            }
            give(grads, &input, gradient)
        });
        Ok(output)
    }

    /// Maps each column with its parameters, and returns the columns in opposite order, and for each row the logarithm of the
    /// slope.
    fn map_and_turn(
        &mut self,
        input: &Node<E>,
        parameters: &[Node<E>],
        map: Map,
    ) -> Result<(Node<E>, Node<E>), CpuError> {
        let (dims, rows, width) = (input.columns, input.values.len() / input.columns, map.parameters());
        let mut output = vec![E::zero(); input.values.len()];
        let mut log_slopes = vec![E::zero(); rows];
        for row in 0..rows {
            for (i, own) in parameters.iter().enumerate() {
                let x = input.values[row * dims + i];
                let (z, log_slope) = map.forward(x, &own.values[row * width..(row + 1) * width]);
                output[row * dims + dims - 1 - i] = z;
                log_slopes[row] += log_slope;
            }
        }
        let (output, log_slopes) = (self.node(output, dims)?, self.node(log_slopes, 1)?);
        let (input, parameters) = (input.clone(), parameters.to_vec());
        let (by_output, by_log) = (output.key.clone(), log_slopes.key.clone());
        self.tape.add_backward_op(move |grads| {
            let (by_output, by_log) = (take(grads, &by_output)?, take(grads, &by_log)?);
            let mut by_input = vec![E::zero(); input.values.len()];
            for (i, own) in parameters.iter().enumerate() {
                let mut gradient = vec![E::zero(); own.values.len()];
                for (row, gradient) in gradient.chunks_exact_mut(width).enumerate() {
                    let by = (by_output[row * dims + dims - 1 - i], by_log[row]);
                    let at = row * dims + i;
                    let parameters = &own.values[row * width..(row + 1) * width];
                    by_input[at] = map.backward(input.values[at], parameters, by, gradient);
                }
                give(grads, &own.key, gradient)?;
            }
            give(grads, &input.key, by_input)
        });
        Ok((output, log_slopes))
    }

    /// Computes the sum of z^2 / 2 over each row, minus the logarithms of its slopes.
    fn standard_normal(self, z: &Node<E>, log_slopes: &[Node<E>]) -> Result<Loss<E, T>, CpuError> {
        let row = |(row, z): (usize, &[E])| {
            let squares: E = z.iter().map(|z| *z * *z).sum();
            let log_slope: E = log_slopes.iter().map(|slopes| slopes.values[row]).sum();
            E::number(0.5) * squares - log_slope
        };
        let each: Vec<E> = z.values.chunks_exact(z.columns).enumerate().map(row).collect();
        let (rows, gradient, key) = (each.len(), z.values.to_vec(), z.key.clone());
        let keys: Vec<_> = log_slopes.iter().map(|slopes| slopes.key.clone()).collect();
        self.total(each, move |grads| {
            give(grads, &key, gradient)?;
            keys.iter().try_for_each(|key| give(grads, key, vec![-E::one(); rows]))
        })
    }
}

/// A flow for one data set: a density over D numbers.
///
/// ```
/// # use hierarch_nn::{Architecture, Batch, Budget, Settings, Shape, TrainingSource, Trunk, train};
/// use hierarch_nn::{Family, Flow, Prediction};
/// # use rand::{RngExt, SeedableRng};
/// # use rand_distr::StandardNormal;
/// # use rand_xoshiro::Xoshiro256PlusPlus;
/// #
/// # /// theta ~ N(0, 1), and x ~ N(theta, 1).
/// # struct OneNumber;
/// #
/// # impl TrainingSource for OneNumber {
/// #     type Error = std::convert::Infallible;
/// #
/// #     fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Self::Error> {
/// #         let mut rng = Xoshiro256PlusPlus::seed_from_u64(step ^ ((first as u64) << 32));
/// #         let mut normal = || rng.sample::<f32, _>(StandardNormal);
/// #         let thetas: Vec<f32> = (0..sets).map(|_| normal()).collect();
/// #         let x: Vec<f32> = thetas.iter().map(|theta| theta + normal()).collect();
/// #         Ok((Batch { sets, width: 1, globals: x, plates: vec![] }, thetas))
/// #     }
/// # }
/// # let shape = Shape { width: 1, targets: 1, ..Shape::default() };
///
/// let output = Family::Nsf { steps: 1, width: 8, bins: 4 }.into();
/// let architecture = Architecture { output, ..Architecture::sized(&shape) };
/// // ... and a network of that architecture is trained.
/// # let trunk = Trunk::Residual { width: 16, blocks: 1 };
/// # let architecture = Architecture { bins: 16, trunk, ..architecture };
/// # let budget = Budget::simulations(1_024);
/// # let settings = Settings { architecture, pilot: 512, validation: 256, ..Settings::new(budget) };
/// # let network = train(&shape, &OneNumber, &settings, |_| ())?;
/// # let data = Batch { sets: 1, width: 1, globals: vec![0.6], plates: vec![] };
/// let predictions = network.predict(&data)?;
/// let Prediction::Flow(flow) = &predictions[0] else { panic!("no flow") };
/// let flow: &Flow = flow;
/// assert_eq!(flow.dims(), 1);
/// // The density integrates to one.
/// let points: Vec<f64> = (-300..300).map(|i| 0.02 * (f64::from(i) + 0.5)).collect();
/// let integral: f64 = flow.log_densities(&points).iter().map(|log| 0.02 * log.exp()).sum();
/// assert!((integral - 1.0).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Flow {
    head: Arc<FlowHead>,
    weights: Arc<Weights<f32>>,
    /// For each step and number, what the context of the data set adds to the first layer of the conditioner.
    contexts: Vec<Vec<Vec<f32>>>,
    /// The Gaussian that whitens the numbers, in their own scale.
    gaussian: Component,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow").field("gaussian", &self.gaussian).finish_non_exhaustive()
    }
}

impl Flow {
    pub(super) fn new(
        head: &Arc<FlowHead>,
        weights: &Arc<Weights<f32>>,
        output: &[f32],
        context: &[f32],
        scales: &[(f32, f32)],
    ) -> Flow {
        let gaussian = head.gaussian.read(output, scales).components.swap_remove(0);
        let of = |conditioner: &Conditioner| {
            let (slot, bias) = (conditioner.first.weights[0], conditioner.first.bias);
            let matrix = View::new(&weights.values[slot.range()], slot.columns);
            let mut sums = product(View::new(context, slot.rows), matrix);
            sums.iter_mut().zip(&weights.values[bias.range()]).for_each(|(sum, bias)| *sum += bias);
            sums
        };
        let contexts = head.steps.iter().map(|step| step.iter().map(of).collect()).collect();
        Flow { head: head.clone(), weights: weights.clone(), contexts, gaussian }
    }

    /// Returns how many numbers there are.
    pub fn dims(&self) -> usize {
        self.gaussian.mean.len()
    }

    /// Returns the log density at each of `points` (points x D).
    pub fn log_densities(&self, points: &[f64]) -> Vec<f64> {
        let dims = self.dims();
        let mut noise = Vec::with_capacity(points.len());
        let log_slope: f64 = -self.gaussian.sd.iter().map(|sd| sd.ln()).sum::<f64>();
        for point in points.chunks_exact(dims) {
            noise.extend(self.gaussian.whiten(point).into_iter().map(|z| z as f32));
        }
        let constant = log_slope - 0.5 * dims as f64 * std::f64::consts::TAU.ln();
        let tile = |x: &mut [f32]| -> Vec<f64> {
            let rows = x.len() / dims;
            let mut log_densities = vec![constant; rows];
            for (step, contexts) in self.head.steps.iter().zip(&self.contexts) {
                let before = x.to_vec();
                for (i, (conditioner, context)) in step.iter().zip(contexts).enumerate() {
                    let parameters = self.parameters(conditioner, context, &before, i);
                    for (row, own) in parameters.chunks_exact(self.head.map.parameters()).enumerate() {
                        let (z, log_slope) = self.head.map.forward(before[row * dims + i], own);
                        x[row * dims + dims - 1 - i] = z;
                        log_densities[row] += f64::from(log_slope);
                    }
                }
            }
            for (log_density, z) in log_densities.iter_mut().zip(x.chunks_exact(dims)) {
                *log_density -= 0.5 * z.iter().map(|z| f64::from(*z).powi(2)).sum::<f64>();
            }
            log_densities
        };
        noise.par_chunks_mut(TILE * dims).flat_map_iter(tile).collect()
    }

    /// Draws `count` points (draws x D).
    pub fn sample<R: Rng + ?Sized>(&self, count: usize, rng: &mut R) -> Vec<f64> {
        self.place((0..count * self.dims()).map(|_| rng.sample(rand_distr::StandardNormal)).collect())
    }

    /// Returns the points that standard normal numbers (points x D) stand for.
    pub(super) fn place(&self, normal: Vec<f64>) -> Vec<f64> {
        let dims = self.dims();
        let tile = |z: &mut [f64]| {
            let rows = z.len() / dims;
            let mut x: Vec<f32> = z.iter().map(|z| *z as f32).collect();
            for (step, contexts) in self.head.steps.iter().zip(&self.contexts).rev() {
                let z = std::mem::replace(&mut x, vec![0.0; rows * dims]);
                for (i, (conditioner, context)) in step.iter().zip(contexts).enumerate() {
                    let parameters = self.parameters(conditioner, context, &x, i);
                    for (row, own) in parameters.chunks_exact(self.head.map.parameters()).enumerate() {
                        x[row * dims + i] = self.head.map.inverse(z[row * dims + dims - 1 - i], own);
                    }
                }
            }
            for (point, x) in z.chunks_exact_mut(dims).zip(x.chunks_exact(dims)) {
                point.copy_from_slice(&self.gaussian.place(|i| f64::from(x[i])));
            }
        };
        let mut points = normal;
        points.par_chunks_mut(TILE * dims).for_each(tile);
        points
    }

    /// Returns the parameters of the map of number `i` at each of some points; only the numbers before it are read.
    fn parameters(&self, conditioner: &Conditioner, context: &[f32], points: &[f32], i: usize) -> Vec<f32> {
        let dims = self.dims();
        let sums = match conditioner.first.weights.get(1) {
            Some(slot) => {
                let weights = View::new(&self.weights.values[slot.range()], slot.columns);
                product(View::new(points, dims).columns(0..i), weights)
            }
            None => vec![0.0; points.len() / dims * context.len()],
        };
        let layer = |input: &[f32], layer: &Layer, activation| {
            let slot = layer.weights[0];
            let weights = View::new(&self.weights.values[slot.range()], slot.columns);
            activate(
                product(View::new(input, slot.rows), weights),
                &self.weights.values[layer.bias.range()],
                activation,
            )
            .0
        };
        let (hidden, _) = activate(sums, context, Activation::Gelu);
        layer(&layer(&hidden, &conditioner.second, Activation::Gelu), &conditioner.last, Activation::None)
    }
}
