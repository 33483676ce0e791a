//! The optimiser: it sums the gradients of chunks, clips the sum, takes a step of AdamW, and averages the weights that it
//! visits.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use hierarch_core::simd::dispatch;

use super::graph::ChunkGradient;
use super::kernels::{View, add_column_sums, add_product, set_product};
use super::weights::{Slot, Weights};

/// Weights that one task updates.
const PART: usize = 1 << 14;
/// Rows of a weight matrix whose gradient one task computes.
const PANEL: usize = 64;

/// AdamW (Kingma & Ba, arXiv 1412.6980; Loshchilov & Hutter, arXiv 1711.05101), and the moving average of the weights
/// that it visits, which predictions use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Optimiser {
    pub(super) weights: Arc<Weights<f32>>,
    pub(super) average: Vec<f32>,
    /// Moving averages of the gradient and of its square.
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
    pub(super) steps: u64,
    /// All matrices, one behind the other.
    slots: Vec<Slot>,
    /// Weights of the linear path.
    linear: Range<usize>,
    gradient: Vec<f32>,
}

impl Optimiser {
    // These memories are shorter than usual: at first the posterior, and with it the scale of the gradient, narrows quickly.
    const FIRST: f32 = 0.95;
    const SECOND: f32 = 0.98;
    const EPSILON: f32 = 1e-8;
    /// The number of steps that the moving average reaches back, once there have been that many.
    const AVERAGE: f64 = 300.0;
    /// The largest norm of a gradient (of the mean loss) that is not clipped.
    const CLIP: f64 = 5.0;
    /// The learning rate of the weights of the linear path, relative to that of the others. A step moves every weight by
    /// about the same amount, even if there is little to gain. These weights read hundreds of numbers, from which least
    /// squares have taken nearly all that they say: at the full rate they would mostly add noise.
    const LINEAR: f32 = 0.2;

    /// Starts from `weights`. `slots` are all matrices, one behind the other, and `linear` is the place of the weights of a
    /// linear path to which least squares have left little.
    pub(super) fn new(weights: Vec<f32>, slots: Vec<Slot>, linear: Range<usize>) -> Optimiser {
        let zeros = vec![0.0; weights.len()];
        let mut optimiser = Optimiser {
            average: weights.clone(),
            weights: Arc::new(Weights::new(weights)),
            first: zeros.clone(),
            second: zeros.clone(),
            gradient: zeros,
            steps: 0,
            slots,
            linear,
        };
        optimiser.transpose();
        optimiser
    }

    /// Goes on from the state of another optimiser.
    pub(super) fn restore(
        &mut self,
        weights: Vec<f32>,
        average: Vec<f32>,
        first: Vec<f32>,
        second: Vec<f32>,
        steps: u64,
    ) {
        Arc::make_mut(&mut self.weights).values = weights;
        (self.average, self.first, self.second, self.steps) = (average, first, second, steps);
        self.transpose();
    }

    fn transpose(&mut self) {
        Arc::make_mut(&mut self.weights).transpose(&self.slots);
    }

    /// Takes one step along the mean gradient over `sets` data sets. The first `shared` weights belong to layers that read
    /// rows. Returns whether it has: a gradient that is not finite would spoil all weights for good, and changes nothing.
    pub(super) fn update(
        &mut self,
        chunks: &[ChunkGradient<f32>],
        shared: usize,
        sets: usize,
        rate: f64,
        decay: f64,
    ) -> bool {
        let tasks = tasks(&mut self.gradient, chunks, shared);
        let squares: Vec<f64> = tasks.into_par_iter().map(|task| task.run(chunks)).collect();
        let norm = squares.iter().sum::<f64>().sqrt() / sets as f64;
        if !norm.is_finite() {
            return false;
        }
        let scale = (Self::CLIP / norm.max(Self::CLIP) / sets as f64) as f32;

        self.steps += 1;
        let memory = self.steps.min(1 << 20) as i32;
        let second_bias = 1.0 - Self::SECOND.powi(memory);
        let decay = 1.0 - (rate * decay) as f32;
        let rate = rate as f32 / (1.0 - Self::FIRST.powi(memory));
        let forget = (1.0 / (0.1 * self.steps as f64 + 1.0).min(Self::AVERAGE)) as f32;
        // No chunk of the last step lives on, so this never copies.
        let weights = &mut Arc::make_mut(&mut self.weights).values;
        (
            weights.par_chunks_mut(PART),
            self.average.par_chunks_mut(PART),
            self.first.par_chunks_mut(PART),
            self.second.par_chunks_mut(PART),
            self.gradient.par_chunks(PART),
        )
            .into_par_iter()
            .enumerate()
            .for_each(|(part, (weights, average, first, second, gradient))| {
                let within = |weight: usize| weight.saturating_sub(part * PART).min(weights.len());
                let linear = within(self.linear.start)..within(self.linear.end);
                let parts =
                    [(0..linear.start, rate), (linear.clone(), rate * Self::LINEAR), (linear.end..weights.len(), rate)];
                dispatch(
                    #[inline(always)]
                    || {
                        for (own, rate) in parts {
                            let moments =
                                first[own.clone()].iter_mut().zip(&mut second[own.clone()]).zip(&gradient[own.clone()]);
                            let weights = weights[own.clone()].iter_mut().zip(&mut average[own]);
                            for ((weight, average), ((first, second), gradient)) in weights.zip(moments) {
                                let gradient = scale * gradient;
                                *first += (1.0 - Self::FIRST) * (gradient - *first);
                                *second += (1.0 - Self::SECOND) * (gradient * gradient - *second);
                                let step = rate * *first / ((*second / second_bias).sqrt() + Self::EPSILON);
                                *weight = decay * *weight - step;
                                *average += forget * (*weight - *average);
                            }
                        }
                    },
                );
            });
        self.transpose();
        true
    }
}

