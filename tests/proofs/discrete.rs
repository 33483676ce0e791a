//! Discrete variables that are summed out: against sums in plain Rust, closed forms, the same models written otherwise, and
//! E[gradient] = 0.

use hierarch::autodiff::log_sum_exp;
use hierarch::distributions::{Beta, Binomial, Distribution, Gamma, Normal, Poisson};
use hierarch::draws::{DiscreteError, diagnostics::mcse_mean};
use hierarch::estimators::RequestError;
use hierarch::model::{AsNumbers, Density, log_density};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_joint_score, check_score};
use hierarch_tests::{seed, within};

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

fn gradient<M: Likelihood>(model: &M, data: &M::Data, q: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; q.len()];
    let value = Density::new(model, data).unwrap().gradient(q, &mut gradient);
    (value, gradient)
}

/// Some unconstrained numbers.
fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7 % 5) as f64 - 2.0) * 0.4).collect()
}

model! {
    pub Peak {
        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);
        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            observe x ~ Normal(if signal { mass } else { 0.0 }, 1.0);
        }
    }
}

/// The probability of one component of a mixture is known in closed form at each draw, and the values are drawn with it.
#[test]
fn a_mixture_tells_its_components() {
    let model = Peak::default();
    let data = model.simulate(1).size(Peak::EVENTS, 12).seed(seed(1)).one().unwrap().data;
    let chains = model.nuts(&data).chains(2).draws(1000).seed(seed(1)).run().unwrap();
    let discrete = chains.discrete(&model, &data, seed(2)).unwrap();
    assert_eq!(discrete.names().collect::<Vec<_>>(), ["signal"]);
    assert_eq!(discrete, chains.discrete(&model, &data, seed(2)).unwrap());
    for (i, x) in data.events.x.iter().enumerate() {
        let exact: Vec<f64> = chains
            .globals()
            .map(|PeakGlobals { fraction, mass }| {
                let yes = fraction * Normal::new(mass, 1.0).log_density(*x).exp();
                yes / (yes + (1.0 - fraction) * Normal::new(0.0, 1.0).log_density(*x).exp())
            })
            .collect();
        let mean = exact.iter().sum::<f64>() / 2000.0;
        let found = &discrete.probabilities(Peak::SIGNAL).unwrap()[i];
        near(found[1], mean);
        near(found[0], 1.0 - mean);
        let drawn = discrete.draws().get(format!("signal[{i}]")).unwrap();
        let variance: f64 = exact.iter().map(|p| p * (1.0 - p)).sum();
        let error = drawn.iter().zip(&exact).map(|(x, p)| x - p).sum::<f64>() / variance.sqrt();
        within!(error.abs(), 5.0, "element {i}");
    }
    let error = chains.discrete(&model, &PeakData { events: PeakEvents { x: vec![f64::NAN] } }, 1).unwrap_err();
    assert!(matches!(error, DiscreteError::Data(_)), "{error}");
    let error = chains.discrete(&model, &PeakData { events: PeakEvents { x: vec![0.0] } }, 1);
    assert!(error.is_ok(), "a model without continuous locals takes the data of others");
}

model! {
    /// A category of a group, and of each element in it a count and a flip.
    pub Groups {
        global p ~ Beta(2.0, 2.0);
        plate groups(1..=20) {
            local kind ~ Categorical([0.2, 0.3, 0.5]);
            plate events(1..=20) {
                local n ~ Binomial(3, p);
                local flip ~ Bernoulli(if kind == 0 { p } else { 0.5 });
                observe y ~ Normal(n + kind as f64 - if flip { 1.0 } else { 0.0 }, 1.0);
            }
        }
    }
}

