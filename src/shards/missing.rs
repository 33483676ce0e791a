//! Shards that are not there.

use std::fmt;

/// The numbers of the shards that are missing, as the batch system counts them. As a text they are ranges, `3,7-9`, as `--array=` of
/// Slurm takes them; with `{:#}` one by one, `3, 7, 8, 9`, as `queue shard in (..)` of HTCondor does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(Vec<usize>);

impl Missing {
    pub(super) fn new(numbers: Vec<usize>) -> Self {
        Self(numbers)
    }

    /// Returns whether no shard is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns their numbers.
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_by_one = f.alternate();
        let runs = self.0.chunk_by(|a, b| !one_by_one && a + 1 == *b);
        for (at, run) in runs.enumerate() {
            let between = if one_by_one { ", " } else { "," };
            f.write_str(if at > 0 { between } else { "" })?;
            match run {
                [first, .., last] => write!(f, "{first}-{last}")?,
                _ => write!(f, "{}", run[0])?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_as_ranges() {
        let said = |numbers: &[usize]| Missing(numbers.to_vec()).to_string();
        assert_eq!(said(&[]), "");
        assert_eq!(said(&[3]), "3");
        assert_eq!(said(&[3, 7, 8, 9, 11, 12]), "3,7-9,11-12");
        assert_eq!(format!("{:#}", Missing(vec![3, 7, 8, 9])), "3, 7, 8, 9");
    }
}
