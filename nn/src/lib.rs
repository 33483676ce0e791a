//! Amortized neural posteriors: from data sets, as trees of ragged tables, to distributions over the globals.
//!
//! [`train`] simulates data sets by a [`TrainingSource`] and fits a [`Network`] to them by minimising the mean of -ln
//! q(targets | data), whose minimum over all q is the posterior. [`Network::predict`] then answers for any data set at
//! once. Nothing in here knows what a model is; nothing outside knows dfdx.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `shape.rs`, `batch.rs`, `packed.rs` | data sets as tables, and their shape; many of them in little space |
//! | `prefix.rs` | beginnings of data sets, for the encoder that reads rows in their order |
//! | `architecture.rs`, `output.rs`, `settings.rs` | plain values: the sizes of a network, what it says, how to train it |
//! | `source.rs`, `step.rs`, `progress.rs`, `error.rs` | where data sets come from, how a training goes, what can go wrong |
//! | `features/` | standardised numbers, soft bins, pooled moments, the linear posterior: fitted once, not trained |
//! | `kernels.rs`, `activation.rs`, `sparse.rs` | loops over memory, which operations are made of |
//! | `weights.rs`, `builder.rs` | matrices among the weights, and how they are laid out |
//! | `graph.rs`, `gradients.rs`, `pooling.rs` | fused operations on dfdx's tape |
//! | `element_network.rs` | element networks of the user's own |
//! | `attention.rs` | the encoder that reads sets by attention |
//! | `convolution.rs` | the layers that read images |
//! | `plate_layers.rs`, `trunk.rs`, `layout.rs` | the layers that read plates, those that read data sets, and all together |
//! | `head.rs`, `prediction.rs` | families of distributions: what a network says |
//! | `mixture.rs`, `flow.rs`, `spline.rs` | mixtures of Gaussians, normalising flows, and the maps that these are made of |
//! | `ratio/` | likelihood-to-evidence ratios |
//! | `network/` | the network, and prediction |
//! | `train/`, `optimise.rs` | simulate, differentiate, update |
//! | `store/` | files |

#![deny(missing_docs)]

mod activation;
mod architecture;
mod attention;
mod batch;
mod builder;
mod convolution;
mod element_network;
mod error;
mod features;
mod flow;
mod gradients;
mod graph;
mod head;
mod kernels;
mod layout;
mod mixture;
mod network;
mod optimise;
mod output;
mod packed;
mod plate_layers;
mod pooling;
mod prediction;
mod prefix;
mod progress;
mod ratio;
mod settings;
mod shape;
mod source;
mod sparse;
mod spline;
mod step;
mod store;
mod train;
mod trunk;
mod weights;

#[cfg(test)]
mod tests;

/// The crate of the modules that [`ElementNetworks`] take, in the version that they take them from.
pub use dfdx;

pub use activation::Activation;
pub use architecture::{Architecture, Encoder, ImageEncoder, Stretch, Trunk};
pub use batch::{Batch, Rows};
pub use element_network::{ElementNetworkShape, ElementNetworks, UserNetwork};
pub use error::{Error, TrainError};
pub use flow::Flow;
pub use mixture::{Component, GaussianMixture};
pub use network::{Network, Sums};
pub use output::{Family, Output};
pub use packed::{Numbers, Packed, PackedRows, take};
pub use prediction::Prediction;
pub use progress::{TrainingProgress, TrainingRecord};
pub use ratio::{Contrast, Ratio, RatioScratch};
pub use settings::{Budget, Settings};
pub use shape::{PlateShape, Shape};
pub use source::TrainingSource;
pub use step::{PILOT, VALIDATION};
pub use store::{Metadata, load_numbers, save_numbers};
pub use train::{Trainer, train};
