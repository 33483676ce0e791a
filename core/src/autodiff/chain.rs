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
    /// Whether the number of states is not the same in all elements, or too large for memory.
    refused: bool,
}

impl Chain {
    /// Makes a chain over the elements from `first` to `end`, from buffers.
    pub fn new(first: usize, end: usize, same_steps: bool, buffers: [Vec<f64>; 3]) -> Self {
        let [elements, start, steps] = buffers;
        Self { first, len: end - first, states: 0, same_steps, elements, start, steps, refused: false }
    }

    /// Returns the buffers.
    pub fn into_buffers(self) -> [Vec<f64>; 3] {
        [self.elements, self.start, self.steps]
    }

    /// Notes the number of states in an element, which is that of all.
    #[inline(always)]
    pub fn set_states(&mut self, states: usize) {
        if self.states != states {
            self.refused |= self.states != 0;
            self.resize(states);
        }
    }

    /// Notes that an element has up to `states`; tells whether that is more than were known. An element with fewer than the chain
    /// gives the others the probability zero.
    #[inline(always)]
    pub fn reach(&mut self, states: usize) -> bool {
        let more = states > self.states;
        if more {
            self.resize(states);
        }
        more && !self.refused
    }

    #[inline(never)]
    fn resize(&mut self, states: usize) {
        let steps = if self.same_steps { 1 } else { self.len };
        if states.saturating_mul(states).saturating_mul(steps) > MOST_TERMS {
            self.refused = true;
            return;
        }
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

    /// Sets the term of the state `j`.
    #[inline(always)]
    pub fn set_element<V: Lanes>(&mut self, block: Block, j: usize, term: V) {
        self.local(block).store(&mut self.elements[j * self.len..], term);
    }

    /// Sets the term of the step from the state `i` to `j`.
    #[inline(always)]
    pub fn set_step<V: Lanes>(&mut self, block: Block, i: usize, j: usize, term: V) {
        if block.first == self.first {
            self.start[j] = term.lane(0);
        } else {
            let pair = i * self.states + j;
            self.local(block).store(&mut self.steps[pair * self.len..], term);
        }
    }

    /// Sets the term of the step to the state `j` in the first element.
    pub fn set_start(&mut self, j: usize, term: f64) {
        self.start[j] = term;
    }

    /// Sets the term of the step from the state `i` to `j`, where it is the same for all elements.
    pub fn set_same_step(&mut self, i: usize, j: usize, term: f64) {
        self.steps[i * self.states + j] = term;
    }

    /// Returns the probability of the state `j`.
    #[inline(always)]
    pub fn element<V: Lanes>(&self, block: Block, j: usize) -> V {
        self.local(block).load(&self.elements[j * self.len..])
    }

    /// Returns the probability of the step from the state `i` to `j`.
    #[inline(always)]
    pub fn step<V: Lanes>(&self, block: Block, i: usize, j: usize) -> V {
        if block.first == self.first {
            return V::splat(self.start[j]).keep(1);
        }
        let pair = i * self.states + j;
        self.local(block).load(&self.steps[pair * self.len..])
    }

    /// Returns the probability of the state `j` in the first element.
    pub fn start(&self, j: usize) -> f64 {
        self.start[j]
    }

    /// Returns how often the step from the state `i` to `j` is taken, where its term is the same for all elements.
    pub fn same_step(&self, i: usize, j: usize) -> f64 {
        self.steps[i * self.states + j]
    }

    #[inline(always)]
    fn local(&self, block: Block) -> Block {
        Block { first: block.first - self.first, count: block.count }
    }

    /// Returns the logarithm of the sum over all paths of the exponential of their terms, and writes the probability of each
    /// state and step in the place of its term. `buffer` is for what it keeps meanwhile.
    #[inline(always)]
    pub fn smooth<V: Lanes>(&mut self, buffer: &mut Vec<f64>) -> f64 {
        if self.len == 0 || self.refused {
            self.forget();
            return if self.refused { f64::NAN } else { 0.0 };
        }
        let (n, s) = (self.len, self.states);
        buffer.clear();
        buffer.resize(2 * s * n + s * s + 3 * s, 0.0);
        let (likelihoods, rest) = buffer.split_at_mut(s * n);
        let log_sum = self.likelihoods::<V>(likelihoods);
        self.smooth_likelihoods(log_sum, likelihoods, rest)
    }

    /// Writes the exponentials of the terms of the states, over that of the largest in each element, one element after the other;
    /// returns the sum of the largest.
    #[inline(always)]
    fn likelihoods<V: Lanes>(&self, likelihoods: &mut [f64]) -> f64 {
        let (n, s) = (self.len, self.states);
        let mut blocks = super::Blocks::new(0, n);
        let mut sum = 0.0;
        while let Some(block) = blocks.next_block::<V>() {
            let term = |j: usize| block.load::<V>(&self.elements[j * n..]);
            let mut largest = term(0);
            for j in 1..s {
                let other = term(j);
                largest = largest.if_lt(other, other, largest);
            }
            sum += largest.keep(block.count).sum();
            for j in 0..s {
                let likelihood = (term(j) - largest).exp();
                for i in 0..block.count {
                    likelihoods[(block.first + i) * s + j] = likelihood.lane(i);
                }
            }
        }
        sum
    }

    fn smooth_likelihoods(&mut self, log_sum: f64, likelihoods: &[f64], rest: &mut [f64]) -> f64 {
        let (n, s) = (self.len, self.states);
        let (forward, rest) = rest.split_at_mut(s * n);
        let (step, rest) = rest.split_at_mut(s * s);
        // Loops over few states are several times as fast where the compiler knows how many there are.
        let scaled = match s {
            2 => self.smooth_scaled(2, likelihoods, forward, step, rest),
            3 => self.smooth_scaled(3, likelihoods, forward, step, rest),
            4 => self.smooth_scaled(4, likelihoods, forward, step, rest),
            s => self.smooth_scaled(s, likelihoods, forward, step, rest),
        };
        let log_sum = match scaled {
            Some(rest_of_sum) => log_sum + rest_of_sum,
            None => self.smooth_logarithms(forward, step, rest),
        };
        if !log_sum.is_finite() {
            self.forget();
        }
        log_sum
    }

    /// Makes all probabilities zero: a point without density has none.
    fn forget(&mut self) {
        self.elements.fill(0.0);
        self.start.fill(0.0);
        self.steps.fill(0.0);
    }

    /// Does what is left of [`Chain::smooth`] on scaled probabilities of `s` states; `None` if they underflow.
    #[inline(always)]
    fn smooth_scaled(
        &mut self,
        s: usize,
        likelihoods: &[f64],
        forward: &mut [f64],
        step: &mut [f64],
        rest: &mut [f64],
    ) -> Option<f64> {
        let log_sum = self.forward(s, likelihoods, forward, step)?;
        self.backward(s, likelihoods, forward, step, rest);
        Some(log_sum)
    }

    /// Writes the terms of the steps to element `t`.
    fn read_steps(&self, t: usize, step: &mut [f64]) {
        if !self.same_steps {
            step.iter_mut().enumerate().for_each(|(pair, term)| *term = self.steps[pair * self.len + t]);
        } else {
            step.copy_from_slice(&self.steps);
        }
    }

    /// Writes the exponentials of the terms of the steps to element `t`, over that of the largest, and returns the largest.
    fn read_scaled_steps(&self, t: usize, step: &mut [f64]) -> f64 {
        self.read_steps(t, step);
        exponentials(step)
    }

    /// Writes the probability of each state given the data up to its element, times some number, to `forward`, element by element;
    /// returns the logarithm of the sum, or `None` if probabilities underflow.
    #[inline(always)]
    fn forward(&self, s: usize, likelihoods: &[f64], forward: &mut [f64], step: &mut [f64]) -> Option<f64> {
        let (mut log_sum, mut of_step, mut sum_before) = (0.0, 0.0, 1.0);
        for (t, likelihoods) in likelihoods.chunks_exact(s).enumerate() {
            let (before, now) = forward[t.saturating_sub(1) * s..].split_at_mut(if t == 0 { 0 } else { s });
            let now = &mut now[..s];
            if t == 0 {
                now.copy_from_slice(&self.start);
                log_sum += exponentials(now);
            } else {
                if t == 1 || !self.same_steps {
                    of_step = self.read_scaled_steps(t, step);
                }
                log_sum += of_step;
                now.fill(0.0);
                for (from, row) in before.iter().zip(step.chunks_exact(s)) {
                    now.iter_mut().zip(row).for_each(|(to, taken)| *to += from * taken);
                }
            }
            now.iter_mut().zip(likelihoods).for_each(|(now, likelihood)| *now *= likelihood);
            let sum: f64 = now.iter().sum();
            if sum.is_nan() || sum <= SMALLEST * sum_before {
                return None;
            }
            sum_before = sum;
            if !(SMALLEST..1.0 / SMALLEST).contains(&sum) || t + 1 == self.len {
                now.iter_mut().for_each(|now| *now /= sum);
                log_sum += sum.ln();
                sum_before = 1.0;
            }
        }
        Some(log_sum)
    }

    /// Writes the probabilities of states and steps, from those of [`Chain::forward`].
    #[inline(always)]
    fn backward(&mut self, s: usize, likelihoods: &[f64], forward: &[f64], step: &mut [f64], rest: &mut [f64]) {
        let n = self.len;
        let (reached, rest) = rest.split_at_mut(s);
        let after = &mut rest[..s];
        after.fill(1.0);
        if self.same_steps && n > 1 {
            self.read_scaled_steps(1, step);
            self.steps.fill(0.0);
        }
        let product = |now: &[f64], after: &[f64]| now.iter().zip(after).map(|(a, b)| a * b).sum::<f64>();
        let mut scale = 1.0 / product(&forward[(n - 1) * s..], after);
        for t in (0..n).rev() {
            let now = &forward[t * s..][..s];
            for j in 0..s {
                self.elements[j * n + t] = now[j] * after[j] * scale;
            }
            if t == 0 {
                break;
            }
            if !self.same_steps {
                self.read_scaled_steps(t, step);
            }
            for (reached, (likelihood, after)) in reached.iter_mut().zip(likelihoods[t * s..].iter().zip(&*after)) {
                *reached = likelihood * after;
            }
            for (after, row) in after.iter_mut().zip(step.chunks_exact(s)) {
                *after = row.iter().zip(&*reached).map(|(taken, reached)| taken * reached).sum();
            }
            let before = &forward[(t - 1) * s..][..s];
            scale = 1.0 / product(before, after);
            for (i, before) in before.iter().enumerate() {
                let from = before * scale;
                // Where steps are the same, what they have in common comes last.
                if self.same_steps {
                    let row = &mut self.steps[i * s..][..s];
                    row.iter_mut().zip(&*reached).for_each(|(sum, reached)| *sum += from * reached);
                } else {
                    for (j, reached) in reached.iter().enumerate() {
                        let pair = i * s + j;
                        self.steps[pair * n + t] = from * step[pair] * reached;
                    }
                }
            }
            if !(SMALLEST..1.0 / SMALLEST).contains(&scale) {
                after.iter_mut().for_each(|after| *after *= scale);
                scale = 1.0;
            }
        }
        if self.same_steps {
            self.steps.iter_mut().zip(&*step).for_each(|(sum, step)| *sum *= step);
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

/// More terms of steps than these (4 GiB) have no place.
const MOST_TERMS: usize = 1 << 29;

/// A step by which scaled probabilities lose more counts as an underflow, and they are scaled anew where their sum is less.
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
            let found = chain.smooth::<f64>(&mut Vec::new());
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

    /// Long enough that probabilities are scaled anew on the way, up and down: as by logarithms.
    #[test]
    fn long_chains_are_scaled() {
        for spread in [3.0, 0.01, 60.0] {
            let (mut scaled, mut logs) = (chain(2000, 4, true, spread), chain(2000, 4, true, spread));
            let sum = scaled.smooth::<f64>(&mut Vec::new());
            let (mut forward, mut step, mut rest) = (vec![0.0; 8000], vec![0.0; 16], vec![0.0; 12]);
            let exact = logs.smooth_logarithms(&mut forward, &mut step, &mut rest);
            assert!((sum - exact).abs() < 1e-12 * exact.abs(), "{sum} {exact}");
            for (a, b) in scaled.elements.iter().zip(&logs.elements).chain(scaled.steps.iter().zip(&logs.steps)) {
                assert!((a - b).abs() < 1e-8 * b.abs().max(1.0), "{a} {b}");
            }
        }
    }

    #[test]
    fn impossible_data_have_no_density() {
        let mut chain = chain(4, 2, true, 1.0);
        chain.elements.fill(f64::NEG_INFINITY);
        assert_eq!(chain.smooth::<f64>(&mut Vec::new()), f64::NEG_INFINITY);
        assert!(chain.elements.iter().all(|p| *p == 0.0));
    }
}
