//! The weights of a network, and where each of its matrices lies among them.

use std::ops::Range;

use rayon::prelude::*;

use super::kernels::{Number, View, transpose};

/// A matrix among the weights, or a vector if `rows` is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) offset: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Slot {
    /// Returns the places of its entries among all weights.
    pub(super) fn range(self) -> Range<usize> {
        self.offset..self.offset + self.rows * self.columns
    }
}

/// A linear map of several inputs: one matrix for each, one bias.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) weights: Vec<Slot>,
    pub(super) bias: Slot,
}

/// The weights of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights<E> {
    pub(super) values: Vec<E>,
    /// Every matrix, transposed, at the same place: backward passes read it so, and otherwise every chunk would transpose it
    /// again. Empty if no backward pass is to come.
    transposed: Vec<E>,
}

impl<E: Number> Weights<E> {
    pub(super) fn new(values: Vec<E>) -> Weights<E> {
        Weights { values, transposed: Vec::new() }
    }

    /// Transposes every matrix for backward passes; `slots` are all matrices, one behind the other.
    pub(super) fn transpose(&mut self, slots: &[Slot]) {
        self.transposed.resize(self.values.len(), E::zero());
        let mut rest = &mut self.transposed[..];
        let mut pairs = Vec::with_capacity(slots.len());
        for slot in slots {
            let (turned, after) = rest.split_at_mut(slot.range().len());
            pairs.push((slot, turned));
            rest = after;
        }
        let values = &self.values;
        pairs.into_par_iter().for_each(|(slot, turned)| transpose(&values[slot.range()], slot.columns, turned));
    }

    /// Returns the matrix at `slot`.
    pub(super) fn matrix(&self, slot: Slot) -> View<'_, E> {
        View::new(&self.values[slot.range()], slot.columns)
    }

    /// Returns the matrix at `slot`, transposed.
    pub(super) fn transposed_matrix(&self, slot: Slot) -> View<'_, E> {
        match self.transposed.get(slot.range()) {
            Some(turned) => View::new(turned, slot.rows),
            None => self.matrix(slot).transposed(),
        }
    }
}
