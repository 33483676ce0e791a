//! Counts, categories and truth values that may be missing and that others depend on: summed out where they are missing.

use hierarch::autodiff::log_sum_exp;
use hierarch::distributions::{Bernoulli, Binomial, Categorical, Distribution, Normal};
use hierarch::model::{DataError, DataSet, Density, Missing, log_density, log_prior, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient_at, check_score_of};
use hierarch_tests::{agrees, seed, within};

hierarch::model! {
    /// Who was exposed, which some do not tell. All data are answers of yes or no, so that elements that are alike run once.
    pub Cohort {
        global share ~ Beta(2.0, 2.0);
        global risk[2] ~ Beta(1.0, 2.0);
        plate people(1..=200) {
            observe exposed: Option ~ Bernoulli(share);
            observe ill: Option ~ Bernoulli(if exposed { risk[1] } else { risk[0] });
        }
    }
}

hierarch::model! {
    /// A mixture of which some labels are known.
    pub Labels {
        global w[3] ~ Dirichlet([1.0, 2.0, 3.0]);
        global mu[3] ~ Normal(0.0, 3.0);
        plate rows(1..=60) {
            observe kind: Option ~ Categorical(w);
            observe y ~ Normal(mu[kind], 1.0);
        }
    }
}

hierarch::model! {
    /// A count as a covariate, and one whose bound is the model's.
    pub Counts {
        global q ~ Beta(2.0, 2.0);
        global rate ~ LogNormal(0.0, 0.3);
        global a ~ Normal(0.0, 1.0);
        global b ~ Normal(0.0, 1.0);
        plate rows(1..=40) {
            observe n: Option ~ Binomial(4, q);
            observe m: Option ~ Truncated(Poisson(rate), 0, 4);
            observe y ~ Normal(a + b * n, 1.0 + m);
        }
    }
}

/// The log density of the data by hand, at the constrained values.
fn by_hand(rows: impl Iterator<Item = Vec<f64>>) -> f64 {
    rows.map(|terms| log_sum_exp(&terms)).sum()
}

