//! Amortized neural posteriors: from data sets, as trees of ragged tables, to Gaussians over the globals.
//!
//! [`train`] simulates data sets by a [`Source`] and fits a [`Network`] to them by minimising the mean of -ln q(targets |
//! data), whose minimum over all q is the posterior. [`Network::predict`] then answers for any data set at once. Nothing in
//! here knows what a model is; nothing outside knows dfdx.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `batch.rs` | data sets as tables |
//! | `features.rs` | standardised numbers, soft bins, pooled moments: fitted once, not trained |
//! | `network.rs` | the layers, and prediction |
//! | `ops.rs` | fused operations on dfdx's tape |
//! | `train.rs` | simulate, differentiate, update |
//! | `store.rs` | files |

mod batch;
mod error;
mod features;
mod graph;
mod kernels;
mod mixture;
mod network;
mod optimise;
mod store;
mod train;

#[cfg(test)]
mod tests;

pub use batch::{Batch, PlateShape, Rows, Shape};
pub use error::{Error, TrainError};
pub use kernels::Activation;
pub use mixture::{Component, Mixture};
pub use network::{Architecture, Network, Sums, Trunk};
pub use train::{Budget, PILOT, Progress, Record, Settings, Source, Trainer, VALIDATION, train};
