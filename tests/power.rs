//! What the checks of calibration find, and how often they are alarmed by a posterior that is right.
//!
//! The tables of the documentation of `hierarch::calibration` are made by
//! `cargo test --release --test power -- --ignored --nocapture`.

use hierarch::calibration::{Calibration, Judged, LogDensities};
use hierarch::simulate::{Stream, stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use statrs::distribution::{Binomial, DiscreteCDF};

const DRAWS: usize = 400;
/// The sd of either parameter given the data, and their correlation. The prior is N(0, 1) for each.
const SD: f64 = 0.5;
const CORRELATION: f64 = 0.5;

/// How a posterior may be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Its width times this.
    Width(f64),
    /// Shifted by so many sd.
    Shift(f64),
    /// Right marginals without their correlation.
    NoCorrelation,
    /// Where the first datum is positive wider, else narrower.
    WidthByHalf(f64),
    /// Where the first datum is positive shifted up, else down.
    ShiftByHalf(f64),
}

use Fault::{NoCorrelation, None as Right, Shift, ShiftByHalf, Width, WidthByHalf};

fn normal(rng: &mut Stream) -> f64 {
    StandardNormal.sample(rng)
}

/// A conjugate model: theta ~ N(0, 1) twice, data ~ N(theta, (V^-1 - 1)^-1), so that the posterior is N((1 - V) data, V) with V
/// of sd SD and correlation CORRELATION.
fn judged(rng: &mut Stream, fault: Fault) -> Judged {
    let v = SD * SD;
    // Along the sum and the difference all is diagonal.
    let along = [v * (1.0 + CORRELATION), v * (1.0 - CORRELATION)];
    let rotate = |x: [f64; 2]| [x[0] + x[1], x[0] - x[1]].map(|x| x * std::f64::consts::FRAC_1_SQRT_2);
    let truth = [normal(rng), normal(rng)];
    let mut data = rotate(truth);
    data.iter_mut().zip(along).for_each(|(x, v)| *x += normal(rng) * (v.recip() - 1.0).sqrt().recip());
    let mut mean = [data[0] * (1.0 - along[0]), data[1] * (1.0 - along[1])];
    mean = rotate(mean);
    let data = rotate(data);
    let side = data[0].signum();
    let (shift, width, correlation) = match fault {
        Right => (0.0, 1.0, CORRELATION),
        Width(width) => (0.0, width, CORRELATION),
        Shift(shift) => (shift, 1.0, CORRELATION),
        NoCorrelation => (0.0, 1.0, 0.0),
        WidthByHalf(by) => (0.0, 1.0 + side * by, CORRELATION),
        ShiftByHalf(by) => (side * by, 1.0, CORRELATION),
    };
    let sds = [SD * width * (1.0 + correlation).sqrt(), SD * width * (1.0 - correlation).sqrt()];
    let at = |z: [f64; 2]| {
        let x = rotate([z[0] * sds[0], z[1] * sds[1]]);
        [0, 1].map(|p| mean[p] + shift * SD + x[p])
    };
    let log_density = |z: [f64; 2]| -0.5 * (z[0] * z[0] + z[1] * z[1]);
    let from_mean = rotate([0, 1].map(|p| truth[p] - mean[p] - shift * SD));
    let of_truth = log_density([from_mean[0] / sds[0], from_mean[1] / sds[1]]);
    let mut draws = vec![Vec::with_capacity(DRAWS); 2];
    let mut log_densities = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let z = [normal(rng), normal(rng)];
        draws.iter_mut().zip(at(z)).for_each(|(draws, x)| draws.push(x));
        log_densities.push(log_density(z));
    }
    Judged {
        truth: truth.to_vec(),
        draws,
        log_densities: Some(LogDensities { truth: of_truth, draws: log_densities }),
        statistics: vec![("y".to_owned(), data[0]), ("z".to_owned(), data[1])],
    }
}

fn calibration(seed: u64, simulations: usize, fault: Fault) -> Calibration {
    let mut rng = stream(seed, 1);
    let judged = (0..simulations).map(|_| judged(&mut rng, fault)).collect();
    Calibration::from_judged(vec!["a".to_owned(), "b".to_owned()], judged).unwrap()
}

/// What is looked at: two of one parameter, and the checks of the summary.
const CHECKS: [&str; 9] =
    ["one parameter", "its ECDF", "parameters", "log density", "ellipsoids", "TARP", "pairs", "local", "all"];
const PARAMETER: usize = 0;
const LOG_DENSITY: usize = 3;
const PAIRS: usize = 6;
const LOCAL: usize = 7;

/// The p-values of all checks.
fn p_values(calibration: &Calibration) -> [f64; 9] {
    let summary = calibration.summary();
    let row = &summary.rows[0];
    let [parameters, log_density, ellipsoids, tarp, pairs, local] =
        summary.checks.iter().map(|check| check.p_value).collect::<Vec<_>>().try_into().unwrap();
    [row.p_value, row.ecdf_p_value, parameters, log_density, ellipsoids, tarp, pairs, local, summary.p_value()]
}