/// All values of all discrete locals of a group at once, in plain Rust.
#[test]
fn nested_discrete_locals_have_their_joint_posterior() {
    let model = Groups::default();
    let events = GroupsEvents { offsets: vec![0, 2], y: vec![0.3, 2.8] };
    let data = GroupsData { groups: GroupsGroups { events } };
    let chains = model.nuts(&data).chains(2).draws(2000).seed(seed(1)).run().unwrap();
    let discrete = chains.discrete(&model, &data, seed(2)).unwrap();
    let (mut kinds, mut counts, mut flips) = (vec![0.0; 3], vec![vec![0.0; 4]; 2], [0.0; 2]);
    let (mut pairs, mut drawn, mut variance) = (0.0, 0.0, 0.0);
    let column = |name: &str| discrete.draws().get(name).unwrap();
    for (s, GroupsGlobals { p }) in chains.globals().enumerate() {
        let element = |kind: usize, y: f64, n: usize, flip: bool| {
            let of_flip = if kind == 0 { p } else { 0.5 };
            let of_flip = if flip { of_flip } else { 1.0 - of_flip };
            let mean = n as f64 + kind as f64 - f64::from(u8::from(flip));
            let log = Binomial::new(3.0, p).log_density(n as f64) + Normal::new(mean, 1.0).log_density(y);
            of_flip * log.exp()
        };
        let values =
            || (0..3).flat_map(|k| (0..64).map(move |i| (k, [i % 4, i / 4 % 4], [i / 16 % 2 > 0, i / 32 > 0])));
        let weight = |(kind, n, flip): (usize, [usize; 2], [bool; 2])| {
            [0.2, 0.3, 0.5][kind] * element(kind, 0.3, n[0], flip[0]) * element(kind, 2.8, n[1], flip[1])
        };
        let sum: f64 = values().map(weight).sum();
        let mut pair = 0.0;
        for value in values() {
            let (kind, n, flip) = value;
            let share = weight(value) / sum;
            kinds[kind] += share / 4000.0;
            for i in 0..2 {
                counts[i][n[i]] += share / 4000.0;
                flips[i] += if flip[i] { share / 4000.0 } else { 0.0 };
            }
            pair += if kind == 2 && n[0] == 0 { share } else { 0.0 };
        }
        pairs += pair;
        variance += pair * (1.0 - pair);
        drawn += f64::from(u8::from(column("kind[0]")[s] == 2.0 && column("n[0]")[s] == 0.0));
    }
    let found = |name: &str| discrete.probabilities(name).unwrap();
    kinds.iter().zip(&found("kind")[0]).for_each(|(a, b)| near(*b, *a));
    for i in 0..2 {
        counts[i].iter().zip(&found("n")[i]).for_each(|(a, b)| near(*b, *a));
        near(found("flip")[i][1], flips[i]);
    }
    let error = (drawn - pairs) / variance.sqrt();
    within!(error.abs(), 5.0, "{drawn} pairs drawn, {pairs} expected");
    check_score(&model, &[("groups", 2), ("events", 2)], 20_000);
}

model! {
    pub Change {
        global s ~ DiscreteUniform(0, 30);
        global early ~ Gamma(2.0, 0.5);
        global late ~ Gamma(2.0, 0.5);
        plate years(1..=100) {
            given t ~ DiscreteUniform(0, 29);
            observe y ~ Poisson(if t < s { early } else { late });
        }
    }
}

fn counts() -> Vec<u64> {
    vec![4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 1, 1, 0, 2, 1, 1, 0, 3, 1, 0, 1, 1, 0, 2]
}

fn change() -> ChangeData {
    ChangeData { years: ChangeYears { t: (0..30).collect(), y: counts() } }
}

/// Of each place of the change the integrals over both rates, in closed form; and the shape of each rate.
fn places() -> Vec<(f64, [f64; 2])> {
    let gamma = |y: &[u64]| {
        let (sum, n) = (y.iter().sum::<u64>() as f64, y.len() as f64);
        let factorials: f64 = y.iter().map(|y| (1..=*y).map(|k| (k as f64).ln()).sum::<f64>()).sum();
        let log = statrs::function::gamma::ln_gamma(2.0 + sum) - (2.0 + sum) * (0.5 + n).ln() + 2.0 * 0.5_f64.ln();
        (log - factorials, (2.0 + sum) / (0.5 + n))
    };
    let of = |s: usize| {
        let (early, late) = (gamma(&counts()[..s]), gamma(&counts()[s..]));
        (early.0 + late.0 - 31.0_f64.ln(), [early.1, late.1])
    };
    (0..=30).map(of).collect()
}

