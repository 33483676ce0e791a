//! Many data sets in little space. Single data sets and rows can be read without a copy of the rest.
//!
//! Detectors count: a table that holds nothing but whole numbers up to 65,535 takes 2 bytes for each of them instead
//! of 4, and loses nothing. Tables may also stay in their file, from which single data sets and rows are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::batch::{Batch, Rows};
use super::on_disk::OnDisk;
use super::shape::{PlateShape, Shape};
use hierarch_core::hash::{NOTHING, fnv};

/// Hashes some numbers one by one, going on from the hash of others.
pub(super) fn hash_numbers(hash: u64, numbers: impl Iterator<Item = f32>) -> u64 {
    fnv(hash, numbers.map(|number| number.to_bits().into()))
}

/// Numbers of type f32, in two bytes each if all of them are counts.
///
/// ```
/// use hierarch_nn::Numbers;
///
/// let counts = Numbers::Single(vec![3.0, 0.0, 41.0]).pack();
/// assert_eq!(counts, Numbers::Counts(vec![3, 0, 41]));
/// let others = Numbers::Single(vec![3.0, 0.5]).pack();
/// assert_eq!(others, Numbers::Single(vec![3.0, 0.5]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Any numbers.
    Single(Vec<f32>),
    /// Whole numbers from 0 to 65,535.
    Counts(Vec<u16>),
}

impl Numbers {
    /// Returns the same numbers in less space if all of them are counts. Nothing is lost: as f32 they are the same to the bit.
    pub fn pack(self) -> Numbers {
        let exact = |x: &f32| f32::from(*x as u16).to_bits() == x.to_bits();
        match self {
            Numbers::Single(all) if all.iter().all(exact) => Numbers::Counts(all.iter().map(|x| *x as u16).collect()),
            other => other,
        }
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Numbers::Single(all) => all.len(),
            Numbers::Counts(all) => all.len(),
        }
    }

    /// Tells whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns one of the numbers.
    pub fn get(&self, at: usize) -> f32 {
        match self {
            Numbers::Single(all) => all[at],
            Numbers::Counts(all) => f32::from(all[at]),
        }
    }

    /// Appends a range of the numbers to a list.
    pub fn push_to(&self, range: Range<usize>, to: &mut Vec<f32>) {
        match self {
            Numbers::Single(all) => to.extend_from_slice(&all[range]),
            Numbers::Counts(all) => to.extend(all[range].iter().map(|count| f32::from(*count))),
        }
    }

    /// Appends the numbers of `other`. The outcome is counts only if both are.
    pub fn append(&mut self, other: &Numbers) {
        match (&mut *self, other) {
            (Numbers::Counts(all), Numbers::Counts(more)) => all.extend_from_slice(more),
            (Numbers::Single(all), more) => more.push_to(0..more.len(), all),
            (Numbers::Counts(_), Numbers::Single(more)) => {
                let mut all = self.to_vec();
                all.extend_from_slice(more);
                *self = Numbers::Single(all);
            }
        }
    }

    /// Hashes these numbers, going on from the hash of others.
    fn hash(&self, hash: u64) -> u64 {
        hash_numbers(hash, (0..self.len()).map(|at| self.get(at)))
    }

    /// Returns all numbers.
    pub fn to_vec(&self) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.len());
        self.push_to(0..self.len(), &mut all);
        all
    }
}

/// The numbers of a table, in memory or in a file.
#[derive(Debug, Clone, PartialEq)]
enum Table {
    Memory(Numbers),
    OnDisk(OnDisk),
}

impl Table {
    fn push_to(&self, range: Range<usize>, to: &mut Vec<f32>) {
        match self {
            Table::Memory(all) => all.push_to(range, to),
            Table::OnDisk(all) => all.push_to(range, to),
        }
    }

