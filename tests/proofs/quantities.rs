//! Quantities against closed forms: those of a conjugate model, those of a whole plate by hand, and a density that knows nothing of them.

use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch_margins::within;
use hierarch_tests::{agrees, seed};

model! {
    pub Known {
        global mu ~ Normal(0.0, 2.0);
        quantity twice = [mu, 2 * mu];
        quantity positive = mu > 0.0;
        quantity next ~ Normal(mean = mu, variance = 4.0);
        plate rows(1..=20) {
            given x: f64;
            let mean = mu + x;
            quantity fit = mean;
            observe y ~ Normal(mean, 1.0);
        }
        quantity largest = max(r in rows, fit[r]);
        quantity total = sum(r in rows, y[r] * x[r]);
    }
}

model! {
    pub Bare {
        global mu ~ Normal(0.0, 2.0);
        plate rows(1..=20) {
            given x: f64;
            observe y ~ Normal(mu + x, 1.0);
        }
    }
}

const X: [f64; 4] = [0.5, -1.0, 2.0, 0.0];
const Y: [f64; 4] = [1.0, 0.2, 3.5, -0.3];

#[test]
fn quantities_of_a_conjugate_posterior_are_those_of_the_closed_form() {
    let data = KnownData { rows: KnownRows { x: X.to_vec(), y: Y.to_vec() } };
    let chains = Known::default().nuts(&data).draws(10_000).seed(seed(1)).run().unwrap();
    let precision: f64 = 0.25 + 4.0;
    let mean = X.iter().zip(Y).map(|(x, y)| y - x).sum::<f64>() / precision;
    let sd = precision.sqrt().recip();
    agrees(&chains, "twice[0]", mean, sd, 5.0);
    agrees(&chains, "twice[1]", 2.0 * mean, 2.0 * sd, 5.0);
    agrees(&chains, "fit[1]", mean - 1.0, sd, 5.0);
    agrees(&chains, "largest", mean + 2.0, sd, 5.0);
    // What is drawn has the variance of the posterior and its own.
    agrees(&chains, "next", mean, (sd * sd + 4.0).sqrt(), 5.0);
    let share = hierarch::autodiff::Real::normal_cdf(mean / sd);
    agrees(&chains, "positive", share, (share * (1.0 - share)).sqrt(), 5.0);
    let total: f64 = X.iter().zip(Y).map(|(x, y)| x * y).sum();
    within!((chains.mean(Known::TOTAL).unwrap() - total).abs(), 1e-9);
}

#[test]
fn quantities_have_no_part_in_the_density() {
    let (known, bare) = (Known::default(), Bare::default());
    let data = KnownData { rows: KnownRows { x: X.to_vec(), y: Y.to_vec() } };
    let of_bare = BareData { rows: BareRows { x: X.to_vec(), y: Y.to_vec() } };
    let (mut a, mut b) = (Density::new(&known, &data).unwrap(), Density::new(&bare, &of_bare).unwrap());
    let (mut da, mut db) = ([0.0], [0.0]);
    assert_eq!(a.gradient(&[0.3], &mut da), b.gradient(&[0.3], &mut db));
    assert_eq!(da, db);
    let chains = known.nuts(&data).seed(1).run().unwrap();
    let of_bare = bare.nuts(&of_bare).seed(1).run().unwrap();
    assert_eq!(chains.mean("mu").unwrap(), of_bare.mean("mu").unwrap());
}

#[test]
fn the_same_draw_has_the_same_quantities() {
    let (known, mut first, mut second) = (Known::default(), Vec::new(), Vec::new());
    hierarch::model::constrain_with_derived(&known, None, &[0.3], &mut first);
    hierarch::model::constrain_with_derived(&known, None, &[0.3], &mut second);
    assert_eq!(first, second);
    hierarch::model::constrain_with_derived(&known, None, &[0.4], &mut second);
    // mu, both numbers of `twice`, `positive` and `next`.
    assert_eq!(first.len(), 5);
    assert_ne!(first[4] - first[0], second[4] - second[0]);
}

model! {
    /// Quantities and lets of elements whose observations depend on what is summed out: a global, or a local of the plate around.
    pub Within {
        global late ~ Bernoulli(0.4);
        global mu ~ Normal(0.0, 1.0);
        plate groups(1..=5) {
            local theta ~ Normal(mu, 1.0);
            let double = 2.0 * theta;
            quantity half = theta / 2.0;
            observe y ~ Normal(theta, if late { 1.0 } else { 2.0 });
        }
        plate others(1..=5) {
            local kind ~ Bernoulli(0.3);
            plate rows(0..=2) {
                local e ~ Normal(0.0, 1.0);
                let triple = 3.0 * e;
                let no_number = if kind { e } else { 0.0 };
                quantity least = -e;
                observe x ~ Normal(e + no_number, if kind { 1.0 } else { 0.5 });
            }
        }
        quantity total = sum(g in groups, theta[g] + half[g]);
    }
}

#[test]
fn what_a_sum_is_around_is_in_draws() {
    let model = Within::default();
    let set = model.simulate(1).size("groups", 3).size("others", 2).size("rows", 2).seed(seed(21)).one().unwrap();
    let chains = model.nuts(&set.data).warmup(200).draws(50).seed(seed(22)).run().unwrap();
    let draws = chains.as_draws();
    let column = |name: &str| draws.get(name).unwrap_or_else(|_| panic!("{name} of {:?}", draws.names()));
    let near = |of: &str, expected: &dyn Fn(usize) -> f64| {
        column(of).iter().enumerate().for_each(|(i, x)| assert!((x - expected(i)).abs() < 1e-12, "{of}"));
    };
    for group in 0..3 {
        let theta = column(&format!("theta[{group}]"));
        near(&format!("double[{group}]"), &|i| 2.0 * theta[i]);
        near(&format!("half[{group}]"), &|i| theta[i] / 2.0);
    }
    for row in 0..4 {
        let e = column(&format!("e[{row}]"));
        near(&format!("triple[{row}]"), &|i| 3.0 * e[i]);
        near(&format!("least[{row}]"), &|i| -e[i]);
    }
    near("total", &|i| (0..3).map(|g| 1.5 * column(&format!("theta[{g}]"))[i]).sum());
    assert!(draws.names().iter().all(|name| !name.starts_with("no_number")));
}
