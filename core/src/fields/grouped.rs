//! One density for the elements of each group.

use rand::Rng;

use super::{Field, State};
use crate::distributions::ParameterError;

/// Independent densities of consecutive groups of elements, with the same arguments: of a plate inside another, one for each element of
/// the outer one.
///
/// ```
/// use hierarch_core::fields::{Field, Grouped, RandomWalk};
///
/// let walks = Grouped::new(&[0, 2, 3], |_, elements| RandomWalk::of_order_1(elements));
/// let expected = RandomWalk::of_order_1(2).log_density(&[0.5], &[0.1, 0.4])
///     + RandomWalk::of_order_1(1).log_density(&[0.5], &[-0.3]);
/// assert_eq!(walks.log_density(&[0.5], &[0.1, 0.4, -0.3]), expected);
/// ```
#[derive(Debug)]
pub struct Grouped<F> {
    fields: Vec<F>,
    /// Where each group begins, and after the last where it ends.
    offsets: Vec<usize>,
    /// The same of their buffers.
    buffers: Vec<usize>,
}

impl<F: Field> Grouped<F> {
    /// Creates the groups that begin at `offsets`; the last of these is where the last group ends. `make` is given the first element of
    /// a group and the number of its elements.
    pub fn new(offsets: &[usize], make: impl Fn(usize, usize) -> F) -> Self {
        let fields: Vec<F> = offsets.windows(2).map(|w| make(w[0], w[1].saturating_sub(w[0]))).collect();
        let mut buffers = vec![0];
        for field in &fields {
            buffers.push(buffers[buffers.len() - 1] + field.buffer());
        }
        Self { fields, offsets: offsets.to_vec(), buffers }
    }

    /// Lists the fields with their elements.
    fn each(&self) -> impl Iterator<Item = (&F, std::ops::Range<usize>)> {
        self.fields.iter().zip(self.offsets.windows(2).map(|w| w[0]..w[1]))
    }

    fn buffer_of(&self, at: usize) -> std::ops::Range<usize> {
        self.buffers[at]..self.buffers[at + 1]
    }
}

impl<F: Field> Field for Grouped<F> {
    fn misfit(&self) -> Option<&str> {
        self.fields.iter().find_map(Field::misfit)
    }

    fn check(&self, arguments: &[f64]) -> Result<(), ParameterError> {
        self.fields.iter().try_for_each(|field| field.check(arguments))
    }

    fn draw(&self, arguments: &[f64], known: &[f64], rng: &mut dyn Rng) -> Result<Vec<f64>, ParameterError> {
        let mut all = Vec::with_capacity(self.offsets.last().copied().unwrap_or(0));
        for (field, elements) in self.each() {
            let known = &known[elements.start.min(known.len())..elements.end.min(known.len())];
            all.extend(field.draw(arguments, known, rng)?);
        }
        Ok(all)
    }

    fn log_density(&self, arguments: &[f64], values: &[f64]) -> f64 {
        self.each().map(|(field, elements)| field.log_density(arguments, &values[elements])).sum()
    }

    fn constrain(&self, arguments: &[f64], free: &[f64], values: &mut [f64]) -> f64 {
        self.each().map(|(field, of)| field.constrain(arguments, &free[of.clone()], &mut values[of])).sum()
    }

    fn unconstrain(&self, arguments: &[f64], values: &[f64], free: &mut [f64]) {
        self.each().for_each(|(field, of)| field.unconstrain(arguments, &values[of.clone()], &mut free[of]));
    }

    fn buffer(&self) -> usize {
        self.buffers.last().copied().unwrap_or(0)
    }

    fn forward(&self, arguments: &[f64], free: &[f64], values: &mut [f64], buffer: &mut [f64]) -> f64 {
        let one = |(at, (field, of)): (usize, (&F, std::ops::Range<usize>))| {
            field.forward(arguments, &free[of.clone()], &mut values[of], &mut buffer[self.buffer_of(at)])
        };
        self.each().enumerate().map(one).sum()
    }

    fn backward(&self, arguments: &[f64], state: State<'_>, by_free: &mut [f64], by_arguments: &mut [f64]) {
        for (at, (field, of)) in self.each().enumerate() {
            let state = State {
                free: &state.free[of.clone()],
                values: &state.values[of.clone()],
                buffer: &mut state.buffer[self.buffer_of(at)],
                adjoint: &state.adjoint[of.clone()],
            };
            field.backward(arguments, state, &mut by_free[of], by_arguments);
        }
    }
}