/// The sum over the places of a change is the density, and its integral over a grid the evidence.
#[test]
fn a_change_point_has_the_density_of_the_sum_over_its_places() {
    let (model, data) = (Change::default(), change());
    let mut density = Density::new(&model, &data).unwrap();
    let at_times = |early: f64, late: f64, times: f64| -> f64 {
        let of = |s: u64| {
            let rate = |t: usize| if (t as u64) < s { early } else { late };
            times * counts().iter().enumerate().map(|(t, y)| Poisson::new(rate(t)).log_density(*y as f64)).sum::<f64>()
        };
        let prior: f64 = [early, late].iter().map(|x| Gamma::new(2.0, 0.5).log_density(*x)).sum();
        log_sum_exp(&(0..=30).map(of).collect::<Vec<_>>()) - 31.0_f64.ln() + prior
    };
    let at = |early: f64, late: f64| at_times(early, late, 1.0);
    // Elements that are alike are run once.
    let years = ChangeYears { t: (0..90).map(|i| i % 30).collect(), y: counts().repeat(3) };
    let thrice = gradient(&model, &ChangeData { years }, &[0.7, -0.3]).0;
    near(thrice, at_times(0.7_f64.exp(), (-0.3_f64).exp(), 3.0) + 0.7 - 0.3);
    for q in [[0.7_f64, -0.3], [-1.0, 2.0], [1.5, 1.5]] {
        let (early, late) = (q[0].exp(), q[1].exp());
        near(density.gradient(&q, &mut [0.0; 2]), at(early, late) + q[0] + q[1]);
        let globals = ChangeGlobals { s: 3, early, late };
        near(log_density(&model, &globals, &ChangeLocals::default(), &data).unwrap(), at(early, late));
    }
    let logs: Vec<f64> = (0..200 * 200)
        .map(|i| [i % 200, i / 200].map(|cell| -3.0 + 5.5 * (cell as f64 + 0.5) / 200.0))
        .map(|q| density.gradient(&q, &mut [0.0; 2]))
        .collect();
    let evidence = log_sum_exp(&logs) + 2.0 * (5.5_f64 / 200.0).ln();
    let exact = log_sum_exp(&places().iter().map(|place| place.0).collect::<Vec<_>>());
    assert!((evidence - exact).abs() < 1e-4, "{evidence} {exact}");
    check_gradient(&model, 5);
    check_joint_score(&model, &[("years", 20)], 20_000);
}

