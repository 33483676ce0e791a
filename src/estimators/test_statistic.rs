//! Learned test statistics: how strongly data disfavour a value of one global, whatever the nuisance parameters.
//!
//! A network that reads a hypothesis beside the data learns to tell data drawn at the hypothesis from data drawn next
//! to it, each with nuisance parameters of its own (Heinrich et al., arXiv 2306.12584, section on frequentist
//! inference). Its log odds are, for the best network,
//!
//! ```text
//! ln p(data | alternatives) / p(data | mu),   both averaged over the prior of the nuisance parameters
//! ```
//!
//! with alternatives on both sides. This is a statistic, not a p-value: with the Neyman construction
//! ([`Neyman`](crate::calibration::Neyman)) it gives confidence sets that cover.

use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use rand::RngExt;

use super::config::{TrainingContext, settings};
use super::element_networks::user_networks;
use super::encode::DataEncoder;
use super::posterior_estimator::doubts;
use super::ratio::WIDTH;
use super::trainable::{Trainable, TrainingSetup};
use super::training::Training;
use super::units::{Target, Units};
use super::{FileError, InferenceError, RequestError, file, sizes};
use crate::model::{AnyData, AnyGlobals, AnyModel, GlobalSlot, Model, Name, UnknownName};
use crate::model::{Purpose, stream_for};
use crate::nn::{Batch, Budget, Contrast, ElementNetworks, Network, Output, Shape, TrainingRecord, TrainingSource};
use crate::simulate::{Fixed, SimulateError, Simulated, SimulationSource, Stream};

/// The number of attempts to draw a hypothesis and an alternative inside the support.
const ATTEMPTS: usize = 100;
const STATISTIC: &str = "hierarch.statistic";

/// A test statistic to be trained; made by `model.test_statistic("mu")`.
///
/// ```
/// use hierarch::calibration::Neyman;
/// use hierarch::estimators::StatisticTraining;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Uniform(0.0, 50.0);
///         nuisance background ~ Normal(3.0, 0.3);
///         observe count ~ Poisson(rate + background);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let training: StatisticTraining<'_, Flux> = model.test_statistic("rate").hypotheses(5.0..=30.0).delta(2.0..=10.0);
/// let statistic: TestStatistic<Flux> = training.train(Budget::simulations(2_000))?; // far too short, for an example
/// let data = FluxData { count: 17 };
/// println!("{:.2} against 10", statistic.evaluate(&data, 10.0)?);
/// let of = |data: &FluxData, rate: f64| statistic.evaluate(data, rate);
/// let neyman = Neyman::new(model.simulate(2_000).seed(1), "rate", 5.0..=30.0, &[0.68], of)?;
/// # let _ = neyman;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct StatisticTraining<'a, M: Model> {
    any: AnyTraining<'a>,
    model: PhantomData<fn() -> M>,
}

/// A test statistic of some model to be trained.
#[derive(Clone, Debug)]
struct AnyTraining<'a> {
    source: SimulationSource<'a>,
    interest: String,
    hypotheses: Option<RangeInclusive<f64>>,
    delta: RangeInclusive<f64>,
    setup: TrainingSetup,
}

impl<'a> AnyTraining<'a> {
    fn new(model: &'a dyn AnyModel, interest: &str) -> Self {
        Self {
            source: SimulationSource::new(model),
            interest: interest.to_owned(),
            hypotheses: None,
            delta: 0.5..=2.0,
            setup: TrainingSetup::default(),
        }
    }
}

impl<'a, M: Model> StatisticTraining<'a, M> {
    /// Prepares a test statistic for the scalar global `interest`, tested at draws of its prior, against alternatives
    /// at a distance of 0.5 to 2.
    pub fn new(model: &'a M, interest: impl Into<Name>) -> Self {
        Self { any: AnyTraining::new(model, interest.into().as_str()), model: PhantomData }
    }

