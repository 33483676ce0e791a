//! The unconstrained numbers of draws: those in which a sampler moves.

use super::layout::Placed;
use super::{Draws, LogLikelihoodError, free_rows};
use crate::model::{AnyData, AnyModel, Variable, local_ranges};

/// Returns the unconstrained numbers of each draw, column by column, and where those of each variable are.
///
/// # Errors
/// The draws are of other data or of another model.
pub(crate) fn unconstrained(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
) -> Result<(Vec<Placed>, Vec<Vec<f64>>), LogLikelihoodError> {
    let rows = free_rows(model, data, draws)?;
    let of_number = |at: usize| rows.iter().map(|row| row[at]).collect();
    Ok((places(model, data), (0..model.dimension(data)).map(of_number).collect()))
}

/// Returns where the unconstrained numbers of each variable are.
fn places(model: &dyn AnyModel, data: &dyn AnyData) -> Vec<Placed> {
    let (specification, globals, locals) = (model.specification(), model.global_slots(), model.local_slots());
    let flat = |name: &str, at: Vec<usize>| Placed {
        name: name.to_owned(),
        dims: vec![format!("{name}_unconstrained_dim_0")],
        shape: vec![at.len()],
        at,
        whole: false,
        yes_or_no: false,
    };
    let mut placed = Vec::new();
    for slot in globals.iter().filter(|slot| !slot.free.is_empty()) {
        let variable = specification.variables.iter().find(|v| v.name == slot.name);
        let mut one = flat(&slot.name, slot.free.clone().collect());
        // A vector that has as many numbers in its own space, in the same order.
        if let Some(variable) = variable.filter(|_| slot.free.len() == slot.values.len()) {
            (one.dims, one.shape) = shape_of(variable);
        }
        placed.push(one);
    }
    let frame = data.frame();
    for (local, range) in locals.iter().zip(local_ranges(&globals, &locals, &frame)) {
        let Some(range) = range else { continue };
        let plate = local.plate.iter().fold(&frame, |frame, &i| &frame.plates[i]);
        let width = range.free.len() / range.elements.max(1);
        if width * range.elements != range.free.len() || range.free.is_empty() {
            placed.push(flat(&local.name, range.free.collect()));
            continue;
        }
        let of_element = |i: usize| (0..width).map(move |c| c * range.elements + i);
        let at = (0..range.elements).flat_map(of_element).map(|at| range.free.start + at).collect();
        let mut one = flat(&local.name, at);
        one.dims.insert(0, plate.name.to_owned());
        one.shape = vec![range.elements, width];
        if width == 1 {
            one.dims.truncate(1);
            one.shape.truncate(1);
        } else if width == local.width {
            one.dims[1] = format!("{}_dim_0", local.name);
        }
        placed.push(one);
    }
    placed
}

fn shape_of(variable: &Variable) -> (Vec<String>, Vec<usize>) {
    let dims = (0..variable.shape.len()).map(|i| format!("{}_dim_{i}", variable.name));
    (dims.collect(), variable.shape.clone())
}
