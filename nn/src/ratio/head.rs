//! The last layers of a ratio, and its loss.

use std::sync::Arc;

use dfdx::prelude::{Cpu, CpuError, Tape};

use super::contrast::{Contrast, sigmoid, softplus};
use crate::activation::{Activation, gelu};
use crate::builder::Builder;
use crate::gradients::{give, take};
use crate::graph::{Graph, Input, Loss, Node};
use crate::kernels::{Number, add, add_column_sums};
use crate::mixture::MixtureHead;
use crate::weights::Layer;

/// The last layers of a ratio.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RatioHead {
    pub(super) gaussian: MixtureHead,
    pub(super) contrast: Contrast,
    balance: f32,
    pub(super) context: Layer,
    pub(super) pair: Layer,
    pub(super) second: Layer,
    pub(super) last: Layer,
}

impl RatioHead {
    /// Lays out the layers; `context` is the width of what the outlet reads.
    pub(crate) fn new(
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
            // Zero at first, so that training starts from the ratio of a linear model.
            last: builder.layer("ratio.last", &[width], 1, 0.0),
        }
    }

    /// Computes how badly each data set is told from others: see [`Contrast`]. `targets` are standardised, sets x D.
    pub(crate) fn loss<E: Number, T: Tape<E, Cpu>>(
        &self,
        mut graph: Graph<E, T>,
        output: &Node<E>,
        context: &Node<E>,
        targets: &[E],
    ) -> Result<Loss<E, T>, CpuError> {
        let dims = self.gaussian.dims;
        let stride = dims + self.contrast.labels();
        let sets = targets.len() / stride;
        // A data set cannot be paired with more others than there are.
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

    /// Returns what each data set pays for the imbalance of its chunk, balance (mean d(own) + mean d(others) - 1)^2 with
    /// d = 1 / (1 + e^-f), and the gradient of the sum; `None` if it costs nothing. A balanced ratio is cautious rather than
    /// overconfident (Delaunoy et al., arXiv 2208.13624).
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
    /// Computes asinh of each number: it leaves small numbers as they are, and is logarithmic far out.
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

    /// Computes gelu(row of its data set + row of the pair) for each pair. All data sets have the same number of pairs.
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