/// A part of the gradient, to be summed over chunks in their order.
struct GradientTask<'a> {
    output: &'a mut [f32],
    part: GradientPart,
}

enum GradientPart {
    /// Weights of layers that read rows, from this one on.
    Rows(usize),
    /// Rows of the matrix of an input of a layer that reads data sets.
    Weights {
        layer: usize,
        input: usize,
        rows: Range<usize>,
    },
    Bias {
        layer: usize,
    },
}

/// Cuts the gradient into parts.
fn tasks<'a>(gradient: &'a mut [f32], chunks: &[ChunkGradient<f32>], shared: usize) -> Vec<GradientTask<'a>> {
    let (rows, mut rest) = gradient.split_at_mut(shared);
    let parts = rows.chunks_mut(PART).enumerate();
    let mut tasks: Vec<GradientTask> =
        parts.map(|(index, output)| GradientTask { output, part: GradientPart::Rows(index * PART) }).collect();
    for (layer, factors) in chunks[0].sets.iter().enumerate() {
        for (input, slot) in factors.layer.weights.iter().enumerate() {
            for start in (0..slot.rows).step_by(PANEL) {
                let rows = start..(start + PANEL).min(slot.rows);
                let (output, after) = rest.split_at_mut(rows.len() * slot.columns);
                rest = after;
                tasks.push(GradientTask { output, part: GradientPart::Weights { layer, input, rows } });
            }
        }
        let (output, after) = rest.split_at_mut(factors.layer.bias.columns);
        rest = after;
        tasks.push(GradientTask { output, part: GradientPart::Bias { layer } });
    }
    tasks
}

impl GradientTask<'_> {
    /// Writes the sum, and returns the square of its norm.
    fn run(self, chunks: &[ChunkGradient<f32>]) -> f64 {
        let GradientTask { output, part } = self;
        match part {
            GradientPart::Rows(start) => dispatch(
                #[inline(always)]
                || {
                    output.fill(0.0);
                    for chunk in chunks {
                        for (output, value) in output.iter_mut().zip(&chunk.rows[start..]) {
                            *output += value;
                        }
                    }
                },
            ),
            GradientPart::Weights { layer, input, rows } => {
                for (index, factors) in chunks.iter().map(|chunk| &chunk.sets[layer]).enumerate() {
                    let width = factors.layer.weights[input].rows;
                    let left = View::new(&factors.inputs[input], width).columns(rows.clone()).transposed();
                    let right = View::new(&factors.upstream, factors.layer.bias.columns);
                    if index == 0 { set_product(output, left, right) } else { add_product(output, left, right) }
                }
            }
            GradientPart::Bias { layer } => {
                output.fill(0.0);
                for chunk in chunks {
                    add_column_sums(output, &chunk.sets[layer].upstream);
                }
            }
        }
        output.iter().map(|value| f64::from(*value).powi(2)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All weights are of layers that read rows, so that a gradient is a plain vector.
    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let mut optimiser = Optimiser::new(vec![0.5, -1.0, 2.0], Vec::new(), 0..0);
        let step = |optimiser: &mut Optimiser, rows: Vec<f32>| {
            optimiser.update(&[ChunkGradient { rows, sets: Vec::new() }], 3, 1, 0.1, 0.0)
        };
        assert!(step(&mut optimiser, vec![1.0, 0.0, -1.0]));
        let before = (optimiser.weights.values.clone(), optimiser.average.clone(), optimiser.steps);
        assert!(before.0[0] < 0.5 && before.0[2] > 2.0);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!step(&mut optimiser, vec![0.0, bad, 0.0]));
            assert_eq!((optimiser.weights.values.clone(), optimiser.average.clone(), optimiser.steps), before);
        }
        assert!(step(&mut optimiser, vec![1.0, 0.0, -1.0]));
    }
}
