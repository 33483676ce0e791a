//! Several discrete locals of one element, summed out by what depends on each other: against the sum over all combinations of their
//! values in plain Rust, and E[gradient] = 0.

use hierarch::autodiff::log_sum_exp;
use hierarch::distributions::{Binomial, Distribution, Normal, Poisson};
use hierarch::model::{Density, log_density};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score};
use hierarch_tests::{seed, within};

model! {
    /// Five locals, each of which depends on the one before.
    pub Chained {
        global p ~ Beta(2, 2);
        global mu[3] ~ Normal(0, 1);
        plate rows(1..=40) {
            given x ~ Normal(0, 1);
            local a ~ Bernoulli(p);
            local b ~ Categorical(if a { [0.2, 0.3, 0.5] } else { [0.6, 0.3, 0.1] });
            let doubled = 2 * b as f64;
            local c ~ Binomial(4, 0.1 + 0.2 * b as f64);
            let shift = if a { mu[0] } else { x };
            local d ~ Categorical(if c > 2.0 { [p, 0.5 * (1 - p), 0.5 * (1 - p)] } else { [0.3, 0.3, 0.4] });
            local e ~ Bernoulli(if d == 1 { 0.8 } else { p });
            observe y ~ Normal(shift, 1.0);
            observe u ~ Normal(mu[b] + doubled, 1.0);
            observe v ~ Normal(c + x, 1.0);
            observe w ~ Poisson(if e { 2.0 } else { 0.5 } + d as f64);
        }
    }
}

impl ChainedGlobals {
    /// The log density of row `i` and of these values of its locals.
    fn at(&self, rows: &ChainedRows, i: usize, [a, b, c, d, e]: [usize; 5]) -> f64 {
        let (p, of_b) = (self.p, if a == 1 { [0.2, 0.3, 0.5] } else { [0.6, 0.3, 0.1] });
        let of_d = if c > 2 { [p, 0.5 * (1.0 - p), 0.5 * (1.0 - p)] } else { [0.3, 0.3, 0.4] };
        let yes = if d == 1 { 0.8 } else { p };
        let locals = [if a == 1 { p } else { 1.0 - p }, of_b[b], of_d[d], if e == 1 { yes } else { 1.0 - yes }];
        locals.iter().map(|p| p.ln()).sum::<f64>()
            + Binomial::new(4.0, 0.1 + 0.2 * b as f64).log_density(c as f64)
            + Normal::new(if a == 1 { self.mu[0] } else { rows.x[i] }, 1.0).log_density(rows.y[i])
            + Normal::new(self.mu[b] + 2.0 * b as f64, 1.0).log_density(rows.u[i])
            + Normal::new(c as f64 + rows.x[i], 1.0).log_density(rows.v[i])
            + Poisson::new(if e == 1 { 2.0 } else { 0.5 } + d as f64).log_density(rows.w[i] as f64)
    }
}

/// Lists every combination of the values of some locals; `sizes` says how many values each has.
fn combinations<const N: usize>(sizes: [usize; N]) -> Vec<[usize; N]> {
    let each = |all: usize| {
        let mut left = all;
        sizes.map(|size| {
            let value = left % size;
            left /= size;
            value
        })
    };
    (0..sizes.iter().product()).map(each).collect()
}

