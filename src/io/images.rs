//! serde for columns of images of any size, as sequences of sequences of rows.

use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{arrays, image};

/// An image, as its rows.
struct Rows<'a, const COLUMNS: usize>(&'a [[f32; COLUMNS]]);

impl<const COLUMNS: usize> Serialize for Rows<'_, COLUMNS> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        arrays::serialize(self.0, to)
    }
}

#[derive(Deserialize)]
struct Image<const COLUMNS: usize, const ROWS: usize>(#[serde(with = "image")] [[f32; COLUMNS]; ROWS]);

/// Writes a column of images as a sequence of sequences of rows.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer, const COLUMNS: usize, const ROWS: usize>(
    images: &[[[f32; COLUMNS]; ROWS]],
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut column = to.serialize_seq(Some(images.len()))?;
    for image in images {
        column.serialize_element(&Rows(image))?;
    }
    column.end()
}

/// Reads a column of images from a sequence of sequences of rows.
///
/// # Errors
/// The errors of the deserializer, and an image with another number of rows or columns.
pub fn deserialize<'de, D: Deserializer<'de>, const COLUMNS: usize, const ROWS: usize>(
    from: D,
) -> Result<Vec<[[f32; COLUMNS]; ROWS]>, D::Error> {
    let images = Vec::<Image<COLUMNS, ROWS>>::deserialize(from)?;
    Ok(images.into_iter().map(|image| image.0).collect())
}
