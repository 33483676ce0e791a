//! Trained posterior estimators: they condition on data in microseconds, and can be kept in a file.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::element_networks::user_networks;
use super::encode::DataEncoder;
use super::file::{FINGERPRINT, MODEL, SIZES, TRIAL, UNITS};
use super::posterior::AnyPosterior;
use super::reach::Beyond;
use super::targets::pick;
use super::trial;
use super::units::{Target, Units};
use super::{DataSummary, FileError, InferenceError, Posterior, RequestError, file, sizes};
use crate::model::typed;
use crate::model::{AnyData, AnyModel, Extent, Model, Plate, Role, Specification, Variable, allowed};
use crate::nn::{Batch, ElementNetworks, Network, Prediction, Ratio, Shape, Sums, TrainingRecord};

/// An amortized posterior over globals of a model.
#[derive(Clone, Debug)]
pub struct PosteriorEstimator<M: Model> {
    any: Arc<AnyPosteriorEstimator>,
    model: PhantomData<fn() -> M>,
}

/// An amortized posterior over globals of some model.
#[derive(Clone, Debug)]
pub(crate) struct AnyPosteriorEstimator {
    pub(super) model: Arc<dyn AnyModel>,
    pub(super) specification: Arc<Specification>,
    /// One network, or the members of an ensemble.
    pub(super) networks: Vec<Network>,
    pub(super) encoder: DataEncoder,
    units: Units,
    pub(super) targets: Arc<[Target]>,
    /// The plates whose size was fixed in training, with that size.
    sizes: Vec<(String, usize)>,
    /// Whether plates at the top may have sizes that the estimator was not trained for.
    any_size: bool,
    /// The fingerprint of the networks' weights.
    fingerprint: String,
    /// Warnings about the trainings.
    doubts: Arc<[String]>,
}

/// The most by which a validation loss may rise without a warning, in nats.
const RISE: f64 = 0.01;

const GLOBALS: &str = "hierarch.globals";
const SPECIFICATION: &str = "hierarch.specification";
const LIBRARY: &str = "hierarch.version";

impl<M: Model> PosteriorEstimator<M> {
    pub(crate) fn of(any: AnyPosteriorEstimator) -> Self {
        Self::of_shared(Arc::new(any))
    }

    pub(super) fn of_shared(any: Arc<AnyPosteriorEstimator>) -> Self {
        Self { any, model: PhantomData }
    }

    /// Returns the estimator without the model's types.
    pub(crate) fn any(&self) -> &Arc<AnyPosteriorEstimator> {
        &self.any
    }

    /// Returns the posterior of the globals given `data`, a data set of any size in the model's ranges. Where covariates are unlike those
    /// of the training, or a number that was observed is far beyond all of them, in another unit, say, the posterior has a
    /// [warning](crate::draws::Inferred::warnings) that names the one farthest off. Whether what was observed is like simulations says
    /// [`typicality`](PosteriorEstimator::typicality), which finds much more.
    ///
    /// # Errors
    /// Data that do not fit the model; a size that was not trained for, where [`size`](crate::simulate::Simulated::size) fixed one.
    pub fn condition(&self, data: &M::Data) -> Result<Posterior<M>, InferenceError> {
        self.any.condition(data).map(Posterior::of)
    }

