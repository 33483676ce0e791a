//! A network in a file, with the model that it belongs to and a description of what it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::units::Units;
use super::{FileError, InferenceError};
use crate::model::AnyModel;
use crate::nn::Network;

/// Entries in the header of a file that name the model it belongs to and the sizes of plates it was trained for.
pub(super) const MODEL: &str = "hierarch.model";
pub(super) const FINGERPRINT: &str = "hierarch.fingerprint";
pub(super) const SIZES: &str = "hierarch.sizes";
/// The entry that holds the units in which the network reads its numbers.
pub(super) const UNITS: &str = "hierarch.units";

/// Writes a network; the entry `key` of the header describes what it is.
pub(super) fn save(
    network: &Network,
    (model, units): (&dyn AnyModel, &Units),
    (key, what): (&str, impl Serialize),
    path: &Path,
) -> Result<(), InferenceError> {
    let specification = model.specification();
    let metadata = BTreeMap::from([
        (MODEL.to_owned(), specification.name.clone()),
        (FINGERPRINT.to_owned(), specification.fingerprint()),
        (UNITS.to_owned(), units.to_text()),
        (key.to_owned(), serde_json::json!(what).to_string()),
    ]);
    Ok(network.save(path, &metadata)?)
}

/// Reads a network that was saved for `model`, its units, and the header's entry `key`, which describes what it is.
pub(super) fn load<T: DeserializeOwned>(
    model: &dyn AnyModel,
    key: &str,
    path: &Path,
) -> Result<(Network, Units, T), InferenceError> {
    let specification = model.specification();
    let (network, metadata) = Network::load(path)?;
    let unusable = |what: String| FileError::NotAPosterior { path: path.to_owned(), what };
    let entry = |key: &str| metadata.get(key).ok_or_else(|| unusable(format!("its header has no `{key}`")));
    let what = serde_json::from_str(entry(key)?).map_err(|error| unusable(error.to_string()))?;
    if *entry(FINGERPRINT)? != specification.fingerprint() {
        return Err(FileError::OtherModel {
            path: path.to_owned(),
            saved: format!("`{}` ({})", entry(MODEL)?, entry(FINGERPRINT)?),
            expected: format!("`{}` ({})", specification.name, specification.fingerprint()),
        }
        .into());
    }
    let units = Units::from_text(model, entry(UNITS)?).map_err(unusable)?;
    Ok((network, units, what))
}
