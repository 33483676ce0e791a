//! Lays out the weights of a network: matrix behind matrix, each with a name and its initial values.

use super::weights::{Layer, Slot};

/// A weight matrix, its name in a file, and its initial values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) slot: Slot,
    pub(super) initial: Initial,
}

/// The initial values of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Initial {
    /// Uniform in [-bound, bound].
    Uniform(f32),
    Zeros,
    Values(Vec<f32>),
}

/// The matrices that have been laid out so far.
pub(super) struct Builder {
    pub(super) parameters: Vec<Parameter>,
    /// The most weights that there may be, and the first matrix with which there would be more.
    most: usize,
    refused: Option<String>,
}

impl Builder {
    /// Returns a builder of at most `most` weights. Nothing is allocated for them, so that sizes may come from a file.
    pub(super) fn new(most: usize) -> Builder {
        Builder { parameters: Vec::new(), most, refused: None }
    }

    /// Returns the matrices.
    ///
    /// # Errors
    /// The first matrix with which there would be too many weights.
    pub(super) fn finish(self) -> Result<Vec<Parameter>, String> {
        self.refused.map_or(Ok(self.parameters), Err)
    }

    /// Returns how many weights have been laid out.
    pub(super) fn end(&self) -> usize {
        self.parameters.last().map_or(0, |parameter| parameter.slot.range().end)
    }

    /// Lays out a matrix; an empty one instead, and none after it, if there would be too many weights.
    pub(super) fn slot(&mut self, name: String, rows: usize, columns: usize, initial: Initial) -> Slot {
        let offset = self.end();
        let end = rows.checked_mul(columns).and_then(|weights| weights.checked_add(offset));
        if self.refused.is_some() || end.is_none_or(|end| end > self.most) {
            self.refused.get_or_insert_with(|| {
                format!(
                    "`{name}` has {rows} x {columns} weights, where {} are left of {}",
                    self.most - offset,
                    self.most
                )
            });
            return Slot { offset, rows: 0, columns: 0 };
        }
        let slot = Slot { offset, rows, columns };
        self.parameters.push(Parameter { name, slot, initial });
        slot
    }

    /// Lays out a layer that reads inputs of the given widths. Its initial weights are such that inputs of variance 1 give
    /// outputs of variance `gain`^2.
    pub(super) fn layer(&mut self, name: &str, inputs: &[usize], columns: usize, gain: f32) -> Layer {
        let bound = gain * (3.0 / inputs.iter().sum::<usize>().max(1) as f32).sqrt();
        self.layer_from(name, inputs, columns, |_| Initial::Uniform(bound), Initial::Zeros)
    }

    /// Lays out a layer with the given initial weights, input by input, and the given initial `bias`.
    pub(super) fn layer_from(
        &mut self,
        name: &str,
        inputs: &[usize],
        columns: usize,
        initial: impl Fn(usize) -> Initial,
        bias: Initial,
    ) -> Layer {
        let weights = inputs
            .iter()
            .enumerate()
            .map(|(index, rows)| self.slot(format!("{name}.weight.{index}"), *rows, columns, initial(index)))
            .collect();
        let bias = self.slot(format!("{name}.bias"), 1, columns, bias);
        Layer { weights, bias }
    }
}
