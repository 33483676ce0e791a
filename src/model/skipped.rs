//! Simulations that could not be drawn, and were drawn again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::SimulateError;

/// Counts simulations that were skipped, on all threads.
#[derive(Debug, Default)]
pub(crate) struct Skipped {
    count: AtomicU64,
    first: Mutex<Option<String>>,
}

impl Skipped {
    /// Draws by `draw` until it succeeds, as often as its error allows. An error that is not of this one draw, but of the
    /// model or of what is held fixed, is returned at once.
    pub(crate) fn retry<T>(&self, mut draw: impl FnMut() -> Result<T, SimulateError>) -> Result<T, SimulateError> {
        let mut attempt = 1;
        loop {
            match draw() {
                Err(error) if attempt < error.attempts() => {
                    attempt += 1;
                    if self.count.fetch_add(1, Ordering::Relaxed) == 0
                        && let Ok(mut first) = self.first.lock()
                    {
                        *first = Some(error.to_string());
                    }
                }
                result => return result,
            }
        }
    }

    /// Says how many simulations were skipped, and why the first; `None` if there were none.
    pub(crate) fn describe(&self) -> Option<String> {
        let count = self.count.load(Ordering::Relaxed);
        let first = self.first.lock().ok()?.clone()?;
        Some(format!(
            "{count} simulations could not be drawn, and others were drawn in their place, so that the prior is cut off where \
             the model cannot be simulated; the first: {first}"
        ))
    }
}
