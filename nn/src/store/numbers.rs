//! Lists of numbers in files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hierarch_core::files::Parts;

use super::format::{Matrix, Metadata, StoredValues, read, write};
use crate::error::Error;
use crate::on_disk::OnDisk;
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

/// What a file of lists holds, by name.
#[derive(Debug)]
pub struct NumbersFile {
    /// The lists in memory.
    pub lists: BTreeMap<String, Numbers>,
    /// The same lists in the file; none in an object store.
    pub on_disk: BTreeMap<String, OnDisk>,
    /// What was saved with them.
    pub metadata: Metadata,
}

/// Reads all lists of numbers of a file.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds anything else.
pub fn load_numbers(path: &Path) -> Result<NumbersFile, Error> {
    // Before it is read: what is written anew in between is noticed.
    let parts = Parts::new(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    let file = read(path)?;
    let corrupt = |reason| Error::Corrupt { path: path.to_owned(), reason };
    let lists = file.numbers().map_err(corrupt)?;
    let on_disk = parts.map(Arc::new).map(|parts| {
        let list = |(name, start): (String, u64)| {
            let numbers = &lists[&name];
            let list = OnDisk::new(parts.clone(), start, numbers.len(), matches!(numbers, Numbers::Counts(_)));
            (name, list)
        };
        file.places().map(list).collect()
    });
    Ok(NumbersFile { on_disk: on_disk.unwrap_or_default(), lists, metadata: file.metadata })
}