/// Against the exact posterior: the probability of each place, and the means of both rates.
#[test]
fn chains_draw_a_change_point() {
    let (model, data) = (Change::default(), change());
    let chains = model.nuts(&data).draws(2000).seed(seed(1)).run().unwrap();
    let exact = places();
    let all = log_sum_exp(&exact.iter().map(|place| place.0).collect::<Vec<_>>());
    let probabilities: Vec<f64> = exact.iter().map(|place| (place.0 - all).exp()).collect();
    let draws = chains.by_chain(Change::S).unwrap();
    for (s, p) in probabilities.iter().enumerate().filter(|(_, p)| **p > 0.02) {
        let is: Vec<Vec<f64>> =
            draws.iter().map(|chain| chain.iter().map(|x| f64::from(u8::from(*x == s as f64))).collect()).collect();
        let found = is.iter().flatten().sum::<f64>() / 8000.0;
        let error = mcse_mean(&is);
        within!((found - p).abs(), 5.0 * error, "place {s}: {found} +- {error}, exact {p}");
    }
    for (k, name) in ["early", "late"].into_iter().enumerate() {
        let mean: f64 = exact.iter().zip(&probabilities).map(|(place, p)| place.1[k] * p).sum();
        let error = mcse_mean(&chains.by_chain(name).unwrap());
        within!((chains.mean(name).unwrap() - mean).abs(), 5.0 * error, "{name}");
    }
    let globals: ChangeGlobals = chains.globals().next().unwrap();
    assert_eq!(globals.s as f64, draws[0][0]);
    assert_eq!(ChangeGlobals::from_numbers(&globals.to_numbers()), globals);
    let predicted = Prediction::new(&model, &data).from(&chains).unwrap();
    assert!(predicted.mean("y[0]").unwrap() > predicted.mean("y[29]").unwrap() + 1.0);
    assert!(chains.log_likelihood(&model, &data, Change::YEARS).unwrap().loo().elpd.is_finite());
    // The most probable place at the maximum; and a place is no hypothesis.
    let best = model.maximize(&data).unwrap();
    assert_eq!(best.globals.s, 16);
    let error = ProfileLikelihood::new(&model, [Change::S]).unwrap_err();
    assert!(matches!(error, FitError::Discrete { .. }), "{error}");
    let set = model.simulate(1).at(&best.globals).size(Change::YEARS, 30).covariates_from(&data).one().unwrap();
    assert_eq!(set.globals, best.globals);
    let error = chains.discrete(&model, &data, 1).unwrap_err();
    assert!(matches!(error, DiscreteError::NoDiscrete { .. }), "{error}");
    let error = model.npe().train(Budget::simulations(100)).unwrap_err();
    assert!(matches!(error, InferenceError::Request(RequestError::DiscreteGlobal { .. })), "{error}");
}

model! {
    /// Compares data with a discrete global in all ways, in plates of all kinds.
    pub Steps {
        global p[6] ~ Dirichlet([1.0, 2.0, 3.0, 1.0, 1.0, 1.0]);
        global s ~ Categorical(p);
        global early ~ Normal(0.0, 1.0);
        global late ~ Normal(0.0, 1.0);
        plate years(1..=100) {
            given t ~ Uniform(-1.0, 7.0);
            local e ~ Normal(0.0, 1.0);
            local flip ~ Bernoulli(0.3);
            let mean = if s as f64 > t { early } else { late };
            observe y ~ Normal(mean + e, if (s as f64) <= t { 0.5 } else { 0.7 });
            observe z ~ if t >= s as f64 { Normal(e, 1.0) } else { Exponential(early.exp()) };
            observe w ~ Normal(if flip { late } else { 0.0 }, 1.0);
        }
        plate months(n ~ Poisson(3.0)) {
            given u ~ Binomial(6, 0.5);
            observe k ~ Poisson(if u < s as f64 { early.exp() } else { n + 1.0 });
        }
    }
}

model! {
    /// The same, in words that are not known to be comparisons.
    pub StepsByHand {
        global p[6] ~ Dirichlet([1.0, 2.0, 3.0, 1.0, 1.0, 1.0]);
        global s ~ Categorical(p);
        global early ~ Normal(0.0, 1.0);
        global late ~ Normal(0.0, 1.0);
        let at = s as f64;
        plate years(1..=100) {
            given t ~ Uniform(-1.0, 7.0);
            local e ~ Normal(0.0, 1.0);
            local flip ~ Bernoulli(0.3);
            let mean = if at > t { early } else { late };
            observe y ~ Normal(mean + e, if at <= t { 0.5 } else { 0.7 });
            observe z ~ if t >= at { Normal(e, 1.0) } else { Exponential(early.exp()) };
            observe w ~ Normal(if flip { late } else { 0.0 }, 1.0);
        }
        plate months(n ~ Poisson(3.0)) {
            given u ~ Binomial(6, 0.5);
            observe k ~ Poisson(if u < at { early.exp() } else { n + 1.0 });
        }
    }
}

