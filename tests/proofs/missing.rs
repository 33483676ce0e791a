//! Observations that may be missing: left out where nothing depends on them, inferred where something does.

use hierarch::autodiff::log_sum_exp;
use hierarch::distributions::{Bernoulli, Categorical, Distribution, MvNormal, Normal, Poisson};
use hierarch::model::{DataError, Density, log_prior, names, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::density::{check_equal, check_gradient_at, check_score_of};
use hierarch_tests::{agrees, seed, within};

hierarch::model! {
    /// Everything that is left out, beside a discrete local that is summed out.
    pub Gaps {
        global mu ~ Normal(0.0, 1.0);
        global sd ~ LogNormal(0.0, 0.3);
        observe first: Option ~ Normal(mu, 1.0);
        observe pair[2]: Option ~ Normal(mu, 2.0);
        plate rows(0..=40) {
            local kind ~ Bernoulli(0.3);
            local level ~ Normal(mu, 1.0);
            let mean = if kind { level } else { 0.0 };
            observe x: Option ~ Normal(mean, sd);
            observe n: Option ~ Poisson(mean.exp());
            observe yes: Option ~ Bernoulli(0.2 + 0.5 / (1.0 + mean * mean));
            observe class: Option<usize> ~ Categorical(if kind { [0.2, 0.5, 0.3] } else { [0.4, 0.1, 0.5] });
            observe v[3]: Option ~ Normal(level, 2.0);
            observe w: Option<[f64; 2]> ~ MvNormal([level, 0.0], [[1.0, 0.3], [0.3, 2.0]]);
        }
    }
}

/// The log density by hand, at the constrained values.
fn gaps_by_hand(globals: &GapsGlobals, level: &[f64], data: &GapsData) -> f64 {
    let GapsGlobals { mu, sd } = *globals;
    let normal = |x: Option<f64>, mean: f64, sd: f64| x.map_or(0.0, |x| Normal::new(mean, sd).log_density(x));
    let mut sum = log_prior(&Gaps::default(), globals) + normal(data.first, mu, 1.0);
    sum += data.pair.iter().map(|x| normal(*x, mu, 2.0)).sum::<f64>();
    for (row, &level) in data.rows.rows().zip(level) {
        sum += Normal::new(mu, 1.0).log_density(level);
        sum += row.v.iter().map(|x| normal(*x, level, 2.0)).sum::<f64>();
        if let [Some(a), Some(b)] = row.w {
            sum += MvNormal::new([level, 0.0], [[1.0, 0.3], [0.3, 2.0]]).log_density([a, b]);
        }
        let of = |kind: bool| {
            let mean = if kind { level } else { 0.0 };
            let class = Categorical::new(if kind { [0.2, 0.5, 0.3] } else { [0.4, 0.1, 0.5] });
            Bernoulli::new(0.3).log_density(f64::from(u8::from(kind)))
                + normal(row.x, mean, sd)
                + row.n.map_or(0.0, |n| Poisson::new(mean.exp()).log_density(n as f64))
                + row.yes.map_or(0.0, |yes| {
                    Bernoulli::new(0.2 + 0.5 / (1.0 + mean * mean)).log_density(f64::from(u8::from(yes)))
                })
                + row.class.map_or(0.0, |k| class.log_density(k as f64))
        };
        sum += log_sum_exp(&[of(true), of(false)]);
    }
    sum
}

#[test]
fn what_is_missing_is_left_out() {
    let model = Gaps::default();
    let mut missing = 0;
    for s in model.simulate(20).size(Gaps::ROWS, 13).missing(0.4).seed(seed(1)).run().unwrap() {
        missing += s.data.rows.x.iter().filter(|x| x.is_none()).count();
        let q = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        let value = Density::new(&model, &s.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        // sd is the exponential of its number.
        let by_hand = gaps_by_hand(&s.globals, &s.locals.rows.level, &s.data) + s.globals.sd.ln();
        within!((value - by_hand).abs(), 1e-10 * value.abs().max(1.0), "{value} {by_hand}");
        let plain = hierarch::model::log_density(&model, &s.globals, &s.locals, &s.data).unwrap();
        within!((plain + s.globals.sd.ln() - by_hand).abs(), 1e-10 * value.abs().max(1.0), "{plain} {by_hand}");
        check_gradient_at(&model, &s.data, &q);
    }
    assert!((40..240).contains(&missing), "{missing} of 260");
}

#[test]
fn the_mean_score_is_zero_where_some_are_missing() {
    let model = Gaps::default();
    check_score_of(&model, model.simulate(20_000).size(Gaps::ROWS, 5).missing(0.3).seed(seed(11)).run().unwrap());
}

hierarch::model! {
    /// Normal observations that are taken together as few rows, some by an index.
    pub Lines {
        global a ~ Normal(0.0, 1.0);
        global b ~ Normal(0.0, 1.0);
        global s ~ HalfNormal(1.0);
        plate groups(1..=10) {
            local shift ~ Normal(0.0, 1.0);
        }
        plate rows(1..=200) {
            given x ~ Normal(0.0, 1.0);
            given group: index(groups);
            observe y: Option ~ Normal(a + b * x + shift[group], s);
            observe z: Option ~ LogNormal(a - b * x, s);
        }
        plate counts(1..=200) {
            given late ~ Bernoulli(0.5);
            observe n: Option ~ Poisson(if late { (a + b).exp() } else { a.exp() });
        }
    }
}

/// A density is that of the elements that are there: Gram matrices, sufficient counts, constants of counts.
#[test]
fn what_is_collapsed_leaves_out_what_is_missing() {
    let model = Lines::default();
    let simulate = model.simulate(10).size(Lines::GROUPS, 3).size(Lines::ROWS, 60).size(Lines::COUNTS, 70);
    for s in simulate.missing(0.3).seed(seed(2)).run().unwrap() {
        let q = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        let mut both = s.data.clone();
        // Of rows without `z`, and of rows without `y`.
        both.rows.y.iter_mut().zip(&mut both.rows.z).for_each(|(y, z)| {
            if y.is_some() {
                *z = None;
            }
        });
        let mut few = both.clone();
        let kept: Vec<usize> = (0..60).filter(|&i| both.rows.y[i].is_some() || both.rows.z[i].is_some()).collect();
        few.rows.x = kept.iter().map(|&i| both.rows.x[i]).collect();
        few.rows.group = kept.iter().map(|&i| both.rows.group[i]).collect();
        few.rows.y = kept.iter().map(|&i| both.rows.y[i]).collect();
        few.rows.z = kept.iter().map(|&i| both.rows.z[i]).collect();
        let counts: Vec<usize> = (0..70).filter(|&i| both.counts.n[i].is_some()).collect();
        few.counts.n = counts.iter().map(|&i| both.counts.n[i]).collect();
        few.counts.late = counts.iter().map(|&i| both.counts.late[i]).collect();
        if few.rows.x.is_empty() || few.counts.n.is_empty() {
            continue;
        }
        check_equal(&model, &both, &model, &few, &q);
        check_gradient_at(&model, &s.data, &q);
        let by_hand: f64 = (0..60)
            .map(|i| {
                let (LinesGlobals { a, b, s: sd }, x) = (s.globals.clone(), s.data.rows.x[i]);
                let shift = s.locals.groups.shift[s.data.rows.group[i]];
                let y = s.data.rows.y[i].map_or(0.0, |y| Normal::new(a + b * x + shift, sd).log_density(y));
                let z = s.data.rows.z[i].map_or(0.0, |z| Normal::new(a - b * x, sd).log_density(z.ln()) - z.ln());
                y + z
            })
            .chain((0..70).map(|i| {
                let rate = if s.data.counts.late[i] { s.globals.a + s.globals.b } else { s.globals.a }.exp();
                s.data.counts.n[i].map_or(0.0, |n| Poisson::new(rate).log_density(n as f64))
            }))
            .chain(s.locals.groups.shift.iter().map(|x| Normal::new(0.0, 1.0).log_density(*x)))
            .sum::<f64>()
            + log_prior(&model, &s.globals)
            + s.globals.s.ln();
        let value = Density::new(&model, &s.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        within!((value - by_hand).abs(), 1e-9 * value.abs().max(1.0), "{value} {by_hand}");
    }
    // Nothing is there.
    let mut nothing = model.simulate(1).size(Lines::ROWS, 5).one().unwrap();
    nothing.data.rows.y.fill(None);
    nothing.data.rows.z.fill(None);
    nothing.data.counts.n.fill(None);
    let q = unconstrain(&model, &nothing.globals, Some((&nothing.locals, &nothing.data)));
    check_gradient_at(&model, &nothing.data, &q);
}

hierarch::model! {
    /// A hidden chain with two emissions.
    pub Hidden {
        global stay ~ Beta(4.0, 1.0);
        global mu[2] ~ Normal(0.0, 2.0);
        plate days(1..=20) {
            local state ~ Bernoulli(if prev(state, 1, false) { stay } else { 1.0 - stay });
            observe y: Option ~ Normal(if state { mu[1] } else { mu[0] }, 1.0);
            observe n: Option ~ Poisson(if state { 3.0 } else { 1.0 });
        }
    }
}

#[test]
fn emissions_of_a_hidden_chain_are_left_out() {
    let model = Hidden::default();
    for s in model.simulate(10).size(Hidden::DAYS, 9).missing(0.4).seed(seed(3)).run().unwrap() {
        let HiddenGlobals { stay, mu } = s.globals;
        let mut paths = Vec::new();
        for path in 0..1 << 9 {
            let (mut sum, mut before) = (0.0_f64, false);
            for (t, day) in s.data.days.rows().enumerate() {
                let state = path >> t & 1 == 1;
                let p = if before { stay } else { 1.0 - stay };
                sum += if state { p } else { 1.0 - p }.ln();
                sum += day.y.map_or(0.0, |y| Normal::new(mu[usize::from(state)], 1.0).log_density(y));
                sum += day.n.map_or(0.0, |n| Poisson::new(if state { 3.0 } else { 1.0 }).log_density(n as f64));
                before = state;
            }
            paths.push(sum);
        }
        let by_hand = log_prior(&model, &s.globals) + (stay * (1.0 - stay)).ln() + log_sum_exp(&paths);
        let q = unconstrain(&model, &s.globals, None);
        let value = Density::new(&model, &s.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        within!((value - by_hand).abs(), 1e-10 * value.abs().max(1.0), "{value} {by_hand}");
        check_gradient_at(&model, &s.data, &q);
    }
}

hierarch::model! {
    /// Days that depend on those before, several series of them.
    pub Series {
        global phi ~ Uniform(-1.0, 1.0);
        global s ~ HalfNormal(1.0);
        plate years(1..=3) {
            plate days(1..=30) {
                observe y: Option ~ Normal(phi * prev(y, 1, 0.5), s);
                observe rain: Option ~ LogNormal(0.3 * prev(rain, 2, 1.0).ln() + 0.1 * y, s);
            }
        }
    }
}

hierarch::model! {
    /// The same, of which all is there.
    pub Complete {
        global phi ~ Uniform(-1.0, 1.0);
        global s ~ HalfNormal(1.0);
        plate years(1..=3) {
            plate days(1..=30) {
                observe y ~ Normal(phi * prev(y, 1, 0.5), s);
                observe rain ~ LogNormal(0.3 * prev(rain, 2, 1.0).ln() + 0.1 * y, s);
            }
        }
    }
}

/// The density of what is there and of what is missing together is that of all, times the slopes of the maps of what is missing.
#[test]
fn what_others_depend_on_is_inferred() {
    let (model, complete) = (Series::default(), Complete::default());
    for s in complete.simulate(10).seed(seed(4)).run().unwrap() {
        let days = &s.data.years.days;
        let gaps = |x: &[f64], every: usize| -> Vec<Option<f64>> {
            x.iter().enumerate().map(|(i, x)| (i % every != 1 && i % 7 != 3).then_some(*x)).collect()
        };
        let (y, rain) = (gaps(&days.y, 4), gaps(&days.rain, 3));
        let missing = |all: &[f64], seen: &[Option<f64>]| -> Vec<f64> {
            all.iter().zip(seen).filter(|(_, seen)| seen.is_none()).map(|(x, _)| *x).collect()
        };
        let (missing_y, missing_rain) = (missing(&days.y, &y), missing(&days.rain, &rain));
        let data = SeriesData { years: SeriesYears { days: SeriesDays { offsets: days.offsets.clone(), y, rain } } };
        let q = unconstrain(&complete, &s.globals, Some((&s.locals, &s.data)));
        let whole = Density::new(&complete, &s.data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        let logs: Vec<f64> = missing_rain.iter().map(|x| x.ln()).collect();
        let q = [q, missing_y, logs.clone()].concat();
        let mut density = Density::new(&model, &data).unwrap();
        let value = density.gradient(&q, &mut vec![0.0; q.len()]);
        let by_hand = whole + logs.iter().sum::<f64>();
        within!((value - by_hand).abs(), 1e-10 * value.abs().max(1.0), "{value} {by_hand}");
        check_gradient_at(&model, &data, &q);
        let names = names(&model, Some(&data));
        assert_eq!(names.len(), q.len());
        assert!(names.len() < 3 || names[2] == "y[1]" || names[2] == "rain[1]", "{names:?}");
    }
}

hierarch::model! {
    /// Linear and normal, so that all posteriors are known.
    pub Linear {
        global mu ~ Normal(0.0, 1.0);
        plate days(1..=30) {
            observe y: Option ~ Normal(mu + 0.8 * prev(y, 1, 0.0), 0.5);
            observe z: Option ~ Normal(2.0 * y, 1.0);
        }
    }
}

/// The means and standard deviations of the solution of normal equations: the inverse of a matrix times a vector.
fn solve(mut precision: Vec<Vec<f64>>, right: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = right.len();
    for (i, row) in precision.iter_mut().enumerate() {
        row.extend((0..n).map(|j| f64::from(u8::from(i == j))));
    }
    for i in 0..n {
        let pivot = precision[i][i];
        precision[i].iter_mut().for_each(|x| *x /= pivot);
        for other in (0..n).filter(|other| *other != i) {
            let (factor, row) = (precision[other][i], precision[i].clone());
            precision[other].iter_mut().zip(row).for_each(|(x, y)| *x -= factor * y);
        }
    }
    let inverse = |i: usize| &precision[i][n..];
    let mean = |i: usize| inverse(i).iter().zip(right).map(|(a, b)| a * b).sum();
    ((0..n).map(mean).collect(), (0..n).map(|i| inverse(i)[i].sqrt()).collect())
}

fn gappy() -> LinearData {
    let truth = LinearGlobals { mu: 0.4 };
    let mut data = Linear::default().simulate(1).at(&truth).size(Linear::DAYS, 20).seed(seed(5)).one().unwrap().data;
    // Alone, several in a row, the last; with an observation of them, and without.
    [2, 5, 6, 7, 12, 19].into_iter().for_each(|t| data.days.y[t] = None);
    [0, 5, 7, 11, 12].into_iter().for_each(|t| data.days.z[t] = None);
    data
}

/// The exact posterior of `mu` and of each missing `y`.
fn exact(data: &LinearData) -> (Vec<f64>, Vec<f64>) {
    let n = data.days.len();
    let missing: Vec<usize> = (0..n).filter(|&t| data.days.y[t].is_none()).collect();
    let unknowns = 1 + missing.len();
    let (mut precision, mut right) = (vec![vec![0.0; unknowns]; unknowns], vec![0.0; unknowns]);
    precision[0][0] = 1.0;
    // Each term is a normal density of a sum of unknowns and of data.
    let mut term = |of: Vec<(usize, f64)>, known: f64, sd: f64| {
        for (i, a) in &of {
            right[*i] -= a * known / (sd * sd);
            of.iter().for_each(|(j, b)| precision[*i][*j] += a * b / (sd * sd));
        }
    };
    let y = |t: usize, factor: f64, of: &mut Vec<(usize, f64)>| match data.days.y[t] {
        Some(y) => factor * y,
        None => {
            of.extend(missing.iter().position(|m| *m == t).map(|at| (at + 1, factor)));
            0.0
        }
    };
    for t in 0..n {
        let mut of = vec![(0, -1.0)];
        let known = y(t, 1.0, &mut of) + if t > 0 { y(t - 1, -0.8, &mut of) } else { 0.0 };
        term(of, known, 0.5);
        if let Some(z) = data.days.z[t] {
            let mut of = Vec::new();
            let known = y(t, 2.0, &mut of) - z;
            term(of, known, 1.0);
        }
    }
    solve(precision, &right)
}

#[test]
fn chains_infer_what_is_missing() {
    let (model, data) = (Linear::default(), gappy());
    let chains = model.nuts(&data).seed(seed(1)).draws(10_000).run().unwrap();
    let (means, sds) = exact(&data);
    let names = ["mu", "y[2]", "y[5]", "y[6]", "y[7]", "y[12]", "y[19]"];
    assert_eq!(chains.names(), names);
    for (name, (mean, sd)) in names.into_iter().zip(means.into_iter().zip(sds)) {
        agrees(&chains, name, mean, sd, 4.5);
    }
    // Log likelihoods of rows, and predictions, and replications.
    let rows = chains.log_likelihood(&model, &data, Linear::DAYS).unwrap();
    let mu = chains.as_draws().get("mu").unwrap().to_vec();
    let y12 = chains.as_draws().get("y[12]").unwrap().to_vec();
    let (y13, z13) = (data.days.y[13].unwrap(), data.days.z[13].unwrap());
    for draw in 0..100 {
        let by_hand = Normal::new(mu[draw] + 0.8 * y12[draw], 0.5).log_density(y13)
            + Normal::new(2.0 * y13, 1.0).log_density(z13);
        within!((rows.row(13)[draw] - by_hand).abs(), 1e-9, "{} {by_hand}", rows.row(13)[draw]);
        assert_eq!(rows.row(12)[draw], 0.0, "neither is there");
    }
    let predicted = Prediction::new(&model, &data).draws(50).from(&chains).unwrap();
    assert!(predicted.names().iter().any(|name| name == "y[12]"));
    assert!(predicted.columns().iter().flatten().all(|x| x.is_finite()));
}

#[test]
fn simulations_take_the_gaps_of_the_data_that_they_follow() {
    let (model, data) = (Linear::default(), gappy());
    let gaps =
        |data: &LinearData| -> Vec<bool> { data.days.y.iter().chain(&data.days.z).map(Option::is_none).collect() };
    let replication = model.simulate(3).replicate(&data).run().unwrap();
    assert!(replication.iter().all(|s| gaps(&s.data) == gaps(&data)));
    let complete = model.simulate(3).run().unwrap();
    assert!(complete.iter().all(|s| gaps(&s.data).iter().all(|missing| !missing)));
    // Each share of the values is possible, and on average it is the one that is asked for.
    let sets = model.simulate(2000).size(Linear::DAYS, 30).missing(0.3).seed(seed(6)).run().unwrap();
    let shares: Vec<f64> =
        sets.iter().map(|s| s.data.days.y.iter().filter(|y| y.is_none()).count() as f64 / 30.0).collect();
    // The sd of a share is 0.25.
    within!((shares.iter().sum::<f64>() / 2000.0 - 0.3).abs(), 5.0 * 0.25 / 2000.0_f64.sqrt());
    assert!(shares.iter().any(|share| *share > 0.9) && shares.iter().any(|share| *share < 0.02));
    assert!(model.simulate(1).missing(1.5).one().unwrap_err().to_string().contains("from 0 to 1"));
}

hierarch::model! {
    /// Given its first value.
    pub Conditioned {
        global a ~ Normal(0.0, 1.0);
        plate days(2..=60) {
            observe y: Option ~ Normal(a * prev(y), 1.0);
        }
    }
}

#[test]
fn a_sequence_begins_with_what_is_there() {
    let model = Conditioned::default();
    let data = |y: Vec<Option<f64>>| ConditionedData { days: ConditionedDays { y } };
    let seen = data(vec![Some(0.3), None, Some(0.1), Some(-0.2), None, None, Some(0.4), Some(0.6), Some(0.1), None]);
    check_gradient_at(&model, &seen, &[0.4, 0.1, -0.3, 0.2, 0.7]);
    let by_hand = |a: f64, y: [f64; 4]| {
        let y = [0.3, y[0], 0.1, -0.2, y[1], y[2], 0.4, 0.6, 0.1, y[3]];
        let terms = y.windows(2).map(|w| Normal::new(a * w[0], 1.0).log_density(w[1]));
        Normal::new(0.0, 1.0).log_density(a) + terms.sum::<f64>()
    };
    let value = Density::new(&model, &seen).unwrap().gradient(&[0.4, 0.1, -0.3, 0.2, 0.7], &mut [0.0; 5]);
    within!((value - by_hand(0.4, [0.1, -0.3, 0.2, 0.7])).abs(), 1e-11);
    let error = Density::new(&model, &data(vec![None, Some(0.1)])).err().unwrap();
    assert!(matches!(&error, DataError::MissingBeginning { place } if place == "`y` of element 0 of the plate `days`"));
}

hierarch::model! {
    /// A covariate that may be missing, in another plate than what depends on it, and one in a mixture.
    pub Covariates {
        global slope ~ Normal(0.0, 1.0);
        global spread ~ HalfNormal(1.0);
        plate people(1..=20) {
            observe age: Option ~ LogNormal(0.5, spread);
            local kind ~ Bernoulli(0.4);
            observe dose: Option ~ Normal(if kind { age } else { 0.0 }, 1.0);
            plate visits(0..=5) {
                observe y ~ Normal(slope * dose + age.ln(), 1.0);
            }
        }
        plate letters(1..=20) {
            given from: index(people);
            observe words: Option ~ Poisson(age[from]);
        }
    }
}

/// As the model says it, on numbers.
fn covariates_by_hand(globals: &CovariatesGlobals, age: &[f64], dose: &[f64], data: &CovariatesData) -> f64 {
    let mut sum = log_prior(&Covariates::default(), globals) + globals.spread.ln();
    for (i, w) in data.people.visits.offsets.windows(2).enumerate() {
        // With the slope of the exponential where it is missing.
        let ln = age[i].ln();
        sum += Normal::new(0.5, globals.spread).log_density(ln) - ln;
        sum += if data.people.age[i].is_none() { ln } else { 0.0 };
        let of = |p: f64, mean: f64| p.ln() + Normal::new(mean, 1.0).log_density(dose[i]);
        sum += log_sum_exp(&[of(0.4, age[i]), of(0.6, 0.0)]);
        let of_visit = |y: &f64| Normal::new(globals.slope * dose[i] + ln, 1.0).log_density(*y);
        sum += data.people.visits.y[w[0]..w[1]].iter().map(of_visit).sum::<f64>();
    }
    let letters = data.letters.rows();
    sum + letters.map(|row| row.words.map_or(0.0, |n| Poisson::new(age[row.from]).log_density(n as f64))).sum::<f64>()
}

#[test]
fn covariates_that_are_missing_are_inferred() {
    let model = Covariates::default();
    for (i, s) in model.simulate(10).size(Covariates::PEOPLE, 11).seed(seed(7)).run().unwrap().into_iter().enumerate() {
        let mut data = s.data.clone();
        let values = |column: &[Option<f64>]| column.iter().flatten().copied().collect::<Vec<f64>>();
        let (age, dose) = (values(&data.people.age), values(&data.people.dose));
        let mut q = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        assert_eq!(q.len(), 2, "nothing is missing");
        for j in (0..11).filter(|j| (i + j) % 3 == 0) {
            data.people.age[j] = None;
            q.push(age[j].ln());
        }
        for j in (0..11).filter(|j| (i + j) % 4 < 2) {
            data.people.dose[j] = None;
            q.push(dose[j]);
        }
        data.letters.words.iter_mut().step_by(3).for_each(|n| *n = None);
        let value = Density::new(&model, &data).unwrap().gradient(&q, &mut vec![0.0; q.len()]);
        let by_hand = covariates_by_hand(&s.globals, &age, &dose, &data);
        within!((value - by_hand).abs(), 1e-10 * value.abs().max(1.0), "{value} {by_hand}");
        check_gradient_at(&model, &data, &q);
        let error = hierarch::model::log_density(&model, &s.globals, &s.locals, &data).unwrap_err();
        assert!(error.to_string().contains("are missing in the data"), "{error}");
    }
}

/// Some of each kind.
fn few() -> GapsData {
    GapsData {
        first: None,
        pair: [Some(0.5), None],
        rows: GapsRows {
            x: vec![Some(1.5), None, Some(-0.25)],
            n: vec![None, Some(3), Some(0)],
            yes: vec![Some(true), Some(false), None],
            class: vec![Some(2), None, Some(0)],
            v: vec![[Some(1.0), None, None], [None; 3], [Some(0.5), Some(0.0), Some(-2.0)]],
            w: vec![[Some(1.0), Some(2.0)], [None, None], [Some(0.5), Some(0.0)]],
        },
    }
}

#[test]
fn tables_and_json_have_gaps() {
    let (folder, data) = (tempfile::tempdir().unwrap(), few());
    hierarch::model::check(&Gaps::default(), &data).unwrap();
    let path = folder.path().join("gaps");
    data.to_csv(&path).unwrap();
    let rows = std::fs::read_to_string(path.join("rows.csv")).unwrap();
    assert_eq!(rows.lines().nth(2).unwrap(), "NA,3,false,NA,NA,NA,NA,NA,NA");
    assert_eq!(GapsData::from_csv(&path).unwrap(), data);
    // As others write them.
    std::fs::write(path.join("rows.csv"), rows.replace("NA", "")).unwrap();
    assert_eq!(GapsData::from_csv(&path).unwrap(), data);
    std::fs::write(path.join("rows.csv"), rows.replace("NA", "NaN")).unwrap();
    assert_eq!(GapsData::from_csv(&path).unwrap(), data);

    let text = serde_json::to_string(&data).unwrap();
    assert!(text.contains(r#""yes":[true,false,null]"#), "{text}");
    assert_eq!(serde_json::from_str::<GapsData>(&text).unwrap(), data);
    // 1 and 0, as tables have them.
    let numbers = text.replace("[true,false,null]", "[1,0,null]");
    assert_eq!(serde_json::from_str::<GapsData>(&numbers).unwrap(), data);

    let frame = hierarch::model::DataSet::frame(&data);
    let x = &frame.plates[0].columns[0];
    assert!(x.is_there(0) && !x.is_there(1) && x.get(1).is_nan() && x.get(2) == -0.25);
    assert_eq!(<GapsData as hierarch::model::DataSet>::from_frame(frame).unwrap(), data);
}

#[test]
fn rows_about_the_same_element_agree_on_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    let header = "people,age,dose,y";
    let read = |rows: &str| {
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        PeopleData::from_csv(&path)
    };
    let data = read("a,,1.0,0.1\na,,1.0,0.2\nb,2.5,NA,0.3\n").unwrap();
    assert_eq!((data.people.age, data.people.dose), (vec![None, Some(2.5)], vec![Some(1.0), None]));
    let error = read("a,,1.0,0.1\na,2.0,1.0,0.2\n").unwrap_err().to_string();
    assert!(error.contains("holds nothing in one and 2 in the other"), "{error}");
    let error = read("a,1.0,1.0,\n").unwrap_err().to_string();
    assert!(error.contains("say so in the model, `observe y: Option ~ ..`"), "{error}");
}

hierarch::model! {
    pub People {
        global slope ~ Normal(0.0, 1.0);
        plate people(1..=20) {
            observe age: Option ~ LogNormal(0.5, 1.0);
            observe dose: Option ~ Normal(age, 1.0);
            plate visits(0..=5) {
                observe y ~ Normal(slope * dose, 1.0);
            }
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let (model, mut data) = (Gaps::default(), few());
    data.rows.w[1] = [None, Some(0.0)];
    let error = hierarch::model::check(&model, &data).unwrap_err();
    assert!(matches!(&error, DataError::MissingInPart { place } if place == "`w` of element 1 of the plate `rows`"));
    let mut data = few();
    data.rows.x[0] = Some(f64::NAN);
    let error = hierarch::model::check(&model, &data).unwrap_err().to_string();
    assert!(
        error.contains("`x` of element 0 of the plate `rows` is NaN") && error.contains("hand in `None`"),
        "{error}"
    );
    let mut data = few();
    data.rows.class[2] = Some(3);
    assert!(matches!(hierarch::model::check(&model, &data), Err(DataError::OutsideSupport { .. })));

    let specification = model.specification();
    let x = &specification.plates[0].variables.iter().find(|v| v.name == "x").unwrap();
    assert_eq!(x.missing, hierarch::model::Missing::LeftOut);
    assert_eq!(
        Series::default().specification().plates[0].plates[0].variables[0].missing,
        hierarch::model::Missing::Inferred
    );
    assert!(specification.graphviz().contains("\"v[3]?\""), "{}", specification.graphviz());
    let error = Complete::default().simulate(1).missing(0.2).one().unwrap_err().to_string();
    assert!(error.contains("no observation of the model may be missing"), "{error}");
}

#[test]
fn predictive_checks_compare_what_is_there() {
    let model = Gaps::default();
    let set = model.simulate(1).size(Gaps::ROWS, 30).missing(0.5).seed(seed(8)).one().unwrap();
    let chains = model.nuts(&set.data).seed(seed(9)).warmup(300).draws(300).run().unwrap();
    let check = hierarch::calibration::PredictiveCheck::new(&model, &set.data).replications(200);
    let posterior = check.posterior(chains.globals()).unwrap();
    let row = posterior.get("mean v").unwrap();
    let there: Vec<f64> = set.data.rows.v.iter().flatten().flatten().copied().collect();
    within!((row.observed - there.iter().sum::<f64>() / there.len() as f64).abs(), 1e-12);
    check.prior().unwrap();
}

hierarch::model! {
    /// Mechanisms of the model's own.
    pub Mechanisms {
        global mu ~ Normal(0.0, 1.0);
        observe first: Option ~ Normal(mu, 1.0);
        missing first ~ Bernoulli(0.5);
        plate sites(2) {
            given lost ~ Beta(1.0, 4.0);
        }
        plate rows(1..=1000) {
            given age ~ Uniform(0.0, 1.0);
            given site: index(sites);
            observe y: Option ~ Normal(mu + age, 1.0);
            observe v[2]: Option ~ Normal(y, 1.0);
            observe w[2]: Option ~ MvNormal([mu, 0.0], [[1.0, 0.3], [0.3, 2.0]]);
            observe smoker ~ Bernoulli(0.3);
            missing y ~ Bernoulli(probability = age);
            missing v ~ if smoker { Bernoulli(0.9) } else { Bernoulli(0.0) };
            missing w ~ Bernoulli(lost[site]);
        }
    }
}

#[test]
fn values_are_missing_by_a_mechanism() {
    let model = Mechanisms::default();
    let shares = |draw: &dyn Fn(u64) -> MechanismsData| {
        let mut counts = [[0.0_f64; 2]; 6];
        for i in 0..200 {
            let data = draw(i);
            let mut add = |at: usize, missing: bool| {
                counts[at][0] += 1.0;
                counts[at][1] += f64::from(u8::from(missing));
            };
            add(0, data.first.is_none());
            for row in data.rows.rows() {
                add(if row.age < 0.5 { 1 } else { 2 }, row.y.is_none());
                add(if row.smoker { 3 } else { 4 }, row.v[1].is_none());
                assert_eq!(row.w[0].is_none(), row.w[1].is_none());
                add(5, row.w[0].is_none());
            }
        }
        counts.map(|[all, missing]| (missing / all, all))
    };
    let draw = |i| model.simulate(1).size(Mechanisms::ROWS, 100).seed(seed(1000 * (i + 1))).one().unwrap().data;
    let found = shares(&draw);
    for ((share, all), expected) in found.into_iter().zip([0.5, 0.25, 0.75, 0.9, 0.0, 0.2]) {
        // The shares of sites differ from set to set, of which there are two each.
        let all = if expected == 0.2 { 400.0 } else { all };
        within!((share - expected).abs(), 5.0 * (0.25 / all).sqrt(), "{share} of {all}, where {expected} are expected");
    }
    let text = model.specification().plates[1].variables.iter().find(|v| v.name == "w").unwrap().mechanism.clone();
    assert_eq!(text, "Bernoulli(lost[site])");
    let data = draw(7);
    let replication = model.simulate(1).replicate(&data).one().unwrap().data;
    let gaps = |data: &MechanismsData| data.rows.y.iter().map(Option::is_none).collect::<Vec<_>>();
    assert_eq!(gaps(&replication), gaps(&data));
    let globals = MechanismsGlobals { mu: 0.3 };
    let draws = hierarch::draws::Draws::new([("mu", vec![globals.mu; 10])]);
    let predicted = Prediction::new(&model, &data).from(&draws).unwrap();
    assert!(predicted.columns().iter().flatten().all(|x| x.is_finite()), "what is predicted is all there");
}

hierarch::model! {
    /// Whether a value is missing depends on it, so that this is observed.
    pub Shy {
        global mu ~ Normal(0.0, 2.0);
        plate rows(1..=100) {
            observe y: Option ~ Normal(mu, 1.0);
            observe told ~ Bernoulli(logit = 1.0 - 2.0 * y);
            missing y ~ Bernoulli(if told { 0.0 } else { 1.0 });
        }
    }
}

#[test]
fn what_is_missing_since_it_is_large_is_known_to_be() {
    let model = Shy::default();
    let truth = ShyGlobals { mu: 0.7 };
    let data = model.simulate(1).at(&truth).size(Shy::ROWS, 40).seed(seed(10)).one().unwrap().data;
    assert!(data.rows.rows().all(|row| row.y.is_some() == row.told));
    let told = |y: f64| 1.0 / (1.0 + (2.0 * y - 1.0).exp());
    // By quadrature.
    let grid = |low: f64, high: f64, n: usize| (0..n).map(move |i| low + (high - low) * (i as f64 + 0.5) / n as f64);
    let log_density = |mu: f64| {
        let silent: f64 = grid(-9.0, 9.0, 2000)
            .map(|z| Normal::new(0.0, 1.0).log_density(z).exp() * (1.0 - told(mu + z)) * 0.009)
            .sum();
        let seen = data.rows.y.iter().map(|y| match y {
            Some(y) => Normal::new(mu, 1.0).log_density(*y) + told(*y).ln(),
            None => silent.ln(),
        });
        Normal::new(0.0, 2.0).log_density(mu) + seen.sum::<f64>()
    };
    let points: Vec<(f64, f64)> = grid(-1.5, 3.5, 1000).map(|mu| (mu, log_density(mu))).collect();
    let most = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let moment = |power: i32| points.iter().map(|(mu, log)| mu.powi(power) * (log - most).exp()).sum::<f64>();
    let mean = moment(1) / moment(0);
    let sd = (moment(2) / moment(0) - mean * mean).sqrt();
    let chains = model.nuts(&data).seed(seed(1)).draws(10_000).run().unwrap();
    agrees(&chains, "mu", mean, sd, 4.5);
}

hierarch::model! {
    /// A variance that follows from what may be missing.
    pub Garch {
        global a[3] ~ Dirichlet([1.0, 1.0, 1.0]);
        plate days(1..=50) {
            let variance = prev(next, 1, 1.0);
            observe y: Option ~ Normal(0.0, variance.sqrt());
            let next = a[0] + a[1] * y * y + a[2] * variance;
        }
    }
}

hierarch::model! {
    /// Regimes of an autoregression.
    pub Regimes {
        global stay ~ Beta(4.0, 1.0);
        global phi[2] ~ Uniform(-1.0, 1.0);
        plate days(1..=20) {
            local state ~ Bernoulli(if prev(state, 1, false) { stay } else { 1.0 - stay });
            observe y: Option ~ Normal((if state { phi[1] } else { phi[0] }) * prev(y, 1, 0.4), 1.0);
        }
    }
}

hierarch::model! {
    /// A discrete global behind what may be missing, and behind what depends on it.
    pub Unsure {
        global kind ~ Categorical([0.2, 0.3, 0.5]);
        global mu[3] ~ Normal(0.0, 2.0);
        plate rows(1..=20) {
            observe x: Option ~ LogNormal(mu[kind], 1.0);
            observe y: Option ~ Normal(x * kind as f64, 1.0);
            observe n: Option ~ Poisson(1.0 + kind as f64);
        }
    }
}

#[test]
fn what_is_missing_is_inferred_beside_all_that_a_model_may_have() {
    let gap = |x: &mut [Option<f64>], at: &[usize]| -> Vec<f64> {
        at.iter().filter_map(|at| x.get_mut(*at).and_then(Option::take)).collect()
    };
    for s in Garch::default().simulate(5).size(Garch::DAYS, 12).seed(seed(12)).run().unwrap() {
        let (model, mut data) = (Garch::default(), s.data.clone());
        let mut q = unconstrain(&model, &s.globals, None);
        let whole = Density::new(&model, &data).unwrap().gradient(&q, &mut [0.0; 2]);
        q.extend(gap(&mut data.days.y, &[1, 4, 5, 11]));
        let value = Density::new(&model, &data).unwrap().gradient(&q, &mut [0.0; 6]);
        within!((value - whole).abs(), 1e-10 * value.abs().max(1.0), "{value} {whole}");
        check_gradient_at(&model, &data, &q);
    }
    for s in Regimes::default().simulate(5).size(Regimes::DAYS, 9).seed(seed(13)).run().unwrap() {
        let (model, mut data) = (Regimes::default(), s.data.clone());
        let mut q = unconstrain(&model, &s.globals, None);
        let whole = Density::new(&model, &data).unwrap().gradient(&q, &mut [0.0; 3]);
        q.extend(gap(&mut data.days.y, &[0, 3, 4, 8]));
        let value = Density::new(&model, &data).unwrap().gradient(&q, &mut [0.0; 7]);
        within!((value - whole).abs(), 1e-10 * value.abs().max(1.0), "{value} {whole}");
        check_gradient_at(&model, &data, &q);
    }
    for s in Unsure::default().simulate(5).size(Unsure::ROWS, 9).seed(seed(14)).run().unwrap() {
        let (model, mut data) = (Unsure::default(), s.data.clone());
        gap(&mut data.rows.y, &[2, 5]);
        data.rows.n[1] = None;
        let mut q = unconstrain(&model, &s.globals, None);
        let whole = Density::new(&model, &data).unwrap().gradient(&q, &mut [0.0; 3]);
        let logs: Vec<f64> = gap(&mut data.rows.x, &[0, 3, 4, 5, 8]).iter().map(|x| x.ln()).collect();
        q.extend_from_slice(&logs);
        let value = Density::new(&model, &data).unwrap().gradient(&q, &mut [0.0; 8]);
        let by_hand = whole + logs.iter().sum::<f64>();
        within!((value - by_hand).abs(), 1e-10 * value.abs().max(1.0), "{value} {by_hand}");
        check_gradient_at(&model, &data, &q);
    }
}
