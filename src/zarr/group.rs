//! Groups of arrays, and a store that is written whole.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::array::{Array, attributes};
use crate::files::{atomic_write, atomic_write_folder, local};

/// A group of arrays with common dimensions. Arrays that `coordinates` names are coordinates, as are those with the name of their
/// dimension.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) said: Vec<(String, Value)>,
    pub(crate) arrays: Vec<Array>,
    pub(crate) coordinates: Vec<String>,
}

impl Group {
    /// What is said of an array: its dimensions, and which coordinates along them are not named as one of them.
    fn attributes_of(&self, array: &Array) -> Value {
        let beside: Vec<&str> =
            self.arrays.iter().filter(|other| self.is_beside(other, array)).map(|a| a.name.as_str()).collect();
        let said: Vec<(String, Value)> = match beside.is_empty() {
            true => Vec::new(),
            false => vec![("coordinates".to_owned(), json!(beside.join(" ")))],
        };
        attributes(Some(&array.dims), &said)
    }

    fn is_beside(&self, coordinate: &Array, array: &Array) -> bool {
        self.coordinates.contains(&coordinate.name)
            && !self.coordinates.contains(&array.name)
            && !array.dims.contains(&array.name)
            && coordinate.dims.iter().all(|dim| array.dims.contains(dim))
    }

    /// The descriptions of the group and its arrays, by their paths in the group.
    pub(super) fn descriptions(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert(".zgroup".to_owned(), json!({ "zarr_format": 2 }));
        all.insert(".zattrs".to_owned(), attributes(None, &self.said));
        for array in &self.arrays {
            all.insert(format!("{}/.zarray", array.name), array.description());
            all.insert(format!("{}/.zattrs", array.name), self.attributes_of(array));
        }
        all
    }
}

/// Writes a store: a folder in which each group is a folder. It is written whole or not at all, in the place of a store that
/// has that name.
///
/// # Errors
/// Those of the system, with their path; and where something else has that name.
pub(crate) fn write_store(path: &Path, said: &[(String, Value)], groups: &[Group]) -> Result<(), (PathBuf, io::Error)> {
    check_place(path)?;
    atomic_write_folder(
        path,
        |path, error| (path, error),
        |folder| {
            for group in groups {
                let of_group = folder.join(&group.name);
                for array in &group.arrays {
                    let at = of_group.join(&array.name);
                    array.write_numbers(&at).map_err(|error| (at, error))?;
                }
            }
            let of: Vec<(&str, Map<String, Value>)> =
                groups.iter().map(|g| (g.name.as_str(), g.descriptions())).collect();
            write_descriptions(folder, said, &of)
        },
    )
}

/// Checks that nothing but a store has that name.
pub(super) fn check_place(path: &Path) -> Result<(), (PathBuf, io::Error)> {
    local(path, "stores of arrays").map_err(|error| (path.to_owned(), error))?;
    let is_free = !path.exists() || path.join(".zgroup").exists();
    // An empty folder is what a user makes in advance.
    let is_empty = || path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if is_free || is_empty() {
        return Ok(());
    }
    let what = "it is no store of Zarr 2, and is not overwritten: take another name, or remove it";
    Err((path.to_owned(), io::Error::new(io::ErrorKind::AlreadyExists, what)))
}

/// Writes the descriptions of groups to a store: each beside its numbers, and all of them together in each group and at the top,
/// so that who reads the store opens one file. That file is the last, so that it never speaks of what is not there.
pub(super) fn write_descriptions(
    folder: &Path,
    said: &[(String, Value)],
    groups: &[(&str, Map<String, Value>)],
) -> Result<(), (PathBuf, io::Error)> {
    let write = |path: PathBuf, value: &Value| -> Result<(), (PathBuf, io::Error)> {
        let text = serde_json::to_vec_pretty(value).map_err(|error| (path.clone(), io::Error::other(error)))?;
        atomic_write(&path, &text).map_err(|error| (path, error))
    };
    let together = |all: Map<String, Value>| json!({ "zarr_consolidated_format": 1, "metadata": all });
    let mut all = Map::new();
    all.insert(".zgroup".to_owned(), json!({ "zarr_format": 2 }));
    all.insert(".zattrs".to_owned(), attributes(None, said));
    for (name, descriptions) in groups {
        for (path, value) in descriptions {
            write(folder.join(name).join(path), value)?;
            all.insert(format!("{name}/{path}"), value.clone());
        }
        write(folder.join(name).join(".zmetadata"), &together(descriptions.clone()))?;
    }
    for name in [".zgroup", ".zattrs"] {
        write(folder.join(name), &all[name])?;
    }
    write(folder.join(".zmetadata"), &together(all))
}

/// Returns the first name that stands twice.
pub(crate) fn first_double<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
