//! A network in a file, with the model that it belongs to and a description of what it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::element_networks::user_networks;
use super::encode::DataEncoder;
use super::trial;
use super::units::Units;
use super::{FileError, InferenceError};
use crate::model::AnyModel;
use crate::nn::{Contrast, ElementNetworks, Network, Output, Shape};

/// Entries in the header of a file that name the model it belongs to and the sizes of plates it was trained for.
pub(super) const MODEL: &str = "hierarch.model";
pub(super) const FINGERPRINT: &str = "hierarch.fingerprint";
pub(super) const SIZES: &str = "hierarch.sizes";
/// The entry that holds the units in which the network reads its numbers.
pub(super) const UNITS: &str = "hierarch.units";
/// The entry that holds the trial simulations.
pub(super) const TRIAL: &str = "hierarch.trial";

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
        (TRIAL.to_owned(), trial::trial(model)),
        (key.to_owned(), serde_json::json!(what).to_string()),
    ]);
    Ok(network.save(path, &metadata)?)
}

/// Whether a network returns a distribution of its targets, or the ratio as a function of them.
pub(super) fn density(output: Output) -> bool {
    matches!(output, Output::Density(_))
}

pub(super) fn ratio(output: Output) -> bool {
    matches!(output, Output::Ratio { contrast, .. } if contrast != Contrast::Label)
}

/// Checks that a network of a file reads data of `shape`, and returns what `due` accepts.
pub(super) fn check(
    network: &Network,
    shape: &Shape,
    due: impl Fn(Output) -> bool,
    path: &Path,
) -> Result<(), FileError> {
    let (found, output) = (network.shape(), network.architecture().output);
    if found == shape && due(output) {
        return Ok(());
    }
    let what = format!("its network reads {found:?} where {shape:?} is due, and returns {output:?}");
    Err(FileError::NotAPosterior { path: path.to_owned(), what })
}

/// Reads a network that was saved for `model`, its units, and the header's entry `key`, which describes what it is. The user's
/// own `networks` read the rows of some plates.
pub(super) fn load<T: DeserializeOwned>(
    model: &dyn AnyModel,
    key: &str,
    path: &Path,
    networks: &ElementNetworks,
) -> Result<(Network, Units, T), InferenceError> {
    let specification = model.specification();
    let (width, plates) = DataEncoder::shape_of(&specification);
    let own = user_networks(&specification, &Shape { width, plates, targets: 0 }, networks)?;
    let (mut all, metadata) = Network::load_all(path, &own)?;
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
    trial::check(model, metadata.get(TRIAL), path)?;
    let units = Units::from_text(model, entry(UNITS)?).map_err(unusable)?;
    match (all.pop(), all.len()) {
        (Some(network), 0) => Ok((network, units, what)),
        (_, others) => Err(unusable(format!("it holds {} networks where one is due", others + 1)).into()),
    }
}
