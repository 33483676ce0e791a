//! serde for images and matrices of any size, as sequences of rows.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::arrays;

/// Writes an image as a sequence of its rows.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer, X: Serialize, const COLUMNS: usize, const ROWS: usize>(
    image: &[[X; COLUMNS]; ROWS],
    to: S,
) -> Result<S::Ok, S::Error> {
    arrays::serialize(image, to)
}

/// Reads an image from a sequence of its rows.
///
/// # Errors
/// The errors of the deserializer, and an image with another number of rows or columns.
pub fn deserialize<'de, D: Deserializer<'de>, X: Deserialize<'de>, const COLUMNS: usize, const ROWS: usize>(
    from: D,
) -> Result<[[X; COLUMNS]; ROWS], D::Error> {
    let rows: Vec<[X; COLUMNS]> = arrays::deserialize(from)?;
    let found = rows.len();
    rows.try_into().map_err(|_| D::Error::invalid_length(found, &format!("an image of {ROWS} rows").as_str()))
}
