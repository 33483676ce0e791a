//! Densities from which nothing is drawn: flat priors, factors, weights.

use hierarch::model::{Density, log_density};
use hierarch::prelude::*;
use hierarch_tests::density::check_gradient_at;
use hierarch_tests::{agrees, seed};

hierarch::model! {
    /// A regression with the priors of Jeffreys.
    pub Line {
        global a ~ Flat;
        global b ~ Flat;
        global sd ~ Flat(0..);
        factor -sd.ln();
        plate rows(1..=100) {
            given x: f64;
            observe y ~ Normal(a + b * x, sd);
        }
    }
}

hierarch::model! {
    /// Factors outside a plate, in it, and of data outside.
    pub Survey {
        given total: f64;
        let half = total / 2;
        global m ~ Normal(0, 10);
        global sd ~ Flat(0.1, 5.0);
        global low ~ Flat(..1.0);
        factor -0.5 * (m - half).square();
        factor low;
        plate rows(1..=100) {
            given weight: f64;
            observe y ~ Weighted(Normal(m, sd), weight);
            factor -0.01 * (y - m).abs();
        }
    }
}

hierarch::model! {
    /// A factor that depends on what is summed out, and one on a local.
    pub Mixed {
        global p ~ Beta(2, 2);
        plate rows(1..=10) {
            local z ~ Bernoulli(p);
            local u ~ Normal(0, 1);
            let shift = if z { 1.5 } else { -0.5 };
            observe y ~ Normal(u, 1.0);
            factor -(y - shift).square();
            factor 0.3 * u;
        }
    }
}

hierarch::model! {
    /// A density alone.
    pub Ring {
        global x[2] ~ Flat;
        let r = (x[0] * x[0] + x[1] * x[1]).sqrt();
        factor -((r - 3.0) / 0.2).square() / 2;
    }
}

hierarch::model! {
    pub Untouched {
        global a ~ Flat;
        global b[2] ~ Flat(0..);
        plate rows(1..=10) {
            observe y ~ Normal(a, b[1]);
        }
    }
}

hierarch::model! {
    /// What is seen enters by a factor alone: times, of which some are only known to be larger.
    pub Times {
        global rate ~ Gamma(2, 1);
        plate patients(1..=10) {
            given t: f64;
            given died: bool;
            factor if died { rate.ln() } else { 0.0 } - rate * t;
        }
    }
}

fn line() -> (LineGlobals, LineData) {
    let truth = LineGlobals { a: 1.0, b: 2.0, sd: 0.3 };
    let x: Vec<f64> = (0..12).map(|i| f64::from(i) / 6.0 - 0.8).collect();
    let design = LineData { rows: LineRows { y: vec![0.0; x.len()], x } };
    let data = Line::default().simulate(1).at(&truth).same_design_as(&design).seed(seed(1)).one().unwrap().data;
    (truth, data)
}

/// With flat priors and 1 / sd, the coefficients have Student's t around least squares, and the variance is inverse gamma.
#[test]
fn a_regression_with_flat_priors_is_students_t() {
    let (_, data) = line();
    let (x, y) = (&data.rows.x, &data.rows.y);
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let sxx: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
    let b = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / sxx;
    let left: f64 = x.iter().zip(y).map(|(x, y)| (y - my - b * (x - mx)).powi(2)).sum();
    let nu = n - 2.0;
    let wide = (left / (nu - 2.0)).sqrt();

    let model = Line::default();
    let chains = model.nuts(&data).draws(10_000).seed(seed(2)).run().unwrap();
    agrees(&chains, "b", b, wide / sxx.sqrt(), 4.0);
    agrees(&chains, "a", my - b * mx, wide * (1.0 / n + mx * mx / sxx).sqrt(), 4.0);
    // Whatever the prior says.
    let best = model.maximize(&data).unwrap().globals;
    assert!((best.b - b).abs() < 1e-4 && (best.sd - (left / n).sqrt()).abs() < 1e-4, "{best:?}");
}

fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

#[test]
fn factors_and_weights_are_terms_of_the_density() {
    let model = Survey::default();
    let rows = SurveyRows { weight: vec![1.0, 2.0, 0.0], y: vec![1.0, 3.0, 2.0] };
    let data = SurveyData { total: 4.0, rows };
    let at = SurveyGlobals { m: 0.7, sd: 1.3, low: 0.4 };
    let expected = normal(0.7, 0.0, 10.0) - 0.5 * (0.7_f64 - 2.0).powi(2)
        + 0.4
        + normal(1.0, 0.7, 1.3)
        + 2.0 * normal(3.0, 0.7, 1.3)
        - 0.01 * (0.3 + 2.3 + 1.3);
    let got = log_density(&model, &at, &SurveyLocals::default(), &data).unwrap();
    assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    check_gradient_at(&model, &data, &[0.7, 0.2, -0.3]);

    let patients = TimesPatients { t: vec![1.0, 2.5, 3.0], died: vec![true, false, true] };
    let got = log_density(
        &Times::default(),
        &TimesGlobals { rate: 0.6 },
        &TimesLocals::default(),
        &TimesData { patients: patients.clone() },
    );
    let expected = 0.6_f64.ln() - 0.6 + 2.0 * 0.6_f64.ln() - 0.6 * 6.5;
    assert!((got.unwrap() - expected).abs() < 1e-12);
    check_gradient_at(&Times::default(), &TimesData { patients }, &[0.3]);

    let model = Mixed::default();
    let data = MixedData { rows: MixedRows { y: vec![0.3, -1.0, 2.0, 0.0, 1.0] } };
    let u = vec![0.1, -0.2, 0.5, 0.0, 1.1];
    let locals = MixedLocals { rows: MixedRowsLocals { z: vec![false; 5], u: u.clone() } };
    let row = |(&y, &u): (&f64, &f64)| {
        let of_shift = |p: f64, shift: f64| p * (-(y - shift).powi(2)).exp();
        normal(u, 0.0, 1.0) + normal(y, u, 1.0) + 0.3 * u + (of_shift(0.6, 1.5) + of_shift(0.4, -0.5)).ln()
    };
    let expected = (6.0_f64 * 0.6 * 0.4).ln() + data.rows.y.iter().zip(&u).map(row).sum::<f64>();
    let got = log_density(&model, &MixedGlobals { p: 0.6 }, &locals, &data).unwrap();
    assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    check_gradient_at(&model, &data, &[0.2, 0.1, -0.2, 0.5, 0.0, 1.1]);
}

