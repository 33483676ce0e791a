//! The settings that all builders of a single network share.

use std::path::{Path, PathBuf};

use super::config::{NetworkConfig, TrainingConfig};
use crate::nn::ElementNetworks;

/// How a network is made and trained, and where the training's state is kept.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct TrainingSetup {
    pub(super) network: NetworkConfig,
    pub(super) training: TrainingConfig,
    pub(super) networks: ElementNetworks,
    pub(super) checkpoint: Option<PathBuf>,
}

/// The settings of every builder that trains a network: its sizes, its training and its checkpoint, in any order. In
/// scope with the prelude.
pub trait Trainable: Sized {
    #[doc(hidden)]
    fn setup_mut(&mut self) -> &mut TrainingSetup;

    /// Sets the sizes of the network, and the family of its posterior; what is left out follows the model. Ratios and
    /// test statistics have no family: to set one is an error of `train`.
    fn network(mut self, config: NetworkConfig) -> Self {
        self.setup_mut().network = config;
        self
    }

    /// Sets how the network is trained.
    fn training(mut self, config: TrainingConfig) -> Self {
        self.setup_mut().training = config;
        self
    }

    /// Sets networks of your own that read the rows of some plates.
    ///
    /// ```
    /// use hierarch::dfdx::prelude::*;
    /// use hierarch::estimators::ElementNetworks;
    /// use hierarch::prelude::*;
    ///
    /// hierarch::model! {
    ///     pub Line {
    ///         global slope ~ Normal(0.0, 1.0);
    ///         plate points(5..=50) {
    ///             given x ~ Normal(0.0, 1.0);
    ///             observe y ~ Normal(slope * x, 0.5);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// type Network = (Linear<2, 16>, Tanh, Linear<16, 8>);
    /// let network = || ElementNetworks::default().plate::<_, 2, 8>("points", Cpu::default().build_module::<Network, f32>());
    /// let model = Line::default();
    /// let estimator = model.npe().element_networks(network()).train(Budget::simulations(2_000))?; // far too short, for an example
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("line.safetensors");
    /// estimator.save(&path)?;
    /// let estimator = PosteriorEstimator::load_with(&model, &path, network())?;
    /// # Ok(())
    /// # }
    /// ```
    fn element_networks(mut self, networks: ElementNetworks) -> Self {
        self.setup_mut().networks = networks;
        self
    }

    /// Writes the state of the training to the file `path` at its beginning, every few seconds and at its end; Ctrl-C writes it once
    /// more and ends the training with [`Interrupted`](crate::estimators::InferenceError::Interrupted). If the file exists
    /// already, the training resumes from it; with a budget of data sets the result is the same to the bit as without
    /// interruption. A file that cannot be written is an error at the beginning, and tried again later. The members of an ensemble after the first have files of their own, with a number added to the
    /// name.
    fn checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.setup_mut().checkpoint = Some(path.as_ref().to_owned());
        self
    }
}