/// Also where some values are impossible, since an element has no density below or above the threshold.
#[test]
fn comparisons_with_a_discrete_global_are_summed_as_anything_else() {
    let t = vec![-1.0, 0.0, 0.5, 1.0, 2.5, 3.0, 4.0, 5.0, 6.0, 9.0];
    let y: Vec<f64> = (0..10).map(|i| i as f64 * 0.3 - 1.0).collect();
    for at_four in [1.0, -1.0] {
        let z: Vec<f64> = (0..10).map(|i| if i == 4 { at_four } else { 0.1 + i as f64 * 0.2 }).collect();
        let years = StepsYears { t: t.clone(), y: y.clone(), z: z.clone(), w: y.clone() };
        let months = StepsMonths { u: vec![0, 3, 5], k: vec![1, 2, 3] };
        let found = gradient(&Steps::default(), &StepsData { years, months }, &point(17));
        let years = StepsByHandYears { t: t.clone(), y: y.clone(), z, w: y.clone() };
        let months = StepsByHandMonths { u: vec![0, 3, 5], k: vec![1, 2, 3] };
        let expected = gradient(&StepsByHand::default(), &StepsByHandData { years, months }, &point(17));
        near(found.0, expected.0);
        found.1.iter().zip(&expected.1).for_each(|(a, b)| near(*a, *b));
    }
    check_gradient(&Steps::default(), 5);
    check_gradient(&StepsByHand::default(), 5);
    check_joint_score(&Steps::default(), &[("years", 3)], 20_000);
}

model! {
    /// Discrete globals before a continuous one, in a vector's index, and in a plate with locals of both kinds.
    pub Spike {
        global z ~ Bernoulli(0.4);
        global mu ~ Normal(0.0, 1.0);
        global b ~ Normal(mu, if z { 2.0 } else { 0.1 });
        global c[3] ~ Normal(0.0, 1.0);
        global pick ~ Categorical([0.2, 0.3, 0.5]);
        let chosen = c[pick];
        observe w ~ Normal(chosen, 0.5);
        plate others(4) {
            local a ~ Normal(mu, 1.0);
            observe u ~ Normal(a, 1.0);
        }
        plate rows(1..=20) {
            given x ~ Normal(0.0, 1.0);
            local e ~ Normal(0.0, 1.0);
            local flip ~ Bernoulli(0.3);
            observe y ~ Normal(b * x + e + if z { 1.0 } else { 0.0 } + if flip { mu } else { 0.0 }, 0.5);
        }
        plate lots(1..=20) {
            given g: index(others);
            observe v ~ Normal(a[g] + chosen, 1.0);
        }
    }
}