fn number(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// Checks a density against `expected`, that of the data alone by hand: as it is sampled, and on plain numbers.
fn check_by_hand<M: Likelihood>(model: &M, set: &Simulation<M>, log_jacobian: f64, expected: f64) {
    let q = unconstrain(model, &set.globals, Some((&set.locals, &set.data)));
    let expected = expected + log_prior(model, &set.globals);
    let value = Density::new(model, &set.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
    within!((value - log_jacobian - expected).abs(), 1e-10 * expected.abs().max(1.0), "{value} {expected}");
    let plain = log_density(model, &set.globals, &set.locals, &set.data).unwrap();
    within!((plain - expected).abs(), 1e-10 * expected.abs().max(1.0), "{plain} {expected}");
    check_gradient_at(model, &set.data, &q);
}

fn logit_slope(p: f64) -> f64 {
    (p * (1.0 - p)).ln()
}

#[test]
fn what_is_missing_is_summed_out() {
    let model = Cohort::default();
    for s in model.simulate(10).size(Cohort::PEOPLE, 37).missing(0.4).seed(seed(1)).run().unwrap() {
        let CohortGlobals { share, risk } = s.globals;
        let of = |exposed: bool, ill: Option<bool>| {
            let risk = risk[usize::from(exposed)];
            Bernoulli::new(share).log_density(number(exposed))
                + ill.map_or(0.0, |ill| Bernoulli::new(risk).log_density(number(ill)))
        };
        let expected = by_hand(s.data.people.rows().map(|row| match row.exposed {
            Some(exposed) => vec![of(exposed, row.ill)],
            None => vec![of(false, row.ill), of(true, row.ill)],
        }));
        check_by_hand(&model, &s, logit_slope(share) + risk.map(logit_slope).iter().sum::<f64>(), expected);
    }
    let model = Labels::default();
    for s in model.simulate(10).size(Labels::ROWS, 23).missing(0.4).seed(seed(2)).run().unwrap() {
        let LabelsGlobals { w, mu } = s.globals;
        let of = |k: usize, y: f64| Categorical::new(w).log_density(k as f64) + Normal::new(mu[k], 1.0).log_density(y);
        let expected = by_hand(s.data.rows.rows().map(|row| match row.kind {
            Some(kind) => vec![of(kind, row.y)],
            None => (0..3).map(|k| of(k, row.y)).collect(),
        }));
        // The Jacobian of a simplex is that of the density without gaps.
        let q = unconstrain(&model, &s.globals, None);
        let of_prior = Density::new(&model, &s.data).unwrap().prior_gradient(&q, &mut vec![0.0; q.len()]);
        check_by_hand(&model, &s, of_prior - log_prior(&model, &s.globals), expected);
    }
    let model = Counts::default();
    for s in model.simulate(10).size(Counts::ROWS, 9).missing(0.4).seed(seed(3)).run().unwrap() {
        let CountsGlobals { q, rate, a, b } = s.globals;
        let of_five: Vec<f64> =
            (0..5).map(|m| m as f64 * rate.ln() - (1..=m).map(|k| (k as f64).ln()).sum::<f64>()).collect();
        let of = |n: u64, m: u64, y: f64| {
            Binomial::new(4.0, q).log_density(n as f64) + of_five[m as usize] - log_sum_exp(&of_five)
                + Normal::new(a + b * n as f64, 1.0 + m as f64).log_density(y)
        };
        let values = |known: Option<u64>| known.map_or((0..5).collect(), |known| vec![known]);
        let expected = by_hand(s.data.rows.rows().map(|row| {
            let pairs = values(row.n).into_iter().flat_map(|n| values(row.m).into_iter().map(move |m| (n, m)));
            pairs.map(|(n, m)| of(n, m, row.y)).collect()
        }));
        check_by_hand(&model, &s, logit_slope(q) + rate.ln(), expected);
    }
}

hierarch::model! {
    /// Beside what else an element may have: a discrete local, one more observation that is summed out, a covariate that is inferred,
    /// and a plate whose elements have locals.
    pub Beside {
        global w[3] ~ Dirichlet([2.0, 2.0, 2.0]);
        global mu ~ Normal(0.0, 1.0);
        global by[3] ~ Normal(0.0, 1.0);
        plate rows(1..=20) {
            observe kind: Option ~ Categorical(w);
            local hidden ~ Bernoulli([0.2, 0.5, 0.7][kind]);
            observe yes: Option ~ Bernoulli(if hidden { 0.8 } else { 0.3 });
            observe x: Option ~ Normal(if yes { mu } else { 0.0 }, 1.0);
            observe z ~ Normal(x + by[kind], 0.7);
            plate visits(0..=3) {
                local level ~ Normal(if yes { mu } else { 0.5 }, 1.0);
                observe y ~ Normal(level + by[kind], 0.5);
            }
        }
    }
}

hierarch::model! {
    /// States of a sequence that are partly known.
    pub Path {
        global stay ~ Beta(4.0, 2.0);
        global mu[2] ~ Normal(0.0, 1.0);
        plate days(1..=20) {
            observe state: Option ~ Bernoulli(if prev(state, 1, false) { stay } else { 1.0 - stay });
            observe y: Option ~ Normal(if state { mu[1] } else { mu[0] }, 1.0);
        }
    }
}

hierarch::model! {
    /// The same where each step is another.
    pub Steps {
        global rows[3][3] ~ Dirichlet([1.0, 1.0, 1.0]);
        global mu[3] ~ Normal(0.0, 1.0);
        plate days(1..=20) {
            given t ~ Uniform(0.0, 1.0);
            observe state: Option ~ Categorical(if t < 0.3 { [0.2, 0.3, 0.5] } else { rows[prev(state, 1, 1)] });
            observe y ~ Normal(mu[state] + t, 1.0);
        }
    }
}

hierarch::model! {
    /// A count that only falls, and that was not taken on some days: how many values it may have differs from day to day.
    pub Alive {
        global p ~ Beta(4.0, 2.0);
        plate days(1..=20) {
            observe alive: Option ~ Binomial(prev(alive, 1, 4), p);
            observe seen ~ Poisson(0.2 + alive);
        }
    }
}

/// Checks that a density with gaps is the sum of those without: over the `values` of each of the `gaps`, which `set` writes.
fn check_sum<M: Likelihood>(
    model: &M,
    (data, gapped): (&M::Data, &M::Data),
    q: &[f64],
    gaps: &[(usize, usize)],
    set: &dyn Fn(&mut M::Data, usize, usize),
) {
    // Some values are impossible beside others.
    let at = |data: &M::Data| match Density::new(model, data) {
        Ok(mut density) => density.gradient(q, &mut vec![0.0; q.len()]),
        Err(_) => f64::NEG_INFINITY,
    };
    let all: usize = gaps.iter().map(|(values, _)| values).product();
    let terms: Vec<f64> = (0..all)
        .map(|mut code| {
            let mut whole = data.clone();
            for (gap, (values, _)) in gaps.iter().enumerate() {
                set(&mut whole, gap, code % values);
                code /= values;
            }
            at(&whole)
        })
        .collect();
    let (value, expected) = (at(gapped), log_sum_exp(&terms));
    within!((value - expected).abs(), 1e-10 * value.abs().max(1.0), "{value} {expected}");
    check_gradient_at(model, gapped, q);
}

#[test]
fn a_density_with_gaps_is_the_sum_over_those_without() {
    let model = Beside::default();
    for s in model.simulate(5).size(Beside::ROWS, 5).seed(seed(4)).run().unwrap() {
        let mut gapped = s.data.clone();
        let gaps = [(3, 0), (3, 3), (2, 1), (2, 3)];
        gaps.iter().for_each(|&(values, at)| match values {
            3 => gapped.rows.kind[at] = None,
            _ => gapped.rows.yes[at] = None,
        });
        let q = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        check_sum(&model, (&s.data, &gapped), &q, &gaps, &|data, gap, value| match gaps[gap] {
            (3, at) => data.rows.kind[at] = Some(value),
            (_, at) => data.rows.yes[at] = Some(value == 1),
        });
        // A covariate that is inferred beside them has a number of its own.
        let x = gapped.rows.x[3].take().unwrap();
        check_gradient_at(&model, &gapped, &[q, vec![x]].concat());
    }
    let model = Path::default();
    for s in model.simulate(5).size(Path::DAYS, 9).seed(seed(5)).run().unwrap() {
        let mut gapped = s.data.clone();
        let gaps = [(2, 0), (2, 1), (2, 4), (2, 8)];
        gaps.iter().for_each(|(_, at)| gapped.days.state[*at] = None);
        let q = unconstrain(&model, &s.globals, None);
        check_sum(&model, (&s.data, &gapped), &q, &gaps, &|data, gap, value| {
            data.days.state[gaps[gap].1] = Some(value == 1);
        });
    }
    let model = Alive::default();
    for s in model.simulate(5).size(Alive::DAYS, 6).seed(seed(17)).run().unwrap() {
        let mut gapped = s.data.clone();
        let gaps = [(5, 0), (5, 2), (5, 3), (5, 5)];
        gaps.iter().for_each(|(_, at)| gapped.days.alive[*at] = None);
        let q = unconstrain(&model, &s.globals, None);
        check_sum(&model, (&s.data, &gapped), &q, &gaps, &|data, gap, value| {
            data.days.alive[gaps[gap].1] = Some(value as u64);
        });
        let chains = model.nuts(&gapped).seed(seed(18)).warmup(100).draws(100).run().unwrap();
        let discrete = chains.discrete(&model, &gapped, seed(19)).unwrap();
        let alive = discrete.probabilities(Alive::ALIVE).unwrap();
        let sums = alive.iter().map(|values| values.iter().sum::<f64>());
        sums.for_each(|sum| within!((sum - 1.0).abs(), 1e-9, "{sum}"));
        within!((alive[1][s.data.days.alive[1].unwrap() as usize] - 1.0).abs(), 1e-9, "{alive:?}");
    }
    let model = Steps::default();
    for s in model.simulate(5).size(Steps::DAYS, 7).seed(seed(6)).run().unwrap() {
        let mut gapped = s.data.clone();
        let gaps = [(3, 0), (3, 2), (3, 3), (3, 6)];
        gaps.iter().for_each(|(_, at)| gapped.days.state[*at] = None);
        let q = unconstrain(&model, &s.globals, None);
        check_sum(&model, (&s.data, &gapped), &q, &gaps, &|data, gap, value| {
            data.days.state[gaps[gap].1] = Some(value);
        });
    }
}

#[test]
fn the_mean_score_is_zero_where_some_are_missing() {
    let model = Cohort::default();
    check_score_of(&model, model.simulate(10_000).size(Cohort::PEOPLE, 6).missing(0.4).seed(seed(7)).run().unwrap());
    let model = Labels::default();
    check_score_of(&model, model.simulate(10_000).size(Labels::ROWS, 5).missing(0.4).seed(seed(8)).run().unwrap());
    let model = Path::default();
    check_score_of(&model, model.simulate(10_000).size(Path::DAYS, 6).missing(0.4).seed(seed(9)).run().unwrap());
}

hierarch::model! {
    /// What smoking does, where some do not say whether they smoke.
    pub Smokers {
        global effect ~ Normal(0.0, 2.0);
        plate people(1..=100) {
            observe smoker: Option ~ Bernoulli(0.4);
            observe y ~ Normal(if smoker { effect } else { 0.0 }, 1.0);
        }
    }
}

fn smokers() -> SmokersData {
    let people = SmokersPeople {
        smoker: vec![Some(true), None, Some(false), None, None, Some(true), None, None],
        y: vec![2.4, 1.9, 0.3, -0.6, 0.9, 1.2, 2.8, 1.1],
    };
    SmokersData { people }
}

/// An effect, its log density, and the probability of each to smoke.
type Point = (f64, f64, Vec<f64>);

/// By quadrature: mean and sd of the effect, and the probability that each person smokes.
fn smokers_by_quadrature(data: &SmokersData) -> (f64, f64, Vec<f64>) {
    let of = |effect: f64, smoker: bool, y: f64| {
        Bernoulli::new(0.4).log_density(number(smoker))
            + Normal::new(if smoker { effect } else { 0.0 }, 1.0).log_density(y)
    };
    let points: Vec<Point> = (0..4000)
        .map(|i| {
            let effect = -3.0 + 8.0 * (f64::from(i) + 0.5) / 4000.0;
            let mut log = Normal::new(0.0, 2.0).log_density(effect);
            let mut smokes = Vec::new();
            for row in data.people.rows() {
                let both = [of(effect, false, row.y), of(effect, true, row.y)];
                let (sum, smoker) = match row.smoker {
                    Some(smoker) => (both[usize::from(smoker)], number(smoker)),
                    None => (log_sum_exp(&both), (both[1] - log_sum_exp(&both)).exp()),
                };
                log += sum;
                smokes.push(smoker);
            }
            (effect, log, smokes)
        })
        .collect();
    let most = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let mean = |of: &dyn Fn(&Point) -> f64| {
        let weight = |point: &Point| (point.1 - most).exp();
        points.iter().map(|point| weight(point) * of(point)).sum::<f64>() / points.iter().map(weight).sum::<f64>()
    };
    let effect = mean(&|point| point.0);
    let sd = mean(&|point| (point.0 - effect).powi(2)).sqrt();
    (effect, sd, (0..data.people.y.len()).map(|i| mean(&|point| point.2[i])).collect())
}

#[test]
fn posteriors_and_probabilities_are_those_of_a_quadrature() {
    let (model, data) = (Smokers::default(), smokers());
    let (mean, sd, smokes) = smokers_by_quadrature(&data);
    let chains = model.nuts(&data).seed(seed(10)).draws(10_000).run().unwrap();
    agrees(&chains, "effect", mean, sd, 4.5);
    let discrete = chains.discrete(&model, &data, seed(11)).unwrap();
    let probabilities = discrete.probabilities(Smokers::SMOKER).unwrap();
    for (i, (found, expected)) in probabilities.iter().zip(&smokes).enumerate() {
        assert_eq!(found.len(), 2);
        match data.people.smoker[i] {
            Some(smoker) => within!((found[1] - number(smoker)).abs(), 1e-9, "{i}: {} in the data", found[1]),
            None => within!((found[1] - expected).abs(), 0.01, "{i}: {} {expected}", found[1]),
        }
        let drawn = discrete.draws().mean(format!("smoker[{i}]")).unwrap();
        within!((drawn - expected).abs(), 0.03, "{i}: {drawn} {expected}");
    }
    // The log likelihood of an element is that of the value that is there, or the sum.
    let each = chains.log_likelihood(&model, &data, Smokers::PEOPLE).unwrap();
    let effect = chains.globals().next().unwrap().effect;
    let of = |smoker: bool, y: f64| {
        Bernoulli::new(0.4).log_density(number(smoker))
            + Normal::new(if smoker { effect } else { 0.0 }, 1.0).log_density(y)
    };
    within!((each.row(0)[0] - of(true, 2.4)).abs(), 1e-12);
    within!((each.row(1)[0] - log_sum_exp(&[of(false, 1.9), of(true, 1.9)])).abs(), 1e-12);
}

#[test]
fn states_of_a_sequence_that_are_known_hold_in_the_others() {
    let model = Path::default();
    let mut set = model.simulate(1).size(Path::DAYS, 7).seed(seed(12)).one().unwrap();
    for at in [1, 2, 5] {
        set.data.days.state[at] = None;
    }
    let chains = model.nuts(&set.data).seed(seed(13)).warmup(300).draws(300).run().unwrap();
    let discrete = chains.discrete(&model, &set.data, seed(14)).unwrap();
    let probabilities = discrete.probabilities(Path::STATE).unwrap();
    // By all eight paths, at each draw.
    let mut expected = [0.0; 7];
    let count = chains.globals().count() as f64;
    for PathGlobals { stay, mu } in chains.globals() {
        let paths: Vec<(Vec<bool>, f64)> = (0..8)
            .map(|code| {
                let mut gaps = [1, 2, 4].iter().map(|bit| code & bit != 0);
                let states: Vec<bool> =
                    set.data.days.state.iter().map(|state| state.unwrap_or_else(|| gaps.next().unwrap())).collect();
                let mut log = 0.0;
                for (t, &state) in states.iter().enumerate() {
                    let before = t > 0 && states[t - 1];
                    log += Bernoulli::new(if before { stay } else { 1.0 - stay }).log_density(number(state));
                    log += Normal::new(mu[usize::from(state)], 1.0).log_density(set.data.days.y[t].unwrap());
                }
                (states, log)
            })
            .collect();
        let sum = log_sum_exp(&paths.iter().map(|path| path.1).collect::<Vec<f64>>());
        for (states, log) in &paths {
            let share = (log - sum).exp() / count;
            states.iter().zip(&mut expected).for_each(|(state, sum)| *sum += share * number(*state));
        }
    }
    for (found, expected) in probabilities.iter().zip(expected) {
        within!((found[1] - expected).abs(), 1e-10, "{} {expected}", found[1]);
    }
}

#[test]
fn files_predictions_and_specifications_know_of_gaps() {
    let (model, data) = (Smokers::default(), smokers());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    data.to_csv(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().nth(2).unwrap(), "NA,1.9");
    assert_eq!(SmokersData::from_csv(&path).unwrap(), data);
    std::fs::write(&path, text.replace("NA", "")).unwrap();
    assert_eq!(SmokersData::from_csv(&path).unwrap(), data);
    assert_eq!(serde_json::from_str::<SmokersData>(&serde_json::to_string(&data).unwrap()).unwrap(), data);
    assert_eq!(SmokersData::from_frame(data.frame()).unwrap(), data);

    let draws = hierarch::draws::Draws::new([("effect", vec![2.0; 4000])]);
    let predicted = Prediction::new(&model, &data).draws(4000).seed(seed(15)).from(&draws).unwrap();
    within!((predicted.mean("smoker[1]").unwrap() - 0.4).abs(), 0.04);
    within!((predicted.mean("smoker[0]").unwrap() - 0.4).abs(), 0.04);
    within!((predicted.mean("y[1]").unwrap() - 0.8).abs(), 0.1);
    let replicated = model.simulate(1).replicate(&data).seed(seed(16)).one().unwrap().data;
    let gaps = |data: &SmokersData| data.people.smoker.iter().map(Option::is_none).collect::<Vec<_>>();
    assert_eq!(gaps(&replicated), gaps(&data));

    let specification = model.specification();
    assert_eq!(specification.plates[0].variables[0].missing, Missing::SummedOut);
    assert!(specification.graphviz().contains("\"smoker?\""), "{}", specification.graphviz());

    let (model, mut data) = (Labels::default(), LabelsData { rows: LabelsRows { kind: vec![Some(3)], y: vec![0.5] } });
    let error = hierarch::model::check(&model, &data).unwrap_err().to_string();
    assert!(error.contains("`mu[kind]` reads position 3 of `mu`"), "{error}");
    data.rows.kind = vec![None];
    hierarch::model::check(&model, &data).unwrap();
    let rows = CountsRows { n: vec![None, Some(5)], m: vec![Some(1), None], y: vec![0.0, 0.0] };
    let error = hierarch::model::check(&Counts::default(), &CountsData { rows }).unwrap_err();
    assert!(
        matches!(&error, DataError::OutsideSupport { place, .. } if place.starts_with("`n` of element 1")),
        "{error}"
    );
}
