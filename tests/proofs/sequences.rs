//! Sequences: what elements read of those before them.

use hierarch::autodiff::log_sum_exp;
use hierarch::model::{Density, SimulateError, log_density};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_gradient_at, check_jacobian, check_score};
use hierarch_tests::{agrees, seed, within};

hierarch::model! {
    /// A linear state space: its posterior is the Kalman smoother's.
    pub Level {
        param phi: f64 = 0.9;
        param step: f64 = 0.5;
        param noise: f64 = 0.7;
        global start ~ Normal(0.0, 1.0);
        plate days(1..=300) {
            local level ~ Normal(phi * prev(level, 1, start), step);
            observe y ~ Normal(level, noise);
        }
    }
}

hierarch::model! {
    /// Positive and vector-valued locals, two elements back, beside a covariate and a count of the element before.
    pub Lagged {
        global a ~ Normal(0.0, 0.3);
        global s ~ HalfNormal(0.5);
        plate days(2..=40) {
            given x ~ Normal(0.0, 1.0);
            local scale ~ LogNormal(0.5 * prev(scale, 1, 1.0).ln() + 0.2 * prev(x, 1, 0.0), s);
            local v[2] ~ Normal(a * prev(v, 2, [0.1, 0.2])[0], scale);
            local p ~ Beta(1.0 + prev(p, 1, 0.5), 2.0);
            let seen = if is_first(2) { 0.3 } else { prev(n, 2) };
            observe n ~ Poisson(1.0 + p + 0.2 * seen);
            observe y ~ Normal(v[0] - v[1] + 0.1 * prev(n, 1, 2), scale);
        }
    }
}

hierarch::model! {
    /// Given its first two values.
    pub Second {
        global a ~ Normal(0.0, 1.0);
        global b[2] ~ Normal(0.0, 0.4);
        global s ~ HalfNormal(1.0);
        plate days(3..=60) {
            let mean = a + b[0] * prev(y) + b[1] * prev(y, 2);
            observe y ~ Normal(mean, s);
        }
    }
}

hierarch::model! {
    /// What is carried on: a variance, a moving average of order two, a vector; several series of other lengths.
    pub Carried {
        global mu ~ Normal(0.0, 1.0);
        global a ~ HalfNormal(0.5);
        global b ~ Uniform(0.0, 0.9);
        global theta[2] ~ Normal(0.0, 0.3);
        plate series(1..=4) {
            local shift ~ Normal(0.0, 1.0);
            plate days(1..=9) {
                local shock ~ Normal(0.0, 1.0);
                let variance = prev(next, 1, 0.25 + shift * shift);
                let mean = mu + theta[0] * prev(error, 1, 0) + theta[1] * prev(error, 2, shift);
                let state = [0.9 * prev(state, 1, [mu, 1.0])[0] + 0.1 * shock, prev(state, 1, [mu, 1.0])[0].sin()];
                observe y ~ Normal(mean + 0.3 * state[1], (0.1 + variance).sqrt());
                let error = y - mean;
                let next = 0.1 + a * error.square() + b * variance;
            }
        }
    }
}

hierarch::model! {
    /// Three hidden states.
    pub Hidden {
        global start[3] ~ Dirichlet([1, 1, 1]);
        global rows[i in 0..3][j in 0..3] ~ Gamma(if i == j { 4.0 } else { 1.0 }, 1.0);
        global mu[3] ~ Normal(0.0, 2.0);
        let transition = rows.map(|row| { let sum = row[0] + row[1] + row[2]; row.map(|x| x / sum) });
        plate days(1..=400) {
            local state ~ Categorical(if is_first() { start } else { transition[prev(state)] });
            observe y ~ Normal(mu[state], 1.0);
        }
    }
}

