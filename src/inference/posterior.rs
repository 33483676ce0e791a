//! A trained posterior: conditioned on data in microseconds, kept in a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::encode::Encoder;
use super::npe::pick;
use super::{Belief, InferenceError};
use crate::model::{GlobalSlot, Model, check, global_slots};
use crate::nn::{Network, Record};

/// An amortized posterior over globals of a model.
#[derive(Clone, Debug)]
pub struct Posterior<M: Model> {
    model: M,
    network: Network,
    encoder: Encoder,
    targets: Vec<GlobalSlot>,
}

const MODEL: &str = "hierarch.model";
const FINGERPRINT: &str = "hierarch.fingerprint";
const GLOBALS: &str = "hierarch.globals";
const SPECIFICATION: &str = "hierarch.specification";
const LIBRARY: &str = "hierarch.version";

impl<M: Model> Posterior<M> {
    pub(super) fn new(model: M, network: Network, encoder: Encoder, targets: Vec<GlobalSlot>) -> Self {
        Self { model, network, encoder, targets }
    }

    /// What is believed of the globals given a data set of any size in the model's ranges.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn condition(&self, data: &M::Data) -> Result<Belief<M>, InferenceError> {
        check(&self.model, data)?;
        let mut batch = self.encoder.batch();
        self.encoder.push(data, &mut batch);
        let mixture = self.network.predict(&batch)?.swap_remove(0);
        Ok(Belief::new(self.model.clone(), self.targets.clone(), mixture))
    }

    /// How the training went.
    pub fn history(&self) -> &[Record] {
        self.network.history()
    }

    /// The model it was trained for.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Writes the posterior to a file in the safetensors format, whole or not at all. The header says which model it is of.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        let specification = self.model.specification();
        let names: Vec<String> = self.targets.iter().map(|t| t.name.clone()).collect();
        let metadata = BTreeMap::from([
            (MODEL.to_owned(), specification.name.clone()),
            (FINGERPRINT.to_owned(), specification.fingerprint()),
            (GLOBALS.to_owned(), serde_json::json!(names).to_string()),
            (SPECIFICATION.to_owned(), serde_json::json!(specification).to_string()),
            (LIBRARY.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]);
        Ok(self.network.save(path, &metadata)?)
    }

    /// Reads a posterior that was saved for this model, with these params.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds something else, such as the posterior of another model.
    pub fn load(model: &M, path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        let path = path.as_ref();
        let (network, metadata) = Network::load(path)?;
        let entry = |key: &str| {
            metadata.get(key).ok_or_else(|| InferenceError::NotAPosterior {
                path: path.to_owned(),
                what: format!("its header has no `{key}`"),
            })
        };
        let specification = model.specification();
        if *entry(FINGERPRINT)? != specification.fingerprint() {
            return Err(InferenceError::OtherModel {
                path: path.to_owned(),
                saved: format!("`{}` ({})", entry(MODEL)?, entry(FINGERPRINT)?),
                expected: format!("`{}` ({})", specification.name, specification.fingerprint()),
            });
        }
        let unusable = |what: String| InferenceError::NotAPosterior { path: path.to_owned(), what };
        let names: Vec<String> = serde_json::from_str(entry(GLOBALS)?).map_err(|e| unusable(e.to_string()))?;
        let targets = pick(global_slots(model), &names)?;
        let encoder = Encoder::new(&specification);
        let (width, plates) = encoder.shape();
        let free: usize = targets.iter().map(|t| t.free.len()).sum();
        let shape = network.shape();
        if shape.width != width || shape.plates != plates || shape.targets != free {
            return Err(unusable("the shape of its network is not that of the model".to_owned()));
        }
        Ok(Self::new(model.clone(), network, encoder, targets))
    }
}