    /// Returns the posteriors of the globals after each element of the only plate at the top of the model, in the order
    /// of the elements. The last one is that of [`condition`](PosteriorEstimator::condition). One pass over the data
    /// computes them all.
    ///
    /// ```
    /// use hierarch::nn::Encoder;
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Flux {
    ///         global rate ~ Gamma(2.0, 1.0);
    ///         plate events(1..=100) {
    ///             observe energy ~ Exponential(rate);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Flux::default();
    /// let encoder = Encoder::Causal { width: 16, heads: 2, blocks: 1 };
    /// let npe = model.npe().network(NetworkConfig { encoder, ..Default::default() });
    /// let estimator = npe.train(Budget::simulations(2_000))?; // far too short, for an example
    /// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9] } };
    /// for (seen, posterior) in estimator.condition_prefixes(&data)?.iter().enumerate() {
    ///     println!("{} events: sd {:?}", seen + 1, posterior.sd("rate"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Data that do not fit the model; an estimator that was not trained with a causal encoder.
    pub fn condition_prefixes(&self, data: &M::Data) -> Result<Vec<Posterior<M>>, InferenceError> {
        Ok(self.any.condition_prefixes(data)?.into_iter().map(Posterior::of).collect())
    }

    /// Returns the same estimator for data sets whose plates at the top have any size, in the model's ranges or
    /// outside. Outside the sizes that it was trained for it extrapolates, which its posteriors warn of, and nothing shows
    /// whether the extrapolation holds: use it to see how far one may go, where an exact posterior is available for comparison.
    pub fn any_size(&self) -> Self {
        Self::of(AnyPosteriorEstimator { any_size: true, ..(*self.any).clone() })
    }

    /// Returns the summary of `part`, a part of a data set, of any size: see [`DataSummary`].
    ///
    /// ```
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Flux {
    ///         global rate ~ Gamma(2.0, 1.0);
    ///         plate events(1..=10000) {
    ///             observe energy ~ Exponential(rate);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Flux::default();
    /// let estimator = model.npe().train(Budget::simulations(2_000))?; // far too short, for an example
    ///
    /// // Events stream in; nothing but the summary is kept of them.
    /// let stream = [[0.7, 0.1, 1.9], [0.4, 0.2, 0.3]];
    /// let mut seen: DataSummary<Flux> = estimator.summarize(&FluxData { events: FluxEvents { energy: vec![] } })?;
    /// for energy in stream {
    ///     let part = FluxData { events: FluxEvents { energy: energy.to_vec() } };
    ///     seen.merge(&estimator.summarize(&part)?)?;
    ///     println!("{:?} events\n{}", seen.sizes(), estimator.condition_on(&seen)?);
    /// }
    ///
    /// // The same as from all of the data at once.
    /// let all = FluxData { events: FluxEvents { energy: stream.concat() } };
    /// let (streamed, whole) = (estimator.condition_on(&seen)?, estimator.condition(&all)?);
    /// assert!((streamed.mean("rate").unwrap() - whole.mean("rate").unwrap()).abs() < 1e-5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Data that do not fit the model; an estimator that reads elements by attention, for which there are no sums; and
    /// a model in which elements name elements of other plates by index, since a part need not hold the elements that
    /// it names.
    pub fn summarize(&self, part: &M::Data) -> Result<DataSummary<M>, InferenceError> {
        let (fingerprint, sums, beyond) = self.any.summarize(part)?;
        Ok(DataSummary::new(fingerprint, sums, beyond))
    }

    /// Returns the posterior of the globals given the `summary` of a data set.
    ///
    /// # Errors
    /// The summary was made by another estimator, or the data set has a size that the model does not allow.
    pub fn condition_on(&self, summary: &DataSummary<M>) -> Result<Posterior<M>, InferenceError> {
        self.any.condition_on(&summary.fingerprint, &summary.sums, summary.beyond.clone()).map(Posterior::of)
    }

    /// Returns the plates whose size was fixed in training, with that size.
    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        self.any.sizes()
    }

    /// Returns the records of the training; of an ensemble, those of its first member.
    pub fn history(&self) -> &[TrainingRecord] {
        self.any.history()
    }

    /// Returns warnings about the training, in words; none if all seems well.
    pub fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }

    /// Returns the model that the estimator was trained for.
    pub fn model(&self) -> &M {
        typed(&*self.any.model)
    }

