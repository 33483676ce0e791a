//! The user's own networks that read single elements, in the order in which an estimator's network reads the plates.

use super::InferenceError;
use crate::model::{Specification, UnknownName};
use crate::nn::{ElementNetworks, Shape, UserNetwork};

/// Returns the user's networks in the order in which a network reads the data.
pub(super) fn user_networks(
    specification: &Specification,
    shape: &Shape,
    networks: &ElementNetworks,
) -> Result<Vec<Option<UserNetwork>>, InferenceError> {
    let plates: Vec<&str> = specification.data_plates(&specification.plates).map(|plate| plate.name.as_str()).collect();
    networks.names().try_for_each(|name| UnknownName::find("plate at the top of the data", name, &plates).map(drop))?;
    Ok(networks.in_order(shape.width > 0, plates.into_iter()))
}