    /// Tests values that are uniform in `range`, instead of draws of the prior.
    pub fn hypotheses(mut self, range: RangeInclusive<f64>) -> Self {
        self.any.hypotheses = Some(range);
        self
    }

    /// Sets the distances of the alternatives from the tested value, on either side: uniform in `range`. The statistic
    /// has the most power at such distances. If one side is outside the support, the other is taken.
    pub fn delta(mut self, range: RangeInclusive<f64>) -> Self {
        self.any.delta = range;
        self
    }

    /// Trains on fresh simulations, on all cores, until the budget is spent.
    ///
    /// # Errors
    /// A model that cannot be simulated, no scalar global of that name, ranges that make no sense, a training that
    /// diverges, or a checkpoint of another training.
    pub fn train(self, budget: Budget) -> Result<TestStatistic<M>, InferenceError> {
        self.any.train(budget).map(TestStatistic::of)
    }
}

impl<M: Model> Trainable for StatisticTraining<'_, M> {
    fn setup_mut(&mut self) -> &mut TrainingSetup {
        &mut self.any.setup
    }
}

impl<'a, M: Model> Simulated<'a, M> for StatisticTraining<'a, M> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.any.source
    }
}

impl AnyTraining<'_> {
    fn train(self, budget: Budget) -> Result<AnyStatistic, InferenceError> {
        let slot = self.slot()?;
        let specification = self.source.model.specification();
        sizes::refuse_random(&specification, &self.source.sizes)?;
        sizes::refuse_whole_plates(&specification)?;
        let data = self.source.fixed()?;
        let units = Units::of(self.source.model, &data)?;
        let slot = units.targets(self.source.model, vec![slot]).swap_remove(0);
        let encoder = DataEncoder::new(&specification, &units);
        let (width, plates) = encoder.shape();
        // The hypothesis, and the label.
        let shape = Shape { width, plates, targets: 2 };
        let output = Output::Ratio { contrast: Contrast::Label, balance: 0.0, width: WIDTH };
        let context = TrainingContext { shape: &shape, budget, seed: self.source.seed, of_elements: false, bank: None };
        let settings = settings(&self.setup.network, &self.setup.training, &context, Some(output))?;
        let training = Training {
            model: self.source.model,
            of: format!("{:?} ({}), statistic of {}", self.source.model, specification.fingerprint(), self.interest),
            settings: &settings,
            networks: &user_networks(&specification, &shape, &self.setup.networks)?,
            flips: &[],
            known: None,
            images: None,
            checkpoint: self.setup.checkpoint.as_deref(),
            names: Vec::new(),
            skipped: Some(&data.skipped),
            of_several: false,
        };
        let globals = data.clone().without_elements();
        let source = Hypotheses { training: &self, slot: &slot, encoder: &encoder, globals, data: data.clone() };
        let simulations =
            format!("hypotheses {:?}, delta {:?}, {}", self.hypotheses, self.delta, self.source.describe());
        let network = training.fit(&shape, &source, &simulations)?;
        let sizes = self.source.sizes;
        Ok(AnyStatistic { model: self.source.model.any_clone(), slot, network, encoder, units, sizes })
    }

    fn slot(&self) -> Result<GlobalSlot, InferenceError> {
        let all = self.source.model.global_slots();
        let scalars: Vec<GlobalSlot> =
            all.into_iter().filter(|global| global.values.len() == 1 && global.free.len() == 1).collect();
        let known: Vec<&str> = scalars.iter().map(|global| global.name.as_str()).collect();
        let slot = scalars[UnknownName::find("scalar global", &self.interest, &known)?].clone();
        if let Some(other) = self.source.model.specification().global_that_depends_on(&slot.name) {
            return Err(RequestError::DependsOnTested { name: slot.name, other: other.to_owned() }.into());
        }
        let range = |what, range: &RangeInclusive<f64>, least: f64| {
            let (low, high) = (*range.start(), *range.end());
            if low.is_finite() && high.is_finite() && low <= high && high > least && low >= least {
                return Ok(());
            }
            Err(RequestError::Range { what, low, high })
        };
        range("distances of alternatives", &self.delta, 0.0)?;
        if let Some(hypotheses) = &self.hypotheses {
            range("hypotheses", hypotheses, f64::NEG_INFINITY)?;
        }
        Ok(slot)
    }
}