/// Holds the density, at the data and at draws of the posterior, against the sum over all `combinations`, of which `at` is the log
/// density in an element; and the probabilities of the locals `names` there, and draws of the values of two of them together.
fn check_sums<M: Likelihood + Generative, const N: usize>(
    model: &M,
    data: &M::Data,
    elements: usize,
    (names, sizes): ([&str; N], [usize; N]),
    pair: [(usize, usize); 2],
    at: impl Fn(&M::Globals, usize, [usize; N]) -> f64,
) where
    M::Locals: Default,
{
    let chains = model.nuts(data).chains(2).warmup(200).draws(500).seed(seed(1)).run().unwrap();
    let discrete = chains.discrete(model, data, seed(2)).unwrap();
    let all = combinations(sizes);
    let mut probabilities = vec![sizes.map(|size| vec![0.0; size]); elements];
    let (mut drawn, mut expected, mut variance) = (0.0, 0.0, 0.0);
    let is_drawn = |element: usize, s: usize| {
        pair.iter().all(|(local, value)| {
            let column = discrete.draws().get(format!("{}[{element}]", names[*local])).unwrap();
            column[s] == *value as f64
        })
    };
    for (s, globals) in chains.globals().enumerate() {
        for (element, probabilities) in probabilities.iter_mut().enumerate() {
            let terms: Vec<f64> = all.iter().map(|values| at(&globals, element, *values)).collect();
            let sum = log_sum_exp(&terms);
            let mut share_of_pair = 0.0;
            for (values, term) in all.iter().zip(&terms) {
                let share = (term - sum).exp();
                (0..N).for_each(|local| probabilities[local][values[local]] += share / 1000.0);
                share_of_pair += if pair.iter().all(|(local, value)| values[*local] == *value) { share } else { 0.0 };
            }
            drawn += f64::from(u8::from(is_drawn(element, s)));
            expected += share_of_pair;
            variance += share_of_pair * (1.0 - share_of_pair);
        }
    }
    for (local, name) in names.iter().enumerate() {
        let found = discrete.probabilities(*name).unwrap();
        for (found, exact) in found.iter().zip(&probabilities) {
            found.iter().zip(&exact[local]).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{name}: {a} {b}"));
        }
    }
    let error = (drawn - expected) / f64::sqrt(variance);
    within!(error.abs(), 5.0, "{drawn} pairs drawn, {expected} expected");
}

#[test]
fn a_chain_of_locals_is_summed_over() {
    let model = Chained::default();
    let set = model.simulate(1).size(Chained::ROWS, 5).seed(seed(1)).one().unwrap();
    let rows = &set.data.rows;
    let locals = ["a", "b", "c", "d", "e"];
    let sizes = [2, 3, 5, 3, 2];
    check_sums(&model, &set.data, 5, (locals, sizes), [(0, 1), (2, 2)], |globals, i, values| {
        globals.at(rows, i, values)
    });
    let of_row = |i: usize| {
        let terms: Vec<f64> = combinations(sizes).into_iter().map(|values| set.globals.at(rows, i, values)).collect();
        log_sum_exp(&terms)
    };
    let prior = hierarch::model::log_prior(&model, &set.globals);
    let exact = prior + (0..5).map(of_row).sum::<f64>();
    let found = log_density(&model, &set.globals, &set.locals, &set.data).unwrap();
    assert!((found - exact).abs() < 1e-9, "{found} {exact}");
    check_gradient(&model, 5);
    check_score(&model, &[("rows", 3)], 5_000);
}

model! {
    /// Two locals that meet in a third, which is declared after them, a part of its own, and a continuous local that depends on one.
    pub Meeting {
        global p ~ Beta(2, 2);
        global mu ~ Normal(0, 1);
        plate rows(1..=40) {
            local left ~ Categorical([0.2, 0.3, 0.5]);
            local right ~ Binomial(3, p);
            local alone ~ Bernoulli(0.3);
            local size ~ Normal(if alone { mu } else { 0.0 }, 1.0);
            local centre ~ Categorical([p, 0.6 * (1 - p), 0.4 * (1 - p)]);
            observe y ~ Normal(mu * left as f64 + centre as f64, 1.0);
            observe z ~ Normal(right - centre as f64, 1.0);
            observe w ~ Normal(size, 0.5);
            plate parts(1..=5) {
                observe k ~ Poisson(right + 0.5);
            }
        }
    }
}

