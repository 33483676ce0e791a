//! Amortized neural posteriors: from data sets, as trees of ragged tables, to distributions over the globals.
//!
//! [`train`] simulates data sets by a [`TrainingSource`] and fits a [`Network`] to them by minimising the mean of -ln
//! q(targets | data), whose minimum over all q is the posterior. [`Network::predict`] then answers for any data set at
//! once. Nothing in here knows what a model is; nothing outside knows dfdx.
//!
//! The mean of ten normal numbers, whose posterior is known:
//!
//! ```
//! use hierarch_nn::{
//!     Architecture, Batch, Budget, Component, Family, GaussianMixture, PlateShape, Prediction, Rows, Settings, Shape,
//!     Sums, TrainingProgress, TrainingSource, Trunk, train,
//! };
//! use rand::{RngExt, SeedableRng};
//! use rand_distr::StandardNormal;
//! use rand_xoshiro::Xoshiro256PlusPlus;
//!
//! /// theta ~ N(0, 1), and ten x ~ N(theta, 1).
//! struct TenNumbers;
//!
//! impl TrainingSource for TenNumbers {
//!     type Error = std::convert::Infallible;
//!
//!     fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), Self::Error> {
//!         let mut rng = Xoshiro256PlusPlus::seed_from_u64(step ^ ((first as u64) << 32));
//!         let mut normal = || rng.sample::<f32, _>(StandardNormal);
//!         let thetas: Vec<f32> = (0..sets).map(|_| normal()).collect();
//!         let features: Vec<f32> = thetas.iter().flat_map(|theta| [(); 10].map(|()| theta + normal())).collect();
//!         let offsets: Vec<usize> = (0..=sets).map(|set| 10 * set).collect();
//!         let x = Rows { width: 1, features, offsets, children: vec![] };
//!         Ok((Batch { sets, plates: vec![x], ..Batch::default() }, thetas))
//!     }
//! }
//!
//! let plate = PlateShape { width: 1, ..PlateShape::default() };
//! let shape = Shape { plates: vec![plate], targets: 1, ..Shape::default() };
//! let architecture = Architecture {
//!     bins: 16,
//!     trunk: Trunk::Residual { width: 16, blocks: 1 },
//!     output: Family::Gaussian.into(),
//!     ..Architecture::sized(&shape)
//! };
//! // Far too short for anything but this example.
//! let budget = Budget::simulations(4_096);
//! let settings = Settings { architecture, pilot: 2_048, validation: 256, ..Settings::new(budget) };
//! let mut simulated = 0;
//! let network = train(&shape, &TenNumbers, &settings, |progress: &TrainingProgress| simulated = progress.sets)?;
//! assert_eq!(simulated, 4_096);
//!
//! // The posterior has the precision 1 + 10, and as its mean the sum of x over that.
//! let x = [0.2_f32, 1.9, 0.7, -0.4, 1.1, 1.6, 0.3, 2.2, 0.5, 0.9];
//! let data = |x: &[f32]| {
//!     let rows = Rows { width: 1, features: x.to_vec(), offsets: vec![0, x.len()], children: vec![] };
//!     Batch { sets: 1, plates: vec![rows], ..Batch::default() }
//! };
//! let predictions = network.predict(&data(&x))?;
//! let Prediction::Mixture(GaussianMixture { components }) = &predictions[0] else { panic!("no Gaussian") };
//! let Component { mean, sd, .. } = &components[0];
//! assert!((mean[0] - 9.0 / 11.0).abs() < 0.1);
//! assert!((sd[0] - 1.0 / 11.0_f64.sqrt()).abs() < 0.05);
//!
//! // What the network keeps of parts of the data adds up.
//! let mut sums: Sums = network.summarise(&data(&x[..4]))?;
//! sums.add(&network.summarise(&data(&x[4..]))?)?;
//! assert_eq!(sums.sizes(), [10]);
//! let whole = network.conclude(&sums)?;
//! assert!((whole.log_densities(&[0.8])[0] - predictions[0].log_densities(&[0.8])[0]).abs() < 1e-4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | what lives there |
//! | --- | --- |
//! | `shape.rs`, `batch.rs`, `packed.rs` | data sets as tables, and their shape; many of them in little space |
//! | `prefix.rs` | beginnings of data sets, for the encoder that reads rows in their order |
//! | `architecture.rs`, `output.rs`, `settings.rs` | plain values: the sizes of a network, what it says, how to train it |
//! | `source.rs`, `step.rs`, `progress.rs`, `error.rs`, `checks.rs` | where data sets come from, how a training goes, what can go wrong |
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
//! | `held_out.rs` | calibration on data sets that were not trained on |
//! | `ratio/` | likelihood-to-evidence ratios |
//! | `network/` | the network, and prediction |
//! | `train/`, `optimise.rs` | simulate, differentiate, update |
//! | `store/` | files |
//! | `onnx/`, `features/export.rs` | graphs of ONNX (feature `onnx`) |

#![deny(missing_docs)]

mod activation;
mod architecture;
mod attention;
mod batch;
mod builder;
mod checks;
mod convolution;
mod element_network;
mod error;
mod features;
mod flow;
mod gradients;
mod graph;
mod head;
mod held_out;
mod kernels;
mod layout;
mod mixture;
mod network;
mod on_disk;
#[cfg(feature = "onnx")]
#[doc(hidden)]
pub mod onnx;
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
pub use held_out::HeldOut;
pub use mixture::{Component, GaussianMixture};
pub use network::{Network, Sums};
pub use on_disk::OnDisk;
pub use output::{Family, Output};
pub use packed::{Numbers, Packed, PackedRows, take};
pub use prediction::Prediction;
pub use progress::{TrainingProgress, TrainingRecord};
pub use ratio::{Contrast, Ratio, RatioScratch};
pub use settings::{Budget, Settings};
pub use shape::{PlateShape, Shape};
pub use source::TrainingSource;
pub use step::{PILOT, VALIDATION};
pub use store::{Metadata, NumbersFile, load_numbers, save_numbers};
pub use train::{Trainer, train};
