//! Faults of a disk, for tests: the n-th step of writing files fails. It is part of every build, since it costs nothing beside a
//! file that is written, and since the tests of all crates need it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};

thread_local! {
    /// How many steps are left until one fails, whether all fail that follow it, and whether one has failed.
    static PLAN: Cell<(u64, bool, bool)> = const { Cell::new((u64::MAX, false, false)) };
}

/// Calls `work` and lets the `n`-th step of this thread fail, counted from 0: an open, a write (of which half is done), a
/// sync, a rename or a removal. With `from_then_on`, all steps after it fail, too, as in a program that is killed. Returns
/// what `work` returns, and whether there was such a step.
pub fn at<T>(n: u64, from_then_on: bool, work: impl FnOnce() -> T) -> (T, bool) {
    PLAN.set((n, from_then_on, false));
    let done = work();
    let (.., failed) = PLAN.replace((u64::MAX, false, false));
    (done, failed)
}

/// Fails where it is planned.
pub(super) fn step() -> io::Result<()> {
    let (left, from_then_on, failed) = PLAN.get();
    if left == 0 {
        PLAN.set((if from_then_on { 0 } else { u64::MAX }, from_then_on, true));
        return Err(io::Error::new(io::ErrorKind::StorageFull, "a fault for a test"));
    }
    PLAN.set((left.saturating_sub(u64::from(left < u64::MAX)), from_then_on, failed));
    Ok(())
}

/// Writes to a file, half of it where a fault is planned.
pub(super) fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let fault = step();
    file.write_all(if fault.is_ok() { bytes } else { &bytes[..bytes.len() / 2] })?;
    fault
}
