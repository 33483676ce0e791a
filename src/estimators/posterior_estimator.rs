//! A trained posterior: conditioned on data in microseconds, kept in a file.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::element_networks::user_networks;
use super::encode::DataEncoder;
use super::file::{FINGERPRINT, MODEL, SIZES};
use super::posterior::AnyPosterior;
use super::targets::pick;
use super::{DataSummary, InferenceError, Posterior, sizes};
use crate::model::typed;
use crate::model::{AnyData, AnyModel, Extent, GlobalSlot, Model, Plate, Role, Specification, Variable, allowed};
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
    model: Arc<dyn AnyModel>,
    specification: Arc<Specification>,
    /// One, or the members of an ensemble.
    networks: Vec<Network>,
    encoder: DataEncoder,
    targets: Arc<[GlobalSlot]>,
    /// Plates whose size is one alone.
    sizes: Vec<(String, usize)>,
    /// Whether plates at the top may have sizes that were not trained for.
    any_size: bool,
    /// Of the networks' weights.
    fingerprint: String,
}

/// Nats by which a validation loss may rise without a warning.
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

    /// The same without the model's types.
    pub(crate) fn any(&self) -> &Arc<AnyPosteriorEstimator> {
        &self.any
    }

    /// What is believed of the globals given a data set of any size in the model's ranges.
    ///
    /// # Errors
    /// What is wrong with the data; a size that was not trained for, where [`size`](super::Npe::size) fixed one.
    pub fn condition(&self, data: &M::Data) -> Result<Posterior<M>, InferenceError> {
        self.any.condition(data).map(Posterior::of)
    }

    /// What is believed of the globals after each element of the only plate at the top of the model, in their order, from the
    /// first one on; after the last it is what [`condition`](PosteriorEstimator::condition) says. One pass over the data does it all.
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
    /// What is wrong with the data, and a posterior that was not trained with a causal encoder.
    pub fn condition_prefixes(&self, data: &M::Data) -> Result<Vec<Posterior<M>>, InferenceError> {
        Ok(self.any.condition_prefixes(data)?.into_iter().map(Posterior::of).collect())
    }

    /// The same posterior for data sets whose plates at the top have any sizes, those in the model's ranges or others. Beyond
    /// what it was trained for it extrapolates, and nothing in what it then says tells whether that holds: it is for looking
    /// at how far one may go, where something exact stands beside it.
    pub fn any_size(&self) -> Self {
        Self::of(AnyPosteriorEstimator { any_size: true, ..(*self.any).clone() })
    }

    /// What is kept of a part of a data set, of any size: see [`DataSummary`].
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
    /// let mut seen = estimator.summarize(&FluxData { events: FluxEvents { energy: vec![] } })?;
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
    /// What is wrong with the data; a posterior that reads elements by attention, for which no sums can stand; and a model in
    /// which elements name elements of other plates by index, of which a part does not say enough.
    pub fn summarize(&self, part: &M::Data) -> Result<DataSummary<M>, InferenceError> {
        let (fingerprint, sums) = self.any.summarize(part)?;
        Ok(DataSummary::new(fingerprint, sums))
    }

    /// What is believed of the globals given a data set of which the summary is known.
    ///
    /// # Errors
    /// The summary was made by another posterior, or the data set has a size that the model does not allow.
    pub fn condition_on(&self, summary: &DataSummary<M>) -> Result<Posterior<M>, InferenceError> {
        self.any.condition_on(&summary.fingerprint, &summary.sums).map(Posterior::of)
    }

    /// The sizes that it was trained for, where these are one alone.
    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        self.any.sizes()
    }

    /// How the training went; of an ensemble, that of its first member.
    pub fn history(&self) -> &[TrainingRecord] {
        self.any.history()
    }

    /// What is doubtful about the training, in words; nothing if all seems well.
    pub fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }

    /// The model it was trained for.
    pub fn model(&self) -> &M {
        typed(&*self.any.model)
    }

    /// Writes the posterior to a file in the safetensors format, whole or not at all. The header says which model it is of.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any.save(path.as_ref())
    }

    /// Reads a posterior that was saved for this model, with these params.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds something else, such as the posterior of another model.
    pub fn load(model: &M, path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        Self::load_with(model, path, ElementNetworks::default())
    }

    /// The same for a posterior that was trained with networks of your own for the rows of some plates.
    ///
    /// # Errors
    /// Those of [`load`](PosteriorEstimator::load), and a network whose sizes are not those of the training's.
    pub fn load_with(model: &M, path: impl AsRef<Path>, networks: ElementNetworks) -> Result<Self, InferenceError> {
        AnyPosteriorEstimator::read(model, path.as_ref(), networks, false).map(Self::of)
    }
}