/// The sums over both globals and the flips, in plain Rust; chains beside importance sampling would agree by the same density.
#[test]
fn discrete_globals_are_summed_together() {
    let model = Spike::default();
    let set = model.simulate(1).size(Spike::ROWS, 5).size(Spike::LOTS, 7).seed(seed(3)).one().unwrap();
    let (data, globals, locals) = (&set.data, &set.globals, &set.locals);
    let normal = |x: f64, mean: f64, sd: f64| Normal::new(mean, sd).log_density(x);
    let of = |z: bool, pick: usize| {
        let mut log = if z { 0.4_f64.ln() } else { 0.6_f64.ln() } + [0.2_f64, 0.3, 0.5][pick].ln();
        log += normal(globals.b, globals.mu, if z { 2.0 } else { 0.1 }) + normal(data.w, globals.c[pick], 0.5);
        for (row, e) in data.rows.rows().zip(&locals.rows.e) {
            let mean = globals.b * row.x + e + if z { 1.0 } else { 0.0 };
            let no = 0.7_f64.ln() + normal(row.y, mean, 0.5);
            log += log_sum_exp(&[no, 0.3_f64.ln() + normal(row.y, mean + globals.mu, 0.5)]);
        }
        log + data.lots.rows().map(|lot| normal(lot.v, locals.others.a[lot.g] + globals.c[pick], 1.0)).sum::<f64>()
    };
    let sum = log_sum_exp(&(0..6).map(|i| of(i % 2 > 0, i / 2)).collect::<Vec<_>>());
    let others: f64 = locals
        .others
        .a
        .iter()
        .zip(&data.others.u)
        .map(|(a, u)| normal(*a, globals.mu, 1.0) + normal(*u, *a, 1.0))
        .sum();
    let rest = normal(globals.mu, 0.0, 1.0)
        + globals.c.iter().map(|c| normal(*c, 0.0, 1.0)).sum::<f64>()
        + locals.rows.e.iter().map(|e| normal(*e, 0.0, 1.0)).sum::<f64>();
    near(log_density(&model, globals, locals, data).unwrap(), sum + others + rest);
    // The model has no bounds, so that unconstrained numbers are the values.
    let q: Vec<f64> = [globals.mu, globals.b]
        .into_iter()
        .chain(globals.c)
        .chain(locals.others.a.iter().copied())
        .chain(locals.rows.e.iter().copied())
        .collect();
    near(gradient(&model, data, &q).0, sum + others + rest);
    let mut prior = vec![0.0; q.len()];
    let spike = |z: f64, sd: f64| z.ln() + normal(globals.b, globals.mu, sd);
    let of_globals = log_sum_exp(&[spike(0.4, 2.0), spike(0.6, 0.1)])
        + normal(globals.mu, 0.0, 1.0)
        + globals.c.iter().map(|c| normal(*c, 0.0, 1.0)).sum::<f64>();
    near(Density::new(&model, data).unwrap().prior_gradient(&q, &mut prior), of_globals);
    near(hierarch::model::log_prior(&model, globals), of_globals);
    check_gradient(&model, 5);
    check_joint_score(&model, &[("rows", 3), ("lots", 4)], 20_000);
    let chains = model.nuts(data).chains(2).draws(200).seed(seed(1)).run().unwrap();
    assert_eq!(chains.names()[..2], ["z", "mu"]);
    assert_eq!(chains.discrete(&model, data, 1).unwrap().names().collect::<Vec<_>>(), ["flip"]);
}

model! {
    /// Counts of visits to sites, of which each has as many animals as it has.
    pub Visits {
        global rate ~ Gamma(4.0, 0.5);
        global p ~ Beta(2.0, 2.0);
        plate sites(1..=50) {
            local n ~ Truncated(Poisson(rate), 0, 40);
            plate visits(1..=10) {
                observe y ~ Binomial(n, p);
            }
        }
    }
}

model! {
    /// The same with a category in the place of the count.
    pub VisitsByHand {
        global rate ~ Gamma(4.0, 0.5);
        global p ~ Beta(2.0, 2.0);
        let logits = poisson(rate);
        plate sites(1..=50) {
            local n ~ CategoricalLogit(logits);
            observe y[3] ~ Binomial(n, p);
        }
    }
}

/// The logarithms of Poisson probabilities of 0, 1, ..., without their common factor.
fn poisson<T: Real>(rate: T) -> [T; 41] {
    let (mut log, mut n) = (T::from(0.0), 0.0);
    [(); 41].map(|()| {
        let now = log;
        n += 1.0;
        log += (rate / n).ln();
        now
    })
}

