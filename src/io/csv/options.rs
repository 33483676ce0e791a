//! How a table is written that is unlike what this library writes.

use std::borrow::Cow;

use super::numbers::{count, real};

/// How a CSV file is written, where it is not as [`read_csv`](super::read_csv) expects it.
///
/// ```
/// use hierarch::io::CsvOptions;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("events.csv");
/// std::fs::write(&path, "run;mass\n1;0,25\n% a short break\n2;1,5\n")?;
/// let options = CsvOptions { decimal: ',', comment: Some(b'%'), ..CsvOptions::default() };
/// assert_eq!(options.read_column(&path, "mass")?, [0.25, 1.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What separates the fields; `None` for the first of comma, semicolon and tab that is in the header (and is not the
    /// decimal mark).
    pub separator: Option<u8>,
    /// What stands before the decimals of a number.
    pub decimal: char,
    /// What a line that is a comment begins with; `None` for `#`, and only above the header.
    pub comment: Option<u8>,
    /// What marks a missing value, in capitals or not. It is an error where a value is needed, and never a label. The
    /// default is nothing, `NA`, `N/A`, `NaN`, `null` and `none`.
    pub missing: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        let missing = ["", "NA", "N/A", "NaN", "null", "none"];
        Self { separator: None, decimal: '.', comment: None, missing: missing.map(str::to_owned).into() }
    }
}

impl CsvOptions {
    /// Returns what separates the fields of a table with this header.
    pub(super) fn separator_of(&self, header: &str) -> u8 {
        let mut likely = [b',', b';', b'\t'].into_iter().filter(|&mark| char::from(mark) != self.decimal);
        let fallback = likely.clone().next().unwrap_or(b',');
        self.separator.unwrap_or_else(|| likely.find(|&mark| header.bytes().any(|b| b == mark)).unwrap_or(fallback))
    }

    pub(super) fn is_missing(&self, text: &str) -> bool {
        self.missing.iter().any(|word| word.eq_ignore_ascii_case(text))
    }

    /// Reads a finite number.
    pub(super) fn real<X: std::str::FromStr + Into<f64> + Copy>(&self, text: &str) -> Result<X, &'static str> {
        real(&self.with_point(text)?)
    }

    /// Reads a whole number from 0.
    pub(super) fn count(&self, text: &str) -> Result<u64, &'static str> {
        count(&self.with_point(text)?)
    }

    /// Returns a number as it is written with a decimal point.
    fn with_point<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, &'static str> {
        match self.decimal {
            '.' => Ok(text.into()),
            // It may stand for thousands.
            _ if text.contains('.') => Err("a number without a point, since the options have another decimal mark"),
            mark => Ok(text.replace(mark, ".").into()),
        }
    }
}
