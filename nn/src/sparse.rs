//! Sparse matrices: rows of which a few entries are not zero.

/// Soft one-hot vectors of many rows: two entries for each binned column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sparse {
    /// Entries in each row.
    pub(super) entries: usize,
    /// (position, weight), rows x `entries`.
    pub(super) values: Vec<(u32, f32)>,
}

impl Sparse {
    /// Returns the number of entries in each row, and the entries of all rows.
    pub(super) fn pairs(&self) -> (usize, &[(u32, f32)]) {
        (self.entries.max(1), &self.values)
    }
}
