//! Discrete globals that are fixed at a value that they cannot have.

use crate::model::walk::{Scalar, Vector};
use crate::model::{AnyGlobals, AnyModel, Place, Slot, Walk};

/// Finds the position, among the values of the globals, of a discrete one at a value of probability zero.
pub(super) fn impossible(model: &dyn AnyModel, globals: &dyn AnyGlobals, values: &[f64]) -> Option<usize> {
    let mut visitor = Impossible { values, at: None, found: None };
    model.walk(None, Some(globals), None, &mut visitor);
    visitor.found
}

struct Impossible<'a> {
    values: &'a [f64],
    /// The position of the discrete global that is visited.
    at: Option<usize>,
    found: Option<usize>,
}

impl Walk for Impossible<'_> {
    fn latent(&mut self, _: &'static str, _: Slot, _: &dyn Scalar, known: Option<f64>) -> f64 {
        known.unwrap_or(f64::NAN)
    }

    fn latent_vector(&mut self, _: &'static str, _: Slot, _: &dyn Vector, known: Option<&[f64]>, value: &mut [f64]) {
        if let Some(known) = known {
            value.copy_from_slice(known);
        }
    }

    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }

    fn discrete_value(&mut self, _: &Place, _: usize, log_probability: f64) {
        if log_probability == f64::NEG_INFINITY {
            self.found = self.found.or(self.at);
        }
    }

    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let value = self.values[slot.value] as usize;
        self.at = Some(slot.value);
        if value < categories {
            body(self, value);
        } else {
            self.found = self.found.or(self.at);
        }
    }
}