/// The radius has the density r exp(-(r - 3)^2 / 0.08): moments by quadrature.
#[test]
fn a_density_without_data_is_sampled() {
    let weight = |r: f64| r * (-((r - 3.0) / 0.2).powi(2) / 2.0).exp();
    let moment = |k: i32| (0..4000).map(|i| f64::from(i) * 1e-3 + 1.0).map(|r| r.powi(k) * weight(r)).sum::<f64>();
    let mean = moment(1) / moment(0);
    let sd = (moment(2) / moment(0) - mean * mean).sqrt();
    let chains = Ring::default().nuts(&RingData {}).draws(10_000).seed(seed(3)).run().unwrap();
    agrees(&chains, "r", mean, sd, 4.0);
    let mean_square = moment(2) / moment(0);
    agrees(&chains, "x[0]", 0.0, (mean_square / 2.0).sqrt(), 4.0);
}

#[test]
fn what_cannot_be_drawn_says_so() {
    let (model, data) = (Untouched::default(), UntouchedData { rows: UntouchedRows { y: vec![1.0, 2.0] } });
    let text = model.nuts(&data).run().unwrap_err().to_string();
    assert!(text.contains("improper: the prior of `b[0]` is flat"), "{text}");

    let at = UntouchedGlobals { a: 1.0, b: [1.0, 2.0] };
    let set = model.simulate(1).size("rows", 3).at(&at).one().unwrap();
    assert_eq!((set.globals, set.data.rows.y.len()), (at, 3));
    let outside = UntouchedGlobals { a: 1.0, b: [-1.0, 2.0] };
    let text = model.simulate(1).size("rows", 3).at(&outside).one().unwrap_err().to_string();
    assert!(text.contains("`b[0]` is fixed at -1, which is outside its support"), "{text}");

    let (truth, data) = line();
    let replicas = Line::default().simulate(3).at(&truth).replicate(&data).run().unwrap();
    assert!(replicas.iter().all(|replica| replica.data.rows.x == data.rows.x));
    assert!(Density::new(&Line::default(), &data).unwrap().plan().to_string().contains("least squares"));
}

hierarch::model! {
    /// A factor on the local of a group: a normal prior of sd 1 / 2 that is written as one of sd 1, without its constant.
    pub Narrowed {
        global mu ~ Normal(0, 1);
        plate groups(1..=10) {
            local b ~ Normal(0, 1);
            factor -1.5 * b * b;
            plate rows(1..=5) {
                observe y ~ Normal(mu + b, 0.5);
            }
        }
    }
}

/// Where the local of a group is integrated out, its factor is part of the integral: ln 2 less than with the prior of sd 1 / 2, of
/// which the sum of the group is normal.
#[test]
fn a_factor_of_a_group_is_integrated_with_it() {
    let rows = NarrowedRows { offsets: vec![0, 2, 3], y: vec![0.4, -0.3, 1.2] };
    let data = NarrowedData { groups: NarrowedGroups { rows } };
    let model = Narrowed::default();
    let chains = model.nuts(&data).chains(2).draws(200).seed(seed(7)).run().unwrap();
    let groups = chains.group_log_likelihood(&model, &data, "groups", 4000, 1).unwrap();
    let draws = chains.as_draws().get("mu").unwrap().to_vec();
    let mut off = [0.0; 2];
    for (draw, mu) in draws.iter().enumerate() {
        // One row: normal with the variance 1/4 + 1/4. Two: their mean and their difference are independent.
        let one = normal(1.2, *mu, 0.5_f64.sqrt()) - 2.0_f64.ln();
        let two = normal(0.05, *mu, (0.25_f64 + 0.125).sqrt()) + normal(0.7, 0.0, 0.5_f64.sqrt()) - 2.0_f64.ln();
        for (group, exact) in [two, one].into_iter().enumerate() {
            off[group] += (groups.row(group)[draw] - exact) / draws.len() as f64;
        }
    }
    // A Monte Carlo mean over one set of points for all draws.
    off.iter().for_each(|off| assert!(off.abs() < 0.05, "{off} on average"));
}
