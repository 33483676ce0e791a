//! Random assertions of tests: seeds that can all be moved, and bounds of which it is recorded how near they were.
//!
//! `tests/margins.sh` runs the tests with many seeds and prints for each assertion the worst of what was found over its bound.

use std::fmt::Arguments;
use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;

/// A seed, moved by the number in `HIERARCH_TEST_SEED`, if that is set: what holds for one seed has to hold for all.
pub fn seed(base: u64) -> u64 {
    static SHIFT: LazyLock<u64> = LazyLock::new(|| {
        let shift = std::env::var("HIERARCH_TEST_SEED").unwrap_or_default();
        if shift.is_empty() { 0 } else { shift.parse().expect("HIERARCH_TEST_SEED is a whole number") }
    });
    base + *SHIFT
}

/// Asserts that a number is below a bound, and adds both to the file `HIERARCH_TEST_MARGINS`, if that is set. Both are
/// positive, and what must be above a bound is handed in as the bound of that bound.
pub fn assert_below(place: &str, found: f64, bound: f64, what: Arguments<'_>) {
    static MARGINS: LazyLock<Option<File>> = LazyLock::new(|| {
        let path = std::env::var_os("HIERARCH_TEST_MARGINS")?;
        Some(File::options().create(true).append(true).open(path).expect("the file of the margins can be written"))
    });
    if let Some(mut file) = MARGINS.as_ref() {
        // One write, so that lines of several threads and tests stay whole.
        let line = format!("{place}\t{found:e}\t{bound:e}\n");
        file.write_all(line.as_bytes()).expect("the file of the margins can be written");
    }
    assert!(found < bound, "{place} is {found}, not below {bound}: {what}");
}

/// Asserts of a random number that it is below a bound; with words as those of `assert!`.
#[macro_export]
macro_rules! within {
    ($found:expr, $bound:expr $(,)?) => {
        $crate::within!($found, $bound, "")
    };
    ($found:expr, $bound:expr, $($what:tt)+) => {
        $crate::assert_below(
            concat!(file!(), ":", line!(), "\t", stringify!($found), " < ", stringify!($bound)),
            $found,
            $bound,
            format_args!($($what)+),
        )
    };
}
