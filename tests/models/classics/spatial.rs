//! Numbers that are alike where they are near: Gaussian processes.

use hierarch::prelude::*;

use super::exact::{all_known, grid, normal, sample};

/// Covariances by distance: `eta` squared at the same place, and less by `rho` and the square of the distance.
fn kernel<T: Real>(distance: &[[f64; 4]; 4], eta: T, rho: T) -> [[T; 4]; 4] {
    distance.map(|row| row.map(|d| eta * eta * (-rho * d * d).exp() + if d == 0.0 { 0.01 } else { 0.0 }))
}

const DISTANCE: [[f64; 4]; 4] =
    [[0.0, 0.5, 0.7, 2.1], [0.5, 0.0, 0.4, 1.8], [0.7, 0.4, 0.0, 1.5], [2.1, 1.8, 1.5, 0.0]];

model! {
    /// What islands have in common with their neighbours.
    pub Islands {
        param distance: [[f64; 4]; 4] = DISTANCE;
        global mean ~ Normal(0, 2);
        global eta ~ HalfNormal(1);
        global rho ~ LogNormal(0, 0.5);
        global k[4] ~ MvNormal([0.0; 4], kernel(distance, eta, rho));
        plate visits(1..=20) {
            given island: usize;
            observe culture ~ Normal(mean + k[island], 0.3);
        }
    }
}

/// What is seen of the islands has a covariance, to which the mean adds the same everywhere.
fn log_density(y: [f64; 4], eta: f64, rho: f64) -> f64 {
    let mut c = kernel(&DISTANCE, eta, rho).map(|row| row.map(|c| c + 4.0));
    (0..4).for_each(|i| c[i][i] += 0.09);
    // By one number after the other, given those before: elimination.
    let (mut y, mut log) = (y, 0.0);
    for i in 0..4 {
        log += normal(y[i], 0.0, c[i][i].sqrt());
        for j in i + 1..4 {
            let by = c[j][i] / c[i][i];
            y[j] -= by * y[i];
            (i..4).for_each(|k| c[j][k] -= by * c[i][k]);
        }
    }
    log
}

#[test]
fn islands() {
    let culture = [1.1, 0.8, 1.3, -0.9];
    let over = grid([(0.0, 5.0), (0.0, 8.0)], 200, |[eta, rho]| {
        normal(eta, 0.0, 1.0) + normal(rho.ln(), 0.0, 0.5) - rho.ln() + log_density(culture, eta, rho)
    });
    let visits = IslandsVisits { island: (0..4).collect(), culture: culture.to_vec() };
    all_known(&sample::<Islands>(&IslandsData { visits }), &["eta", "rho"], &over.axes());
}
