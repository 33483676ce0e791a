//! Which globals are inferred.

use super::{InferenceError, RequestError};
use crate::model::{AnyModel, GlobalSlot, UnknownName};

/// Returns the globals with the given `names`, in the order of the declaration.
pub(super) fn pick(all: Vec<GlobalSlot>, names: &[String]) -> Result<Vec<GlobalSlot>, InferenceError> {
    let known: Vec<&str> = all.iter().map(|global| global.name.as_str()).collect();
    names.iter().try_for_each(|name| UnknownName::find("global", name, &known).map(drop))?;
    Ok(all.into_iter().filter(|g| names.contains(&g.name)).collect())
}

/// Checks that the globals `targets` are continuous.
pub(super) fn continuous(targets: &[GlobalSlot]) -> Result<(), InferenceError> {
    match targets.iter().find(|slot| slot.free.is_empty()) {
        None => Ok(()),
        Some(slot) => Err(RequestError::DiscreteGlobal { name: slot.name.clone() }.into()),
    }
}

/// Checks that the support of each target depends on targets alone, and that none is a direction.
pub(super) fn closed(model: &dyn AnyModel, targets: &[GlobalSlot]) -> Result<(), InferenceError> {
    let free = model.global_slots().iter().map(|g| g.free.end).max().unwrap_or(0);
    let unknown = |at: f64| {
        let mut q = vec![f64::NAN; free];
        targets.iter().for_each(|t| q[t.free.clone()].fill(at));
        let mut values = Vec::new();
        model.constrain(None, &q, &mut values);
        targets.iter().find(|t| values[t.values.clone()].iter().any(|x| x.is_nan()))
    };
    // Where all its numbers are zero, a direction is none.
    match (unknown(0.0), unknown(1.0)) {
        (None, _) => Ok(()),
        (_, Some(open)) => Err(RequestError::OpenSupport { name: open.name.clone() }.into()),
        (Some(direction), None) => Err(RequestError::Direction { name: direction.name.clone() }.into()),
    }
}
