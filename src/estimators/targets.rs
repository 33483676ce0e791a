//! Which globals are inferred.

use super::InferenceError;
use crate::model::{AnyModel, GlobalSlot};

/// The globals of some names, in the order of the declaration.
pub(super) fn pick(all: Vec<GlobalSlot>, names: &[String]) -> Result<Vec<GlobalSlot>, InferenceError> {
    if let Some(name) = names.iter().find(|n| !all.iter().any(|g| g.name == **n)) {
        let known = all.iter().map(|g| format!("`{}`", g.name)).collect::<Vec<_>>().join(", ");
        return Err(InferenceError::UnknownGlobal { name: name.clone(), known });
    }
    Ok(all.into_iter().filter(|g| names.contains(&g.name)).collect())
}

/// Checks that the support of each target depends on targets alone.
pub(super) fn closed(model: &dyn AnyModel, targets: &[GlobalSlot]) -> Result<(), InferenceError> {
    let free = model.global_slots().iter().map(|g| g.free.end).max().unwrap_or(0);
    let mut q = vec![f64::NAN; free];
    targets.iter().for_each(|t| q[t.free.clone()].fill(0.0));
    let mut values = Vec::new();
    model.constrain(None, &q, &mut values);
    match targets.iter().find(|t| values[t.values.clone()].iter().any(|x| x.is_nan())) {
        None => Ok(()),
        Some(open) => Err(InferenceError::OpenSupport { name: open.name.clone() }),
    }
}
