//! A hidden Markov chain: the sum over all paths of a discrete local that depends on its value before.
//!
//! The forward algorithm in probabilities that are scaled at each step, and the backward algorithm for the probabilities of states
//! and of pairs of them, by which the terms of the density are weighed (Rabiner, Proc. IEEE 77, 257 (1989), section III). Where
//! scaled probabilities underflow, both run on logarithms.

use super::{Block, Lanes};

/// The terms of the log density of one chain, and after [`Chain::smooth`] their probabilities.
#[derive(Debug)]
pub struct Chain {
    first: usize,
    len: usize,
    states: usize,
    /// Whether the terms of all steps but the first are the same.
    same_steps: bool,
    /// Of state `j` in element `t`: at `j * len + t`.
    elements: Vec<f64>,
    /// Of state `j` in the first element.
    start: Vec<f64>,
    /// Of the step from state `i` to `j`: at `i * states + j`; where steps differ, to element `t` at `(i * states + j) * len + t`.
    steps: Vec<f64>,
    /// Whether the number of states is not the same in all elements.
    ragged: bool,
}

impl Chain {
    /// Makes a chain over the elements from `first` to `end`, from buffers.
    pub fn new(first: usize, end: usize, same_steps: bool, buffers: [Vec<f64>; 3]) -> Self {
        let [elements, start, steps] = buffers;
        Self { first, len: end - first, states: 0, same_steps, elements, start, steps, ragged: false }
    }

    /// Returns the buffers.
    pub fn into_buffers(self) -> [Vec<f64>; 3] {
        [self.elements, self.start, self.steps]
    }

    /// Notes the number of states in an element.
    #[inline(always)]
    pub fn set_states(&mut self, states: usize) {
        if self.states != states {
            self.resize(states);
        }
    }

    #[inline(never)]
    fn resize(&mut self, states: usize) {
        self.ragged = self.states != 0;
        self.states = states;
        let pairs = states * states;
        self.elements.resize(states * self.len, 0.0);
        self.start.resize(states, 0.0);
        self.steps.resize(if self.same_steps { pairs } else { pairs * self.len }, 0.0);
    }

    /// Returns the number of states.
    #[inline(always)]
    pub fn states(&self) -> usize {
        self.states
    }

    /// Returns the number of states before those of `block`: one in the first element.
    #[inline(always)]
    pub fn states_before(&self, block: Block) -> usize {
        if block.first == self.first { 1 } else { self.states }
    }

    /// Returns whether the terms of the steps to `block` count.
    #[inline(always)]
    pub fn has_steps(&self, block: Block) -> bool {
        !self.same_steps || block.first <= self.first + 1
    }

    /// Sets the term of the state `j`.
    #[inline(always)]
    pub fn set_element<V: Lanes>(&mut self, block: Block, j: usize, term: V) {
        self.local(block).store(&mut self.elements[j * self.len..], term);
    }

    /// Sets the term of the step from the state `i` to `j`.
    #[inline(always)]
    pub fn set_step<V: Lanes>(&mut self, block: Block, i: usize, j: usize, term: V) {
        let pair = i * self.states + j;
        if block.first == self.first {
            self.start[j] = term.lane(0);
        } else if self.same_steps {
            self.steps[pair] = term.lane(0);
        } else {
            self.local(block).store(&mut self.steps[pair * self.len..], term);
        }
    }

    /// Returns the probability of the state `j`.
    #[inline(always)]
    pub fn element<V: Lanes>(&self, block: Block, j: usize) -> V {
        self.local(block).load(&self.elements[j * self.len..])
    }

    /// Returns the probability of the step from the state `i` to `j`; where all steps have the same term, how often it is taken,
    /// in the first lane alone.
    #[inline(always)]
    pub fn step<V: Lanes>(&self, block: Block, i: usize, j: usize) -> V {
        let pair = i * self.states + j;
        let first_lane = |x: f64| V::splat(x).keep(1);
        if block.first == self.first {
            first_lane(self.start[j])
        } else if self.same_steps {
            first_lane(self.steps[pair])
        } else {
            self.local(block).load(&self.steps[pair * self.len..])
        }
    }

    #[inline(always)]
    fn local(&self, block: Block) -> Block {
        Block { first: block.first - self.first, count: block.count }
    }

    /// Returns the logarithm of the sum over all paths of the exponential of their terms, and writes the probability of each
    /// state and step in the place of its term. `buffer` is for what it keeps meanwhile.
    pub fn smooth(&mut self, buffer: &mut Vec<f64>) -> f64 {
        if self.len == 0 {
            return 0.0;
        }
        if self.ragged {
            return f64::NAN;
        }
        let (n, s) = (self.len, self.states);
        buffer.clear();
        buffer.resize(s * n + s * s + 3 * s, 0.0);
        let (forward, rest) = buffer.split_at_mut(s * n);
        let (step, rest) = rest.split_at_mut(s * s);
        let log_sum = match self.forward(forward, step, rest) {
            Some(log_sum) => {
                self.backward(forward, step, rest);
                log_sum
            }
            None => self.smooth_logarithms(forward, step, rest),
        };
        if !log_sum.is_finite() {
            // A point without density has no probabilities.
            self.elements.fill(0.0);
            self.start.fill(0.0);
            self.steps.fill(0.0);
        }
        log_sum
    }

