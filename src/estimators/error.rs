//! Errors of training, using and loading estimators.

use std::path::PathBuf;

use crate::model::{DataError, UnknownName};
use crate::nn;
use crate::sampling::SampleError;
use crate::shards::ShardError;
use crate::simulate::SimulateError;

/// Why an estimator could not be trained, used or loaded.
///
/// ```
/// use hierarch::estimators::{BankError, FileError, RequestError};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Peak {
///         param width: f64 = 0.1;
///         global mass ~ Normal(1.0, 2.0);
///         plate events(1..=100) {
///             observe x ~ Normal(mass, width);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("peak.safetensors");
/// Peak::default().npe().train(Budget::simulations(500))?.save(&path)?; // far too short, for an example
///
/// // What is in the file was trained for another width: train again.
/// let model = Peak { width: 0.2 };
/// let estimator = match PosteriorEstimator::load(&model, &path) {
///     Err(InferenceError::File(FileError::OtherModel { .. })) => model.npe().train(Budget::simulations(500))?,
///     other => other?,
/// };
/// assert_eq!(estimator.model().width, 0.2);
///
/// let bank = model.simulate(100).bank(folder.path())?;
/// let error = model.npe().bank(&bank).train(Budget::simulations(500)).unwrap_err();
/// assert!(matches!(error, InferenceError::Bank(BankError::SmallBank { sets: 100, .. })));
///
/// let error = model.npe().ensemble(0).train(Budget::simulations(500)).unwrap_err();
/// assert!(matches!(error, InferenceError::Request(RequestError::EmptyEnsemble)));
/// # Ok(())
/// # }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The network cannot be trained.
    #[error(transparent)]
    Train(Box<nn::TrainError<SimulateError>>),
    /// The network cannot be used, saved or loaded.
    #[error(transparent)]
    Network(#[from] nn::Error),
    /// No weight can be given to any draw.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// There is no global or plate of a name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The bank does not serve.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// Shards of a bank are missing, or of other work.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// A file or a summary belongs to something else.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is asked for cannot be inferred.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Ctrl-C has ended work whose state is in a file.
    #[error("interrupted; what was done is in {}: run the program again to go on", path.display())]
    Interrupted {
        /// The checkpoint of the training, or the folder of the bank.
        path: PathBuf,
    },
}

/// What is wrong with a bank of simulations, or with what is asked of it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BankError {
    /// A folder holds other simulations than those asked for.
    #[error(
        "{} holds {found}; asked for were {expected}. Use another folder, or delete the files",
        path.display()
    )]
    OtherSimulations {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A folder holds simulations in the format of another version of the library.
    #[error(
        "{} holds simulations in format {found}, and this version of hierarch reads format {expected}: use another folder, or \
         delete the files and simulate anew",
        path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format that is read.
        expected: &'static str,
    },
    /// A file of a bank is damaged.
    #[error("{} is damaged: {reason}. Delete it, and its simulations are run anew", path.display())]
    DamagedShard {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A bank is of another model, or of the same model with other params.
    #[error("the bank holds simulations of `{found}`, the posterior is to be trained for `{expected}`")]
    OtherBank {
        /// The model of the bank.
        found: String,
        /// The model asked for.
        expected: String,
    },
    /// A bank is too small to be split into a training and a validation share.
    #[error("a bank of {sets} data sets is too small to train from: simulate at least {least}")]
    SmallBank {
        /// How many data sets it has.
        sets: usize,
        /// The least that can be used.
        least: usize,
    },
    /// A bank has too few elements of a plate in the data sets that are held out.
    #[error(
        "the data sets of the bank that are held out have {elements} elements of the plate `{plate}`, too few to tell how \
         well their locals are learned: simulate more data sets, for at least {least}"
    )]
    FewElements {
        /// The plate.
        plate: String,
        /// How many elements there are.
        elements: usize,
        /// The least that can be used.
        least: usize,
    },
    /// A sample is larger than the share of a bank that it is drawn from.
    #[error(
        "`TrainingConfig::{name}` asks for {asked} simulations, and the bank has only {there} for it: ask for fewer, leave it \
         out, or simulate more"
    )]
    LargeSample {
        /// The sample.
        name: &'static str,
        /// How many are asked for.
        asked: usize,
        /// How many there are.
        there: usize,
    },
}

