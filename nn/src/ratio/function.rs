//! Learned ratios as functions of the targets, with their gradients.

use std::sync::Arc;

use rayon::prelude::*;

use super::contrast::Contrast;
use super::head::RatioHead;
use crate::activation::gelu;
use crate::kernels::{View, add, add_product, product};
use crate::mixture::MixtureHead;
use crate::weights::{Slot, Weights};

/// Points that are evaluated at once.
const TILE: usize = 128;

/// The ratios of some data sets, as functions of their targets. It holds what a network says of each data set, and the layers
/// that judge a pair. All is in f64, since Markov chains run on the gradients.
///
/// ```
/// # use hierarch_nn::{Architecture, Batch, Budget, Settings, Shape, TrainingSource, Trunk, train};
/// use hierarch_nn::{Contrast, Output, Ratio, RatioScratch};
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
/// let contrast = Contrast::WhichIfAny { others: 7, gamma: 1.0 };
/// let output = Output::Ratio { contrast, balance: 0.0, width: 8 };
/// let architecture = Architecture { output, ..Architecture::sized(&shape) };
/// // ... and a network of that architecture is trained.
/// # let trunk = Trunk::Residual { width: 16, blocks: 1 };
/// # let architecture = Architecture { bins: 16, trunk, ..architecture };
/// # let budget = Budget::simulations(1_024);
/// # let settings = Settings { architecture, pilot: 512, validation: 256, ..Settings::new(budget) };
/// # let network = train(&shape, &OneNumber, &settings, |_| ())?;
/// # let data = Batch { sets: 1, width: 1, globals: vec![0.6], plates: vec![] };
/// let ratio: Ratio = network.ratios(&data)?;
/// assert_eq!((ratio.sets(), ratio.dims()), (1, 1));
///
/// // Its gradient is the slope of its logarithm.
/// let log_ratio = |theta: f64| ratio.log_ratios(0, &[theta])[0];
/// let (mut gradient, mut scratch) = ([0.0], RatioScratch::default());
/// let value = ratio.gradient(&[0.5], &mut gradient, &mut scratch);
/// assert!((value - log_ratio(0.5)).abs() < 1e-9);
/// assert!((gradient[0] - (log_ratio(0.501) - log_ratio(0.499)) / 0.002).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Ratio {
    gaussian: MixtureHead,
    contrast: Contrast,
    scales: Vec<(f64, f64)>,
    layers: Arc<Layers>,
    /// The outputs of the outlet for each data set.
    outputs: Vec<f64>,
    /// U context + b of each data set.
    contexts: Vec<f64>,
}

/// The layers that judge a pair.
struct Layers {
    /// The matrices of theta and of asinh z, D x width each.
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
    /// Returns the ratios of the data sets with these outputs and contexts; `scales` are those of the targets.
    pub(crate) fn new(
        head: &RatioHead,
        weights: &Weights<f32>,
        output: &[f32],
        context: &[f32],
        scales: &[(f32, f32)],
    ) -> Ratio {
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

    /// Returns how many data sets these are the ratios of.
    pub fn sets(&self) -> usize {
        self.outputs.len() / self.gaussian.outputs()
    }

    /// Returns how many targets there are.
    pub fn dims(&self) -> usize {
        self.gaussian.dims
    }

    /// Returns ln of the ratio of data set `set` at each of `points` (points x D).
    ///
    /// # Panics
    /// If there is no such data set.
    pub fn log_ratios(&self, set: usize, points: &[f64]) -> Vec<f64> {
        let tile = |points: &[f64]| {
            let mut scratch = RatioScratch::default();
            self.evaluate(|_| set, points, None, &mut scratch);
            scratch.values
        };
        points.par_chunks(TILE * self.dims()).flat_map_iter(tile).collect()
    }

    /// Returns the sum over data sets of ln of the ratio, each at a point of its own (`points` is sets x D), and writes its
    /// gradient (sets x D) to `gradient`.
    ///
    /// # Panics
    /// If `points` or `gradient` does not have sets x D numbers.
    pub fn gradient(&self, points: &[f64], gradient: &mut [f64], scratch: &mut RatioScratch) -> f64 {
        let length = self.sets() * self.dims();
        assert_eq!((points.len(), gradient.len()), (length, length), "numbers of the targets of all data sets");
        self.evaluate(|row| row, points, Some(gradient), scratch);
        scratch.values.iter().sum()
    }

    /// Computes ln of the ratio at each of some points, for the data set that `set` returns for the point, and leaves the
    /// values in `scratch`.
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
            // A target moves z as much as its mean does, in the opposite direction.
            for ((gradient, by_mean), (_, sd)) in gradient[at].iter_mut().zip(&*part).zip(&self.scales) {
                *gradient = (*gradient - by_mean) / sd;
            }
        }
    }
}
