//! Threads that evaluate densities.

use super::SampleError;

/// The stack of a chain's thread, in bytes: the base size, the addition for each unconstrained number, and the maximum.
/// Only the part that is used takes up memory.
const STACK: usize = 8 << 20;
const STACK_FOR_EACH: usize = 1 << 20;
const STACK_MOST: usize = 1 << 30;

/// Calls `run`, which evaluates a density of `dimension` numbers, on its own threads: as many as there are cores, but
/// at most `most`. They need a large stack: a number with `dimension` derivatives lies on it, and a vector of such
/// numbers takes the square of that.
pub(super) fn on_threads<R: Send>(
    dimension: usize,
    most: usize,
    run: impl FnOnce() -> R + Send,
) -> Result<R, SampleError> {
    let failed = |what: String| SampleError::Threads { what };
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads().min(most))
        .stack_size((STACK + dimension * STACK_FOR_EACH).min(STACK_MOST))
        .build()
        .map_err(|error| failed(error.to_string()))?;
    if rayon::current_thread_index().is_none() {
        return Ok(threads.install(run));
    }
    // This is a call from within a parallel loop. If one of the loop's threads waited here, rayon would begin another
    // step of the loop on top of this one, and so on until the stack is full; so a plain thread does the waiting.
    std::thread::scope(|scope| {
        let waiting = std::thread::Builder::new().spawn_scoped(scope, || threads.install(run));
        let waiting = waiting.map_err(|error| failed(error.to_string()))?;
        Ok(waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
