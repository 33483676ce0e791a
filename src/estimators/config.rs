//! How an estimator's network is made and trained: plain values; those that are left out follow the model.

use super::{BankError, InferenceError, RequestError};
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
    /// Soft bins of a plate that has one number in a row; wider rows get fewer bins for each number. `Some(0)`: only
    /// the output of the network that reads single elements is pooled. `None`: 96, or 48 for locals; none for a posterior of
    /// globals that is learned from a bank, which would be learned by heart sooner (unless [`Npe::bank`](super::Npe::bank) finds
    /// them better).
    pub bins: Option<usize>,
    /// The encoder of the elements of the plates at the top of a data set; the deep set reads those of nested plates.
    pub encoder: Encoder,
    /// Widths of the deep set's layers that read single elements, used if elements have several numbers or nothing else
    /// is pooled. `None`: two layers of 64, or of 128 where elements have more than 8 numbers.
    pub element_layers: Option<Vec<usize>>,
    /// The layers that read images.
    pub images: ImageEncoder,
    /// The activation after each of these layers, and after those that read images.
    pub activation: Activation,
    /// The layers that read whole data sets. `None`: 6 residual blocks of 96, or 4 of 64 for locals.
    pub trunk: Option<Trunk>,
    /// The family of the posterior. `None`: a mixture of 6 Gaussians for one number, of 16 for several; a neural spline flow for
    /// globals that are learned from a bank. Ratios, test statistics and the probabilities of discrete locals have no family.
    pub family: Option<Family>,
}

/// How a network is trained. What is `None` follows the model and the source of the simulations.
///
/// ```
/// use hierarch::prelude::*;
///
/// let training = TrainingConfig { batch_size: Some(128), learning_rate: Some(3e-3), ..Default::default() };
/// # let _ = training;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingConfig {
    /// The number of data sets, or elements, in a step. `None`: 256.
    pub batch_size: Option<usize>,
    /// The least number of chunks of a step. A chunk is the work of one thread, so that this many threads can share a
    /// step. `None`: 8.
    pub chunks: Option<usize>,
    /// The learning rate at its peak. `None`: 0.001; 0.002 for a posterior of globals that is learned from a bank.
    pub learning_rate: Option<f64>,
    /// The share of each weight that is subtracted in a step, in units of the learning rate. `None`: 0 if every
    /// simulation is fresh, since there is nothing to overfit to; 0.3 for a posterior of globals that is learned from a bank, 0.01 for
    /// all else with a bank.
    pub weight_decay: Option<f64>,
    /// Training stops after this many validations in a row that were not the best one, and keeps the weights of the
    /// best. `None`: 5 with a bank; never with fresh simulations, whose last weights are kept.
    pub patience: Option<usize>,
    /// The number of data sets in the pilot sample, to which everything is fitted that is not learned step by step.
    /// There are fewer if they are large. More than 2048 are drawn only as long as they are at most an eighth of a
    /// budget of data sets, or take at most a fiftieth of a budget of time. `None`: 16,384, or all that a bank has to
    /// train from if these are fewer.
    pub pilot: Option<usize>,
    /// The number of data sets in the validation sample (fewer if they are large). `None`: 2,048, or all that a bank
    /// holds out if these are fewer.
    pub validation: Option<usize>,
}

/// The family of a posterior that is learned from a bank.
const FLOW: Family = Family::Nsf { steps: 5, width: 48, bins: 10 };
/// The learning rate with which it is learned.
const RATE: f64 = 2e-3;
/// The weight decay: the held-out loss of 10,000 simulations of SLCP is 0.2 nats lower than with 0.01, and 0.6 lower than with 1.
const DECAY: f64 = 0.3;

/// What the sizes of a network and the settings of its training depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrainingContext<'a> {
    pub(super) shape: &'a Shape,
    pub(super) budget: Budget,
    pub(super) seed: u64,
    /// Whether the network reads single elements, which hold less information than data sets.
    pub(super) of_elements: bool,
    /// With a bank: how many simulations it has to train from, and how many it holds out.
    pub(super) bank: Option<(usize, usize)>,
}

impl TrainingContext<'_> {
    /// Whether a posterior of globals is learned from a bank.
    fn few(&self, output: Option<Output>) -> bool {
        self.bank.is_some() && !self.of_elements && output.is_none()
    }
}

