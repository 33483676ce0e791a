//! The derived densities: against finite differences, against themselves without lanes, against the walk over plain
//! numbers, and against E[gradient] = 0.

mod models;

use hierarch::model::{Density, log_density, unconstrain};
use hierarch::prelude::*;
use models::*;

/// The gradient at simulated latents: equal with and without lanes, and to fourth-order finite differences of the value.
fn check_gradient<M: Likelihood>(model: &M, sets: usize) {
    let simulations = model.simulate(sets).seed(7).run().unwrap();
    for simulation in &simulations {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        let mut density = Density::new(model, &simulation.data).unwrap();
        assert_eq!(q.len(), density.dimension());
        let mut gradient = vec![0.0; q.len()];
        let mut plain = vec![0.0; q.len()];
        let value = density.gradient(&q, &mut gradient);
        let plain_value = density.gradient_without_lanes(&q, &mut plain);
        assert!((value - plain_value).abs() < 1e-10 * value.abs().max(1.0), "{value} {plain_value}");
        for (i, (a, b)) in gradient.iter().zip(&plain).enumerate() {
            assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "component {i}: {a} in lanes, {b} without");
        }
        let mut scratch = vec![0.0; q.len()];
        for i in 0..q.len() {
            let h = 1e-3;
            let mut at = |d: f64| {
                let mut q = q.clone();
                q[i] += d;
                density.gradient(&q, &mut scratch)
            };
            let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            let error = (gradient[i] - slope).abs();
            assert!(error < 1e-5 * gradient[i].abs().max(1.0), "component {i} of {}: {} {slope}", q.len(), gradient[i]);
        }
    }
}

/// The density in unconstrained space is the one in constrained space times the Jacobian of the map, by finite differences.
fn check_jacobian<M: Likelihood>(model: &M) {
    for simulation in model.simulate(20).seed(3).run().unwrap() {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        let mut density = Density::new(model, &simulation.data).unwrap();
        let mut gradient = vec![0.0; q.len()];
        let unconstrained = density.gradient(&q, &mut gradient);
        let constrained = log_density(model, &simulation.globals, &simulation.locals, &simulation.data).unwrap();
        // All maps but that of the simplex act on single numbers, and depend on earlier ones at most: a triangular Jacobian.
        let at = |q: &[f64]| {
            let mut values = Vec::new();
            hierarch::model::constrain(model, Some(&simulation.data), q, &mut values);
            values
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

/// E[gradient of the log joint density in unconstrained space] = 0 over the joint distribution: by its mean over `sets`
/// simulations, each component within 5 standard errors (false alarms: 6e-7 a component). `plates` fixes sizes, without
/// which positions of locals would not mean the same in each set.
fn check_score<M: Likelihood>(model: &M, plates: &[(&str, usize)], sets: usize) {
    let mut simulate = model.simulate(sets).seed(11);
    for (plate, size) in plates {
        simulate = simulate.size(plate, *size);
    }
    let (mut sum, mut squares) = (Vec::new(), Vec::new());
    for simulation in simulate.run().unwrap() {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        let mut density = Density::new(model, &simulation.data).unwrap();
        let mut gradient = vec![0.0; q.len()];
        density.gradient(&q, &mut gradient);
        sum.resize(q.len(), 0.0);
        squares.resize(q.len(), 0.0);
        for (i, g) in gradient.iter().enumerate() {
            sum[i] += g;
            squares[i] += g * g;
        }
    }
    let n = sets as f64;
    for i in 0..sum.len() {
        let mean: f64 = sum[i] / n;
        let error = ((squares[i] / n - mean * mean) / n).sqrt();
        assert!(mean.abs() < 5.0 * error, "component {i}: mean gradient {mean} +- {error}");
    }
}

macro_rules! models {
    ($($name:ident: $model:expr, $plates:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn gradient() {
                check_gradient(&$model, 5);
            }

            #[test]
            fn score() {
                check_score(&$model, &$plates, 20_000);
            }
        }
    )*};
}

models! {
    resonance: Resonance::default(), [("events", 20)];
    resonance_by_hand: ResonanceByHand::default(), [("events", 20)];
    radon: Radon::default(), [("counties", 4), ("houses", 5)];
    radon_long: RadonLong::default(), [("counties", 4), ("houses", 21)];
    item_response: ItemResponse::default(), [("subjects", 5), ("items", 3), ("answers", 40)];
    sessions: Sessions::default(), [("people", 3), ("days", 4)];
    detectors: Detectors::default(), [("shots", 11)];
    counting: Counting::default(), [];
    groups: Groups::default(), [("sites", 4), ("samples", 30)];
    own: Own::default(), [];
    peak: Peak::default(), [("events", 30)];
    deep: Deep::default(), [("schools", 2), ("classes", 3), ("pupils", 4)];
}