/// A file or a summary that belongs to something else.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The declaration of the model is that of the file, and its simulations are not.
    #[error(
        "{} is of a model with the same declaration, but only {agree} of its {of} trial simulations are those of this model: a \
         function or a constant that it uses has changed; take it back, or simulate and train anew",
        path.display()
    )]
    OtherSimulator {
        /// The file.
        path: PathBuf,
        /// How many of the trial simulations are the same.
        agree: usize,
        /// How many there are.
        of: usize,
    },
    /// A checkpoint belongs to another training.
    #[error(
        "{} holds a training of another model, of other globals, or on other simulations ({found}, not {expected}): delete \
         it to begin anew, or write to another file",
        path.display()
    )]
    OtherTraining {
        /// The file.
        path: PathBuf,
        /// What it was trained on.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A summary of data belongs to another posterior.
    #[error(
        "the summary was made by another estimator ({summary}) than this one ({expected}): summarize the data with the \
         estimator that is to be conditioned on them"
    )]
    OtherPosterior {
        /// The fingerprint of the summary's posterior.
        summary: String,
        /// The fingerprint of this one.
        expected: String,
    },
    /// A file holds the posterior of another model.
    #[error(
        "{path} holds an estimator of {saved}, not of {expected}: the model or a param has changed since; train again, \
         or use the model as it was",
        path = path.display()
    )]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The name and fingerprint in the file.
        saved: String,
        /// The name and fingerprint of the model at hand.
        expected: String,
    },
    /// A file holds a network, but not the estimator that was to be loaded.
    #[error("{path} holds a network, but not what was to be loaded: {what}", path = path.display())]
    NotAPosterior {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        what: String,
    },
}

