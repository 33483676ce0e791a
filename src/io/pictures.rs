//! serde for columns of pictures of any size, as sequences of sequences of rows.

use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{arrays, picture};

/// The rows of a picture.
struct Rows<'a, const COLUMNS: usize>(&'a [[f32; COLUMNS]]);

impl<const COLUMNS: usize> Serialize for Rows<'_, COLUMNS> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        arrays::serialize(self.0, to)
    }
}

#[derive(Deserialize)]
struct Picture<const COLUMNS: usize, const ROWS: usize>(#[serde(with = "picture")] [[f32; COLUMNS]; ROWS]);

/// Writes a column of pictures as a sequence of sequences of rows.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer, const COLUMNS: usize, const ROWS: usize>(
    pictures: &[[[f32; COLUMNS]; ROWS]],
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut column = to.serialize_seq(Some(pictures.len()))?;
    for picture in pictures {
        column.serialize_element(&Rows(picture))?;
    }
    column.end()
}

/// Reads a column of pictures from a sequence of sequences of rows.
///
/// # Errors
/// Those of the deserializer, and a picture with another number of rows or columns.
pub fn deserialize<'de, D: Deserializer<'de>, const COLUMNS: usize, const ROWS: usize>(
    from: D,
) -> Result<Vec<[[f32; COLUMNS]; ROWS]>, D::Error> {
    let pictures = Vec::<Picture<COLUMNS, ROWS>>::deserialize(from)?;
    Ok(pictures.into_iter().map(|picture| picture.0).collect())
}