    /// Writes the terms of the steps to element `t`.
    fn read_steps(&self, t: usize, step: &mut [f64]) {
        if !self.same_steps {
            step.iter_mut().enumerate().for_each(|(pair, term)| *term = self.steps[pair * self.len + t]);
        } else {
            step.copy_from_slice(&self.steps);
        }
    }

    /// Writes the exponentials of the terms of the steps to element `t`, and returns the logarithm that they are to be
    /// multiplied by.
    fn read_scaled_steps(&self, t: usize, step: &mut [f64]) -> f64 {
        self.read_steps(t, step);
        exponentials(step)
    }

    /// Writes the scaled probability of each state given the data up to its element to `forward`, and returns the logarithm of
    /// the sum; `None` if probabilities underflow.
    fn forward(&self, forward: &mut [f64], step: &mut [f64], rest: &mut [f64]) -> Option<f64> {
        let (n, s) = (self.len, self.states);
        let (terms, before) = rest[..2 * s].split_at_mut(s);
        let (mut log_sum, mut of_step) = (0.0, 0.0);
        for t in 0..n {
            (0..s).for_each(|j| terms[j] = self.elements[j * n + t]);
            if t == 0 {
                (0..s).for_each(|j| terms[j] += self.start[j]);
            } else if t == 1 || !self.same_steps {
                of_step = self.read_scaled_steps(t, step);
            }
            let of_terms = exponentials(terms);
            let mut sum = 0.0;
            for j in 0..s {
                let reached: f64 = match t {
                    0 => 1.0,
                    _ => (0..s).map(|i| before[i] * step[i * s + j]).sum(),
                };
                terms[j] *= reached;
                sum += terms[j];
            }
            // NaN is not above, either.
            if !(sum > SMALLEST) {
                return None;
            }
            for j in 0..s {
                before[j] = terms[j] / sum;
                forward[j * n + t] = before[j];
            }
            log_sum += sum.ln() + of_terms + if t == 0 { 0.0 } else { of_step };
        }
        Some(log_sum)
    }

    /// Writes the probabilities of states and steps, from those of [`Chain::forward`].
    fn backward(&mut self, forward: &[f64], step: &mut [f64], rest: &mut [f64]) {
        let (n, s) = (self.len, self.states);
        let (terms, rest) = rest.split_at_mut(s);
        let (after, before) = rest.split_at_mut(s);
        after.fill(1.0);
        if self.same_steps && n > 1 {
            self.read_scaled_steps(1, step);
            self.steps.fill(0.0);
        }
        for t in (0..n).rev() {
            let states = (0..s).map(|j| forward[j * n + t] * after[j]).sum::<f64>();
            for j in 0..s {
                terms[j] = self.elements[j * n + t];
                self.elements[j * n + t] = forward[j * n + t] * after[j] / states;
            }
            if t == 0 {
                break;
            }
            if !self.same_steps {
                self.read_scaled_steps(t, step);
            }
            exponentials(terms);
            let mut sum = 0.0;
            for i in 0..s {
                before[i] = (0..s).map(|j| step[i * s + j] * terms[j] * after[j]).sum();
                sum += forward[i * n + t - 1] * before[i];
            }
            for i in 0..s {
                let from = forward[i * n + t - 1] / sum;
                for j in 0..s {
                    let taken = from * step[i * s + j] * terms[j] * after[j];
                    let pair = i * s + j;
                    if self.same_steps { self.steps[pair] += taken } else { self.steps[pair * n + t] = taken }
                }
            }
            (0..s).for_each(|i| after[i] = before[i] / sum);
        }
        (0..s).for_each(|j| self.start[j] = self.elements[j * n]);
    }

    /// Does all of [`Chain::smooth`] on logarithms.
    fn smooth_logarithms(&mut self, forward: &mut [f64], step: &mut [f64], rest: &mut [f64]) -> f64 {
        let (n, s) = (self.len, self.states);
        let (terms, rest) = rest.split_at_mut(s);
        let (after, before) = rest.split_at_mut(s);
        let sum = |term: &dyn Fn(usize) -> f64| {
            let mut sum = super::LogSum::new();
            (0..s).for_each(|i| sum.push(term(i)));
            sum.finish()
        };
        for t in 0..n {
            if t > 0 {
                self.read_steps(t, step);
            }
            for j in 0..s {
                let reached = match t {
                    0 => self.start[j],
                    _ => sum(&|i| forward[i * n + t - 1] + step[i * s + j]),
                };
                forward[j * n + t] = reached + self.elements[j * n + t];
            }
        }
        let log_sum = sum(&|j| forward[j * n + n - 1]);
        if self.same_steps && n > 1 {
            self.read_steps(1, step);
            self.steps.fill(0.0);
        }
        after.fill(0.0);
        for t in (0..n).rev() {
            for j in 0..s {
                terms[j] = self.elements[j * n + t];
                self.elements[j * n + t] = (forward[j * n + t] + after[j] - log_sum).exp();
            }
            if t == 0 {
                break;
            }
            if !self.same_steps {
                self.read_steps(t, step);
            }
            for i in 0..s {
                before[i] = sum(&|j| step[i * s + j] + terms[j] + after[j]);
                for j in 0..s {
                    let pair = i * s + j;
                    let taken = (forward[i * n + t - 1] + step[pair] + terms[j] + after[j] - log_sum).exp();
                    if self.same_steps { self.steps[pair] += taken } else { self.steps[pair * n + t] = taken }
                }
            }
            after.copy_from_slice(before);
        }
        (0..s).for_each(|j| self.start[j] = self.elements[j * n]);
        log_sum
    }
}

