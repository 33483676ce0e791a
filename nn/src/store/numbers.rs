//! Lists of numbers in files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::format::{Matrix, Metadata, StoredValues, read, write};
use crate::error::Error;
use crate::packed::Numbers;

/// Writes lists of numbers with their names to a file.
///
/// # Errors
/// If the file cannot be written; a file that was there before is then still there.
pub fn save_numbers(path: &Path, lists: &[(String, Cow<'_, Numbers>)], metadata: Metadata) -> Result<(), Error> {
    let matrices = lists.iter().map(|(name, numbers)| {
        let values = match &**numbers {
            Numbers::Single(all) => StoredValues::Single(all),
            Numbers::Counts(all) => StoredValues::Counts(all),
        };
        Matrix { name, shape: vec![numbers.len()], values }
    });
    write(path, metadata, matrices)
}

/// Reads all lists of numbers of a file, and the metadata that were saved with them.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds anything else.
pub fn load_numbers(path: &Path) -> Result<(BTreeMap<String, Numbers>, Metadata), Error> {
    let file = read(path)?;
    let corrupt = |reason| Error::Corrupt { path: path.to_owned(), reason };
    Ok((file.numbers().map_err(corrupt)?, file.metadata))
}
