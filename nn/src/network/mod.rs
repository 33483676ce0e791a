//! The network: what it is, and what it computes from data sets.
//!
//! From the innermost plate outwards, the rows of a plate become a vector for each parent: the pooled features of
//! [`features`](super::features), and, where rows have several numbers or plates of their own, the mean over rows of what
//! an element network makes of each. It reads the numbers of a row together with the vectors of the plates inside it. The last
//! linear layer of the element network comes after the mean, as mean(W h + b) = W mean(h) + b: it is the first layer of
//! whatever reads the vector. In the place of the element network, [`attention`](super::attention) may read the rows of a data
//! set together.
//!
//! Where rows are images, [`convolution`](super::convolution) makes their vectors. An image is a plate of one row, so that
//! its vector is read by the element network of the row that it is in.
//!
//! The vectors of the outermost plates go through residual blocks
//!
//! ```text
//! x <- x + W2 gelu(W1 normalise(x) + b1) + b2
//! ```
//!
//! to a distribution of the targets: see [`head`](super::head). Each target is measured from the mean, and in units of the
//! standard deviation, that least squares predict for it (`features/regression.rs`): what a posterior has in common with that
//! of a linear model need not be learned. A linear path leads around the blocks, too, since what is left for conjugate models
//! is nearly linear.

mod losses;
mod predict;
mod ratios;
mod slices;
mod summarise;
mod sums;

use std::sync::Arc;

use crate::activation::Activation;
use crate::architecture::{Architecture, Encoder, ImageEncoder};
use crate::error::Error;
use crate::features::FeatureExtractor;
use crate::layout::Layout;
use crate::packed;
use crate::prediction::Prediction;
use crate::progress::TrainingRecord;
use crate::shape::{PlateShape, Shape};
use crate::weights::Weights;

pub use sums::Sums;

/// A trained network: from data sets to distributions of the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(crate) shape: Shape,
    pub(crate) architecture: Architecture,
    pub(crate) reader: FeatureExtractor,
    pub(crate) plan: Layout,
    pub(crate) weights: Arc<Weights<f32>>,
    pub(crate) history: Vec<TrainingRecord>,
    pub(crate) registers: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

impl Network {
    /// Returns what the network reads and infers.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Tells whether the network reads images, of the same sizes as those among `plates`, and by layers of the sizes of
    /// `encoder` with this `activation`.
    pub fn reads_images(&self, plates: &[PlateShape], encoder: &ImageEncoder, activation: Activation) -> bool {
        let (images, own) = (PlateShape::images(&self.shape.plates), &self.architecture);
        !images.is_empty()
            && images == PlateShape::images(plates)
            && (&own.images, own.activation) == (encoder, activation)
    }

    /// Returns the sizes of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Returns how the training went.
    pub fn history(&self) -> &[TrainingRecord] {
        &self.history
    }

    /// Returns on which vector registers the network was trained, as
    /// [`instruction_set`](hierarch_core::simd::instruction_set) names them: one entry, or several in their order if the
    /// training was resumed on others. Empty for files from before these were kept.
    pub fn registers(&self) -> &[String] {
        &self.registers
    }

    /// Returns what was noticed in the training and should be known to whoever uses the network.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Adds a remark, which is saved with the network.
    pub fn remark(&mut self, remark: String) {
        self.remarks.push(remark);
    }

    /// Returns a short text that is almost surely different for any other network (FNV-1a of the weights).
    pub fn fingerprint(&self) -> String {
        format!("{:016x}", packed::hash_numbers(hierarch_core::hash::NOTHING, self.weights.values.iter().copied()))
    }

    /// Returns how many weights there are.
    pub fn weight_count(&self) -> usize {
        self.weights.values.len()
    }

    /// Tells whether [`summarise`](Network::summarise) can be used: whether the network reads rows one by one.
    pub fn keeps_sums(&self) -> bool {
        self.architecture.encoder == Encoder::DeepSet
    }

    /// Returns the prediction for one data set, from the output of the layers that read data sets.
    fn read(&self, output: &[f32], context: &[f32], scales: &[(f32, f32)]) -> Result<Prediction, Error> {
        self.plan.head.read(&self.weights, output, context, scales)
    }
}