impl AnyPosteriorEstimator {
    pub(super) fn new(
        model: Arc<dyn AnyModel>,
        networks: Vec<Network>,
        encoder: DataEncoder,
        targets: Vec<GlobalSlot>,
        sizes: Vec<(String, usize)>,
    ) -> Self {
        let specification = Arc::new(model.specification());
        let fingerprint = networks.iter().map(Network::fingerprint).collect::<Vec<_>>().join("-");
        Self { model, specification, networks, encoder, targets: targets.into(), sizes, any_size: false, fingerprint }
    }

    pub(crate) fn condition(&self, data: &dyn AnyData) -> Result<AnyPosterior, InferenceError> {
        let batch = self.batch(data, Extent::Whole)?;
        let estimate = |network: &Network| {
            if network.keeps_sums() {
                return network.conclude(&network.summarise(&batch)?);
            }
            Ok(network.predict(&batch)?.swap_remove(0))
        };
        self.posterior(self.networks.iter().map(estimate))
    }

    pub(crate) fn condition_prefixes(&self, data: &dyn AnyData) -> Result<Vec<AnyPosterior>, InferenceError> {
        let batch = self.batch(data, Extent::Whole)?;
        let each = self.networks.iter().map(|network| Ok(network.predict_prefixes(&batch)?.swap_remove(0)));
        let each: Vec<Vec<Prediction>> = each.collect::<Result<_, InferenceError>>()?;
        let after = |i: usize| self.posterior(each.iter().map(|estimates| Ok(estimates[i].clone())));
        (0..each.first().map_or(0, Vec::len)).map(after).collect()
    }

    pub(crate) fn summarize(&self, part: &dyn AnyData) -> Result<(String, Vec<Sums>), InferenceError> {
        fn index(plates: &[Plate]) -> Option<&Variable> {
            plates.iter().find_map(|p| p.variables.iter().find(|v| v.role == Role::Index).or_else(|| index(&p.plates)))
        }
        if let Some(variable) = index(&self.specification.plates) {
            return Err(InferenceError::NoParts { variable: variable.name.clone() });
        }
        let batch = self.batch(part, Extent::Part)?;
        let sums = self.networks.iter().map(|network| network.summarise(&batch)).collect::<Result<_, _>>()?;
        Ok((self.fingerprint.clone(), sums))
    }

    pub(crate) fn condition_on(&self, fingerprint: &str, sums: &[Sums]) -> Result<AnyPosterior, InferenceError> {
        if fingerprint != self.fingerprint {
            let (summary, expected) = (fingerprint.to_owned(), self.fingerprint.clone());
            return Err(InferenceError::OtherPosterior { summary, expected });
        }
        let plates = self.specification.data_plates(&self.specification.plates);
        for (plate, size) in plates.zip(sums.first().map_or(Vec::new(), Sums::sizes)).filter(|_| !self.any_size) {
            allowed(plate, size, None)?;
            if let Some((_, trained)) =
                self.sizes.iter().find(|(name, trained)| *name == plate.name && *trained != size)
            {
                return Err(InferenceError::OtherSize { plate: plate.name.clone(), size, trained: *trained });
            }
        }
        self.posterior(self.networks.iter().zip(sums).map(|(network, sums)| network.conclude(sums)))
    }

