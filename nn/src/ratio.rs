//! Likelihood-to-evidence ratios: how much more probable data are at some targets than on the whole.
//!
//! The network learns
//!
//! ```text
//! f(x, theta) = ln p(x | theta) / p(x) = ln p(theta | x) / p(theta)
//! ```
//!
//! by telling pairs that belong together from pairs that do not: the data of each set with its own targets, and with those
//! of other sets of the same chunk. What the outlet puts out whitens the targets as by one Gaussian, z = L (theta - m), and
//! is the ratio of a linear model, up to an offset, which the outlet gives, too; a small network adds what is not Gaussian:
//!
//! ```text
//! f = a + ln |L| - z^2 / 2 + W3 gelu(W2 gelu(U context + V [theta, asinh z] + b) + c) + d
//! ```
//!
//! In z the network sees targets on the scale on which the ratio varies, however narrow that is, and the ratio falls off
//! where no targets were seen, as a likelihood does.
//!
//! Where a label is learned, as of data next to a hypothesis rather than at it, what stands in the place of ln |L| - z^2 / 2 is
//! the sum of ln cosh z: the log odds of a Gaussian measurement with one alternative to either side.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, Tape};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::graph::{Graph, Input, Layer, Loss, Node, Slot, Weights, give, take};
use super::head::Head;
use super::kernels::{Activation, Number, View, add, add_column_sums, add_product, gelu, product};
use super::mixture::{MixtureHead, log_sum_exp};
use super::network::Builder;
use super::{Batch, Error, Network, Sums};

/// Points that are evaluated at once.
const TILE: usize = 128;

/// How a ratio is learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Contrast {
    /// Which of the pairs of a data set with its own targets and with those of `others` is its own (NRE-B; Durkan et al.,
    /// arXiv 2002.03712). The ratio is learned up to a factor that depends on the data.
    Which {
        /// Other sets whose targets stand beside the own ones, 63 at most.
        others: usize,
    },
    /// The same, and whether it is any of them, which is so with odds `gamma` to 1 (NRE-C; Miller et al., arXiv 2210.06170).
    /// The ratio is learned as it is. With one other and even odds this is NRE-A, logistic regression.
    WhichIfAny {
        /// Other sets whose targets stand beside the own ones, 63 at most.
        others: usize,
        /// The odds.
        gamma: f32,
    },
    /// The last target is a label, 0 or 1, and f the logarithm of the odds of 1, given the data and the other targets.
    Label,
}

impl Contrast {
    /// Other sets whose targets a data set is paired with.
    pub(super) fn others(self) -> usize {
        match self {
            Contrast::Which { others } | Contrast::WhichIfAny { others, .. } => others,
            Contrast::Label => 0,
        }
    }

    /// Targets that are labels.
    pub(super) fn labels(self) -> usize {
        usize::from(self == Contrast::Label)
    }

    /// What f is of a Gaussian measurement, from whitened targets and ln |L|.
    fn gaussian<E: Number>(self, z: &[E], log_slope: E) -> E {
        match self {
            Contrast::Label => z.iter().map(|z| log_cosh(*z)).sum(),
            _ => log_slope - E::number(0.5) * z.iter().map(|z| *z * *z).sum::<E>(),
        }
    }

    /// Its derivatives: by one of the z, and by ln |L|.
    fn by_gaussian<E: Number>(self, z: E) -> (E, E) {
        match self {
            Contrast::Label => (z.tanh(), E::zero()),
            _ => (-z, E::one()),
        }
    }

    /// The loss of a data set from the f of its own targets and then of the others'; turns them into their gradient.
    fn loss<E: Number>(self, f: &mut [E], scratch: &mut Vec<E>) -> E {
        match self {
            Contrast::Which { .. } => {
                let (own, normaliser) = (f[0], log_sum_exp(f));
                f.iter_mut().for_each(|f| *f = (*f - normaliser).exp());
                f[0] -= E::one();
                normaliser - own
            }
            Contrast::WhichIfAny { gamma, .. } => {
                // One is its own and the rest are others; or all are others: as many in both.
                let count = f.len() - 1;
                let (none, log_gamma) = (E::number(count as f32).ln(), E::number(gamma).ln());
                let share = E::number(gamma / (1.0 + gamma));
                let own = f[0];
                let mut normaliser = |f: &[E]| {
                    scratch.clear();
                    scratch.push(none);
                    scratch.extend(f.iter().map(|f| *f + log_gamma));
                    log_sum_exp(scratch)
                };
                let (any, no) = (normaliser(&f[..count]), normaliser(&f[1..]));
                for (place, f) in f.iter_mut().enumerate() {
                    let mut gradient = E::zero();
                    if place < count {
                        gradient += share * (*f + log_gamma - any).exp();
                    }
                    if place > 0 {
                        gradient += (E::one() - share) * (*f + log_gamma - no).exp();
                    }
                    *f = gradient;
                }
                f[0] -= share;
                share * (any - log_gamma - own) + (E::one() - share) * (no - none)
            }
            Contrast::Label => E::zero(),
        }
    }
}