#[test]
fn locals_that_meet_are_summed_over() {
    let model = Meeting::default();
    let set = model.simulate(1).size(Meeting::ROWS, 4).size(Meeting::PARTS, 2).seed(seed(1)).one().unwrap();
    let (rows, k) = (&set.data.rows, &set.data.rows.parts.k);
    let at = |globals: &MeetingGlobals, i: usize, [left, right, centre]: [usize; 3]| {
        let p = globals.p;
        let of_parts = |k: &u64| Poisson::new(right as f64 + 0.5).log_density(*k as f64);
        [0.2_f64, 0.3, 0.5][left].ln()
            + Binomial::new(3.0, p).log_density(right as f64)
            + [p, 0.6 * (1.0 - p), 0.4 * (1.0 - p)][centre].ln()
            + Normal::new(globals.mu * left as f64 + centre as f64, 1.0).log_density(rows.y[i])
            + Normal::new(right as f64 - centre as f64, 1.0).log_density(rows.z[i])
            + k[2 * i..2 * i + 2].iter().map(of_parts).sum::<f64>()
    };
    check_sums(&model, &set.data, 4, (["left", "right", "centre"], [3, 4, 3]), [(0, 2), (1, 1)], at);
    check_gradient(&model, 5);
    check_score(&model, &[("rows", 2), ("parts", 2)], 5_000);
}

model! {
    /// The chain, shorter, with what ties all together so that only the product is left.
    pub Tied {
        global p ~ Beta(2, 2);
        plate rows(1..=2000) {
            local a ~ Binomial(9, p);
            local b ~ Binomial(9, 0.05 + 0.09 * a);
            local c ~ Binomial(9, 0.05 + 0.09 * b);
            local d ~ Binomial(9, 0.05 + 0.09 * c);
            observe y ~ Normal(if a + b + c + d > 99.0 { 1.0 } else { 0.0 }, 1.0);
            observe z ~ Normal(d, 1.0);
        }
    }
}

model! {
    /// The same without it.
    pub Loose {
        global p ~ Beta(2, 2);
        plate rows(1..=2000) {
            local a ~ Binomial(9, p);
            local b ~ Binomial(9, 0.05 + 0.09 * a);
            local c ~ Binomial(9, 0.05 + 0.09 * b);
            local d ~ Binomial(9, 0.05 + 0.09 * c);
            observe y ~ Normal(0.0, 1.0);
            observe z ~ Normal(d, 1.0);
        }
    }
}

/// Of four locals with ten values each the sums have 310 terms, and the product has 10,000.
#[test]
fn a_chain_costs_its_links() {
    let LooseData { rows } = Loose::default().simulate(1).size(Loose::ROWS, 50).seed(seed(1)).one().unwrap().data;
    let tied = TiedData { rows: TiedRows { y: rows.y.clone(), z: rows.z.clone() } };
    let (loose, model, product) = (LooseData { rows }, Loose::default(), Tied::default());
    let (mut fast, mut slow) = (Density::new(&model, &loose).unwrap(), Density::new(&product, &tied).unwrap());
    let mut slopes = [[0.0]; 2];
    let (of_links, of_all) = (fast.gradient(&[0.3], &mut slopes[0]), slow.gradient(&[0.3], &mut slopes[1]));
    assert!((of_links - of_all).abs() < 1e-9 * of_all.abs(), "{of_links} {of_all}");
    assert!((slopes[0][0] - slopes[1][0]).abs() < 1e-9 * slopes[1][0].abs().max(1.0), "{slopes:?}");
    let time = |run: &mut dyn FnMut() -> f64| {
        let once = |_| {
            let start = std::time::Instant::now();
            assert!(run().is_finite());
            start.elapsed().as_secs_f64()
        };
        (0..5).map(once).fold(f64::INFINITY, f64::min)
    };
    let (links, all) =
        (time(&mut || fast.gradient(&[0.3], &mut [0.0])), time(&mut || slow.gradient(&[0.3], &mut [0.0])));
    assert!(5.0 * links < all, "{links} s by links, {all} s by all combinations");
}
