//! Maxima of the likelihood of data in any units and far from zero, against least squares in closed form; and what has no single one.

use hierarch::prelude::*;
use hierarch::sampling::Maximum;
use hierarch_tests::within;

model! {
    pub Straight {
        global a ~ Normal(0.0, 10.0);
        global b ~ Normal(0.0, 10.0);
        global s ~ HalfNormal(5.0);
        plate rows(0..=100) {
            given x: f64;
            observe y: Option ~ Normal(a + b * x, s);
        }
    }
}

fn points() -> (Vec<f64>, Vec<f64>) {
    let t: Vec<f64> = (0..31).map(|i| f64::from(i) - 15.0).collect();
    let y = t.iter().enumerate().map(|(i, t)| 2.0 + 0.1 * t + (((7 * i) % 11) as f64 - 5.0) * 0.1).collect();
    (t, y)
}

fn data(x: &[f64], y: &[f64]) -> StraightData {
    StraightData { rows: StraightRows { x: x.to_vec(), y: y.iter().copied().map(Some).collect() } }
}

/// Least squares in centred numbers: b, the sd, the log likelihood, and the statistic of b = 0.
fn least_squares(x: &[f64], y: &[f64]) -> (f64, f64, f64, f64) {
    let n = x.len() as f64;
    let mean = |z: &[f64]| z.iter().sum::<f64>() / n;
    let (mx, my) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
    let b = sum(&|x, y| x * y) / sum(&|x, _| x * x);
    let left = sum(&|x, y| (y - b * x).powi(2));
    let sd = (left / n).sqrt();
    (b, sd, -n * (sd.ln() + 0.5 + 0.5 * std::f64::consts::TAU.ln()), n * (sum(&|_, y| y * y) / left).ln())
}

fn agrees(x: &[f64], y: &[f64], what: &str) {
    let (b, sd, log_likelihood, statistic) = least_squares(x, y);
    let (model, data) = (Straight::default(), data(x, y));
    let best: Maximum<Straight> = model.maximize(&data).unwrap_or_else(|error| panic!("{what}: {error}"));
    within!((best.log_likelihood - log_likelihood).abs(), 1e-6, "{what}: {best:?}, {log_likelihood}");
    // An error of a thousandth of an sd costs 5e-7 nats.
    let (b_error, sd_error) = ((best.globals.b / b - 1.0).abs(), (best.globals.s / sd - 1.0).abs());
    within!(b_error, 1e-4, "{what}: {best:?}, {b}");
    within!(sd_error, 1e-4, "{what}: {best:?}, {sd}");
    let found = ProfileLikelihood::new(&model, ["b"]).unwrap().statistic(&data, &[0.0]).unwrap();
    within!((found - statistic).abs(), 2e-6, "{what}: {found}, {statistic}");
}

#[test]
fn data_far_from_zero() {
    let (t, y) = points();
    for shift in [0.0, 50.0, 700.0, 2005.0, 3000.0, 5e3, 2e4, 5.8e4, -3e5, 1e6] {
        let x: Vec<f64> = t.iter().map(|t| t + shift).collect();
        agrees(&x, &y, &format!("x + {shift}"));
    }
}

#[test]
fn data_in_any_units() {
    let (t, y) = points();
    let times = |z: &[f64], k: f64| z.iter().map(|z| z * k).collect::<Vec<f64>>();
    for power in -8..=8 {
        let k = 10.0_f64.powi(power);
        agrees(&times(&t, k), &y, &format!("x * {k:e}"));
        agrees(&times(&t, 3.0 * k), &y, &format!("x * 3 * {k:e}"));
        agrees(&t, &times(&y, k), &format!("y * {k:e}"));
        agrees(&times(&t, k), &times(&y, k.recip()), &format!("x * {k:e}, y / {k:e}"));
    }
}

model! {
    Together {
        global a ~ Normal(0.0, 3.0);
        global b ~ Normal(0.0, 1.0);
        plate rows(1..=9) {
            observe y ~ Normal(a + b, 1.0);
        }
    }
}

/// Where the data do not say what a global is, the error names one of those that may be anything; a ratio of likelihoods
/// is known all the same.
#[test]
fn no_single_maximum() {
    let not_unique = |data: &StraightData| match Straight::default().maximize(data) {
        Err(FitError::NotUnique { name }) => name,
        other => panic!("{other:?}"),
    };
    let (t, y) = points();
    assert!(["a", "b"].contains(&not_unique(&data(&[2.0; 31], &y)).as_str()));
    assert!(["a", "b"].contains(&not_unique(&data(&[5e4; 31], &y)).as_str()));
    assert!(["a", "b", "s"].contains(&not_unique(&data(&[], &[])).as_str()));
    let missing = StraightData { rows: StraightRows { y: vec![None; 31], x: t } };
    assert!(["a", "b", "s"].contains(&not_unique(&missing).as_str()));
    let data = TogetherData { rows: TogetherRows { y: vec![1.0, 2.0, 6.0] } };
    let error = Together::default().maximize(&data).unwrap_err();
    assert!(matches!(&error, FitError::NotUnique { name } if name == "a" || name == "b"), "{error}");
    assert!(error.to_string().contains("has no single maximum"), "{error}");
    let ratio = |name: &str, value: f64| {
        ProfileLikelihood::new(&Together::default(), [name]).unwrap().statistic(&data, &[value])
    };
    within!(ratio("a", 1.0).unwrap(), 1e-6);
}

/// Where a kink is, the slope jumps, and there is a maximum all the same: the median, or the largest number.
#[test]
fn kinks_and_walls() {
    let best = Kink::default().maximize(&KinkData { rows: KinkRows { y: vec![0.1, 0.3, 0.7, 2.0, 9.0] } }).unwrap();
    within!((best.globals.m - 0.7).abs(), 1e-5, "{best:?}");
    within!((best.globals.s - 10.6 / 5.0).abs(), 1e-4, "{best:?}");
    let best = Wall::default().maximize(&WallData { rows: WallRows { y: vec![0.5, 3.0] } }).unwrap();
    within!((best.globals.top - 3.0).abs(), 1e-6, "{best:?}");
}

model! {
    Kink {
        global m ~ Normal(0.0, 10.0);
        global s ~ HalfNormal(5.0);
        plate rows(1..=9) {
            observe y ~ Laplace(m, s);
        }
    }
}

model! {
    Wall {
        global top ~ Pareto(1.0, 2.0);
        plate rows(1..=9) {
            observe y ~ Uniform(0.0, top);
        }
    }
}
