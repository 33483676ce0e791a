//! Exact posteriors of a conjugate model, and posteriors that are wrong in one way each.

use hierarch::calibration::{Calibration, CalibrationTrial, LogDensities};
use hierarch::simulate::{Stream, stream};
use rand_distr::{Distribution, StandardNormal};

const DRAWS: usize = 400;
/// The sd of either parameter given the data, and their correlation. The prior is N(0, 1) for each.
const SD: f64 = 0.5;
const CORRELATION: f64 = 0.5;

/// How a posterior may be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It is right.
    Right,
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

pub use Fault::{NoCorrelation, Right, Shift, ShiftByHalf, Width, WidthByHalf};

fn normal(rng: &mut Stream) -> f64 {
    StandardNormal.sample(rng)
}

/// A conjugate model: theta ~ N(0, 1) twice, data ~ N(theta, (V^-1 - 1)^-1), so that the posterior is N((1 - V) data, V) with V
/// of sd SD and correlation CORRELATION.
fn judged(rng: &mut Stream, fault: Fault) -> CalibrationTrial {
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
    let mut draws = vec![Vec::new(); 2];
    let mut log_densities = Vec::new();
    for _ in 0..DRAWS {
        let z = [normal(rng), normal(rng)];
        draws.iter_mut().zip(at(z)).for_each(|(draws, x)| draws.push(x));
        log_densities.push(log_density(z));
    }
    CalibrationTrial {
        truth: truth.to_vec(),
        draws,
        log_densities: Some(LogDensities { truth: of_truth, draws: log_densities }),
        statistics: vec![("y".to_owned(), data[0]), ("z".to_owned(), data[1])],
    }
}

/// The parameters are `a` and `b`, the statistics of the data `y` and `z`, of which `a` follows the first.
pub fn calibration(seed: u64, simulations: usize, fault: Fault) -> Calibration {
    let mut rng = stream(seed, 1);
    let judged = (0..simulations).map(|_| judged(&mut rng, fault)).collect();
    Calibration::from_judged(vec!["a".to_owned(), "b".to_owned()], judged).unwrap()
}
