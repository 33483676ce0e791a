//! Which part of some work is done here.

use std::ops::Range;

use super::ShardError;

/// One of the shards that independent work is cut into: the page of [`shards`](crate::shards) says how.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::shards::ShardError;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shard = Shard::new(3, 100)?; // in a job of an array: `Shard::from_env()?`
/// assert_eq!(shard.range(10_000_000), 300_000..400_000);
/// assert!(matches!(Shard::new(100, 100), Err(ShardError::Past { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub(super) index: usize,
    pub(super) count: usize,
    /// The number that the batch system gives to the first shard.
    pub(super) first: usize,
}

impl Shard {
    /// Creates the shard `index`, counted from 0, of `count`.
    ///
    /// # Errors
    /// An index that is not below the count.
    pub fn new(index: usize, count: usize) -> Result<Self, ShardError> {
        Self::counted_from(0, index, count)
    }

    /// Creates the shard with the number `number` of `count`, of which the first has the number `first`.
    pub(super) fn counted_from(first: usize, number: usize, count: usize) -> Result<Self, ShardError> {
        match number.checked_sub(first) {
            Some(index) if index < count => Ok(Self { index, count, first }),
            _ => Err(ShardError::Past { number, first, count }),
        }
    }

    /// Returns its number, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the number of all shards.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns which of `items` independent pieces of work are its own. Those of all shards follow each other, and differ by one
    /// at most in their number.
    pub fn range(&self, items: usize) -> Range<usize> {
        // In 128 bits, which hold the product of any two.
        let cut = |index: usize| (index as u128 * items as u128 / self.count as u128) as usize;
        cut(self.index)..cut(self.index + 1)
    }
}

/// One shard of some work, ready to run; made by the `shard` of what can be cut.
#[derive(Clone, Debug)]
#[must_use = "nothing is done before it is run"]
pub struct Sharded<W> {
    pub(crate) work: W,
    pub(crate) shard: Shard,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_all_and_are_alike() {
        for items in [0, 1, 6, 7, 100, 1023, 1025, usize::MAX] {
            for count in [1, 2, 7, 100] {
                let mut end = 0;
                for index in 0..count {
                    let range = Shard::new(index, count).unwrap().range(items);
                    assert_eq!(range.start, end);
                    assert!(range.len() == items / count || range.len() == items / count + 1);
                    end = range.end;
                }
                assert_eq!(end, items);
            }
        }
    }

    #[test]
    fn an_index_past_the_count_says_so() {
        let error = Shard::new(7, 7).unwrap_err().to_string();
        assert_eq!(error, "there is no shard 7: there are 7, counted from 0 to 6");
        let error = Shard::counted_from(1, 0, 7).unwrap_err().to_string();
        assert_eq!(error, "there is no shard 0: there are 7, counted from 1 to 7");
        let error = Shard::new(0, 0).unwrap_err().to_string();
        assert_eq!(error, "there is no shard 0: work in 0 shards is no work; say how many there are");
    }
}
