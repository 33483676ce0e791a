//! From tables of raw numbers to what the network reads: standardised numbers, soft bins, pooled moments.
//!
//! Nothing here is learned by gradient. Everything is fitted once to a pilot sample of the prior predictive, and then
//! fixed. So these features are data to the network, and cost it no backward pass.
//!
//! A number x of a column becomes z = squash((x - median) / scale), linear in the bulk and logarithmic in the tails, so
//! that a Cauchy variable does no harm. Over the range of z lies a grid of knots; x is then also the *soft one-hot*
//! vector whose two entries next to z share the weight 1 by linear interpolation. The mean of these vectors over a plate
//! is a smooth histogram. Any function of x that is linear between knots, summed over the plate, is linear in the histogram:
//! this is where a network gets its resolution from.

mod check;
mod column;
mod encoded;
#[cfg(feature = "onnx")]
mod export;
mod extractor;
mod fit;
mod image;
mod knots;
mod plate;
mod regression;
mod sizes;

pub(super) use encoded::{EncodedPlate, EncodedRows, Pooled};
#[cfg(feature = "onnx")]
pub(super) use export::WrittenPlate;
pub(super) use extractor::{FeatureExtractor, Scales, outside_plates};
pub(super) use image::ImageFeatures;
pub(super) use plate::PlateFeatures;
