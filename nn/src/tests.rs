//! Tests of the operations, by finite differences and against plain dfdx, and of the network as a whole. What they share is
//! here.

mod accuracy;
mod attention;
mod convolution;
mod densities;
mod differences;
mod files;
mod gradients;
mod models;
mod prediction;
mod ratios;
mod training;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use self::models::Mixed;
use super::{Architecture, Budget, Network, Output, Prediction, Settings, Trunk, train};

type Random = Xoshiro256PlusPlus;

fn random(step: u64, first: usize) -> Random {
    Random::seed_from_u64(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ first as u64)
}

/// Draws a standard normal number (Box and Muller).
fn normal(random: &mut Random) -> f64 {
    let (radius, angle) = (1.0 - random.random::<f64>(), random.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| normal(random) as f32).collect()
}

fn small(sets: u64) -> Settings {
    Settings {
        architecture: Architecture {
            bins: 32,
            element_layers: vec![16, 16],
            trunk: Trunk::Residual { width: 32, blocks: 2 },
            ..Architecture::default()
        },
        pilot: 256,
        validation: 256,
        ..Settings::new(Budget::simulations(sets))
    }
}

fn saying(settings: Settings, output: impl Into<Output>) -> Settings {
    let output = output.into();
    Settings { architecture: Architecture { output, ..settings.architecture.clone() }, ..settings }
}

fn mixed_network() -> Network {
    train(&Mixed::shape(), &Mixed, &small(4096), |_| ()).unwrap()
}

fn assert_close(left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() < 1e-4 * (1.0 + right.abs()), "{left} and {right}");
    }
}

/// Returns log densities at a few points.
fn densities(estimates: &[Prediction]) -> Vec<f64> {
    let points = [[0.0, 0.0], [1.0, -0.5], [-0.7, 2.0]];
    estimates.iter().flat_map(|estimate| points.map(|point| estimate.log_densities(&point)[0])).collect()
}

/// Returns mean and standard deviation of a mixture over one number.
fn moments(estimate: &Prediction) -> (f64, f64) {
    let Prediction::Mixture(mixture) = estimate else { panic!("{estimate:?}") };
    let sum = |of: fn(f64, f64) -> f64| -> f64 {
        mixture.components.iter().map(|part| part.weight * of(part.mean[0], part.sd[0])).sum()
    };
    let mean = sum(|mean, _| mean);
    (mean, (sum(|mean, sd| mean * mean + sd * sd) - mean * mean).sqrt())
}
