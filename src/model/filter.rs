//! The forward algorithm of a walk along a sequence.

use crate::autodiff::{LogSum, log_sum_exp};

/// What the elements so far say of a discrete local that depends on its value before, as a walk goes along: the forward
/// algorithm. The sum over the values of an element is then its log density given the elements before.
#[derive(Debug, Default)]
pub struct Filter {
    /// The log probability of each value in the element before.
    before: Vec<f64>,
    now: Vec<LogSum<f64>>,
    /// The value at hand of the element before.
    from: usize,
}

impl Filter {
    /// Returns the number of values in the element before `element`; one if that is the first.
    pub fn states(&self, element: usize) -> usize {
        if element == 0 { 1 } else { self.before.len() }
    }

    /// Goes on with the value `from` of the element before; returns its log probability.
    pub fn enter(&mut self, from: usize) -> f64 {
        self.from = from;
        self.before.get(from).copied().unwrap_or(0.0)
    }

    /// Sets the number of values in the element at hand, after the value before.
    pub fn set_states(&mut self, states: usize) {
        self.now.resize(states.max(self.now.len()), LogSum::new());
    }

    /// Notes the log density of the element at hand with the value `state`, if it is known.
    pub fn note(&mut self, state: usize, log_density: Option<f64>) {
        if let (Some(log_density), Some(now)) = (log_density, self.now.get_mut(state)) {
            now.push(self.before.get(self.from).copied().unwrap_or(0.0) + log_density);
        }
    }

    /// Ends the element at hand.
    pub fn advance(&mut self) {
        let mut all: Vec<f64> = self.now.drain(..).map(LogSum::finish).collect();
        let sum = log_sum_exp(&all);
        // It is not where nothing was noted, or the element is impossible.
        let known = sum.is_finite();
        all.iter_mut().for_each(|log| *log = if known { *log - sum } else { 0.0 });
        self.before = all;
    }
}
