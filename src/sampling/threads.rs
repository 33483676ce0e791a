//! Threads for what evaluates densities.

use super::SampleError;

/// The stack of a chain's thread, in bytes: at least, for each unconstrained number, and at most. It takes up memory only as
/// far as it is used.
const STACK: usize = 8 << 20;
const STACK_FOR_EACH: usize = 1 << 20;
const STACK_MOST: usize = 1 << 30;

/// Runs something that evaluates a density of so many numbers on threads of its own: as many as there are cores, but no more
/// than `most`. A number with derivatives lies on the stack with all of them, a vector of such with their square.
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
    // Called from a parallel loop. While one of its threads waits for others, rayon begins another step of the loop on top of
    // this one, and so on until the stack is full: so a plain thread does the waiting.
    std::thread::scope(|scope| {
        let waiting = std::thread::Builder::new().spawn_scoped(scope, || threads.install(run));
        let waiting = waiting.map_err(|error| failed(error.to_string()))?;
        Ok(waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