    /// Returns the numbers in memory.
    fn numbers(&self) -> Cow<'_, Numbers> {
        match self {
            Table::Memory(all) => Cow::Borrowed(all),
            // In a file they are packed.
            Table::OnDisk(all) => Cow::Owned(Numbers::Single(all.to_vec()).pack()),
        }
    }

    fn pack(self) -> Table {
        match self {
            Table::Memory(all) => Table::Memory(all.pack()),
            on_disk => on_disk,
        }
    }

    fn append(&mut self, other: &Table) {
        match self {
            Table::Memory(all) => all.append(&other.numbers()),
            Table::OnDisk(_) => {
                *self = Table::Memory(self.numbers().into_owned());
                self.append(other);
            }
        }
    }

    fn hash(&self, hash: u64) -> u64 {
        self.numbers().hash(hash)
    }

    /// Returns how many bytes of memory the numbers take.
    fn bytes(&self) -> usize {
        match self {
            Table::Memory(Numbers::Single(all)) => size_of_val(all.as_slice()),
            Table::Memory(Numbers::Counts(all)) => size_of_val(all.as_slice()),
            Table::OnDisk(_) => 0,
        }
    }

    fn leave_on_disk(&mut self, name: &str, lists: &mut BTreeMap<String, OnDisk>) {
        if let Some(list) = lists.remove(name) {
            *self = Table::OnDisk(list);
        }
    }
}

/// [`Rows`] in little space.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedRows {
    width: usize,
    features: Table,
    /// Where the rows of each parent begin, and at the end the number of all rows: parents + 1 positions.
    pub offsets: Vec<usize>,
    /// Nested plates, whose parents are these rows.
    pub children: Vec<PackedRows>,
}

impl From<Rows> for PackedRows {
    fn from(rows: Rows) -> Self {
        let Rows { width, features, offsets, children } = rows;
        let children = children.into_iter().map(PackedRows::from).collect();
        Self { width, features: Table::Memory(Numbers::Single(features)), offsets, children }
    }
}

impl PackedRows {
    /// Returns the number of rows of all parents together.
    pub fn rows(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Returns the parent that owns a row.
    pub fn parent(&self, row: usize) -> usize {
        self.offsets.partition_point(|&first| first <= row) - 1
    }

    /// Appends the numbers of a row to a list.
    pub fn push_row(&self, row: usize, to: &mut Vec<f32>) {
        self.features.push_to(row * self.width..(row + 1) * self.width, to);
    }

    /// Appends a range of the parents to `to`, with their rows and all that is inside them.
    pub fn push(&self, parents: Range<usize>, to: &mut Rows) {
        let (rows, before) = (self.offsets[parents.start]..self.offsets[parents.end], to.rows());
        self.features.push_to(rows.start * self.width..rows.end * self.width, &mut to.features);
        let ends = &self.offsets[parents.start + 1..=parents.end];
        to.offsets.extend(ends.iter().map(|end| before + end - rows.start));
        self.children.iter().zip(&mut to.children).for_each(|(child, to)| child.push(rows.clone(), to));
    }

    /// Hashes all numbers, going on from the hash of others.
    fn hash(&self, hash: u64) -> u64 {
        self.children.iter().fold(self.features.hash(hash), |hash, child| child.hash(hash))
    }

    fn pack(self) -> PackedRows {
        let children = self.children.into_iter().map(PackedRows::pack).collect();
        Self { features: self.features.pack(), children, ..self }
    }

    fn append(&mut self, other: &PackedRows) {
        let before = self.rows();
        self.features.append(&other.features);
        self.offsets.extend(other.offsets.iter().skip(1).map(|offset| before + offset));
        self.children.iter_mut().zip(&other.children).for_each(|(child, more)| child.append(more));
    }

    fn bytes(&self) -> usize {
        self.features.bytes() + self.children.iter().map(PackedRows::bytes).sum::<usize>()
    }

    fn leave_on_disk(&mut self, name: &str, lists: &mut BTreeMap<String, OnDisk>) {
        self.features.leave_on_disk(&format!("{name}.features"), lists);
        let children = self.children.iter_mut().enumerate();
        children.for_each(|(i, child)| child.leave_on_disk(&format!("{name}.{i}"), lists));
    }

    fn entries<'a>(&'a self, name: &str, to: &mut Vec<(String, Cow<'a, Numbers>)>) {
        let sizes = self.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as f32).collect();
        to.push((format!("{name}.sizes"), Cow::Owned(Numbers::Single(sizes).pack())));
        to.push((format!("{name}.features"), self.features.numbers()));
        self.children.iter().enumerate().for_each(|(i, child)| child.entries(&format!("{name}.{i}"), to));
    }