/// What cannot be inferred of a model, or of such data, as it was asked for.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A global is discrete.
    #[error(
        "`{name}` is discrete, and networks infer continuous globals alone: sample with `nuts()`, which sums it out and draws it, or \
         draw it as a `local` in `plate once(1) {{ .. }}`, with all that depends on it"
    )]
    DiscreteGlobal {
        /// The global.
        name: String,
    },
    /// The elements of a plate are not exchangeable.
    #[error(
        "`{variable}` of all elements of `{plate}` is one draw, and a network takes each element as independent of the others given \
         the globals: sample with `nuts()`"
    )]
    OfAPlate {
        /// The plate.
        plate: String,
        /// The local.
        variable: String,
    },
    /// The prior of another global depends on the one that is tested.
    #[error(
        "the prior of `{other}` depends on `{name}`, which is not drawn but set: write `{other}` as a `let` of globals that \
         do not"
    )]
    DependsOnTested {
        /// The global that is tested.
        name: String,
        /// The global whose prior depends on it.
        other: String,
    },
    /// A plate of the data has more elements than a network can count.
    #[error(
        "`{plate}` has {elements} elements, and networks read at most {most} of a plate: take a part of them, or sample with \
         `nuts()`"
    )]
    TooManyElements {
        /// The plate.
        plate: String,
        /// How many elements it has.
        elements: usize,
        /// The most that are read.
        most: usize,
    },
    /// A number of the data is too large for a network.
    #[error(
        "{place} is {value:e}, and so far from all that the model simulates that no network can read it: correct it or remove it, or \
         sample with `nuts()`"
    )]
    TooFar {
        /// The variable and the element.
        place: String,
        /// The number.
        value: f64,
    },
    /// There are too few simulations for each round.
    #[error(
        "{simulations} simulations in {rounds} rounds: a network learns from {least} or more, so that each round needs as many"
    )]
    Rounds {
        /// The rounds.
        rounds: usize,
        /// The simulations of all rounds.
        simulations: usize,
        /// The least of a round.
        least: usize,
    },
    /// Rounds were given what they have of their own.
    #[error("rounds have a {what} of their own, in their folder: leave `.{what}(..)` out")]
    RoundsWith {
        /// What was given.
        what: &'static str,
    },
    /// A family was set for a ratio, which has none.
    #[error("a ratio is no distribution and has no family, but `NetworkConfig::family` is {family}: leave it out")]
    FamilyOfRatio {
        /// The family asked for.
        family: String,
    },
    /// The share of the budget for the globals leaves nothing for them, or for the locals.
    #[error("the share of the budget for the globals is {share}: it must lie between 0 and 1")]
    Share {
        /// The share.
        share: f64,
    },
    /// The data of a model cannot be summarized in parts.
    #[error(
        "data of this model cannot be summarized in parts: `{variable}` names elements of another plate, which need not be \
         in the same part. Condition on all of the data at once"
    )]
    NoParts {
        /// The index.
        variable: String,
    },
    /// The data of a model cannot be summarized in parts, since they are in order.
    #[error(
        "data of this model cannot be summarized in parts: the elements of `{plate}` are in order, and a part does not know what \
         comes before and after it. Condition on all of the data at once"
    )]
    NoPartsOfSequence {
        /// The plate.
        plate: String,
    },
    /// An image cannot be mirrored as it was asked for.
    #[error("cannot mirror `{image}`: {reason}")]
    Mirror {
        /// The image, with its plate.
        image: String,
        /// Why not.
        reason: String,
    },
    /// The ratio of single elements cannot be learned, for the given reason.
    #[error("the ratio of single elements of `{plate}` cannot be learned: {what}")]
    PerEvent {
        /// The plate.
        plate: String,
        /// Why not.
        what: String,
    },
    /// A range is not valid.
    #[error("the {what} range from {low} to {high}: the ends must be finite and in order, and distances positive")]
    Range {
        /// What the range is of.
        what: &'static str,
        /// The low end.
        low: f64,
        /// The high end.
        high: f64,
    },
    /// A value that is tested is outside the support.
    #[error("`{name}` cannot be {value}, which is outside its support: no test is needed")]
    OutsideSupport {
        /// The global.
        name: String,
        /// The value.
        value: f64,
    },
    /// The support of a global depends on another that is not inferred.
    #[error("the bounds of `{name}` depend on a global that is not inferred with it: infer both together")]
    OpenSupport {
        /// The global.
        name: String,
    },
    /// A global is a direction.
    #[error(
        "`{name}` is a direction, and networks infer none: sample with `.nuts(&data)`, or infer the other globals by `.globals([..])`"
    )]
    Direction {
        /// The global.
        name: String,
    },
    /// The model has no global, so there is nothing to infer.
    #[error("the model has no global variable, so there is nothing to infer")]
    NothingToInfer,
    /// Something that is asked for was not inferred.
    #[error(
        "`{name}` was not inferred, so there is no joint draw or density with it: ask for the other numbers by name"
    )]
    NotInferred {
        /// The latent variable.
        name: String,
    },
    /// A value is missing on which other variables depend.
    #[error(
        "`{name}` is missing, and other variables depend on it: `nuts()` infers it, and `npe()` the globals without it; a network of \
         globals and locals together does not infer it"
    )]
    Missing {
        /// The observation with its element.
        name: String,
    },
    /// The data have another size than the one that was fixed in training.
    #[error(
        "the plate `{plate}` has {size} elements, and the estimator was trained for {trained} alone: train without `size`, \
         or for {size}"
    )]
    OtherSize {
        /// The plate.
        plate: String,
        /// Its size in the data.
        size: usize,
        /// The size trained for.
        trained: usize,
    },
    /// A random size was fixed in training.
    #[error(
        "the size of the plate `{plate}` is random, and holds information about the variables that it depends on; an \
         estimator that was trained with a fixed size would ignore this: train without `size`"
    )]
    RandomSize {
        /// The plate.
        plate: String,
    },
    /// A discrete local that cannot be inferred stands above others.
    #[error(
        "`{name}` has infinitely many values, or their number depends on the data, so it is not inferred; the locals of \
         the plates inside depend on it, and cannot be inferred without it"
    )]
    UnknownAbove {
        /// The discrete local.
        name: String,
    },
    /// A part of a model or a network has no form in ONNX.
    #[error("{what} is not exported to ONNX: {instead}")]
    NotExported {
        /// What it is.
        what: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// An ensemble has no networks.
    #[error("an ensemble of 0 networks has no posterior: it must have at least 1")]
    EmptyEnsemble,
    /// The model has no locals that could be inferred.
    #[error(
        "the model has no continuous local, and no discrete one of finitely many values, in a plate of its data: use `npe()`"
    )]
    NoLocals,
}

hierarch_core::debug_as_message!(InferenceError, BankError, FileError, RequestError);

impl From<nn::TrainError<SimulateError>> for InferenceError {
    fn from(error: nn::TrainError<SimulateError>) -> Self {
        match error {
            nn::TrainError::Source { source, .. } => Self::Simulate(source),
            other => Self::Train(Box::new(other)),
        }
    }
}