hierarch::model! {
    /// Two hidden states: steps that depend on a covariate, observations on the state before too, a continuous local beside, a plate
    /// inside, several series.
    pub Switching {
        global rate ~ Beta(2.0, 2.0);
        global jump ~ Normal(0.0, 1.0);
        plate series(1..=3) {
            local level ~ Normal(0.0, 1.0);
            plate days(2..=6) {
                given x ~ Normal(0.0, 1.0);
                local on ~ Bernoulli((if prev(on, 1, true) { rate } else { 0.3 * rate }) * (0.8 + 0.1 * x.tanh()));
                local z ~ Normal(0.5 * prev(z, 1, level), 1.0);
                let mean = if on { z + jump } else { z };
                observe y ~ Normal(mean, if prev(on, 1, true) { 1.0 } else { 0.5 });
                plate hours(1..=3) {
                    local w ~ Normal(if on { level } else { 0.0 }, 1.0);
                    observe v ~ Normal(w, 1.0);
                }
            }
        }
    }
}

#[test]
fn gradients_and_jacobians() {
    check_gradient(&Level::default(), 3);
    check_jacobian(&Level::default());
    check_gradient(&Lagged::default(), 3);
    check_jacobian(&Lagged::default());
    check_gradient(&Carried::default(), 3);
    check_jacobian(&Carried::default());
    check_gradient(&Hidden::default(), 3);
    check_gradient(&Switching::default(), 3);
    check_jacobian(&Switching::default());
}

#[test]
fn scores() {
    check_score(&Level::default(), &[("days", 11)], 20_000);
    check_score(&Lagged::default(), &[("days", 11)], 20_000);
    check_score(&Carried::default(), &[("series", 2), ("days", 5)], 20_000);
    check_score(&Hidden::default(), &[("days", 10)], 20_000);
    check_score(&Switching::default(), &[("series", 2), ("days", 4), ("hours", 2)], 20_000);
}

fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// The elements before the first that has two before it are conditioned on.
#[test]
fn what_has_none_before_is_conditioned_on() {
    let y: Vec<f64> = (0..19).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let at = SecondGlobals { a: 0.3, b: [0.5, -0.2], s: 0.8 };
    let mut expected = normal(0.3, 0.0, 1.0) + normal(0.5, 0.0, 0.4) + normal(-0.2, 0.0, 0.4);
    expected += normal(0.8, 0.0, 1.0) + 2.0_f64.ln();
    expected += (2..19).map(|t| normal(y[t], 0.3 + 0.5 * y[t - 1] - 0.2 * y[t - 2], 0.8)).sum::<f64>();
    let (model, data) = (Second::default(), SecondData { days: SecondDays { y } });
    let found = log_density(&model, &at, &SecondLocals::default(), &data).unwrap();
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");
    check_gradient_at(&model, &data, &[0.3, 0.5, -0.2, 0.1]);
    let chains = model.nuts(&data).warmup(50).draws(10).run().unwrap();
    let rows = chains.log_likelihood(&model, &data, "days").unwrap();
    assert!((0..19).all(|row| rows.row(row).iter().all(|x| (*x == 0.0) == (row < 2))));
}

/// A variance that is carried on, in several series, by hand.
#[test]
fn lets_are_carried_from_element_to_element() {
    let model = Carried::default();
    for s in model.simulate(20).seed(seed(1)).run().unwrap() {
        let (g, series, data) = (&s.globals, &s.locals.series, &s.data.series);
        let mut total = normal(g.mu, 0.0, 1.0) + normal(g.a, 0.0, 0.5) + 2.0_f64.ln() - 0.9_f64.ln();
        total += g.theta.iter().map(|x| normal(*x, 0.0, 0.3)).sum::<f64>();
        for (i, shift) in series.shift.iter().enumerate() {
            total += normal(*shift, 0.0, 1.0);
            let (mut errors, mut variance, mut state) = ([0.0, *shift], 0.25 + shift * shift, [g.mu, 1.0]);
            for (element, j) in (data.days.offsets[i]..data.days.offsets[i + 1]).enumerate() {
                let (shock, y) = (series.days.shock[j], data.days.y[j]);
                let mean = g.mu + g.theta[0] * errors[0] + g.theta[1] * errors[1];
                state = [0.9 * state[0] + 0.1 * shock, state[0].sin()];
                total += normal(shock, 0.0, 1.0) + normal(y, mean + 0.3 * state[1], (0.1 + variance).sqrt());
                // The second has no error two before, either.
                errors = [y - mean, if element == 0 { *shift } else { errors[0] }];
                variance = 0.1 + g.a * errors[0] * errors[0] + g.b * variance;
            }
        }
        let found = log_density(&model, g, &s.locals, &s.data).unwrap();
        within!((found - total).abs(), 1e-10 * total.abs().max(1.0), "{found} {total}");
    }
}

