//! serde for arrays of any length, as sequences.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes an array as a sequence.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer, X: Serialize, const N: usize>(array: &[X; N], to: S) -> Result<S::Ok, S::Error> {
    array.as_slice().serialize(to)
}

/// Reads an array from a sequence.
///
/// # Errors
/// The errors of the deserializer, and a sequence of another length.
pub fn deserialize<'de, D: Deserializer<'de>, X: Deserialize<'de>, const N: usize>(
    from: D,
) -> Result<[X; N], D::Error> {
    let values = Vec::<X>::deserialize(from)?;
    let found = values.len();
    values.try_into().map_err(|_| D::Error::invalid_length(found, &format!("an array of {N}").as_str()))
}
