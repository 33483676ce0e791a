//! serde for images of any size, as sequences of rows.

use serde::de::Error;
use serde::{Deserializer, Serializer};

use super::arrays;

/// Writes an image as a sequence of its rows.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer, const COLUMNS: usize, const ROWS: usize>(
    image: &[[f32; COLUMNS]; ROWS],
    to: S,
) -> Result<S::Ok, S::Error> {
    arrays::serialize(image, to)
}

/// Reads an image from a sequence of its rows.
///
/// # Errors
/// The errors of the deserializer, and an image with another number of rows or columns.
pub fn deserialize<'de, D: Deserializer<'de>, const COLUMNS: usize, const ROWS: usize>(
    from: D,
) -> Result<[[f32; COLUMNS]; ROWS], D::Error> {
    let rows: Vec<[f32; COLUMNS]> = arrays::deserialize(from)?;
    let found = rows.len();
    rows.try_into().map_err(|_| D::Error::invalid_length(found, &format!("an image of {ROWS} rows").as_str()))
}