/// Returns the number that a network reads for the value of a global; NaN outside the support.
fn measure(model: &dyn AnyModel, slot: &Target, numbers: &[f64]) -> f64 {
    let q = model.unconstrain(&*model.globals(numbers), None);
    slot.links[0].forward(q[slot.free.start])
}

/// Data drawn at a hypothesis, or next to it.
struct Hypotheses<'a, 'b> {
    training: &'b AnyTraining<'a>,
    slot: &'b Target,
    encoder: &'b DataEncoder,
    globals: Fixed<'a>,
    data: Fixed<'a>,
}

impl Hypotheses<'_, '_> {
    /// Draws globals with a hypothesis among them; returns the number that a network reads for the hypothesis, and the
    /// globals that data are drawn at, which are those of an alternative if `alternative` is true.
    fn globals(&self, alternative: bool, rng: &mut Stream) -> Result<(f64, Box<dyn AnyGlobals>), SimulateError> {
        let AnyTraining { source: SimulationSource { model, .. }, hypotheses, delta, .. } = self.training;
        let at = self.slot.values.start;
        for _ in 0..ATTEMPTS {
            let mut numbers = model.draw(&self.globals, rng)?.globals().to_numbers();
            if let Some(range) = hypotheses {
                numbers[at] = range.start() + (range.end() - range.start()) * rng.random::<f64>();
            }
            let measured = measure(*model, self.slot, &numbers);
            if !measured.is_finite() {
                continue;
            }
            if !alternative {
                return Ok((measured, model.globals(&numbers)));
            }
            let hypothesis = numbers[at];
            let distance = delta.start() + (delta.end() - delta.start()) * rng.random::<f64>();
            let distance = if rng.random() { distance } else { -distance };
            for side in [distance, -distance] {
                numbers[at] = hypothesis + side;
                if measure(*model, self.slot, &numbers).is_finite() {
                    return Ok((measured, model.globals(&numbers)));
                }
            }
        }
        Err(SimulateError::NoAlternative { variable: self.slot.name.clone() })
    }
}

impl TrainingSource for Hypotheses<'_, '_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let mut batch = self.encoder.batch();
        let mut targets = Vec::with_capacity(2 * sets);
        let seed = self.training.source.seed;
        for place in first..first + sets {
            let mut rng = stream_for(Purpose::Training, seed, step, place as u64);
            let alternative = place % 2 == 1;
            let (measured, globals) = self.globals(alternative, &mut rng)?;
            let simulation = self.training.source.model.draw(&self.data.at(&*globals), &mut rng)?;
            self.encoder.push(&simulation.data().frame(), &mut batch);
            targets.extend([measured as f32, f32::from(u8::from(alternative))]);
        }
        Ok((batch, targets))
    }
}

/// A learned test statistic of a global of a model.
#[derive(Clone, Debug)]
pub struct TestStatistic<M: Model> {
    any: Arc<AnyStatistic>,
    model: PhantomData<fn() -> M>,
}

/// A learned test statistic of some model.
#[derive(Debug)]
struct AnyStatistic {
    model: Arc<dyn AnyModel>,
    slot: Target,
    network: Network,
    encoder: DataEncoder,
    units: Units,
    /// The plates whose size was fixed in training, with that size.
    sizes: Vec<(String, usize)>,
}

impl<M: Model> TestStatistic<M> {
    fn of(any: AnyStatistic) -> Self {
        Self { any: Arc::new(any), model: PhantomData }
    }

    /// Returns how strongly `data` disfavour `value`: the log odds, for even prior odds, that the data were drawn at an
    /// alternative and not at `value`.
    ///
    /// # Errors
    /// Data that do not fit the model; a value outside the support.
    pub fn evaluate(&self, data: &M::Data, value: f64) -> Result<f64, InferenceError> {
        Ok(self.any.evaluate_at(data, &[value])?[0])
    }

