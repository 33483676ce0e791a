//! What the checks of calibration find, and how often they are alarmed by a posterior that is right.
//!
//! The tables of the documentation of `hierarch::calibration` are made by
//! `cargo test --release --test power -- --ignored --nocapture`.

use hierarch::calibration::{Calibration, Judged, LogDensities};
use hierarch::simulate::{Stream, stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

const DRAWS: usize = 100;
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

const CHECKS: [&str; 8] = ["one parameter", "its ECDF", "parameters", "log density", "TARP", "pairs", "local", "all"];

/// The p-values of all checks.
fn p_values(calibration: &Calibration) -> [f64; 8] {
    let summary = calibration.summary();
    let row = &summary.rows[0];
    let checks: Vec<f64> = summary.checks.iter().map(|check| check.p_value).collect();
    [row.p_value, row.ecdf_p_value, checks[0], checks[1], checks[2], checks[3], checks[4], summary.p_value()]
}

/// The p-values of each of some seeds.
fn study(seeds: u64, simulations: usize, fault: Fault) -> Vec<[f64; 8]> {
    (0..seeds).into_par_iter().map(|seed| p_values(&calibration(seed, simulations, fault))).collect()
}

#[test]
#[ignore = "minutes: the tables of the documentation"]
fn tables() {
    let started = std::time::Instant::now();
    print!("{:28}", "");
    CHECKS.iter().for_each(|check| print!("{check:>15}"));
    println!();
    let faults = [
        (Width(0.9), 1000),
        (Width(1.1), 1000),
        (Shift(0.2), 1000),
        (NoCorrelation, 4000),
        (ShiftByHalf(0.2), 4000),
        (WidthByHalf(0.1), 4000),
    ];
    for (fault, n) in faults {
        let found = study(200, n, fault);
        print!("{:28}", format!("{fault:?}, {n}"));
        for c in 0..CHECKS.len() {
            print!("{:15.3}", found.iter().filter(|p| p[c] < 1e-3).count() as f64 / found.len() as f64);
        }
        println!();
    }
    let found = study(1000, 1000, Right);
    for alarm in [1e-3, 1e-2, 5e-2] {
        print!("{:28}", format!("right, alarms at {alarm}"));
        for c in 0..CHECKS.len() {
            print!("{:15}", found.iter().filter(|p| p[c] < alarm).count());
        }
        println!();
    }
    println!("{:?}", started.elapsed());
    println!("{}", calibration(1, 4000, ShiftByHalf(0.2)));
    println!("{}", calibration(1, 4000, NoCorrelation));
    println!("{}", calibration(1, 1000, Width(0.9)));
    println!("{}", calibration(1, 1000, Right));
}