    fn from_entries(
        shape: &PlateShape,
        parents: usize,
        name: &str,
        entries: &mut BTreeMap<String, Numbers>,
    ) -> Result<PackedRows, String> {
        let sizes = take(entries, &format!("{name}.sizes"), Some(parents))?;
        let mut rows = 0_usize;
        let mut offsets = vec![rows];
        for parent in 0..parents {
            let size = sizes.get(parent);
            // Above this number an f32 has lost the last digit.
            if !((0.0..=16_777_216.0).contains(&size) && size.fract() == 0.0) {
                return Err(format!("`{name}.sizes` holds {size}, not a count"));
            }
            rows += size as usize;
            offsets.push(rows);
        }
        let features = Table::Memory(take(entries, &format!("{name}.features"), rows.checked_mul(shape.width))?);
        let child = |(i, child)| PackedRows::from_entries(child, rows, &format!("{name}.{i}"), entries);
        let children = shape.children.iter().enumerate().map(child).collect::<Result<_, _>>()?;
        Ok(Self { width: shape.width, features, offsets, children })
    }
}

/// A [`Batch`] in little space.
///
/// ```
/// use hierarch_nn::{Batch, Packed, PackedRows, Rows};
///
/// // Two data sets, of one row of two numbers and of two rows.
/// let features = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let rows = Rows { width: 2, features, offsets: vec![0, 1, 3], children: vec![] };
/// let batch = Batch { sets: 2, plates: vec![rows], ..Batch::default() };
/// let packed = Packed::from(batch.clone()).pack();
///
/// let plate: &PackedRows = packed.plate(&[0]);
/// let mut last = Vec::new();
/// plate.push_row(2, &mut last);
/// assert_eq!((plate.parent(2), last), (1, vec![5.0, 6.0]));
///
/// let mut second = batch.slice(0..0);
/// packed.push(1..2, &mut second);
/// assert_eq!(second, batch.slice(1..2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// The number of data sets.
    pub sets: usize,
    width: usize,
    outside: Table,
    /// The plates at the top, whose parents are the data sets.
    pub plates: Vec<PackedRows>,
}

impl From<Batch> for Packed {
    fn from(batch: Batch) -> Self {
        let Batch { sets, width, globals, plates } = batch;
        let plates = plates.into_iter().map(PackedRows::from).collect();
        Self { sets, width, outside: Table::Memory(Numbers::Single(globals)), plates }
    }
}

impl Packed {
    /// Hashes all numbers.
    pub fn hash(&self) -> u64 {
        self.plates.iter().fold(self.outside.hash(NOTHING), |hash, rows| rows.hash(hash))
    }

    /// Packs each table: see [`Numbers::pack`].
    pub fn pack(self) -> Packed {
        let plates = self.plates.into_iter().map(PackedRows::pack).collect();
        Self { outside: self.outside.pack(), plates, ..self }
    }

    /// Returns the plate at a path: `[1, 0]` is the first plate in the second one.
    pub fn plate(&self, path: &[usize]) -> &PackedRows {
        path[1..].iter().fold(&self.plates[path[0]], |rows, &i| &rows.children[i])
    }

    /// Returns which rows of the plate at a path belong to a range of the data sets.
    pub fn rows_of(&self, path: &[usize], sets: Range<usize>) -> Range<usize> {
        let inner = |rows: Range<usize>, plate: &PackedRows| plate.offsets[rows.start]..plate.offsets[rows.end];
        (1..=path.len()).fold(sets, |rows, depth| inner(rows, self.plate(&path[..depth])))
    }

    /// Appends the numbers outside plates of a data set to a list.
    pub fn push_outside(&self, set: usize, to: &mut Vec<f32>) {
        self.outside.push_to(set * self.width..(set + 1) * self.width, to);
    }