/// Below this share of what the likeliest states would give, a step of scaled probabilities counts as an underflow.
const SMALLEST: f64 = 1e-100;

/// Replaces `terms` by their exponentials over that of the largest, and returns the largest; NaN if none is finite.
fn exponentials(terms: &mut [f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let largest = if largest.is_finite() { largest } else { f64::NAN };
    terms.iter_mut().for_each(|term| *term = (*term - largest).exp());
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum over all paths, one by one, with the probabilities of states and steps.
    fn by_paths(n: usize, s: usize, chain: &Chain) -> (f64, Vec<f64>, Vec<f64>) {
        let step = |t: usize, pair: usize| {
            if chain.same_steps { chain.steps[pair] } else { chain.steps[pair * n + t] }
        };
        let (mut logs, mut paths) = (Vec::new(), Vec::new());
        for path in 0..s.pow(n as u32) {
            let states: Vec<usize> = (0..n).map(|t| path / s.pow(t as u32) % s).collect();
            let mut log = chain.start[states[0]];
            for t in 0..n {
                log += chain.elements[states[t] * n + t];
                if t > 0 {
                    log += step(t, states[t - 1] * s + states[t]);
                }
            }
            logs.push(log);
            paths.push(states);
        }
        let total = super::super::log_sum_exp(&logs);
        let (mut elements, mut steps) = (vec![0.0; s * n], vec![0.0; chain.steps.len()]);
        for (log, states) in logs.iter().zip(&paths) {
            let probability = (log - total).exp();
            for t in 0..n {
                elements[states[t] * n + t] += probability;
                if t > 0 {
                    let pair = states[t - 1] * s + states[t];
                    steps[if chain.same_steps { pair } else { pair * n + t }] += probability;
                }
            }
        }
        (total, elements, steps)
    }

    fn chain(n: usize, s: usize, same_steps: bool, spread: f64) -> Chain {
        let mut chain = Chain::new(7, 7 + n, same_steps, [Vec::new(), Vec::new(), Vec::new()]);
        chain.set_states(s);
        let number = |i: usize, salt: usize| ((i * 7919 + salt * 104_729) % 1009) as f64 / 1009.0 - 0.7;
        chain.elements.iter_mut().enumerate().for_each(|(i, x)| *x = spread * number(i, 1));
        chain.start.iter_mut().enumerate().for_each(|(i, x)| *x = number(i, 2));
        chain.steps.iter_mut().enumerate().for_each(|(i, x)| *x = number(i, 3));
        chain
    }

    #[test]
    fn as_the_sum_over_all_paths() {
        // A spread of 900 makes scaled probabilities underflow.
        for (n, s, same_steps, spread) in
            [(1, 3, true, 1.0), (6, 3, true, 1.0), (6, 3, false, 2.0), (5, 2, true, 900.0), (5, 3, false, 900.0)]
        {
            let mut chain = chain(n, s, same_steps, spread);
            if spread > 100.0 {
                // A state that is left for the other and never reached again.
                chain.steps.iter_mut().skip(1).step_by(s).for_each(|x| *x = f64::NEG_INFINITY);
            }
            let (total, elements, steps) = by_paths(n, s, &chain);
            let found = chain.smooth(&mut Vec::new());
            assert!((found - total).abs() < 1e-10 * total.abs().max(1.0), "{found} {total}");
            for (found, exact) in chain.elements.iter().zip(&elements) {
                assert!((found - exact).abs() < 1e-12, "{found} {exact}");
            }
            let first = if same_steps { 0 } else { 1 };
            for (i, (found, exact)) in chain.steps.iter().zip(&steps).enumerate() {
                if same_steps && n > 1 || !same_steps && i % n >= first {
                    assert!((found - exact).abs() < 1e-12, "{found} {exact}");
                }
            }
        }
    }

    #[test]
    fn impossible_data_have_no_density() {
        let mut chain = chain(4, 2, true, 1.0);
        chain.elements.fill(f64::NEG_INFINITY);
        assert_eq!(chain.smooth(&mut Vec::new()), f64::NEG_INFINITY);
        assert!(chain.elements.iter().all(|p| *p == 0.0));
    }
}
