//! The derived densities: against finite differences, against themselves without lanes, against the walk over plain
//! numbers, and against E[gradient] = 0.

use hierarch::autodiff::log_sum_exp;
use hierarch::model::{Density, log_density, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_equal, check_gradient, check_jacobian, check_score};
use hierarch_tests::models::*;
use hierarch_tests::{seed, within};

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