    /// Appends a range of the data sets to a batch.
    pub fn push(&self, sets: Range<usize>, to: &mut Batch) {
        self.outside.push_to(sets.start * self.width..sets.end * self.width, &mut to.globals);
        self.plates.iter().zip(&mut to.plates).for_each(|(rows, to)| rows.push(sets.clone(), to));
        to.sets += sets.len();
    }

    /// Appends the data sets of `other`.
    pub fn append(&mut self, other: &Packed) {
        self.sets += other.sets;
        self.outside.append(&other.outside);
        self.plates.iter_mut().zip(&other.plates).for_each(|(rows, more)| rows.append(more));
    }

    /// Returns how many bytes of memory the numbers take, without what says to which data set a row belongs.
    pub fn bytes(&self) -> usize {
        self.outside.bytes() + self.plates.iter().map(PackedRows::bytes).sum::<usize>()
    }

    /// Leaves the numbers of the tables in the file that they were read from, whose lists are given by name: from now on those of a
    /// data set or a row are read when they are asked for. Where that fails they are zeros: see [`unread`](Self::unread).
    pub fn leave_on_disk(&mut self, lists: &mut BTreeMap<String, OnDisk>) {
        self.outside.leave_on_disk("outside", lists);
        let plates = self.plates.iter_mut().enumerate();
        plates.for_each(|(i, rows)| rows.leave_on_disk(&format!("plate.{i}"), lists));
    }

    /// Returns the file of which numbers could not be read, and why, if there were some.
    pub fn unread(&self) -> Option<(&Path, &std::io::Error)> {
        match &self.outside {
            // All tables are in one file.
            Table::OnDisk(list) => list.unread(),
            Table::Memory(_) => None,
        }
    }

    /// Appends all tables with their names to a list, for a file.
    pub fn entries<'a>(&'a self, to: &mut Vec<(String, Cow<'a, Numbers>)>) {
        to.push(("outside".to_owned(), self.outside.numbers()));
        self.plates.iter().enumerate().for_each(|(i, rows)| rows.entries(&format!("plate.{i}"), to));
    }

    /// Puts `sets` data sets of `shape` together from the tables of a file.
    ///
    /// # Errors
    /// If a table is missing or has another length.
    pub fn from_entries(shape: &Shape, sets: usize, entries: &mut BTreeMap<String, Numbers>) -> Result<Packed, String> {
        let outside = Table::Memory(take(entries, "outside", sets.checked_mul(shape.width))?);
        let plate = |(i, plate)| PackedRows::from_entries(plate, sets, &format!("plate.{i}"), entries);
        let plates = shape.plates.iter().enumerate().map(plate).collect::<Result<_, _>>()?;
        Ok(Self { sets, width: shape.width, outside, plates })
    }
}

