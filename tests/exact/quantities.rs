//! Quantities against closed forms: those of a conjugate model, those of a whole plate by hand, and a density that knows nothing of them.

use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch_margins::within;
use hierarch_tests::seed;

use crate::nuts::agrees;

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