/// ln(1 + e^x)
fn softplus<E: Number>(x: E) -> E {
    x.max(E::zero()) + (-x.abs()).exp().ln_1p()
}

/// ln cosh x
fn log_cosh<E: Number>(x: E) -> E {
    let far = x.abs();
    far + (-(far + far)).exp().ln_1p() - E::number(std::f32::consts::LN_2)
}

fn sigmoid<E: Number>(x: E) -> E {
    E::one() / (E::one() + (-x).exp())
}

/// The last layers of a ratio.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RatioHead {
    gaussian: MixtureHead,
    contrast: Contrast,
    balance: f32,
    context: Layer,
    pair: Layer,
    second: Layer,
    last: Layer,
}

impl RatioHead {
    pub(super) fn new(
        gaussian: MixtureHead,
        contrast: Contrast,
        balance: f32,
        width: usize,
        context: usize,
        builder: &mut Builder,
    ) -> RatioHead {
        let dims = gaussian.dims;
        RatioHead {
            gaussian,
            contrast,
            balance,
            context: builder.layer("ratio.context", &[context], width, 1.0),
            pair: builder.layer("ratio.pair", &[dims, dims], width, 1.0),
            second: builder.layer("ratio.second", &[width], width, 1.4),
            // Zero at first: the ratio of a linear model.
            last: builder.layer("ratio.last", &[width], 1, 0.0),
        }
    }

    /// How well each data set is told from others: see [`Contrast`]. `targets` are standardised, sets x D.
    pub(super) fn loss<E: Number, T: Tape<E, Cpu>>(
        &self,
        mut graph: Graph<E, T>,
        output: &Node<E>,
        context: &Node<E>,
        targets: &[E],
    ) -> Result<Loss<E, T>, CpuError> {
        let dims = self.gaussian.dims;
        let stride = dims + self.contrast.labels();
        let sets = targets.len() / stride;
        // There cannot be more others than there are.
        let times = 1 + self.contrast.others().min(sets.saturating_sub(1));
        let mut theta = Vec::with_capacity(sets * times * dims);
        for set in 0..sets {
            for place in 0..times {
                theta.extend_from_slice(&targets[(set + place) % sets * stride..][..dims]);
            }
        }
        let (z, log_slope) = graph.whiten(output, &theta, self.gaussian)?;
        let offset = graph.columns_before(output, 1)?;
        let told = graph.affine(sets, &[Input::Node(context.clone())], &self.context, Activation::None)?;
        let inputs = [Input::Data(Arc::new(theta)), Input::Node(graph.asinh(&z)?)];
        let pairs = graph.affine(sets * times, &inputs, &self.pair, Activation::None)?;
        let hidden = graph.gelu_of_sum(&told, &pairs)?;
        let hidden = graph.affine(sets * times, &[Input::Node(hidden)], &self.second, Activation::Gelu)?;
        let rest = graph.affine(sets * times, &[Input::Node(hidden)], &self.last, Activation::None)?;

        let contrast = self.contrast;
        let pairs = z.values.chunks_exact(dims).zip(&*log_slope.values).map(|(z, slope)| contrast.gaussian(z, *slope));
        let pairs = pairs.zip(&*rest.values).enumerate();
        let mut f: Vec<E> = pairs.map(|(pair, (near, rest))| offset.values[pair / times] + near + *rest).collect();
        let mut each = vec![E::zero(); sets];
        let penalty = self.balance(&f, times);
        let mut scratch = Vec::new();
        for (set, (f, loss)) in f.chunks_exact_mut(times).zip(&mut each).enumerate() {
            if self.contrast == Contrast::Label {
                let label = targets[set * stride + dims];
                *loss = softplus(f[0]) - label * f[0];
                f[0] = sigmoid(f[0]) - label;
            } else if times > 1 {
                *loss = self.contrast.loss(f, &mut scratch);
            } else {
                f[0] = E::zero();
            }
        }
        if let Some((loss, gradient)) = penalty {
            each.iter_mut().for_each(|each| *each += loss);
            add(&mut f, &gradient);
        }
        graph.total(each, move |grads| {
            let by_z = z.values.iter().enumerate().map(|(at, z)| contrast.by_gaussian(*z).0 * f[at / dims]);
            give(grads, &z.key, by_z.collect())?;
            give(grads, &offset.key, f.chunks_exact(times).map(|f| f.iter().copied().sum()).collect())?;
            let by_slope = contrast.by_gaussian(E::zero()).1;
            give(grads, &log_slope.key, f.iter().map(|by| by_slope * *by).collect())?;
            give(grads, &rest.key, f)
        })
    }