#[test]
fn unseen_numbers_of_animals_are_summed_out_up_to_a_bound() {
    let model = Visits::default();
    let y = [[2, 3, 1], [0, 1, 1], [4, 2, 3], [9, 7, 12]];
    let visits = VisitsVisits { offsets: vec![0, 3, 6, 9, 12], y: y.as_flattened().to_vec() };
    let data = VisitsData { sites: VisitsSites { visits } };
    let (rate, p) = (7.0_f64, 0.4_f64);
    let site = |y: &[u64; 3]| -> Vec<f64> {
        let all: f64 = (0..=40).map(|n| Poisson::new(rate).log_density(f64::from(n)).exp()).sum();
        let of = |n: i32| {
            let seen = y.iter().map(|y| Binomial::new(f64::from(n), p).log_density(*y as f64)).sum::<f64>();
            Poisson::new(rate).log_density(f64::from(n)) - all.ln() + seen
        };
        (0..=40).map(of).collect()
    };
    let sum: f64 = y.iter().map(|y| log_sum_exp(&site(y))).sum();
    let globals = VisitsGlobals { rate, p };
    let prior = Gamma::new(4.0, 0.5).log_density(rate) + Beta::new(2.0, 2.0).log_density(p);
    let locals = model.simulate(1).at(&globals).same_design_as(&data).one().unwrap().locals;
    near(log_density(&model, &globals, &locals, &data).unwrap(), sum + prior);
    let q = [rate.ln(), (p / (1.0 - p)).ln()];
    let found = gradient(&model, &data, &q);
    near(found.0, sum + prior + rate.ln() + (p * (1.0 - p)).ln());
    let by_hand = VisitsByHandData { sites: VisitsByHandSites { y: y.to_vec() } };
    let expected = gradient(&VisitsByHand::default(), &by_hand, &q);
    near(found.0, expected.0);
    found.1.iter().zip(&expected.1).for_each(|(a, b)| near(*a, *b));
    check_gradient(&model, 5);
    check_score(&model, &[("sites", 3), ("visits", 2)], 20_000);

    let chains = model.nuts(&data).chains(2).draws(500).seed(seed(1)).run().unwrap();
    let discrete = chains.discrete(&model, &data, 1).unwrap();
    let mut exact = vec![0.0; 41];
    for VisitsGlobals { rate, p } in chains.globals() {
        let of = |n: i32| {
            let seen = y[3].iter().map(|y| Binomial::new(f64::from(n), p).log_density(*y as f64)).sum::<f64>();
            Poisson::new(rate).log_density(f64::from(n)) + seen
        };
        let logs: Vec<f64> = (0..=40).map(of).collect();
        let sum = log_sum_exp(&logs);
        exact.iter_mut().zip(&logs).for_each(|(p, log)| *p += (log - sum).exp() / 1000.0);
    }
    discrete.probabilities(Visits::N).unwrap()[3].iter().zip(&exact).for_each(|(a, b)| near(*a, *b));
    assert!(discrete.probabilities(Visits::N).unwrap()[3][..12].iter().all(|p| *p == 0.0));
}

model! {
    pub Narrow {
        global rate ~ Gamma(4.0, 0.5);
        plate sites(1..=50) {
            local n ~ Truncated(Poisson(rate), high = 10);
            observe y ~ Binomial(n, 0.5);
        }
    }
}

/// What is near the bound is said, where the bound was chosen.
#[test]
fn a_bound_that_matters_is_said() {
    let model = Narrow::default();
    let data = |y: Vec<u64>| NarrowData { sites: NarrowSites { y } };
    let warnings = |data: &NarrowData| {
        let chains = model.nuts(data).chains(2).draws(200).seed(seed(1)).run().unwrap();
        chains.discrete(&model, data, 1).unwrap().warnings()
    };
    assert!(warnings(&data(vec![0, 1, 0, 0])).is_empty());
    let found = warnings(&data(vec![1, 6, 9, 2]));
    assert!(
        found.len() == 1 && found[0].starts_with("`n[2]` is at its bound, 10, with the probability 0."),
        "{found:?}"
    );
}

model! {
    /// A hidden Markov chain in each element of a plate that is of one kind or the other.
    pub Chained {
        global p ~ Beta(2.0, 2.0);
        global mu ~ Normal(0.0, 1.0);
        plate groups(1..=3) {
            local kind ~ Bernoulli(0.3);
            plate times(1..=20) {
                local w ~ Categorical(if is_first() {
                    [0.2, 0.3, 0.5]
                } else if prev(w) == 0 {
                    [0.5 * p, 0.5 * p, 1.0 - p]
                } else {
                    [0.4, 0.4, 0.2]
                });
                observe v ~ Normal(mu + w as f64 + if kind { 1.0 } else { 0.0 }, 1.0);
            }
        }
    }
}