/// That of one check alone, which is faster.
fn p_value(calibration: &Calibration, check: usize) -> f64 {
    match check {
        PARAMETER => calibration.ranks()[0].p_value(),
        LOG_DENSITY => calibration.log_density_ranks().unwrap().p_value(),
        PAIRS => calibration.pairs()[0].p_value(),
        _ => {
            let all = calibration.local();
            all.len() as f64 * all.iter().map(|one| one.p_value).fold(1.0, f64::min)
        }
    }
}

/// The p-values of each of some seeds.
fn study(seeds: u64, simulations: usize, fault: Fault) -> Vec<[f64; 9]> {
    (0..seeds).into_par_iter().map(|seed| p_values(&calibration(seed, simulations, fault))).collect()
}

/// The fault, how many simulations are to find it, and the check that should.
const FAULTS: [(Fault, usize, usize); 6] = [
    (Width(0.9), 1000, LOG_DENSITY),
    (Width(1.1), 1000, LOG_DENSITY),
    (Shift(0.2), 1000, PARAMETER),
    (NoCorrelation, 4000, PAIRS),
    (ShiftByHalf(0.2), 4000, LOCAL),
    (WidthByHalf(0.1), 4000, LOCAL),
];

fn share(found: &[[f64; 9]], check: usize, alarm: f64) -> f64 {
    found.iter().filter(|p| p[check] < alarm).count() as f64 / found.len() as f64
}

/// How many simulations find a fault 19 times in 20 at a false-alarm rate of one in a million, to 5 %.
fn needed(fault: Fault, check: usize) -> usize {
    let (mut few, mut enough) = (100.0f64, 6400.0f64);
    while enough > 1.05 * few {
        let n = (few * enough).sqrt();
        let found = (0..200u64)
            .into_par_iter()
            .filter(|seed| p_value(&calibration(1000 + seed, n as usize, fault), check) < 1e-6);
        if found.count() >= 190 { enough = n } else { few = n }
    }
    enough as usize
}

/// Alarms of a posterior that is right are as many as stated. Of the checks of one test this is exact; of those of several,
/// which take the least p-value times their number, it is an upper bound. Each bound is passed by one seed in 10,000.
fn right_posteriors_pass(found: &[[f64; 9]], alarm: f64) {
    let binomial = Binomial::new(alarm, found.len() as u64).unwrap();
    for (check, name) in CHECKS.iter().enumerate() {
        let alarms = found.iter().filter(|p| p[check] < alarm).count() as u64;
        assert!(alarms == 0 || binomial.sf(alarms - 1) > 1e-4, "{name}: {alarms} alarms at {alarm}");
        let exact = matches!(*name, "one parameter" | "its ECDF" | "log density" | "ellipsoids" | "TARP");
        assert!(!exact || binomial.cdf(alarms) > 1e-4, "{name}: {alarms} alarms at {alarm}");
    }
}

/// Each fault is found 19 times in 20, at a false-alarm rate of one in a thousand, by the check that should.
#[test]
fn faults_are_found() {
    for (fault, simulations, check) in FAULTS {
        let found = (0..20u64)
            .into_par_iter()
            .filter(|seed| p_value(&calibration(*seed, simulations, fault), check) < 1e-3)
            .count();
        assert!(found >= 19, "{fault:?} was found by {} {found} times of 20", CHECKS[check]);
    }
}

#[test]
fn a_right_posterior_passes() {
    let found = study(200, 500, Right);
    [1e-3, 1e-2, 5e-2].iter().for_each(|alarm| right_posteriors_pass(&found, *alarm));
}

#[test]
#[ignore = "minutes: the tables of the documentation"]
fn tables() {
    let started = std::time::Instant::now();
    let row = |name: &str, cells: &[String]| println!("//! | {name} | {} |", cells.join(" | "));
    let header = |first: &str, cells: &[String]| {
        row(first, cells);
        row("---", &cells.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
    };
    let checks = CHECKS.map(str::to_owned);
    header("the posterior is, simulations", &checks);
    for (fault, n, check) in FAULTS {
        let found = study(200, n, fault);
        row(&format!("{fault:?}, {n}"), &[0, 1, 2, 3, 4, 5, 6, 7, 8].map(|c| format!("{:.2}", share(&found, c, 1e-3))));
        assert!(share(&found, check, 1e-3) >= 0.95, "{fault:?}");
    }
    println!("{:?}", started.elapsed());
    let found = study(1000, 1000, Right);
    header("alarms of 1000 at", &checks);
    for alarm in [1e-3, 1e-2, 5e-2] {
        let count = |c: usize| format!("{:.0}", 1000.0 * share(&found, c, alarm));
        row(&alarm.to_string(), &[0, 1, 2, 3, 4, 5, 6, 7, 8].map(count));
        right_posteriors_pass(&found, alarm);
    }
    println!("{:?}", started.elapsed());
    header("the posterior is", &["check".to_owned(), "simulations".to_owned()]);
    let one = [Width(0.9), Width(1.1)].map(|fault| (fault, 1000, PARAMETER));
    for (fault, _, check) in FAULTS.into_iter().chain(one) {
        row(&format!("{fault:?}"), &[checks[check].clone(), needed(fault, check).to_string()]);
    }
    println!("{:?}", started.elapsed());
}
