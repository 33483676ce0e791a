//! A file of a bank: some data sets as networks read them, with the latent variables that they were drawn from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::file::{FINGERPRINT, MODEL};
use super::hierarchy::{EncodedData, Hierarchy, Latents, PlateLatents};
use super::{BankError, InferenceError};
use crate::model::{AnyModel, AnySimulation};
use crate::nn::{self, Numbers, NumbersFile, OnDisk, Packed, load_numbers, take};

/// The number of data sets in a shard.
pub(super) const SHARD: usize = 1024;

pub(super) const SIMULATION: &str = "hierarch.simulation";
pub(super) const SETS: &str = "hierarch.sets";
/// The version of the tables in a file: raised when these change.
pub(super) const FORMAT: &str = "hierarch.bank";
pub(super) const VERSION: &str = "3";

/// The lists of the file of a shard, in which its data can be left.
pub(super) type ListsOnDisk = BTreeMap<String, OnDisk>;

/// Some data sets with the latent variables that they were drawn from.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) parts: EncodedData,
    pub(super) latents: Latents,
}

impl Shard {
    pub(super) fn empty(hierarchy: &Hierarchy) -> Self {
        let none = |plate: &Vec<(usize, usize)>| plate.iter().map(|_| Numbers::Single(Vec::new()).pack()).collect();
        let references = hierarchy.references().map(none).collect();
        let data = Packed::from(hierarchy.encoder.batch()).pack();
        let plates = vec![PlateLatents::default(); hierarchy.plates.len()];
        Self { parts: EncodedData { data, references }, latents: Latents { draws: 1, globals: Vec::new(), plates } }
    }

    pub(super) fn of(hierarchy: &Hierarchy, model: &dyn AnyModel, simulation: &dyn AnySimulation) -> Self {
        Self { parts: hierarchy.parts(&simulation.data().frame()), latents: hierarchy.latents(model, simulation) }
    }

    pub(super) fn sets(&self) -> usize {
        self.parts.data.sets
    }

    pub(super) fn append(&mut self, other: &Shard) {
        self.parts.append(&other.parts);
        self.latents.append(&other.latents);
    }

    /// Returns all numbers that it holds, by name.
    pub(super) fn entries(&self) -> Vec<(String, Cow<'_, Numbers>)> {
        let packed = |numbers: &[f32]| Cow::Owned(Numbers::Single(numbers.to_vec()).pack());
        let mut entries = vec![("globals".to_owned(), packed(&self.latents.globals))];
        self.parts.data.entries(&mut entries);
        for (plate, references) in self.parts.references.iter().enumerate() {
            let named = references.iter().enumerate();
            entries.extend(named.map(|(at, numbers)| (format!("references.{plate}.{at}"), Cow::Borrowed(numbers))));
        }
        for (plate, own) in self.latents.plates.iter().enumerate() {
            entries.push((format!("locals.{plate}.continuous"), packed(&own.numbers)));
            entries.push((format!("locals.{plate}.discrete"), packed(&own.categories)));
        }
        entries
    }

    /// Reads a shard, whose metadata must be what `expected` returns for the number of its data sets; `None` if there is no
    /// file. Besides the shard returns what leaves its data on disk.
    pub(super) fn load(
        path: &Path,
        hierarchy: &Hierarchy,
        expected: impl Fn(&str) -> BTreeMap<String, String>,
    ) -> Result<Option<(Self, ListsOnDisk)>, InferenceError> {
        let damaged = |reason| BankError::DamagedShard { path: path.to_owned(), reason }.into();
        let NumbersFile { lists: mut entries, on_disk, metadata: found } = match load_numbers(path) {
            Err(nn::Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            Err(nn::Error::Corrupt { reason, .. }) => return Err(damaged(reason)),
            other => other?,
        };
        let entry = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned().unwrap_or_else(|| "?".to_owned());
        let sets = entry(&found, SETS);
        let expected = expected(&sets);
        if found.contains_key(SIMULATION) && entry(&found, FORMAT) != VERSION {
            let found = entry(&found, FORMAT).replace('?', "1");
            return Err(BankError::OtherFormat { path: path.to_owned(), found, expected: VERSION }.into());
        }
        if found != expected {
            let text = |of: &BTreeMap<String, String>| {
                format!("data sets of `{}` ({}), {}", entry(of, MODEL), entry(of, FINGERPRINT), entry(of, SIMULATION))
            };
            let (found, expected) = (text(&found), text(&expected));
            return Err(BankError::OtherSimulations { path: path.to_owned(), found, expected }.into());
        }
        let sets = sets.parse().ok().filter(|sets| *sets <= SHARD);
        let sets = sets.ok_or_else(|| damaged(format!("its `{SETS}` is not a number up to {SHARD}")))?;
        let shard = Self::from_entries(hierarchy, sets, &mut entries).map_err(damaged)?;
        Ok(Some((shard, on_disk)))
    }

    fn from_entries(
        hierarchy: &Hierarchy,
        sets: usize,
        entries: &mut BTreeMap<String, Numbers>,
    ) -> Result<Self, String> {
        let data = Packed::from_entries(&hierarchy.data_shape(), sets, entries)?;
        let mut references = Vec::new();
        for (plate, (own, named)) in hierarchy.plates.iter().zip(hierarchy.references()).enumerate() {
            let rows = data.plate(&own.path).rows();
            let names = (0..named.len()).map(|at| take(entries, &format!("references.{plate}.{at}"), Some(rows)));
            references.push(names.collect::<Result<_, _>>()?);
        }
        let numbers = hierarchy.globals.iter().map(|global| global.free.len()).sum::<usize>();
        let globals = take(entries, "globals", sets.checked_mul(numbers))?.to_vec();
        let plates = hierarchy.plates.iter().enumerate().map(|(plate, own)| {
            let rows = data.plate(&own.path).rows();
            let mut table = |name, width| take(entries, &format!("locals.{plate}.{name}"), rows.checked_mul(width));
            let (numbers, categories) = (table("continuous", own.numbers())?, table("discrete", own.discrete.len())?);
            Ok(PlateLatents { numbers: numbers.to_vec(), categories: categories.to_vec() })
        });
        let latents = Latents { draws: 1, globals, plates: plates.collect::<Result<_, String>>()? };
        let shard = Self { parts: EncodedData { data, references }, latents };
        hierarchy.check_saved(&shard.parts, &shard.latents)?;
        Ok(shard)
    }
}
