//! How an estimator's network is made and trained: plain values, in which what is left out follows the model.

use super::InferenceError;
use crate::nn::{Activation, Architecture, Budget, Encoder, Family, ImageEncoder, Output, Settings, Shape, Trunk};

/// The sizes of a network. What is `None` follows the model.
///
/// ```
/// use hierarch::prelude::*;
///
/// let network = NetworkConfig { family: Some(Family::nsf()), bins: Some(48), ..Default::default() };
/// # let _ = network;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkConfig {
    /// Soft bins of a plate that has one number in a row; wider rows get fewer for each number. `Some(0)`: nothing is pooled
    /// but the network that reads single elements. `None`: 96, or 48 for locals.
    pub bins: Option<usize>,
    /// What reads the elements of the plates at the top of a data set; those of nested plates are read by the deep set.
    pub encoder: Encoder,
    /// Widths of the deep set's layers that read single elements, where these have several numbers or nothing else is pooled.
    /// `None`: two layers of 64, or of 128 where elements have more than 8 numbers.
    pub element_layers: Option<Vec<usize>>,
    /// What reads images.
    pub images: ImageEncoder,
    /// What follows each of these layers, and those that read images.
    pub activation: Activation,
    /// The layers that read whole data sets. `None`: 6 residual blocks of 96, or 4 of 64 for locals.
    pub trunk: Option<Trunk>,
    /// The family that a posterior is one of. `None`: a mixture of 6 Gaussians for one number, of 16 for several. Ratios, test
    /// statistics and the probabilities of discrete locals have none.
    pub family: Option<Family>,
}

/// How a network is trained. What is `None` follows the model and where its simulations come from.
///
/// ```
/// use hierarch::prelude::*;
///
/// let training = TrainingConfig { batch_size: Some(128), learning_rate: Some(3e-3), ..Default::default() };
/// # let _ = training;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingConfig {
    /// Data sets, or elements, in a step. `None`: 256.
    pub batch_size: Option<usize>,
    /// Chunks of a step, at least: the most threads that can share it. `None`: 8.
    pub chunks: Option<usize>,
    /// The learning rate at its peak. `None`: 0.001.
    pub learning_rate: Option<f64>,
    /// The share of each weight that is taken off in a step, in units of the learning rate. `None`: 0 where every simulation is
    /// fresh and there is nothing to overfit to, 0.01 with a bank.
    pub weight_decay: Option<f64>,
    /// Stop when as many validations in a row have not been the best one, and keep the weights of the best. `None`: 5 with a
    /// bank; with fresh simulations, whose last weights are kept, never.
    pub patience: Option<usize>,
    /// Data sets in the pilot sample, to which all is fitted that is not learned step by step: fewer if they are large, and
    /// beyond 2048 no more than an eighth of a budget of data sets, or than a fiftieth of one of time is enough for. `None`:
    /// 16,384, or all that a bank has to train from if these are fewer.
    pub pilot: Option<usize>,
    /// Data sets in the validation sample (fewer if they are large). `None`: 2,048, or all that a bank holds out if these are
    /// fewer.
    pub validation: Option<usize>,
}

/// What network is to be trained on what, as far as its sizes and its training depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrainingContext<'a> {
    pub(super) shape: &'a Shape,
    pub(super) budget: Budget,
    pub(super) seed: u64,
    /// Whether the network reads single elements, which say less than data sets.
    pub(super) of_elements: bool,
    /// Where simulations are those of a bank: how many it has to train from, and how many it holds out.
    pub(super) bank: Option<(usize, usize)>,
}

impl NetworkConfig {
    /// A learned histogram: a small network shares each element out among bins, and nothing else is read of the elements.
    pub fn learned_histogram(bins: usize) -> Self {
        let element_layers = Some(vec![64, bins]);
        Self { bins: Some(0), element_layers, activation: Activation::Softmax, ..Self::default() }
    }

    fn architecture(&self, context: &TrainingContext<'_>, output: Option<Output>) -> Architecture {
        let Self { bins, encoder, element_layers, images, activation, trunk, family } = self.clone();
        let mut sized = match output {
            Some(Output::Categories(_)) => Architecture::default(),
            _ => Architecture::sized(context.shape),
        };
        if context.of_elements {
            (sized.bins, sized.trunk) = (48, Trunk::Residual { width: 64, blocks: 4 });
        }
        Architecture {
            bins: bins.unwrap_or(sized.bins),
            encoder,
            element_layers: element_layers.unwrap_or(sized.element_layers),
            images,
            activation,
            trunk: trunk.unwrap_or(sized.trunk),
            output: output.or(family.map(Output::Density)).unwrap_or(sized.output),
        }
    }
}

/// The settings of a training, in which nothing is left open. `output` is what the network says, if it is no posterior.
///
/// # Errors
/// A family for a network that says something else, or samples that are larger than the bank has data sets for.
pub(super) fn settings(
    network: &NetworkConfig,
    training: &TrainingConfig,
    context: &TrainingContext<'_>,
    output: Option<Output>,
) -> Result<Settings, InferenceError> {
    if let (Some(family), Some(Output::Ratio { .. })) = (network.family, output) {
        return Err(InferenceError::FamilyOfRatio { family: format!("{family:?}") });
    }
    let default = Settings::new(context.budget);
    let (to_train_from, held_out) = context.bank.unwrap_or((usize::MAX, usize::MAX));
    let sample = |name, asked: Option<usize>, default: usize, there| match asked {
        Some(asked) if asked > there => Err(InferenceError::LargeSample { name, asked, there }),
        asked => Ok(asked.unwrap_or(default.min(there))),
    };
    Ok(Settings {
        budget: context.budget,
        architecture: network.architecture(context, output),
        batch_size: training.batch_size.unwrap_or(default.batch_size),
        chunks: training.chunks.unwrap_or(default.chunks),
        learning_rate: training.learning_rate.unwrap_or(default.learning_rate),
        weight_decay: training.weight_decay.unwrap_or(if context.bank.is_some() { 0.01 } else { 0.0 }),
        patience: training.patience.or(context.bank.map(|_| 5)),
        pilot: sample("pilot", training.pilot, default.pilot, to_train_from)?,
        validation: sample("validation", training.validation, default.validation, held_out)?,
        seed: context.seed,
    })
}
