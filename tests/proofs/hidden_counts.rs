//! Hidden counts whose number of values is not the same in all elements.

use hierarch::distributions::{Beta, Binomial, Distribution, Gamma, Poisson};
use hierarch::model::log_density;
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient_at, check_score};
use hierarch_tests::{seed, within};

hierarch::model! {
    /// Hidden counts whose number of values changes from element to element: by a covariate and what is left, by growth, by data.
    pub Counted {
        global p ~ Beta(4.0, 2.0);
        global r ~ Gamma(4.0, 1.0);
        plate days(1..=20) {
            given x ~ Normal(0.0, 1.0);
            local alive ~ Binomial(prev(alive, 1, 12), p * (0.9 + 0.1 * x.tanh()));
            observe seen ~ Poisson(0.2 + r * alive);
        }
        plate weeks(1..=20) {
            local grown ~ DiscreteUniform(0, prev(grown, 1, 0) + 2);
            observe sold ~ Poisson(0.2 + r * grown);
        }
        plate years(1..=20) {
            given of ~ DiscreteUniform(2, 9);
            local ill ~ Binomial(of, if prev(ill, 1, 3) > 1 { p } else { 0.5 * p });
            observe found ~ Poisson(0.2 + r * ill);
        }
    }
}

/// The log density of the observations of a chain of counts below 80, by a plain forward algorithm; `step(t, i, j)` is the probability
/// of the step to the count `j` of the element `t`.
fn forward(y: &[u64], first: usize, r: f64, step: impl Fn(usize, usize, usize) -> f64) -> f64 {
    let mut now = vec![0.0; 80];
    now[first] = 1.0;
    for (t, y) in y.iter().enumerate() {
        let seen = |j: usize| Poisson::new(0.2 + r * j as f64).log_density(*y as f64).exp();
        let reached = |j: usize| (0..80).filter(|i| now[*i] > 0.0).map(|i| now[i] * step(t, i, j)).sum::<f64>();
        now = (0..80).map(|j| reached(j) * seen(j)).collect();
    }
    now.iter().sum::<f64>().ln()
}

#[test]
fn hidden_counts_of_any_number_of_values() {
    let model = Counted::default();
    let sets = model.simulate(5).size("days", 19).size("weeks", 19).size("years", 19).seed(seed(1)).run().unwrap();
    for s in sets {
        let (CountedGlobals { p, r }, data) = (&s.globals, &s.data);
        let (p, r, binomial) =
            (
                *p,
                *r,
                |n: usize, p: f64, k: usize| {
                    if k > n { 0.0 } else { Binomial::new(n as f64, p).log_density(k as f64).exp() }
                },
            );
        let mut total = Beta::new(4.0, 2.0).log_density(p) + Gamma::new(4.0, 1.0).log_density(r);
        total += forward(&data.days.seen, 12, r, |t, i, j| binomial(i, p * (0.9 + 0.1 * data.days.x[t].tanh()), j));
        total += forward(&data.weeks.sold, 0, r, |_, i, j| if j <= i + 2 { 1.0 / (i + 3) as f64 } else { 0.0 });
        total += forward(&data.years.found, 3, r, |t, i, j| {
            binomial(data.years.of[t] as usize, if i > 1 { p } else { 0.5 * p }, j)
        });
        let found = log_density(&model, &s.globals, &s.locals, data).unwrap();
        within!((found - total).abs(), 1e-9 * total.abs(), "{found} {total}");
        check_gradient_at(&model, data, &[0.3, 0.8]);
    }
    check_score(&model, &[("days", 4), ("weeks", 4), ("years", 4)], 20_000);
}

hierarch::model! {
    /// A population of which each day some are caught.
    pub Caught {
        global p ~ Beta(4.0, 2.0);
        plate days(1..=20) {
            local alive ~ Binomial(prev(alive, 1, 12), p);
            observe caught ~ Binomial(alive, 0.5);
        }
    }
}

/// The fewest that explain a day are not all that the next one may have.
#[test]
fn data_that_some_path_explains_are_possible() {
    let data = |caught: &[u64]| CaughtData { days: CaughtDays { caught: caught.to_vec() } };
    let model = Caught::default();
    check_gradient_at(&model, &data(&[3, 2, 5]), &[1.4]);
    assert!(hierarch::model::check(&model, &data(&[3, 2, 13])).is_err());
}