    /// What a data set pays for the imbalance of its chunk, balance (mean d(own) + mean d(others) - 1)^2 with d = 1 / (1 +
    /// e^-f), and the gradient of the sum: a balanced ratio is cautious rather than sure (Delaunoy et al., arXiv 2208.13624).
    fn balance<E: Number>(&self, f: &[E], times: usize) -> Option<(E, Vec<E>)> {
        if self.balance == 0.0 || times == 1 {
            return None;
        }
        let (lambda, others) = (E::number(self.balance), E::number((times - 1) as f32));
        let share = |place: usize| if place == 0 { E::one() } else { E::one() / others };
        let sets = E::number((f.len() / times) as f32);
        let sum: E = f.iter().enumerate().map(|(at, f)| share(at % times) * sigmoid(*f)).sum();
        let off = sum / sets - E::one();
        let slope = |(at, f): (usize, &E)| {
            let d = sigmoid(*f);
            (lambda + lambda) * off * share(at % times) * d * (E::one() - d)
        };
        Some((lambda * off * off, f.iter().enumerate().map(slope).collect()))
    }
}

impl<E: Number, T: Tape<E, Cpu>> Graph<E, T> {
    /// asinh of each number: as it is where it is small, logarithmic far out.
    fn asinh(&mut self, input: &Node<E>) -> Result<Node<E>, CpuError> {
        let output = self.node(input.values.iter().map(|x| x.asinh()).collect(), input.columns)?;
        let (input, key) = (input.clone(), output.key.clone());
        self.tape.add_backward_op(move |grads| {
            let mut gradient = take(grads, &key)?;
            for (gradient, x) in gradient.iter_mut().zip(input.values.iter()) {
                *gradient /= (E::one() + *x * *x).sqrt();
            }
            give(grads, &input.key, gradient)
        });
        Ok(output)
    }

    /// gelu(row of a data set + row of a pair), for as many pairs of each data set.
    fn gelu_of_sum(&mut self, sets: &Node<E>, pairs: &Node<E>) -> Result<Node<E>, CpuError> {
        let columns = pairs.columns;
        let times = pairs.values.len() / sets.values.len();
        let mut sums = pairs.values.to_vec();
        for (own, set) in sums.chunks_exact_mut(times * columns).zip(sets.values.chunks_exact(columns)) {
            own.chunks_exact_mut(columns).for_each(|pair| add(pair, set));
        }
        let output = self.node(sums.iter().map(|x| gelu(*x).0).collect(), columns)?;
        let (sets, pairs, key) = (sets.key.clone(), pairs.key.clone(), output.key.clone());
        self.tape.add_backward_op(move |grads| {
            let mut gradient = take(grads, &key)?;
            gradient.iter_mut().zip(&sums).for_each(|(gradient, x)| *gradient *= gelu(*x).1);
            let mut of_sets = vec![E::zero(); gradient.len() / times];
            for (sum, own) in of_sets.chunks_exact_mut(columns).zip(gradient.chunks_exact(times * columns)) {
                add_column_sums(sum, own);
            }
            give(grads, &sets, of_sets)?;
            give(grads, &pairs, gradient)
        });
        Ok(output)
    }
}

/// The ratios of some data sets, as functions of their targets: what a network says of each data set, and the layers that
/// judge a pair. In f64, since chains run on their gradients.
#[derive(Clone)]
pub struct Ratio {
    gaussian: MixtureHead,
    contrast: Contrast,
    scales: Vec<(f64, f64)>,
    layers: Arc<Layers>,
    /// What the outlet puts out of each data set.
    outputs: Vec<f64>,
    /// U context + b of each.
    contexts: Vec<f64>,
}