/// Takes the table `name` out of the tables of a file.
///
/// # Errors
/// If there is no such table, or it does not have `length` numbers; `None` is more than there can be.
pub fn take(entries: &mut BTreeMap<String, Numbers>, name: &str, length: Option<usize>) -> Result<Numbers, String> {
    let found = entries.remove(name).ok_or_else(|| format!("`{name}` is missing"))?;
    if Some(found.len()) == length {
        return Ok(found);
    }
    let due = length.map_or("more than 2^64".to_owned(), |length| length.to_string());
    Err(format!("`{name}` has {} numbers where {due} are due", found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(numbers: &Numbers) -> Vec<u32> {
        numbers.to_vec().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn counts_take_two_bytes_and_lose_nothing() {
        let counts: Vec<f32> = (0..=65_535_u16).map(f32::from).collect();
        let packed = Numbers::Single(counts.clone()).pack();
        assert!(matches!(packed, Numbers::Counts(_)));
        assert_eq!(bits(&packed), bits(&Numbers::Single(counts)));
        assert_eq!(packed.get(65_535), 65_535.0);
        // One number that is no such count, and all stay as they are.
        for other in [-0.0, -1.0, 0.5, 65_534.996, 65_535.5, 65_536.0, 1e30, 1e-40, f32::NAN, f32::INFINITY] {
            let numbers = Numbers::Single(vec![3.0, other, 7.0]);
            let packed = numbers.clone().pack();
            assert!(matches!(packed, Numbers::Single(_)), "{other}");
            assert_eq!(bits(&packed), bits(&numbers));
        }
    }

    #[test]
    fn numbers_of_both_kinds_append() {
        let lists = [vec![1.0, 2.0], vec![0.5], vec![], vec![4.0]];
        for first in &lists {
            for second in &lists {
                for third in &lists {
                    let mut all = Numbers::Single(first.clone()).pack();
                    all.append(&Numbers::Single(second.clone()).pack());
                    all.append(&Numbers::Single(third.clone()).pack());
                    assert_eq!(all.to_vec(), [first.as_slice(), second, third].concat());
                    let counts = all.to_vec().iter().all(|x| x.fract() == 0.0);
                    assert_eq!(matches!(all, Numbers::Counts(_)), counts);
                }
            }
        }
    }

    /// A tree of ragged tables, the inner one of counts, put together set by set and taken apart again, and through a file.
    #[test]
    fn batches_are_the_same_packed() {
        let inner = |scale: f32, rows: usize, offsets: &[usize]| Rows {
            width: 2,
            features: (0..2 * rows).map(|i| i as f32 * scale).collect(),
            offsets: offsets.to_vec(),
            children: Vec::new(),
        };
        let plate = |features: &[f32], offsets: &[usize], child: Rows| Rows {
            width: 1,
            features: features.to_vec(),
            offsets: offsets.to_vec(),
            children: vec![child],
        };
        let batch = Batch {
            sets: 3,
            width: 1,
            globals: vec![0.5, 2.0, 3.0],
            plates: vec![plate(&[7.0, 8.5, 9.0], &[0, 2, 2, 3], inner(1.0, 4, &[0, 1, 1, 4]))],
        };
        let inner = PlateShape { width: 2, children: Vec::new(), image: None };
        let shape =
            Shape { width: 1, plates: vec![PlateShape { width: 1, children: vec![inner], image: None }], targets: 0 };
        batch.check(&shape).unwrap();
        let mut all = Packed::from(batch.slice(0..0)).pack();
        (0..3).for_each(|set| all.append(&Packed::from(batch.slice(set..set + 1)).pack()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tables.safetensors");
        let mut entries = Vec::new();
        all.entries(&mut entries);
        super::super::save_numbers(&path, &entries, BTreeMap::new()).unwrap();
        let mut entries = super::super::load_numbers(&path).unwrap().lists;
        let read = Packed::from_entries(&shape, 3, &mut entries).unwrap();
        assert_eq!(read, all);
        assert!(matches!(read.plates[0].features, Table::Memory(Numbers::Single(_))));
        assert!(matches!(read.plates[0].children[0].features, Table::Memory(Numbers::Counts(_))));
        for sets in [0..3, 0..1, 1..3, 1..1] {
            let mut part = batch.slice(0..0);
            read.push(sets.clone(), &mut part);
            assert_eq!(part, batch.slice(sets));
        }
        let mut on_disk = read.clone();
        on_disk.leave_on_disk(&mut super::super::load_numbers(&path).unwrap().on_disk);
        assert!(matches!((&on_disk.outside, &on_disk.plates[0].features), (Table::OnDisk(_), Table::OnDisk(_))));
        let mut part = batch.slice(0..0);
        on_disk.push(1..3, &mut part);
        assert_eq!((part, on_disk.hash()), (batch.slice(1..3), read.hash()));
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        read.entries(&mut expected);
        on_disk.entries(&mut found);
        assert_eq!(found, expected);
        on_disk.append(&read);
        let mut twice = read.clone();
        twice.append(&read);
        assert_eq!(on_disk, twice);
        assert_eq!(read.rows_of(&[0], 1..3), 2..3);
        assert_eq!(read.rows_of(&[0, 0], 1..3), 1..4);
        assert_eq!((0..3).map(|row| read.plates[0].parent(row)).collect::<Vec<_>>(), [0, 0, 2]);
        let mut entries = super::super::load_numbers(&path).unwrap().lists;
        let error = Packed::from_entries(&shape, 2, &mut entries).unwrap_err();
        assert_eq!(error, "`outside` has 3 numbers where 2 are due");
    }
}
