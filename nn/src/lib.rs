//! Amortized neural posteriors: from data sets, as trees of ragged tables, to distributions over the globals.
//!
//! [`train`] simulates data sets by a [`TrainingSource`] and fits a [`Network`] to them by minimising the mean of -ln q(targets |
//! data), whose minimum over all q is the posterior. [`Network::predict`] then answers for any data set at once. Nothing in
//! here knows what a model is; nothing outside knows dfdx.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `batch.rs`, `packed.rs` | data sets as tables; many of them in little space |
//! | `features.rs` | standardised numbers, soft bins, pooled moments: fitted once, not trained |
//! | `network.rs` | the layers, and prediction |
//! | `attention.rs` | the encoder that reads sets by attention |
//! | `convolution.rs` | the layers that read images |
//! | `prefix.rs` | beginnings of data sets, for the encoder that reads rows in their order |
//! | `element_network.rs` | networks of the user's own |
//! | `head.rs`, `estimate.rs` | families of distributions: what a network says |
//! | `mixture.rs`, `flow.rs`, `spline.rs` | mixtures of Gaussians, normalising flows, and the maps that these are made of |
//! | `ratio.rs` | likelihood-to-evidence ratios |
//! | `graph.rs`, `kernels.rs` | fused operations on dfdx's tape, and the loops that they are made of |
//! | `regression.rs` | the linear posterior, which is fitted and not trained |
//! | `train.rs`, `optimise.rs` | simulate, differentiate, update |
//! | `store.rs` | files |

#![deny(missing_docs)]

mod attention;
mod batch;
mod convolution;
mod element_network;
mod error;
mod estimate;
mod features;
mod flow;
mod graph;
mod head;
mod kernels;
mod mixture;
mod network;
mod optimise;
mod packed;
mod prefix;
mod ratio;
mod regression;
mod spline;
mod store;
mod train;

#[cfg(test)]
mod tests;

/// The crate of the modules that [`ElementNetworks`] take, in the version that they take them from.
pub use dfdx;

pub use batch::{Batch, PlateShape, Rows, Shape};
pub use element_network::{ElementNetworkShape, ElementNetworks, UserNetwork};
pub use error::{Error, TrainError};
pub use estimate::Prediction;
pub use flow::Flow;
pub use head::{Family, Output};
pub use kernels::Activation;
pub use mixture::{Component, GaussianMixture};
pub use network::{Architecture, Encoder, ImageEncoder, Network, Stretch, Sums, Trunk};
pub use packed::{Numbers, Packed, PackedRows, take};
pub use ratio::{Contrast, Ratio, RatioScratch};
pub use store::{Metadata, load_numbers, save_numbers};
pub use train::{
    Budget, PILOT, Settings, Trainer, TrainingProgress, TrainingRecord, TrainingSource, VALIDATION, train,
};
