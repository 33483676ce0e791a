//! serde for columns of arrays of any length, as sequences of sequences.

use serde::de::Error;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a column of arrays as a sequence of sequences.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer, X: Serialize, const N: usize>(arrays: &[[X; N]], to: S) -> Result<S::Ok, S::Error> {
    let mut rows = to.serialize_seq(Some(arrays.len()))?;
    for array in arrays {
        rows.serialize_element(array.as_slice())?;
    }
    rows.end()
}

/// Reads a column of arrays from a sequence of sequences.
///
/// # Errors
/// The errors of the deserializer, and a row of another length.
pub fn deserialize<'de, D: Deserializer<'de>, X: Deserialize<'de>, const N: usize>(
    from: D,
) -> Result<Vec<[X; N]>, D::Error> {
    let rows = Vec::<Vec<X>>::deserialize(from)?;
    rows.into_iter()
        .map(|row| {
            let found = row.len();
            row.try_into().map_err(|_| D::Error::invalid_length(found, &format!("an array of {N}").as_str()))
        })
        .collect()
}