    /// Writes the estimator to the file `path` in the safetensors format, completely or not at all. The header names
    /// the model. `path` may be an address, as `s3://bucket/name`: see [object stores](crate::shards#object-stores).
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any.save(path.as_ref())
    }

    /// Reads an estimator from the file `path`, which was saved for the same model with the same params as `model`.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds something else, such as the estimator of another model.
    pub fn load(model: &M, path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::load_with(model, path, ElementNetworks::default())
    }

    /// Reads an estimator that was trained with element networks of your own, `networks`: else as
    /// [`load`](PosteriorEstimator::load).
    ///
    /// # Errors
    /// Those of [`load`](PosteriorEstimator::load), and a network whose sizes are not those of the training.
    pub fn load_with(model: &M, path: impl AsRef<Path>, networks: ElementNetworks) -> Result<Self, InferenceError> {
        AnyPosteriorEstimator::read(model, path.as_ref(), networks, false).map(Self::of)
    }
}

impl AnyPosteriorEstimator {
    pub(super) fn new(
        model: Arc<dyn AnyModel>,
        networks: Vec<Network>,
        encoder: DataEncoder,
        (targets, units): (Vec<Target>, Units),
        sizes: Vec<(String, usize)>,
    ) -> Self {
        let specification = Arc::new(model.specification());
        let fingerprint = networks.iter().map(Network::fingerprint).collect::<Vec<_>>().join("-");
        let (targets, doubts) = (targets.into(), doubts_of_all(&networks).into());
        Self { model, specification, networks, encoder, units, targets, sizes, any_size: false, fingerprint, doubts }
    }

    /// Returns the ensemble of estimators that differ in their networks alone; `None` if there are none.
    pub(super) fn joined(estimators: Vec<Self>) -> Option<Self> {
        let networks = estimators.iter().flat_map(|one| one.networks.iter().cloned()).collect();
        let Self { model, encoder, units, targets, sizes, .. } = estimators.into_iter().next()?;
        Some(Self::new(model, networks, encoder, (targets.to_vec(), units), sizes))
    }

    pub(crate) fn condition(&self, data: &dyn AnyData) -> Result<AnyPosterior, InferenceError> {
        let batch = self.batch(data, Extent::Whole)?;
        let estimate = |network: &Network| {
            if network.keeps_sums() {
                return network.conclude(&network.summarise(&batch)?);
            }
            Ok(network.predict(&batch)?.swap_remove(0))
        };
        self.posterior(self.networks.iter().map(estimate), self.beyond(data)).map_err(|error| self.named(error, data))
    }

    /// Names the number of `data` that a network cannot read, where that is the error.
    fn named(&self, error: InferenceError, data: &dyn AnyData) -> InferenceError {
        let InferenceError::Network(crate::nn::Error::NotFinite { .. }) = error else { return error };
        self.units
            .unreadable(&data.frame())
            .map_or(error, |(place, value)| RequestError::TooFar { place, value }.into())
    }

    /// Returns what of `data` is beyond what the networks were trained on.
    pub(super) fn beyond(&self, data: &dyn AnyData) -> Vec<String> {
        let frame = data.frame();
        let sizes = frame.plates.iter().map(|plate| plate.size);
        self.beyond_sizes(sizes).chain(self.units.reach.beyond(&frame, true).warnings()).collect()
    }

    /// Says which of the `sizes` of the plates at the top are none of the model's.
    fn beyond_sizes(&self, sizes: impl IntoIterator<Item = usize>) -> impl Iterator<Item = String> {
        let plates = self.specification.data_plates(&self.specification.plates).zip(sizes);
        plates.filter_map(|(plate, size)| {
            let error = allowed(plate, size, None).err()?;
            Some(format!("{error}: of such sizes the network has seen none, and its posterior is a guess"))
        })
    }

    pub(crate) fn condition_prefixes(&self, data: &dyn AnyData) -> Result<Vec<AnyPosterior>, InferenceError> {
        let batch = self.batch(data, Extent::Whole)?;
        let each = self.networks.iter().map(|network| Ok(network.predict_prefixes(&batch)?.swap_remove(0)));
        let each: Vec<Vec<Prediction>> = each.collect::<Result<_, InferenceError>>()?;
        let beyond = self.beyond(data);
        let after = |i: usize| self.posterior(each.iter().map(|estimates| Ok(estimates[i].clone())), beyond.clone());
        (0..each.first().map_or(0, Vec::len)).map(after).collect()
    }