    /// Returns the statistic at each of `values`, which takes little longer than at one.
    ///
    /// # Errors
    /// Those of [`evaluate`](TestStatistic::evaluate).
    pub fn evaluate_at(&self, data: &M::Data, values: &[f64]) -> Result<Vec<f64>, InferenceError> {
        self.any.evaluate_at(data, values)
    }

    /// Writes the statistic to the file `path` in the safetensors format, completely or not at all. The header names
    /// the model.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any.save(path.as_ref())
    }

    /// Reads a statistic from the file `path`, which was saved for the same model with the same params as `model`.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds something else, such as the statistic of another model.
    pub fn load(model: &M, path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::load_with(model, path, ElementNetworks::default())
    }

    /// Reads a statistic as [`load`](TestStatistic::load) does, with the networks of your own that it was trained with.
    ///
    /// # Errors
    /// Those of [`load`](TestStatistic::load), and a network whose sizes are not those of the training.
    pub fn load_with(model: &M, path: impl AsRef<Path>, networks: ElementNetworks) -> Result<Self, InferenceError> {
        AnyStatistic::load(model, path.as_ref(), &networks).map(Self::of)
    }

    /// Returns the records of the training. The losses are those of telling data at a hypothesis from data next to it,
    /// in nats; ln 2 means that nothing is learned.
    pub fn history(&self) -> &[TrainingRecord] {
        self.any.network.history()
    }

    /// Returns warnings about the training, in words; none if all seems well. A statistic that has learned too little is still one, whose
    /// confidence sets cover; they are larger than they need be.
    pub fn warnings(&self) -> Vec<String> {
        doubts(&self.any.network)
    }
}

impl AnyStatistic {
    fn evaluate_at(&self, data: &dyn AnyData, values: &[f64]) -> Result<Vec<f64>, InferenceError> {
        self.model.check(data)?;
        let frame = data.frame();
        sizes::check(&self.sizes, &frame)?;
        let mut numbers = vec![f64::NAN; self.model.global_slots().iter().map(|g| g.values.end).max().unwrap_or(0)];
        let points = values.iter().map(|&value| {
            numbers[self.slot.values.start] = value;
            let measured = measure(&*self.model, &self.slot, &numbers);
            if measured.is_finite() {
                return Ok(measured);
            }
            Err(RequestError::OutsideSupport { name: self.slot.name.clone(), value })
        });
        let points = points.collect::<Result<Vec<_>, _>>()?;
        let mut batch = self.encoder.batch();
        self.encoder.push(&frame, &mut batch);
        Ok(self.network.ratios(&batch)?.log_ratios(0, &points))
    }

    fn save(&self, path: &Path) -> Result<(), InferenceError> {
        let what = (STATISTIC, (&self.slot.name, &self.sizes));
        file::save(&self.network, (&*self.model, &self.units), what, path)
    }

    fn load(model: &dyn AnyModel, path: &Path, networks: &ElementNetworks) -> Result<Self, InferenceError> {
        type Of = (String, Vec<(String, usize)>);
        let (network, units, (name, sizes)): (_, _, Of) = file::load(model, STATISTIC, path, networks)?;
        let specification = model.specification();
        sizes::check_saved(&specification, &sizes)
            .map_err(|what| FileError::NotAPosterior { path: path.to_owned(), what })?;
        let slot = units.targets(model, vec![AnyTraining::new(model, &name).slot()?]).swap_remove(0);
        let encoder = DataEncoder::new(&specification, &units);
        let (width, plates) = encoder.shape();
        let labels = |output| matches!(output, Output::Ratio { contrast: Contrast::Label, .. });
        file::check(&network, &Shape { width, plates, targets: 2 }, labels, path)?;
        Ok(Self { model: model.any_clone(), slot, network, encoder, units, sizes })
    }
}