/// The layers that judge a pair.
struct Layers {
    /// Of theta and of asinh z, D x width each.
    pair: [Vec<f64>; 2],
    second: Vec<f64>,
    second_bias: Vec<f64>,
    last: Vec<f64>,
    last_bias: f64,
}

/// Buffers that a ratio uses again in each call.
#[derive(Debug, Default, Clone)]
pub struct RatioScratch {
    theta: Vec<f64>,
    residuals: Vec<f64>,
    z: Vec<f64>,
    asinh: Vec<f64>,
    first: Vec<f64>,
    first_slopes: Vec<f64>,
    second: Vec<f64>,
    by_first: Vec<f64>,
    part: Vec<f64>,
    values: Vec<f64>,
}

impl std::fmt::Debug for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ratio").field("sets", &self.sets()).field("dims", &self.dims()).finish_non_exhaustive()
    }
}

impl Ratio {
    fn new(head: &RatioHead, weights: &Weights<f32>, output: &[f32], context: &[f32], scales: &[(f32, f32)]) -> Ratio {
        let double = |slot: Slot| -> Vec<f64> { weights.values[slot.range()].iter().copied().map(f64::from).collect() };
        let slot = head.context.weights[0];
        let context: Vec<f64> = context.iter().copied().map(f64::from).collect();
        let mut contexts = product(View::new(&context, slot.rows), View::new(&double(slot), slot.columns));
        for row in contexts.chunks_exact_mut(slot.columns) {
            add(row, &double(head.context.bias));
            add(row, &double(head.pair.bias));
        }
        Ratio {
            gaussian: head.gaussian,
            contrast: head.contrast,
            scales: scales[..head.gaussian.dims].iter().map(|(m, s)| (f64::from(*m), f64::from(*s))).collect(),
            layers: Arc::new(Layers {
                pair: [double(head.pair.weights[0]), double(head.pair.weights[1])],
                second: double(head.second.weights[0]),
                second_bias: double(head.second.bias),
                last: double(head.last.weights[0]),
                last_bias: double(head.last.bias)[0],
            }),
            outputs: output.iter().copied().map(f64::from).collect(),
            contexts,
        }
    }

    /// How many data sets these are the ratios of.
    pub fn sets(&self) -> usize {
        self.outputs.len() / self.gaussian.outputs()
    }

    /// How many targets there are.
    pub fn dims(&self) -> usize {
        self.gaussian.dims
    }

    /// ln of the ratio of one of the data sets at each of some points (points x D).
    ///
    /// # Panics
    /// If there are not so many data sets.
    pub fn log_ratios(&self, set: usize, points: &[f64]) -> Vec<f64> {
        let tile = |points: &[f64]| {
            let mut scratch = RatioScratch::default();
            self.evaluate(|_| set, points, None, &mut scratch);
            scratch.values
        };
        points.par_chunks(TILE * self.dims()).flat_map_iter(tile).collect()
    }

    /// The sum over data sets of ln of the ratio, each at a point of its own (sets x D); its gradient (sets x D) goes to
    /// `gradient`.
    ///
    /// # Panics
    /// If `points` or `gradient` does not have sets x D numbers.
    pub fn gradient(&self, points: &[f64], gradient: &mut [f64], scratch: &mut RatioScratch) -> f64 {
        let length = self.sets() * self.dims();
        assert_eq!((points.len(), gradient.len()), (length, length), "numbers of the targets of all data sets");
        self.evaluate(|row| row, points, Some(gradient), scratch);
        scratch.values.iter().sum()
    }

