//! What the latent variables are at a draw.

use rayon::prelude::*;

use crate::model::walk::{Scalar, Vector};
use crate::model::{AnyData, AnyModel, Slot, Walk};

/// The values of the latent variables at a draw.
#[derive(Clone, Copy)]
pub(super) struct AtDraw<'a> {
    /// A column for each value, in the order of the model's.
    pub columns: &'a [Vec<f64>],
    pub draw: usize,
}

impl AtDraw<'_> {
    /// Returns the value at `slot`; NaN if the draws have none.
    pub fn number(&self, slot: Slot) -> f64 {
        self.columns.get(slot.value).map_or(f64::NAN, |column| column[self.draw])
    }

    /// Writes the vector at `slot` to `value`.
    pub fn read(&self, slot: Slot, value: &mut [f64]) {
        value.iter_mut().enumerate().for_each(|(c, x)| *x = self.number(slot.component(c)));
    }
}

/// Returns the unconstrained numbers of each draw.
pub(super) fn free_numbers(model: &dyn AnyModel, data: &dyn AnyData, columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (count, size) = (columns.first().map_or(0, Vec::len), model.dimension(data));
    let of = |draw: usize| {
        let mut visitor = Unconstrain { at: AtDraw { columns, draw }, q: vec![f64::NAN; size] };
        model.walk(Some(data), None, None, &mut visitor);
        visitor.q
    };
    (0..count).into_par_iter().map(of).collect()
}

/// Finds the unconstrained numbers of a draw.
struct Unconstrain<'a> {
    at: AtDraw<'a>,
    q: Vec<f64>,
}

impl Walk for Unconstrain<'_> {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let x = self.at.number(slot);
        self.q[slot.free] = distribution.support().unconstrain(x);
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
        self.at.read(slot, value);
        let q = distribution.unconstrain(value);
        q.into_iter().enumerate().for_each(|(c, q)| self.q[slot.component(c).free] = q);
    }

    /// No support depends on a discrete variable that is summed out, so any value of it will do.
    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }
}
