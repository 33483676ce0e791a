//! The unconstrained numbers of draws: those in which a sampler moves.

use rayon::prelude::*;

use super::layout::Placed;
use super::{Draws, LogLikelihoodError, pointwise};
use crate::model::walk::{Scalar, Vector};
use crate::model::{AnyData, AnyModel, Slot, Variable, Walk, local_ranges};

/// Returns the unconstrained numbers of each draw, column by column, and where those of each variable are.
///
/// # Errors
/// The draws are of other data or of another model.
pub(crate) fn unconstrained(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
) -> Result<(Vec<Placed>, Vec<Vec<f64>>), LogLikelihoodError> {
    let columns = pointwise::columns(model, data, draws)?;
    let (count, dimension) = (columns.first().map_or(0, Vec::len), model.dimension(data));
    let rows: Vec<Vec<f64>> = (0..count)
        .into_par_iter()
        .map(|draw| {
            let mut visitor = Unconstrain { columns, draw, free: vec![f64::NAN; dimension] };
            model.walk(Some(data), None, None, &mut visitor);
            visitor.free
        })
        .collect();
    Ok((places(model, data), (0..dimension).map(|at| rows.iter().map(|row| row[at]).collect()).collect()))
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

/// Finds the unconstrained numbers of one draw.
struct Unconstrain<'a> {
    columns: &'a [Vec<f64>],
    draw: usize,
    free: Vec<f64>,
}

impl Unconstrain<'_> {
    fn number(&self, slot: Slot) -> f64 {
        self.columns.get(slot.value).map_or(f64::NAN, |column| column[self.draw])
    }

    fn put(&mut self, slot: Slot, q: f64) {
        if let Some(free) = self.free.get_mut(slot.free) {
            *free = q;
        }
    }
}

impl Walk for Unconstrain<'_> {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let x = self.number(slot);
        self.put(slot, distribution.support().unconstrain(x));
        x
    }

    fn latent_vector(
        &mut self,
        _: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        value.iter_mut().enumerate().for_each(|(c, x)| *x = self.number(slot.component(c)));
        let free = distribution.unconstrain(value);
        let numbers = distribution.support().free(value.len());
        free.into_iter().take(numbers).enumerate().for_each(|(c, q)| self.put(slot.component(c), q));
    }

    /// No support depends on a discrete variable that is summed out, so any value of it will do.
    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }
}
