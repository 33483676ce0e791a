//! Checks of a derived density: against finite differences, against itself without lanes, against the walk over plain numbers, and
//! against `E[gradient] = 0`.

use hierarch::model::{Density, constrain, log_density, log_jacobian_of_all, names, unconstrain};
use hierarch::prelude::*;

use crate::{seed, slope, within};

/// The gradient at simulated latents: equal with and without lanes, and to fourth-order finite differences of the value.
pub fn check_gradient<M: Likelihood + Generative>(model: &M, sets: usize) {
    let simulations = model.simulate(sets).seed(seed(7)).run().unwrap();
    for simulation in &simulations {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        check_gradient_at(model, &simulation.data, &q);
    }
}

/// The gradient at the unconstrained numbers `q`.
pub fn check_gradient_at<M: Likelihood>(model: &M, data: &M::Data, q: &[f64]) {
    let mut density = Density::new(model, data).unwrap();
    assert_eq!(q.len(), density.dimension());
    let mut plain = vec![0.0; q.len()];
    let plain_value = density.gradient_without_lanes(q, &mut plain);
    check_slopes(q, (plain_value, &plain), &mut |q, gradient| density.gradient(q, gradient));
}

/// Compiled once, not for each model.
fn check_slopes(q: &[f64], (plain_value, plain): (f64, &[f64]), density: &mut dyn FnMut(&[f64], &mut [f64]) -> f64) {
    let mut gradient = vec![0.0; q.len()];
    let value = density(q, &mut gradient);
    within!((value - plain_value).abs(), 1e-10 * value.abs().max(1.0), "{value} {plain_value}");
    for (i, (a, b)) in gradient.iter().zip(plain).enumerate() {
        within!((a - b).abs(), 1e-9 * a.abs().max(1.0), "component {i}: {a} in lanes, {b} without");
    }
    let mut scratch = vec![0.0; q.len()];
    for (i, by) in gradient.iter().enumerate() {
        let slope = slope(q, i, 1e-3, |q| density(q, &mut scratch));
        let error = (by - slope).abs();
        within!(error, 1e-5 * by.abs().max(1.0), "component {i} of {}: {by} {slope}", q.len());
    }
}

