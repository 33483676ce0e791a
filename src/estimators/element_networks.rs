//! The networks of the user's own that read single elements, in the places that a network reads.

use super::InferenceError;
use crate::model::Specification;
use crate::nn::{ElementNetworks, Shape, UserNetwork};

/// The user's networks in the order in which a network reads the data.
pub(super) fn user_networks(
    specification: &Specification,
    shape: &Shape,
    networks: &ElementNetworks,
) -> Result<Vec<Option<UserNetwork>>, InferenceError> {
    let plates: Vec<&str> = specification.data_plates(&specification.plates).map(|plate| plate.name.as_str()).collect();
    match networks.names().find(|name| !plates.contains(name)) {
        None => Ok(networks.in_order(shape.width > 0, plates.into_iter())),
        Some(name) => {
            let known = plates.iter().map(|plate| format!("`{plate}`")).collect::<Vec<_>>().join(", ");
            Err(InferenceError::UnknownPlate { name: name.to_owned(), known })
        }
    }
}