/// All paths of the states, in plain Rust.
#[test]
fn states_of_a_chain_have_their_joint_posterior() {
    let (model, v) = (Chained::default(), [0.3, 1.2, -0.5, 2.4]);
    let times = ChainedTimes { offsets: vec![0, 4, 6], v: [&v[..], &[2.0, 1.0]].concat() };
    let data = ChainedData { groups: ChainedGroups { times } };
    let chains = model.nuts(&data).chains(2).draws(1000).seed(seed(1)).run().unwrap();
    let discrete = chains.discrete(&model, &data, seed(2)).unwrap();
    let (mut exact, mut kinds) = ([[0.0; 3]; 4], 0.0);
    let (mut pairs, mut variance, mut drawn) = (0.0, 0.0, 0.0);
    for (s, ChainedGlobals { p, mu }) in chains.globals().enumerate() {
        let weight = |kind: usize, w: [usize; 4]| {
            let step = |t: usize| match t {
                0 => [0.2, 0.3, 0.5][w[0]],
                _ if w[t - 1] == 0 => [0.5 * p, 0.5 * p, 1.0 - p][w[t]],
                _ => [0.4, 0.4, 0.2][w[t]],
            };
            let seen = |t: usize| Normal::new(mu + w[t] as f64 + kind as f64, 1.0).log_density(v[t]).exp();
            [0.7, 0.3][kind] * (0..4).map(|t| step(t) * seen(t)).product::<f64>()
        };
        let paths = || (0..162).map(|i| (i / 81, [0, 1, 2, 3].map(|t| i % 81 / 3_usize.pow(t) % 3)));
        let sum: f64 = paths().map(|(kind, w)| weight(kind, w)).sum();
        let mut pair = 0.0;
        for (kind, w) in paths() {
            let share = weight(kind, w) / sum;
            kinds += kind as f64 * share / 2000.0;
            (0..4).for_each(|t| exact[t][w[t]] += share / 2000.0);
            pair += if kind == 1 && w[1] == 1 && w[2] == 0 { share } else { 0.0 };
        }
        pairs += pair;
        variance += pair * (1.0 - pair);
        let is = |name: &str, value: f64| discrete.draws().get(name).unwrap()[s] == value;
        drawn += f64::from(u8::from(is("kind[0]", 1.0) && is("w[1]", 1.0) && is("w[2]", 0.0)));
    }
    near(discrete.probabilities(Chained::KIND).unwrap()[0][1], kinds);
    for (found, exact) in discrete.probabilities(Chained::W).unwrap().iter().zip(&exact) {
        found.iter().zip(exact).for_each(|(a, b)| near(*a, *b));
    }
    within!((drawn - pairs).abs(), 5.0 * f64::sqrt(variance), "{drawn} of {pairs}");
}

model! {
    /// Sequences of all kinds that depend on a discrete global.
    pub Switched {
        global p ~ Beta(1.0, 1.0);
        global mu ~ Normal(0.0, 0.3);
        global s ~ Categorical([0.2, 0.5, 0.3]);
        plate steps(1..=20) {
            local z ~ Bernoulli(if is_first() { 0.5 } else if prev(z) { p } else { 0.2 });
            observe y ~ Normal(if z { mu } else { 0.0 } + s as f64, 1.0);
        }
        plate walks(1..=20) {
            local x ~ Normal(if is_first() { 0.0 } else { mu * prev(x) } + s as f64, 1.0);
            observe u ~ Normal(x, 1.0);
        }
    }
}

#[test]
fn sequences_beside_a_discrete_global() {
    check_gradient(&Switched::default(), 5);
    check_joint_score(&Switched::default(), &[("steps", 4), ("walks", 3)], 20_000);
}

/// A value that a discrete global cannot have is none to simulate at: beyond the last one, or of probability zero.
#[test]
fn discrete_globals_are_fixed_at_what_they_can_be() {
    let spike = Spike::default().simulate(1).seed(seed(3)).one().unwrap().globals;
    let model = Spike::default();
    let error = model.simulate(1).at(&SpikeGlobals { pick: 3, ..spike }).one().unwrap_err().to_string();
    assert_eq!(error, "`pick` is fixed at 3, which is outside its support");
    assert!(model.simulate(1).at(&SpikeGlobals { pick: 2, ..spike }).one().is_ok());
}