impl NetworkConfig {
    /// Returns the sizes of a learned histogram: a small network distributes each element among `bins`, and nothing
    /// else is read of the elements.
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
        if context.few(output) {
            // Measured with `benches/sbibm/run`, for banks of 10,000 and 100,000.
            sized.output = FLOW.into();
            if element_layers.as_ref().is_none_or(|layers| !layers.is_empty()) {
                sized.bins = 0;
            }
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

/// Returns the settings of a training, with nothing left out. `output` is what the network returns, if it is no
/// posterior.
///
/// # Errors
/// A family for a network that returns something else; samples larger than the bank's share for them.
pub(super) fn settings(
    network: &NetworkConfig,
    training: &TrainingConfig,
    context: &TrainingContext<'_>,
    output: Option<Output>,
) -> Result<Settings, InferenceError> {
    if let (Some(family), Some(Output::Ratio { .. })) = (network.family, output) {
        return Err(RequestError::FamilyOfRatio { family: format!("{family:?}") }.into());
    }
    let default = Settings::new(context.budget);
    let (to_train_from, held_out) = context.bank.unwrap_or((usize::MAX, usize::MAX));
    let sample = |name, asked: Option<usize>, default: usize, there| match asked {
        Some(asked) if asked > there => Err(BankError::LargeSample { name, asked, there }),
        asked => Ok(asked.unwrap_or(default.min(there))),
    };
    Ok(Settings {
        budget: context.budget,
        architecture: network.architecture(context, output),
        batch_size: training.batch_size.unwrap_or(default.batch_size),
        chunks: training.chunks.unwrap_or(default.chunks),
        learning_rate: training.learning_rate.unwrap_or(if context.few(output) { RATE } else { default.learning_rate }),
        weight_decay: training.weight_decay.unwrap_or(match context.bank {
            None => 0.0,
            Some(_) if context.few(output) => DECAY,
            Some(_) => 0.01,
        }),
        patience: training.patience.or(context.bank.map(|_| 5)),
        pilot: sample("pilot", training.pilot, default.pilot, to_train_from)?,
        validation: sample("validation", training.validation, default.validation, held_out)?,
        seed: context.seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        network: &NetworkConfig,
        training: &TrainingConfig,
        bank: Option<(usize, usize)>,
        output: Option<Output>,
    ) -> Result<Settings, InferenceError> {
        let plates = vec![crate::nn::PlateShape { width: 20, ..Default::default() }];
        let shape = Shape { width: 0, plates, targets: 3 };
        let context =
            TrainingContext { shape: &shape, budget: Budget::simulations(1), seed: 3, of_elements: false, bank };
        settings(network, training, &context, output)
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_follows_the_model() {
        let network = NetworkConfig {
            family: Some(Family::Mixture { components: 6 }),
            element_layers: Some(vec![64, 64]),
            ..Default::default()
        };
        let asked = TrainingConfig { weight_decay: Some(0.0), patience: Some(99), ..Default::default() };
        let found = resolve(&network, &asked, Some((900, 100)), None).unwrap();
        assert_eq!(found.architecture.output, Output::Density(Family::Mixture { components: 6 }));
        assert_eq!(found.architecture.element_layers, [64, 64]);
        assert_eq!((found.weight_decay, found.patience), (0.0, Some(99)));
        let open = resolve(&NetworkConfig::default(), &TrainingConfig::default(), Some((900, 100)), None).unwrap();
        assert_eq!((open.architecture.output, open.architecture.bins), (Output::Density(FLOW), 0));
        assert_eq!(open.architecture.element_layers, [128, 128]);
        assert_eq!((open.weight_decay, open.learning_rate, open.patience), (DECAY, RATE, Some(5)));
        assert_eq!((open.pilot, open.validation, open.seed), (900, 100, 3));
        let fresh = resolve(&NetworkConfig::default(), &TrainingConfig::default(), None, None).unwrap();
        assert_eq!(fresh.architecture.output, Output::Density(Family::Mixture { components: 16 }));
        assert_eq!((fresh.weight_decay, fresh.learning_rate, fresh.patience), (0.0, 1e-3, None));
        // Without layers for rows there is a histogram, or nothing would be read of them.
        let bins = NetworkConfig { element_layers: Some(Vec::new()), ..Default::default() };
        let bins = resolve(&bins, &TrainingConfig::default(), Some((900, 100)), None).unwrap();
        assert_eq!(bins.architecture.bins, 96);
    }

    #[test]
    fn what_cannot_be_is_an_error_and_no_other_value() {
        let large = TrainingConfig { validation: Some(101), ..Default::default() };
        let error = resolve(&NetworkConfig::default(), &large, Some((900, 100)), None).unwrap_err().to_string();
        assert!(error.contains("`TrainingConfig::validation` asks for 101") && error.contains("100"), "{error}");
        let ratio = Output::Ratio { contrast: crate::nn::Contrast::Label, balance: 0.0, width: 8 };
        let network = NetworkConfig { family: Some(Family::Gaussian), ..Default::default() };
        let error = resolve(&network, &TrainingConfig::default(), None, Some(ratio)).unwrap_err().to_string();
        assert!(error.contains("has no family") && error.contains("Gaussian"), "{error}");
    }
}
