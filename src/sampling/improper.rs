//! A flat prior of a global that no observation touches: the posterior is no distribution.

use rand::RngExt;

use super::error::SampleError;
use crate::model::{AnyDensity, AnyModel, Purpose, Role, Specification, Variable, stream_for};

/// The points at which slopes are looked at.
const POINTS: u64 = 8;

/// Returns whether the prior of a global is flat.
fn is_flat(v: &Variable) -> bool {
    v.definition.split(|c: char| !c.is_alphanumeric()).next() == Some("Flat")
}

/// Checks that all priors are proper, without which there is no evidence.
///
/// # Errors
/// The first global whose prior is flat.
pub(super) fn check_proper(model: &dyn AnyModel) -> Result<(), SampleError> {
    let global = |v: &&Variable| matches!(v.role, Role::Global | Role::Nuisance) && is_flat(v);
    let specification = model.specification();
    let found = specification.variables.iter().find(global);
    found.map_or(Ok(()), |v| Err(SampleError::NoEvidence { name: v.name.clone() }))
}

/// Checks that the density is not the same, or the same exponential, along each global whose prior is flat.
///
/// # Errors
/// The first such global.
pub(super) fn check(model: &dyn AnyModel, density: &mut dyn AnyDensity, seed: u64) -> Result<(), SampleError> {
    let specification: Specification = model.specification();
    let flat = |name: &str| specification.variables.iter().any(|v| v.name == name && is_flat(v));
    let slots: Vec<_> = model.global_slots().into_iter().filter(|slot| !slot.bounded && flat(&slot.name)).collect();
    if slots.is_empty() {
        return Ok(());
    }
    let n = density.dimension();
    let mut seen: Vec<Vec<f64>> = Vec::new();
    for point in 0..POINTS {
        let mut rng = stream_for(Purpose::Chains, seed, 1, point);
        let q: Vec<f64> = (0..n).map(|_| rng.random_range(-2.0..2.0)).collect();
        let mut gradient = vec![0.0; n];
        if density.gradient(&q, &mut gradient).is_finite() {
            seen.push(gradient);
        }
    }
    let [first, others @ ..] = seen.as_slice() else { return Ok(()) };
    for slot in slots {
        for (component, at) in slot.components.into_iter().zip(slot.free) {
            if others.len() > 1 && others.iter().all(|gradient| gradient[at] == first[at]) {
                return Err(SampleError::Improper { name: component });
            }
        }
    }
    Ok(())
}