/// Every path of the hidden states, one by one.
#[test]
fn hidden_states_are_summed_over_all_paths() {
    let model = Hidden::default();
    for s in model.simulate(5).size("days", 7).seed(seed(2)).run().unwrap() {
        let g = &s.globals;
        let transition = g.rows.map(|row| row.map(|x| x / row.iter().sum::<f64>()));
        let paths: Vec<f64> = (0..3_usize.pow(7))
            .map(|path| {
                let state = |t: u32| path / 3_usize.pow(t) % 3;
                let steps = (1..7).map(|t| transition[state(t - 1)][state(t)].ln()).sum::<f64>();
                let seen = (0..7).map(|t| normal(s.data.days.y[t as usize], g.mu[state(t)], 1.0)).sum::<f64>();
                g.start[state(0)].ln() + steps + seen
            })
            .collect();
        // Dirichlet(1, 1, 1) is 2, and Gamma(4, 1) has 3! below.
        let gamma = |x: f64, shape: f64| (shape - 1.0) * x.ln() - x - if shape > 1.0 { 6.0_f64.ln() } else { 0.0 };
        let mut total = log_sum_exp(&paths) + 2.0_f64.ln() + g.mu.iter().map(|m| normal(*m, 0.0, 2.0)).sum::<f64>();
        for i in 0..3 {
            total += (0..3).map(|j| gamma(g.rows[i][j], if i == j { 4.0 } else { 1.0 })).sum::<f64>();
        }
        let found = log_density(&model, g, &s.locals, &s.data).unwrap();
        within!((found - total).abs(), 1e-10 * total.abs().max(1.0), "{found} {total}");
    }
}

/// The exact posterior of the last level and of the start, by dense normal algebra: the filter of Kalman, and the smoother of the start.
#[test]
fn a_state_space_is_smoothed_as_by_kalman() {
    let model = Level::default();
    let set = model.simulate(1).size("days", 40).seed(seed(3)).one().unwrap();
    let y = &set.data.days.y;
    // The joint of (start, last level) given the data so far.
    let (mut mean, mut cov) = ([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]]);
    for y in y {
        mean = [mean[0], model.phi * mean[1]];
        cov = [
            [cov[0][0], model.phi * cov[0][1]],
            [model.phi * cov[1][0], model.phi.powi(2) * cov[1][1] + model.step.powi(2)],
        ];
        let total = cov[1][1] + model.noise.powi(2);
        let gain = [cov[0][1] / total, cov[1][1] / total];
        let off = y - mean[1];
        mean = [mean[0] + gain[0] * off, mean[1] + gain[1] * off];
        let before = cov;
        for i in 0..2 {
            for j in 0..2 {
                cov[i][j] = before[i][j] - gain[i] * before[1][j];
            }
        }
    }
    let chains = model.nuts(&set.data).draws(10_000).seed(seed(4)).run().unwrap();
    agrees(&chains, "start", mean[0], cov[0][0].sqrt(), 4.0);
    agrees(&chains, "level[39]", mean[1], cov[1][1].sqrt(), 4.0);
}