    pub(super) fn summarize(&self, part: &dyn AnyData) -> Result<(String, Vec<Sums>, Beyond), InferenceError> {
        fn index(plates: &[Plate]) -> Option<&Variable> {
            plates.iter().find_map(|p| p.variables.iter().find(|v| v.role == Role::Index).or_else(|| index(&p.plates)))
        }
        fn sequence(plates: &[Plate]) -> Option<&Plate> {
            plates.iter().find_map(|p| if p.is_sequence() { Some(p) } else { sequence(&p.plates) })
        }
        if let Some(variable) = index(&self.specification.plates) {
            return Err(RequestError::NoParts { variable: variable.name.clone() }.into());
        }
        if let Some(plate) = sequence(&self.specification.plates) {
            return Err(RequestError::NoPartsOfSequence { plate: plate.name.clone() }.into());
        }
        let batch = self.batch(part, Extent::Part)?;
        let sums = self.networks.iter().map(|network| network.summarise(&batch)).collect::<Result<_, _>>()?;
        Ok((self.fingerprint.clone(), sums, self.units.reach.beyond(&part.frame(), false)))
    }

    pub(super) fn condition_on(
        &self,
        fingerprint: &str,
        sums: &[Sums],
        beyond: Beyond,
    ) -> Result<AnyPosterior, InferenceError> {
        if fingerprint != self.fingerprint {
            let (summary, expected) = (fingerprint.to_owned(), self.fingerprint.clone());
            return Err(FileError::OtherPosterior { summary, expected }.into());
        }
        let plates = self.specification.data_plates(&self.specification.plates);
        for (plate, size) in plates.zip(sums.first().map_or(Vec::new(), Sums::sizes)).filter(|_| !self.any_size) {
            allowed(plate, size, None)?;
            if let Some((_, trained)) =
                self.sizes.iter().find(|(name, trained)| *name == plate.name && *trained != size)
            {
                return Err(RequestError::OtherSize { plate: plate.name.clone(), size, trained: *trained }.into());
            }
        }
        let beyond = self.beyond_sizes(sums.first().map_or(Vec::new(), Sums::sizes)).chain(beyond.warnings()).collect();
        self.posterior(self.networks.iter().zip(sums).map(|(network, sums)| network.conclude(sums)), beyond)
    }

