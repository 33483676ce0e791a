//! What the checks of calibration find, and how often they are alarmed by a posterior that is right.
//!
//! The tables of the documentation of `hierarch::calibration` are made by
//! `cargo test --release -p hierarch-tests --test proofs power::table -- --ignored --nocapture`.

use hierarch::calibration::Calibration;
use hierarch_tests::faulty::{Fault, NoCorrelation, Right, Shift, ShiftByHalf, Width, WidthByHalf, calibration};
use hierarch_tests::{seed, within};
use rayon::prelude::*;
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

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
    (0..seeds).into_par_iter().map(|i| p_values(&calibration(seed(i), simulations, fault))).collect()
}

fn words(fault: Fault) -> &'static str {
    match fault {
        Right => "right",
        Width(w) if w < 1.0 => "too narrow by 10 %",
        Width(_) => "too wide by 10 %",
        Shift(_) => "shifted by 0.2 sd",
        NoCorrelation => "without the correlation",
        ShiftByHalf(_) => "shifted by 0.2 sd, up in one half of the data, down in the other",
        WidthByHalf(_) => "too wide by 10 % in one half of the data, too narrow in the other",
    }
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

/// How many simulations find a fault 19 times in 20 at a false-alarm rate of one in a million, and the share that they find.
///
/// The deviate of a p-value grows as the root of the number of simulations, and scatters the same whatever that is.
fn needed(fault: Fault, check: usize) -> (usize, f64) {
    const START: usize = 1000;
    let standard = Normal::standard();
    let p_values = |first: u64, n: usize| -> Vec<f64> {
        let of = |i| p_value(&calibration(seed(i), n, fault), check);
        (first..first + 200).into_par_iter().map(of).collect()
    };
    let deviates: Vec<f64> = p_values(1000, START).iter().map(|p| -standard.inverse_cdf(0.5 * p.max(1e-300))).collect();
    let mean = deviates.iter().sum::<f64>() / 200.0;
    let sd = (deviates.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
    let estimate = START as f64 * ((-standard.inverse_cdf(0.5e-6) - standard.inverse_cdf(0.05) * sd) / mean).powi(2);
    // From somewhat fewer on, since the scatter is only nearly the same.
    let mut n = 50 * (0.9 * estimate / 50.0).ceil() as usize;
    loop {
        let found = p_values(3000, n).iter().filter(|p| **p < 1e-6).count();
        if found >= 190 {
            return (n, found as f64 / 200.0);
        }
        n += 50 * (n / 1000 + 1);
    }
}

/// Alarms of a posterior that is right are as many as stated. Of the checks of one test this is exact; of those of several,
/// which take the least p-value times their number, it is an upper bound. Each bound is passed by one seed in 10,000.
fn right_posteriors_pass(found: &[[f64; 9]], alarm: f64) {
    let binomial = Binomial::new(alarm, found.len() as u64).unwrap();
    for (check, name) in CHECKS.iter().enumerate() {
        let alarms = found.iter().filter(|p| p[check] < alarm).count() as u64;
        let p_value = if alarms == 0 { 1.0 } else { binomial.sf(alarms - 1) };
        within!(-p_value.ln(), -1e-4_f64.ln(), "{name}: {alarms} alarms at {alarm}");
        let exact = matches!(*name, "one parameter" | "its ECDF" | "log density" | "ellipsoids" | "TARP");
        if exact {
            within!(-binomial.cdf(alarms).ln(), -1e-4_f64.ln(), "{name}: {alarms} alarms at {alarm}");
        }
    }
}

/// Each fault is found 19 times in 20, at a false-alarm rate of one in a thousand, by the check that should.
#[test]
fn faults_are_found() {
    for (fault, simulations, check) in FAULTS {
        let found = (0..20u64)
            .into_par_iter()
            .filter(|i| p_value(&calibration(seed(*i), simulations, fault), check) < 1e-3)
            .count();
        assert!(found >= 19, "{fault:?} was found by {} {found} times of 20", CHECKS[check]);
    }
}

#[test]
#[ignore = "long: many seeds"]
fn right_posteriors_of_many_seeds_pass() {
    right_posteriors_of_seeds_pass(200);
}

#[test]
fn a_right_posterior_passes() {
    right_posteriors_of_seeds_pass(40);
}

fn right_posteriors_of_seeds_pass(seeds: u64) {
    let found = study(seeds, 500, Right);
    [1e-3, 1e-2, 5e-2].iter().for_each(|alarm| right_posteriors_pass(&found, *alarm));
}

#[test]
#[ignore = "minutes: the tables of the documentation"]
fn table_of_checks() {
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
        row(
            &format!("{}, {n}", words(fault)),
            &[0, 1, 2, 3, 4, 5, 6, 7, 8].map(|c| format!("{:.2}", share(&found, c, 1e-3))),
        );
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
    header("the posterior is", &["check", "simulations", "found"].map(str::to_owned));
    let one = [Width(0.9), Width(1.1)].map(|fault| (fault, 1000, PARAMETER));
    for (fault, _, check) in FAULTS.into_iter().chain(one) {
        let (n, found) = needed(fault, check);
        row(words(fault), &[checks[check].clone(), n.to_string(), format!("{found:.2}")]);
    }
    println!("{:?}", started.elapsed());
}
