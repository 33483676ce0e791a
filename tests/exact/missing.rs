//! Observations that may be missing: left out where nothing depends on them, inferred where something does.

use hierarch::autodiff::log_sum_exp;
use hierarch::distributions::{Bernoulli, Categorical, Distribution, MvNormal, Normal, Poisson};
use hierarch::model::{DataError, Density, Likelihood, log_prior, names, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

use crate::density::{check_equal, check_gradient_at, check_score_of};

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