    /// The ratio given a data set, where that is what was learned.
    pub(crate) fn ratio(&self, data: &dyn AnyData) -> Result<Ratio, InferenceError> {
        let (network, batch) = (&self.networks[0], self.batch(data, Extent::Whole)?);
        if network.keeps_sums() {
            return Ok(network.ratio(&network.summarise(&batch)?)?);
        }
        Ok(network.ratios(&batch)?)
    }

    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        &self.sizes
    }

    pub(crate) fn targets(&self) -> Arc<[GlobalSlot]> {
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

    /// From what each network says.
    fn posterior(
        &self,
        estimates: impl Iterator<Item = Result<Prediction, crate::nn::Error>>,
    ) -> Result<AnyPosterior, InferenceError> {
        let mut estimates = estimates.collect::<Result<Vec<_>, _>>()?;
        let estimate = if estimates.len() == 1 { estimates.swap_remove(0) } else { Prediction::Ensemble(estimates) };
        Ok(AnyPosterior::new(self.model.clone(), self.targets.clone(), estimate))
    }

    pub(crate) fn history(&self) -> &[TrainingRecord] {
        self.networks.first().map_or(&[], Network::history)
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.networks.iter().flat_map(doubts).collect()
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
            (SPECIFICATION.to_owned(), serde_json::json!(**specification).to_string()),
            (LIBRARY.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]);
        Ok(Network::save_all(&self.networks, path, &metadata)?)
    }

    /// Reads what was saved for this model, with networks of the user's own for the rows of some plates: a distribution over
    /// globals, or a ratio.
    pub(crate) fn read(
        model: &dyn AnyModel,
        path: &Path,
        networks: ElementNetworks,
        ratio: bool,
    ) -> Result<Self, InferenceError> {
        let specification = model.specification();
        let encoder = DataEncoder::new(&specification);
        let (width, plates) = encoder.shape();
        let expected = Shape { width, plates, targets: 0 };
        let own = user_networks(&specification, &expected, &networks)?;
        let (networks, metadata) = Network::load_all(path, &own)?;
        let entry = |key: &str| {
            metadata.get(key).ok_or_else(|| InferenceError::NotAPosterior {
                path: path.to_owned(),
                what: format!("its header has no `{key}`"),
            })
        };
        if *entry(FINGERPRINT)? != specification.fingerprint() {
            return Err(InferenceError::OtherModel {
                path: path.to_owned(),
                saved: format!("`{}` ({})", entry(MODEL)?, entry(FINGERPRINT)?),
                expected: format!("`{}` ({})", specification.name, specification.fingerprint()),
            });
        }
        let unusable = |what: String| InferenceError::NotAPosterior { path: path.to_owned(), what };
        let names: Vec<String> = serde_json::from_str(entry(GLOBALS)?).map_err(|e| unusable(e.to_string()))?;
        let sizes = serde_json::from_str(entry(SIZES)?).map_err(|e| unusable(e.to_string()))?;
        let targets = pick(model.global_slots(), &names)?;
        let free: usize = targets.iter().map(|t| t.free.len()).sum();
        let expected = Shape { targets: free, ..expected };
        if networks.iter().any(|network| *network.shape() != expected) {
            return Err(unusable("the shape of its network is not that of the model".to_owned()));
        }
        if networks.iter().any(|network| network.architecture().output.is_ratio() != ratio) {
            return Err(unusable(if ratio {
                "it is a distribution over globals, and no ratio: load it with `Posterior::load`".to_owned()
            } else {
                "it is a ratio: load it with `RatioEstimator::load`".to_owned()
            }));
        }
        Ok(Self::new(model.any_clone(), networks, encoder, targets, sizes))
    }
}

/// What is doubtful about the training of a network.
pub(super) fn doubts(network: &Network) -> Vec<String> {
    overfitting(network).into_iter().chain(resumed_elsewhere(network)).collect()
}

/// What to say of a network whose loss on held-out simulations has risen; nothing if it has not.
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

/// What to say of a network whose training went on with other vector registers than it was begun with.
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

    use crate::nn::{load_numbers, save_numbers};
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

    /// Makes the file of a training that of one that was begun on other registers and has steps to go.
    fn begun_on(registers: &str, path: &Path) {
        let (lists, mut metadata) = load_numbers(path).unwrap();
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

    /// Also by the file of the posterior, which is read without a word where it is older.
    #[test]
    fn a_training_that_went_on_elsewhere_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, file) = (folder.path().join("training"), folder.path().join("posterior"));
        let model = Mean::default();
        let train = || model.npe().seed(1).checkpoint(&checkpoint).train(Budget::simulations(2_000)).unwrap();
        assert!(train().warnings().is_empty());
        // At its end there is nothing to go on with.
        assert!(train().warnings().is_empty());
        begun_on("abacus", &checkpoint);
        train().save(&file).unwrap();
        let warnings = PosteriorEstimator::load(&model, &file).unwrap().warnings();
        let expected = format!("begun with the vector registers abacus and went on with {}", simd::registers());
        assert!(warnings.len() == 1 && warnings[0].contains(&expected), "{warnings:?}");
    }
}