    /// ln of the ratio at each of some points, of the data set that `set` names for each; the values are left in `scratch`.
    fn evaluate(
        &self,
        set: impl Fn(usize) -> usize,
        points: &[f64],
        gradient: Option<&mut [f64]>,
        scratch: &mut RatioScratch,
    ) {
        let (dims, width, outputs) = (self.dims(), self.layers.last.len(), self.gaussian.outputs());
        let rows = points.len() / dims;
        let RatioScratch { theta, residuals, z, asinh, first, first_slopes, second, by_first, part, values } = scratch;
        theta.clear();
        theta.extend(points.iter().zip(self.scales.iter().cycle()).map(|(x, (mean, sd))| (x - mean) / sd));
        residuals.resize(rows * dims, 0.0);
        z.resize(rows * dims, 0.0);
        values.clear();
        first.clear();
        second.clear();
        let output = |row: usize| &self.outputs[set(row) * outputs..][..outputs];
        for row in 0..rows {
            let (own, at) = (output(row), row * dims..(row + 1) * dims);
            let (residuals, z) = (&mut residuals[at.clone()], &mut z[at.clone()]);
            let log_slope = self.gaussian.whiten(&own[1..], &theta[at], residuals, z);
            values.push(own[0] + self.contrast.gaussian(z, log_slope) + self.layers.last_bias);
            first.extend_from_slice(&self.contexts[set(row) * width..][..width]);
            second.extend_from_slice(&self.layers.second_bias);
        }
        asinh.clear();
        asinh.extend(z.iter().map(|z| z.asinh()));
        let [of_theta, of_z] = &self.layers.pair;
        add_product(first, View::new(theta, dims), View::new(of_theta, width));
        add_product(first, View::new(asinh, dims), View::new(of_z, width));
        first_slopes.clear();
        first_slopes.extend(first.iter_mut().map(|x| {
            let (value, slope) = gelu(*x);
            *x = value;
            slope
        }));
        add_product(second, View::new(first, width), View::new(&self.layers.second, width));
        for (second, value) in second.chunks_exact_mut(width).zip(&mut *values) {
            for (x, weight) in second.iter_mut().zip(&self.layers.last) {
                let (activated, slope) = gelu(*x);
                *value += weight * activated;
                *x = weight * slope;
            }
        }
        let Some(gradient) = gradient else { return };
        // `second` is now the gradient of its sums.
        by_first.clear();
        by_first.resize(rows * width, 0.0);
        add_product(by_first, View::new(second, width), View::new(&self.layers.second, width).transposed());
        by_first.iter_mut().zip(&*first_slopes).for_each(|(by, slope)| *by *= slope);
        gradient.fill(0.0);
        add_product(gradient, View::new(by_first, width), View::new(of_theta, width).transposed());
        let by_z = asinh;
        by_z.fill(0.0);
        add_product(by_z, View::new(by_first, width), View::new(of_z, width).transposed());
        for row in 0..rows {
            let at = row * dims..(row + 1) * dims;
            let by_z = &mut by_z[at.clone()];
            for (by, z) in by_z.iter_mut().zip(&z[at.clone()]) {
                *by = *by / (1.0 + z * z).sqrt() + self.contrast.by_gaussian(*z).0;
            }
            part.clear();
            part.extend_from_slice(&output(row)[1..]);
            self.gaussian.whiten_backward(part, &residuals[at.clone()], by_z, 0.0);
            // A target moves z as its mean does, the other way.
            for ((gradient, by_mean), (_, sd)) in gradient[at].iter_mut().zip(&*part).zip(&self.scales) {
                *gradient = (*gradient - by_mean) / sd;
            }
        }
    }
}

impl Network {
    /// The ratio of one data set, from what the network keeps of it.
    ///
    /// # Errors
    /// If the network says something else than ratios, or the sums are those of a network of another shape.
    pub fn ratio(&self, sums: &Sums) -> Result<Ratio, Error> {
        let (judged, _) = self.judge_sums(sums)?;
        self.ratio_of(&judged.output.values, &judged.context.values)
    }

    /// The ratio of each of some data sets.
    ///
    /// # Errors
    /// If the network says something else than ratios; if the batch does not have the network's
    /// [`shape`](Network::shape), or holds a number that is not finite.
    pub fn ratios(&self, batch: &Batch) -> Result<Ratio, Error> {
        batch.check(&self.shape)?;
        let (mut output, mut context) = (Vec::new(), Vec::new());
        for (judged, _) in self.judge_batch(batch)? {
            output.extend_from_slice(&judged.output.values);
            context.extend_from_slice(&judged.context.values);
        }
        self.ratio_of(&output, &context)
    }

    fn ratio_of(&self, output: &[f32], context: &[f32]) -> Result<Ratio, Error> {
        match &self.plan.head {
            Head::Ratio(head) => Ok(Ratio::new(head, &self.weights, output, context, &self.reader.targets)),
            _ => Err(Error::Says { says: "a distribution of its targets", asked: "a ratio" }),
        }
    }
}
