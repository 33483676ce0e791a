//! Threads that evaluate densities.

use super::SampleError;
use crate::model::{Kind, Plate, Role, Specification, Variable};

/// The stack of a chain's thread, in bytes: the base size, the addition for each pair of derivatives, and the maximum. Only
/// the part that is used takes up memory. A derivative is a register of eight numbers, and the addition is enough for 128
/// of it: vectors and what an expression holds for a while.
const STACK: usize = 8 << 20;
const STACK_FOR_EACH: usize = 128 * 64;
const STACK_MOST: usize = 1 << 30;
/// Derivatives for linear predictors, each of which is one, beyond those of variables.
const PREDICTORS: usize = 16;

/// Returns a bound of the number of derivatives that a number of a model's density carries: one for each component of the
/// globals, of the locals of one element, and of locals that are read by index. The number of elements does not matter.
pub(super) fn derivatives(model: &Specification) -> usize {
    let real = |v: &&Variable| v.kind == Kind::Real;
    let globals = model.variables.iter().filter(|v| matches!(v.role, Role::Global | Role::Nuisance)).filter(real);
    let globals: usize = globals.map(Variable::len).sum();
    // A vector of locals is that of the element, and may be read by two indices.
    globals + 3 * locals(&model.plates) + PREDICTORS
}

/// Returns the number of components of the continuous locals of one element of each plate.
fn locals(plates: &[Plate]) -> usize {
    let of = |plate: &Plate| {
        let real = plate.variables.iter().filter(|v| v.role == Role::Local && v.kind == Kind::Real);
        real.map(Variable::len).sum::<usize>() + locals(&plate.plates)
    };
    plates.iter().map(of).sum()
}

/// Calls `run`, which evaluates a density whose numbers carry so many `derivatives`, on its own threads: as many as there
/// are cores, but at most `most`. They need a large stack: such a number lies on it, and a vector of as many numbers takes
/// the square of that.
pub(super) fn on_threads<R: Send>(
    derivatives: usize,
    most: usize,
    run: impl FnOnce() -> R + Send,
) -> Result<R, SampleError> {
    let failed = |what: String| SampleError::Threads { what };
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads().min(most))
        .stack_size(
            derivatives
                .saturating_mul(derivatives)
                .saturating_mul(STACK_FOR_EACH)
                .saturating_add(STACK)
                .min(STACK_MOST),
        )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    model! {
        Schools {
            global mu[3] ~ Normal(0.0, 1.0);
            plate schools(1..=100_000) {
                local effect[2] ~ Normal(mu[0], 1.0);
                plate pupils(1..=10) {
                    local talent ~ Normal(effect[0], 1.0);
                    observe mark ~ Normal(talent + effect[1], 1.0);
                }
            }
        }
    }

    #[test]
    fn the_stack_depends_on_the_text_of_the_model_alone() {
        assert_eq!(derivatives(&Schools::default().specification()), 3 + 3 * (2 + 1) + PREDICTORS);
    }
}
