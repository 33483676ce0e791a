//! The derived densities: against finite differences, against themselves without lanes, against the walk over plain
//! numbers, and against E[gradient] = 0.

use hierarch::autodiff::log_sum_exp;
use hierarch::model::{Density, constrain, log_density, log_jacobian_of_all, names, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::models::*;
use hierarch_tests::slope;
use hierarch_tests::{seed, within};

/// The gradient at simulated latents: equal with and without lanes, and to fourth-order finite differences of the value.
pub(crate) fn check_gradient<M: Likelihood + Generative>(model: &M, sets: usize) {
    let simulations = model.simulate(sets).seed(seed(7)).run().unwrap();
    for simulation in &simulations {
        let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
        check_gradient_at(model, &simulation.data, &q);
    }
}

/// The gradient at the unconstrained numbers `q`.
pub(crate) fn check_gradient_at<M: Likelihood>(model: &M, data: &M::Data, q: &[f64]) {
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
pub(crate) fn check_statements<M: Likelihood + Generative>(model: &M) {
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
pub(crate) fn check_jacobian<M: Likelihood + Generative>(model: &M) {
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
pub(crate) fn check_score<M: Likelihood + Generative>(model: &M, plates: &[(&str, usize)], sets: usize) {
    check_score_over(model, plates, sets, &[false, true]);
}

/// The same over the joint distribution alone. Where a discrete global is summed out, it is none of those that are fixed.
pub(crate) fn check_joint_score<M: Likelihood + Generative>(model: &M, plates: &[(&str, usize)], sets: usize) {
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
pub(crate) fn check_score_of<M: Likelihood>(model: &M, simulations: Vec<Simulation<M>>) {
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

macro_rules! models {
    ($($name:ident: $model:expr, $plates:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn gradient() {
                check_gradient(&$model, 5);
            }

            #[test]
            fn jacobian() {
                check_jacobian(&$model);
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
    own: UserNetwork::default(), [];
    peak: Peak::default(), [("events", 30)];
    levels: Levels::default(), [("regions", 2), ("towns", 2), ("people", 3)];
    exams: Exams::default(), [("schools", 2), ("students", 4), ("answers", 20)];
    siblings: Siblings::default(), [("outer", 2), ("left", 2)];
    regression: Regression::default(), [("rows", 10)];
    scaled: Scaled { scale: 2.0 }, [("rows", 4)];
    chain: Chain::default(), [("a", 2), ("b", 2), ("d", 3)];
    trials: Trials::default(), [("subjects", 2), ("sessions", 3), ("trials", 2)];
    reread: Reread::default(), [("a", 3), ("b", 4), ("c", 2)];
    deep: Deep::default(), [("schools", 2), ("classes", 3), ("pupils", 4)];
}

/// Two densities of the same unconstrained numbers, at simulated latents and at shifted ones.
pub(crate) fn check_equal<A: Likelihood, B: Likelihood>(a: &A, data_a: &A::Data, b: &B, data_b: &B::Data, q: &[f64]) {
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

#[test]
fn summed_out_is_the_sum_written_by_hand() {
    let (model, by_hand) = (Resonance::default(), ResonanceByHand::default());
    for s in model.simulate(20).seed(seed(1)).run().unwrap() {
        let data = ResonanceByHandData { events: ResonanceByHandEvents { x: s.data.events.x.clone() } };
        check_equal(&model, &s.data, &by_hand, &data, &unconstrain(&model, &s.globals, None));
    }
}

fn log_normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

/// A discrete local above a nested plate with another one, and locals on both levels: every sum by hand.
#[test]
fn summed_out_above_a_nested_plate() {
    let model = Sessions::default();
    for s in model.simulate(20).seed(seed(2)).run().unwrap() {
        let (g, people, data) = (&s.globals, &s.locals.people, &s.data.people);
        let mut total = log_density_of_sessions_prior(g);
        for i in 0..data.first.len() {
            let bias = people.bias[i];
            total += log_normal(bias, 0.0, 0.5);
            let kinds = [0, 1].map(|kind| {
                let p = [g.rate, 1.0 - g.rate][kind];
                let mut sum = p.ln() + log_normal(data.first[i], g.level[kind] + bias, 1.0);
                for j in data.days.offsets[i]..data.days.offsets[i + 1] {
                    let mood = people.days.mood[j];
                    let late = [(0.75_f64, 0.0), (0.25, 0.7)].map(|(p, shift)| {
                        p.ln() + log_normal(data.days.score[j], g.level[kind] + mood + shift, g.noise)
                    });
                    sum += log_normal(mood, bias, 0.3) + log_sum_exp(&late);
                }
                sum
            });
            total += log_sum_exp(&kinds);
        }
        let derived = log_density(&model, g, &s.locals, &s.data).unwrap();
        within!((derived - total).abs(), 1e-10 * total.abs().max(1.0), "{derived} {total}");
    }
}

fn log_density_of_sessions_prior(g: &SessionsGlobals) -> f64 {
    // Beta(2, 2) has the density 6 p (1 - p).
    let rate = (6.0 * g.rate * (1.0 - g.rate)).ln();
    let noise = log_normal(g.noise.ln(), -1.0, 0.5) - g.noise.ln();
    rate + noise + g.level.iter().map(|l| log_normal(*l, 0.0, 2.0)).sum::<f64>()
}

/// Two discrete locals in one element, one of them a count.
#[test]
fn several_summed_out_in_one_element() {
    let model = Detectors::default();
    for s in model.simulate(20).seed(seed(3)).run().unwrap() {
        let g = &s.globals;
        // Beta(2, 3) and Beta(3, 2).
        let mut total = (12.0 * g.p * (1.0 - g.p).powi(2)).ln() + (12.0 * g.q * g.q * (1.0 - g.q)).ln();
        total += log_normal(g.gain.ln(), 0.0, 0.3) - g.gain.ln();
        for charge in &s.data.shots.charge {
            let mut terms = Vec::new();
            for (fired, p) in [(0.0, 1.0 - g.p), (1.0, g.p)] {
                for (photons, ways) in [(0, 1.0), (1, 3.0), (2, 3.0), (3, 1.0)] {
                    let binomial = ways * g.q.powi(photons) * (1.0 - g.q).powi(3 - photons);
                    terms.push((p * binomial).ln() + log_normal(*charge, fired * g.gain * photons as f64, 0.4));
                }
            }
            total += log_sum_exp(&terms);
        }
        let derived = log_density(&model, g, &s.locals, &s.data).unwrap();
        within!((derived - total).abs(), 1e-10 * total.abs().max(1.0), "{derived} {total}");
    }
}

#[test]
fn nested_and_long_form_are_the_same_density() {
    let (nested, long) = (Radon::default(), RadonLong::default());
    for s in nested.simulate(20).seed(seed(4)).run().unwrap() {
        let counties = &s.data.counties;
        let houses = &counties.houses;
        let county = (0..counties.len()).flat_map(|c| vec![c; houses.offsets[c + 1] - houses.offsets[c]]).collect();
        let floor = houses.floor.iter().map(|f| if *f { 1.0 } else { 0.0 }).collect();
        let data = RadonLongData {
            counties: RadonLongCounties { size: counties.len() },
            houses: RadonLongHouses { county, floor, y: houses.y.clone() },
        };
        let q = unconstrain(&nested, &s.globals, Some((&s.locals, &s.data)));
        check_equal(&nested, &s.data, &long, &data, &q);
    }
}

/// A branch on numbers with derivatives goes its own way in each element.
#[test]
fn branches_on_numbers_are_followed_element_by_element() {
    let model = Changepoint::default();
    for s in model.simulate(20).seed(seed(5)).run().unwrap() {
        let q = unconstrain(&model, &s.globals, None);
        let mut density = Density::new(&model, &s.data).unwrap();
        let (mut lanes, mut plain) = ([0.0; 3], [0.0; 3]);
        let (a, b) = (density.gradient(&q, &mut lanes), density.gradient_without_lanes(&q, &mut plain));
        assert!((a - b).abs() < 1e-10 * a.abs() && lanes.iter().zip(plain).all(|(x, y)| (x - y).abs() < 1e-9));
        let g = &s.globals;
        let rate = |t: f64| if t < g.at { g.before } else { g.after };
        let by_hand: f64 = (s.data.ticks.t.iter().zip(&s.data.ticks.count))
            .map(|(&t, &k)| k as f64 * rate(t).ln() - rate(t) - (1..=k).map(|i| (i as f64).ln()).sum::<f64>())
            .sum();
        let prior = -(10.0_f64.ln()) - g.before - g.after;
        let derived = log_density(&model, g, &s.locals, &s.data).unwrap();
        within!((derived - by_hand - prior).abs(), 1e-9 * by_hand.abs().max(1.0), "{derived} {by_hand} {prior}");
    }
}
