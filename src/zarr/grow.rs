//! A store whose arrays grow along the dimension `draw`, a chain at a time.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::array::{Array, Numbers, description};
use super::group::{Group, check_place, write_descriptions};
use crate::files::atomic_write;

/// The number of draws in a file: what is saved again where a draw is added, and what is read to see one.
const CHUNK: usize = 200;

/// A function that returns the numbers of an array of a group for some draws, or `None` if it is no array of draws.
pub(crate) type NumbersOf<'a> = dyn Fn(&str, &Array, Range<usize>) -> Option<Numbers> + 'a;

/// A store that grows. Where a chain is shorter than the longest, real numbers are NaN, and others are 0 and `false`.
#[derive(Debug)]
pub(crate) struct Growing {
    folder: PathBuf,
    said: Vec<(String, Value)>,
    groups: Vec<Group>,
    chains: usize,
}

impl Growing {
    /// Makes a store of `groups`, which has begun before or takes a free name. Their arrays along chain and draw hold no numbers; the others are whole.
    ///
    /// # Errors
    /// Something else has that name.
    pub(crate) fn new(
        folder: &Path,
        said: Vec<(String, Value)>,
        groups: Vec<Group>,
        chains: usize,
        is_begun: bool,
    ) -> Result<Self, (PathBuf, io::Error)> {
        if !is_begun {
            check_place(folder)?;
        }
        Ok(Self { folder: folder.to_owned(), said, groups, chains })
    }

    /// Writes what does not grow, and describes arrays of `draws` draws.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn begin(&self, draws: usize) -> Result<(), (PathBuf, io::Error)> {
        for (group, array) in self.arrays().filter(|(_, array)| !grows(array)) {
            let at = self.folder.join(&group.name).join(&array.name);
            array.write_numbers(&at).map_err(|error| (at, error))?;
        }
        self.describe(draws)
    }

    /// Says that the arrays have `draws` draws, which are there for one chain at least.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn describe(&self, draws: usize) -> Result<(), (PathBuf, io::Error)> {
        let mut all = Vec::new();
        for group in &self.groups {
            let mut descriptions = group.descriptions();
            for array in group.arrays.iter().filter(|array| grows(array)) {
                let missing = match &array.numbers {
                    Numbers::Real(_) => json!("NaN"),
                    Numbers::Bool(_) => json!(false),
                    _ => json!(0),
                };
                let (mut shape, mut chunks) = (array.shape.clone(), array.shape.clone());
                let along = usize::from(shape.len() > 1);
                (shape[along], chunks[along]) = (draws, CHUNK);
                if along > 0 {
                    (shape[0], chunks[0]) = (self.chains, 1);
                }
                let of_array = description(&shape, &chunks, &array.numbers.data_type(), &missing);
                descriptions.insert(format!("{}/.zarray", array.name), of_array);
            }
            all.push((group.name.as_str(), descriptions));
            if group.arrays.iter().any(is_position) {
                self.write_positions(&group.name, draws)?;
            }
        }
        write_descriptions(&self.folder, &self.said, &all)
    }

    /// Writes the coordinates of the draws, 0 to the end of the last file.
    fn write_positions(&self, group: &str, draws: usize) -> Result<(), (PathBuf, io::Error)> {
        for chunk in 0..draws.div_ceil(CHUNK) {
            let path = self.folder.join(group).join("draw").join(chunk.to_string());
            if !path.exists() {
                let positions = (chunk * CHUNK..(chunk + 1) * CHUNK).map(|i| i as i64).collect();
                atomic_write(&path, &Numbers::Whole(positions).bytes()).map_err(|error| (path, error))?;
            }
        }
        Ok(())
    }

    /// Writes the draws from `from` up to `to` of a chain, and those before them that are in the same files.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn write(
        &self,
        chain: usize,
        (from, to): (usize, usize),
        numbers: &NumbersOf<'_>,
    ) -> Result<(), (PathBuf, io::Error)> {
        for (group, array) in self.arrays().filter(|(_, array)| grows(array) && !is_position(array)) {
            for chunk in from / CHUNK..to.div_ceil(CHUNK) {
                let (first, end) = (chunk * CHUNK, to.min((chunk + 1) * CHUNK));
                let Some(found) = numbers(&group.name, array, first..end) else { continue };
                let mut bytes = found.bytes();
                let missing = match &found {
                    Numbers::Real(_) => f64::NAN.to_le_bytes(),
                    _ => [0; 8],
                };
                let width = bytes.len() / (end - first).max(1);
                let more = (CHUNK * width).saturating_sub(bytes.len());
                bytes.extend(missing.iter().cycle().take(more));
                let path = self.path_of(group, array, chain, chunk);
                atomic_write(&path, &bytes).map_err(|error| (path, error))?;
            }
        }
        Ok(())
    }

    /// Reads the bytes of the first `draws` draws of a chain in an array, each of `width` numbers.
    ///
    /// # Errors
    /// Those of the system, and a file that is too short.
    pub(crate) fn read(
        &self,
        (group, name): (&str, &str),
        chain: usize,
        (draws, width): (usize, usize),
    ) -> Result<Vec<u8>, (PathBuf, io::Error)> {
        let found = self.arrays().find(|(of, array)| of.name == group && array.name == name);
        let Some((group, array)) = found else { return Ok(Vec::new()) };
        let each = if matches!(array.numbers, Numbers::Bool(_)) { 1 } else { 8 };
        let mut all = Vec::new();
        for chunk in 0..draws.div_ceil(CHUNK) {
            let path = self.path_of(group, array, chain, chunk);
            let bytes = fs::read(&path).map_err(|error| (path.clone(), error))?;
            if bytes.len() != CHUNK * width * each {
                let what = format!("it has {} bytes, and should have {}", bytes.len(), CHUNK * width * each);
                return Err((path, io::Error::new(io::ErrorKind::InvalidData, what)));
            }
            all.extend(bytes);
        }
        all.truncate(draws * width * each);
        Ok(all)
    }

    fn path_of(&self, group: &Group, array: &Array, chain: usize, chunk: usize) -> PathBuf {
        let rest = ".0".repeat(array.shape.len().saturating_sub(2));
        self.folder.join(&group.name).join(&array.name).join(format!("{chain}.{chunk}{rest}"))
    }

    fn arrays(&self) -> impl Iterator<Item = (&Group, &Array)> {
        self.groups.iter().flat_map(|group| group.arrays.iter().map(move |array| (group, array)))
    }
}

/// Returns whether an array has one number, or some, for each draw.
fn grows(array: &Array) -> bool {
    array.dims.iter().take(2).any(|dim| dim == "draw")
}

/// Returns whether an array is the coordinate of the draws.
fn is_position(array: &Array) -> bool {
    array.name == "draw"
}