/// The density at simulated latents is that of the statements on plain numbers and of the map's Jacobian.
pub fn check_statements<M: Likelihood + Generative>(model: &M) {
    for set in model.simulate(20).seed(seed(4)).run().unwrap() {
        let q = unconstrain(model, &set.globals, Some((&set.locals, &set.data)));
        let got = Density::new(model, &set.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        let expected = log_density(model, &set.globals, &set.locals, &set.data).unwrap()
            + log_jacobian_of_all(model, &set.data, &q);
        assert!((got - expected).abs() < 1e-9 * expected.abs().max(1.0), "{got}, not {expected}");
    }
}

/// The density in unconstrained space is the one in constrained space times the Jacobian of the map, by finite differences.
/// The constrained one runs the statements on plain numbers, so this holds the two ways to run a model against each other.
pub fn check_jacobian<M: Likelihood + Generative>(model: &M) {
    for simulation in model.simulate(20).seed(seed(3)).run().unwrap() {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        let mut density = Density::new(model, &simulation.data).unwrap();
        let mut gradient = vec![0.0; q.len()];
        let unconstrained = density.gradient(&q, &mut gradient);
        let constrained = log_density(model, &simulation.globals, &simulation.locals, &simulation.data).unwrap();
        // All maps act on one number at a time and depend on earlier ones at most: a triangular Jacobian. The last component
        // of a simplex is no number of its own, and is left out.
        let names = names(model, Some(&simulation.data));
        let at = |q: &[f64]| {
            let mut values = Vec::new();
            constrain(model, Some(&simulation.data), q, &mut values);
            let free = values.into_iter().zip(&names).filter(|(_, name)| *name != "share[2]");
            free.map(|(x, _)| x).collect::<Vec<f64>>()
        };
        let mut log_jacobian = 0.0;
        for i in 0..q.len() {
            let h = 1e-4;
            let mut moved = q.clone();
            moved[i] += h;
            let above = at(&moved)[i];
            moved[i] -= 2.0 * h;
            log_jacobian += ((above - at(&moved)[i]) / (2.0 * h)).ln();
        }
        let error = unconstrained - constrained - log_jacobian;
        assert!(error.abs() < 1e-6 * q.len() as f64, "{unconstrained} - {constrained} - {log_jacobian} = {error}");
    }
}

/// The mean gradient over simulations is zero, each component within 5 standard errors (false alarms: 6e-7 a component).
///
/// Over the joint distribution, E[gradient of the log joint density in unconstrained space] = 0; over data sets and locals
/// at fixed globals, E[gradient of the log likelihood] = 0. `plates` fixes sizes, without which positions of locals would
/// not mean the same in each set.
pub fn check_score<M: Likelihood + Generative>(model: &M, plates: &[(&str, usize)], sets: usize) {
    check_score_over(model, plates, sets, &[false, true]);
}

/// The same over the joint distribution alone. Where a discrete global is summed out, it is none of those that are fixed.
pub fn check_joint_score<M: Likelihood + Generative>(model: &M, plates: &[(&str, usize)], sets: usize) {
    check_score_over(model, plates, sets, &[false]);
}

fn check_score_over<M: Likelihood + Generative>(model: &M, plates: &[(&str, usize)], sets: usize, at: &[bool]) {
    for &at_truth in at {
        let simulate = model.simulate(sets).seed(seed(11));
        let simulate = plates.iter().fold(simulate, |simulate, (plate, size)| simulate.size(plate, *size));
        let simulations = match at_truth {
            true => simulate.at(&model.simulate(1).seed(seed(2)).one().unwrap().globals).run(),
            false => simulate.run(),
        };
        let mut scores = Scores::default();
        for simulation in simulations.unwrap() {
            let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
            let mut density = Density::new(model, &simulation.data).unwrap();
            let (mut gradient, mut prior) = (vec![0.0; q.len()], vec![0.0; q.len()]);
            density.gradient(&q, &mut gradient);
            if at_truth {
                density.prior_gradient(&q, &mut prior);
            }
            scores.add(&gradient, &prior);
        }
        scores.check(at_truth);
    }
}

/// The mean gradient over `simulations` of the joint distribution is zero.
pub fn check_score_of<M: Likelihood>(model: &M, simulations: Vec<Simulation<M>>) {
    let mut scores = Scores::default();
    for simulation in simulations {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        let mut gradient = vec![0.0; q.len()];
        Density::new(model, &simulation.data).unwrap().gradient(&q, &mut gradient);
        scores.add(&gradient, &vec![0.0; q.len()]);
    }
    scores.check(false);
}

/// Gradients of many simulations, whose mean is zero.
#[derive(Default)]
struct Scores {
    count: usize,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Scores {
    /// Adds a gradient, less that of the prior.
    fn add(&mut self, gradient: &[f64], prior: &[f64]) {
        self.count += 1;
        self.sum.resize(gradient.len(), 0.0);
        self.squares.resize(gradient.len(), 0.0);
        for (i, (g, p)) in gradient.iter().zip(prior).enumerate() {
            self.sum[i] += g - p;
            self.squares[i] += (g - p) * (g - p);
        }
    }

    fn check(&self, at_truth: bool) {
        let n = self.count as f64;
        for (i, (sum, squares)) in self.sum.iter().zip(&self.squares).enumerate() {
            // What no observation depends on.
            if at_truth && *squares == 0.0 {
                continue;
            }
            let mean = sum / n;
            let error = ((squares / n - mean * mean) / n).sqrt();
            within!(mean.abs(), 5.0 * error, "component {i}, at the truth {at_truth}: {mean} +- {error}");
        }
    }
}

/// Two densities of the same unconstrained numbers, at simulated latents and at shifted ones.
pub fn check_equal<A: Likelihood, B: Likelihood>(a: &A, data_a: &A::Data, b: &B, data_b: &B::Data, q: &[f64]) {
    let (mut a, mut b) = (Density::new(a, data_a).unwrap(), Density::new(b, data_b).unwrap());
    for shift in [0.0, 0.3, -0.4] {
        let q: Vec<f64> = q.iter().map(|q| q + shift).collect();
        let (mut gradient_a, mut gradient_b) = (vec![0.0; q.len()], vec![0.0; q.len()]);
        let (value_a, value_b) = (a.gradient(&q, &mut gradient_a), b.gradient(&q, &mut gradient_b));
        within!((value_a - value_b).abs(), 1e-11 * value_a.abs().max(1.0), "{value_a} {value_b}");
        for (x, y) in gradient_a.iter().zip(&gradient_b) {
            within!((x - y).abs(), 1e-9 * x.abs().max(1.0), "{x} {y}");
        }
    }
}