    /// Returns the ratio given a data set, where the networks have learned a ratio.
    pub(crate) fn ratio(&self, data: &dyn AnyData) -> Result<Ratio, InferenceError> {
        let (network, batch) = (&self.networks[0], self.batch(data, Extent::Whole)?);
        if network.keeps_sums() {
            let ratio = network.summarise(&batch).and_then(|sums| network.ratio(&sums));
            return ratio.map_err(|error| self.named(error.into(), data));
        }
        network.ratios(&batch).map_err(|error| self.named(error.into(), data))
    }

    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        &self.sizes
    }

    pub(super) fn units(&self) -> &Units {
        &self.units
    }

    pub(super) fn targets(&self) -> Arc<[Target]> {
        self.targets.clone()
    }

    fn batch(&self, data: &dyn AnyData, extent: Extent) -> Result<Batch, InferenceError> {
        let extent = if self.any_size { Extent::Part } else { extent };
        self.model.check_with(&self.specification, data, extent)?;
        if extent == Extent::Whole {
            sizes::check(&self.sizes, &data.frame())?;
        }
        let mut batch = self.encoder.batch();
        self.encoder.push(&data.frame(), &mut batch);
        Ok(batch)
    }

    /// Makes a posterior of the estimates of the networks, and of what of the data is `beyond` them.
    fn posterior(
        &self,
        estimates: impl Iterator<Item = Result<Prediction, crate::nn::Error>>,
        beyond: Vec<String>,
    ) -> Result<AnyPosterior, InferenceError> {
        let mut estimates = estimates.collect::<Result<Vec<_>, _>>()?;
        let estimate = if estimates.len() == 1 { estimates.swap_remove(0) } else { Prediction::Ensemble(estimates) };
        let doubts =
            if beyond.is_empty() { self.doubts.clone() } else { self.doubts.iter().cloned().chain(beyond).collect() };
        Ok(AnyPosterior::new(self.model.clone(), self.targets.clone(), estimate, doubts))
    }

    pub(crate) fn history(&self) -> &[TrainingRecord] {
        self.networks.first().map_or(&[], Network::history)
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.doubts.to_vec()
    }

    pub(crate) fn model(&self) -> &Arc<dyn AnyModel> {
        &self.model
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), InferenceError> {
        let specification = &self.specification;
        let names: Vec<String> = self.targets.iter().map(|t| t.name.clone()).collect();
        let metadata = BTreeMap::from([
            (MODEL.to_owned(), specification.name.clone()),
            (FINGERPRINT.to_owned(), specification.fingerprint()),
            (GLOBALS.to_owned(), serde_json::json!(names).to_string()),
            (SIZES.to_owned(), serde_json::json!(self.sizes).to_string()),
            (UNITS.to_owned(), self.units.to_text()),
            (TRIAL.to_owned(), trial::trial(&*self.model)),
            (SPECIFICATION.to_owned(), serde_json::json!(**specification).to_string()),
            (LIBRARY.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]);
        Ok(Network::save_all(&self.networks, path, &metadata)?)
    }

    /// Reads what was saved for `model`, a ratio if `ratio` is true and else a distribution over globals. The user's
    /// own `networks` read the rows of some plates.
    pub(crate) fn read(
        model: &dyn AnyModel,
        path: &Path,
        networks: ElementNetworks,
        ratio: bool,
    ) -> Result<Self, InferenceError> {
        let specification = model.specification();
        let (width, plates) = DataEncoder::shape_of(&specification);
        let expected = Shape { width, plates, targets: 0 };
        let own = user_networks(&specification, &expected, &networks)?;
        let (networks, metadata) = Network::load_all(path, &own)?;
        let entry = |key: &str| {
            metadata.get(key).ok_or_else(|| FileError::NotAPosterior {
                path: path.to_owned(),
                what: format!("its header has no `{key}`"),
            })
        };
        if *entry(FINGERPRINT)? != specification.fingerprint() {
            return Err(FileError::OtherModel {
                path: path.to_owned(),
                saved: format!("`{}` ({})", entry(MODEL)?, entry(FINGERPRINT)?),
                expected: format!("`{}` ({})", specification.name, specification.fingerprint()),
            }
            .into());
        }
        let unusable = |what: String| FileError::NotAPosterior { path: path.to_owned(), what }.into();
        let names: Vec<String> = serde_json::from_str(entry(GLOBALS)?).map_err(|e| unusable(e.to_string()))?;
        let sizes = sizes::from_text(&specification, entry(SIZES)?).map_err(unusable)?;
        trial::check(model, metadata.get(TRIAL), path)?;
        let units = Units::from_text(model, entry(UNITS)?).map_err(unusable)?;
        let encoder = DataEncoder::new(&specification, &units);
        let targets = units.targets(model, pick(model.global_slots(), &names)?);
        let free: usize = targets.iter().map(|t| t.free.len()).sum();
        let expected = Shape { targets: free, ..expected };
        if networks.iter().any(|network| *network.shape() != expected) {
            return Err(unusable("the shape of its network is not that of the model".to_owned()));
        }
        if networks.iter().any(|network| network.architecture().output.is_ratio() != ratio) {
            return Err(unusable(if ratio {
                "it is a distribution over globals, not a ratio: load it with `PosteriorEstimator::load`".to_owned()
            } else {
                "it is a ratio: load it with `RatioEstimator::load`".to_owned()
            }));
        }
        let due = if ratio { file::ratio } else { file::density };
        networks.iter().try_for_each(|network| file::check(network, &expected, due, path))?;
        Ok(Self::new(model.any_clone(), networks, encoder, (targets, units), sizes))
    }
}

