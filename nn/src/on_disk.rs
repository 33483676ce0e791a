//! Lists of numbers that stay in their file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hierarch_core::files::Parts;

/// A list of numbers in a file, of which some are read when they are needed. Where that fails they are zeros, and
/// [`Parts::failed`] of the file says why.
#[derive(Debug, Clone)]
pub struct OnDisk {
    file: Arc<Parts>,
    /// The place of the first number in the file, and how many there are.
    start: u64,
    length: usize,
    /// Whether they are counts of two bytes.
    counts: bool,
}

impl PartialEq for OnDisk {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && (self.start, self.length) == (other.start, other.length)
    }
}

impl OnDisk {
    pub(super) fn new(file: Arc<Parts>, start: u64, length: usize, counts: bool) -> Self {
        Self { file, start, length, counts }
    }

    /// Returns the file and the first error of reading it, if there was one.
    pub(super) fn unread(&self) -> Option<(&Path, &std::io::Error)> {
        self.file.failed()
    }

    /// Returns all numbers.
    pub(super) fn to_vec(&self) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.length);
        self.push_to(0..self.length, &mut all);
        all
    }

    /// Appends a range of the numbers to a list.
    pub(super) fn push_to(&self, range: Range<usize>, to: &mut Vec<f32>) {
        assert!(range.end <= self.length, "{range:?} of {} numbers", self.length);
        let size = if self.counts { size_of::<u16>() } else { size_of::<f32>() };
        self.file.read(self.start + (range.start * size) as u64, range.len() * size, |bytes| {
            if self.counts {
                to.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from(u16::from_le_bytes(*bytes))));
            } else {
                to.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
        });
    }
}