/// Simulated series have the moments of their process: the stationary variance of an autoregression, and of its lagged products.
#[test]
fn series_are_drawn_in_order() {
    let model = Level { phi: 0.8, step: 0.6, noise: 0.01 };
    let set = model.simulate(1).size("days", 300).seed(seed(5));
    let sets = set.at(&LevelGlobals { start: 0.0 });
    let (mut squares, mut products, mut n) = (0.0, 0.0, 0.0);
    for i in 0..400 {
        let set = sets.clone().seed(seed(1000 + i)).one().unwrap();
        let level = &set.locals.days.level[100..];
        squares += level.iter().map(|x| x * x).sum::<f64>();
        products += level.windows(2).map(|w| w[0] * w[1]).sum::<f64>();
        n += level.len() as f64;
    }
    // The variance 1 from 80,000 numbers, of which one in 4.6 counts: an error of 1 %.
    within!((squares / n - 1.0).abs(), 0.05);
    within!((products / squares - 0.8).abs(), 0.02);
}

#[test]
fn what_says_no_beginning_is_not_drawn() {
    // `Second` is no `Simulable`, so that `simulate(..).run()` does not compile; what draws all the same says why.
    let error = SimulateError::NoBeginning { variable: "y", steps: 2 }.to_string();
    assert!(error.contains("`prev` a third argument, as in `prev(y, 2, 0.0)`"), "{error}");
}

/// What comes after 40 days: of a state space, from the last level that is kept; of an autoregression, from the last observations.
#[test]
fn what_comes_after_is_predicted() {
    let model = Level::default();
    let set = model.simulate(1).size("days", 40).seed(seed(6)).one().unwrap();
    let chains = model.nuts(&set.data).draws(4_000).seed(seed(7)).run().unwrap();
    let y = [set.data.days.y.clone(), vec![0.0; 2]].concat();
    let data = LevelData { days: LevelDays { y } };
    let prediction = || Prediction::new(&model, &data).after("days", 40).draws(16_000);
    let predicted = prediction().same("days").from(&chains).unwrap();
    let (level, sd) = (chains.mean("level[39]").unwrap(), chains.sd("level[39]").unwrap());
    let variance = 0.81 * (0.81 * sd * sd + 0.25) + 0.25 + 0.49;
    within!((predicted.mean("y[41]").unwrap() - 0.81 * level).abs(), 5.0 * (variance / 8_000.0).sqrt());
    within!((predicted.sd("y[41]").unwrap() / variance.sqrt() - 1.0).abs(), 0.04);
    assert!((predicted.mean("y[3]").unwrap() - set.data.days.y[3]).abs() < 1e-12);
    let error = prediction().from(&chains).unwrap_err().to_string();
    assert!(error.contains("say that they are the `.same(\"days\")`"), "{error}");
}

/// A chain that has to take an impossible step has no density.
#[test]
fn impossible_paths() {
    hierarch::model! {
        pub Forward {
            global p ~ Beta(1.0, 1.0);
            let steps = [[p, 1.0 - p], [0.0, 1.0]];
            plate days(1..=10) {
                local late ~ Categorical(steps[prev(late, 1, 0)]);
                observe y ~ Bernoulli([0.0, 1.0][late]);
            }
        }
    }
    let density = |y: Vec<bool>| {
        let (model, data) = (Forward::default(), ForwardData { days: ForwardDays { y } });
        let mut density = Density::new(&model, &data).unwrap();
        let mut gradient = vec![0.0];
        (density.gradient(&[0.3], &mut gradient), gradient[0])
    };
    let p = 1.0 / (1.0 + (-0.3_f64).exp());
    // One path: two steps of p, one of 1 - p.
    let (value, slope) = density(vec![false, false, true, true]);
    assert!((value - (3.0 * p.ln() + 2.0 * (1.0 - p).ln() - 0.0)).abs() < 1e-12, "{value}");
    assert!((slope - (3.0 - 5.0 * p)).abs() < 1e-12, "{slope}");
    assert_eq!(density(vec![true, false]).0, f64::NEG_INFINITY);
}