/// Returns warnings about the training of a network.
pub(super) fn doubts(network: &Network) -> Vec<String> {
    let remarks = network.remarks().iter().cloned();
    overfitting(network).into_iter().chain(resumed_elsewhere(network)).chain(remarks).collect()
}

/// Returns what speaks against the networks of an ensemble. They are alike, so that the first one tells whether they overfit.
fn doubts_of_all(networks: &[Network]) -> Vec<String> {
    let [first, others @ ..] = networks else { return Vec::new() };
    let others = others.iter().flat_map(|network| {
        let remarks = network.remarks().iter().cloned();
        resumed_elsewhere(network).into_iter().chain(remarks)
    });
    doubts(first).into_iter().chain(others).collect()
}

/// Returns a warning if the loss of a network on held-out simulations has risen; `None` if it has not.
fn overfitting(network: &Network) -> Option<String> {
    let last = network.history().last()?;
    let best = network.history().iter().min_by(|a, b| a.validation.total_cmp(&b.validation))?;
    (last.validation >= best.validation + RISE).then(|| {
        format!(
            "the loss on held-out simulations was lowest after {} were seen ({:.3} nats) and then rose to {:.3} nats, with \
             {:.3} nats on those it was trained on: overfitting. More simulations help",
            best.sets, best.validation, last.validation, last.loss
        )
    })
}

/// Returns a warning if the training of a network was resumed with other vector registers than it was begun with.
fn resumed_elsewhere(network: &Network) -> Option<String> {
    let [begun, others @ ..] = network.registers() else { return None };
    (!others.is_empty()).then(|| {
        format!(
            "the training was begun with the vector registers {begun} and went on with {}: the same seed gives other numbers \
             without the interruption",
            others.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::path::Path;

    use serde_json::{Value, json};

    use crate::nn::{NumbersFile, load_numbers, save_numbers};
    use crate::prelude::*;
    use crate::simd;

    model! {
        /// A Normal with an unknown mean.
        Mean {
            global mean ~ Normal(0.0, 1.0);
            plate events(1..=5) {
                observe x ~ Normal(mean, 1.0);
            }
        }
    }

    /// Changes the file of a training into that of one that was begun on other registers and has steps left.
    fn begun_on(registers: &str, path: &Path) {
        let NumbersFile { lists, mut metadata, .. } = load_numbers(path).unwrap();
        for (key, field, value) in
            [("hierarch.network", "registers", json!([registers])), ("hierarch.training", "fraction", json!(0.5))]
        {
            let mut header: Value = serde_json::from_str(&metadata[key]).unwrap();
            assert!(!header[field].is_null());
            header[field] = value;
            metadata.insert(key.to_owned(), header.to_string());
        }
        let lists: Vec<_> = lists.into_iter().map(|(name, list)| (name, Cow::Owned(list))).collect();
        save_numbers(path, &lists, metadata).unwrap();
    }

    /// The warning is also kept in the file of the posterior; an older file is read without a warning.
    #[test]
    fn a_training_that_went_on_elsewhere_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, file) = (folder.path().join("training"), folder.path().join("posterior"));
        let model = Mean::default();
        let train = || model.npe().seed(1).checkpoint(&checkpoint).train(Budget::simulations(2_000)).unwrap();
        let of_registers = |estimator: PosteriorEstimator<Mean>| {
            estimator.warnings().into_iter().filter(|warning| warning.contains("registers")).collect::<Vec<_>>()
        };
        assert!(of_registers(train()).is_empty());
        // A finished training has no steps left to resume.
        assert!(of_registers(train()).is_empty());
        begun_on("abacus", &checkpoint);
        train().save(&file).unwrap();
        let warnings = of_registers(PosteriorEstimator::load(&model, &file).unwrap());
        let expected = format!("begun with the vector registers abacus and went on with {}", simd::registers());
        assert!(warnings.len() == 1 && warnings[0].contains(&expected), "{warnings:?}");
    }
}
