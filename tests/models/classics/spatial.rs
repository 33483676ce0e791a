//! Numbers that are alike where they are near: Gaussian processes, and maps of neighbours.

use hierarch::prelude::*;

use super::exact::{Coefficients, all_known, grid, known, normal, sample, sample_closely};

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

model! {
    /// Rates of a disease on a map with an island of two areas: what neighbours have in common, and what is each one's own, after
    /// Besag, York and Mollie, as Riebler and others write it.
    pub Disease {
        global level ~ Normal(0, 1);
        global sd ~ HalfNormal(1);
        global shared ~ Beta(1, 1);
        plate areas(6) {
            given error: f64;
            local smooth ~ ScaledIcar(AREAS);
            local own ~ Normal(0, 1);
            let effect = sd * (shared.sqrt() * smooth + (1 - shared).sqrt() * own);
            observe log_rate ~ Normal(level + effect, error);
        }
    }
}

/// A ring of four, and two beside.
const AREAS: [(usize, usize); 5] = [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5)];

#[test]
fn disease_on_a_map() {
    let (error, rate) = ([0.3, 0.2, 0.4, 0.2, 0.3, 0.3], [0.9, 1.2, 0.1, 0.4, -0.8, -1.1]);
    // The level, the smooth part, and what is each one's own.
    let solve = |sd: f64, shared: f64| {
        let mut all = Coefficients::new(13);
        all.row(&[(0, 1.0)], 0.0, 1.0);
        for (i, j) in AREAS {
            // The mean of the logarithms of the variances is that of 5/16 in a ring of four, and of 1/4 in a pair.
            let precision: f64 = if i < 4 { 5.0 / 16.0 } else { 0.25 };
            all.row(&[(1 + i, 1.0), (1 + j, -1.0)], 0.0, precision.sqrt().recip());
        }
        for part in [1..5, 5..7] {
            all.row(&part.map(|i| (i, 1.0)).collect::<Vec<_>>(), 0.0, 1e-4);
        }
        (7..13).for_each(|i| all.row(&[(i, 1.0)], 0.0, 1.0));
        for i in 0..6 {
            let row = [(0, 1.0), (1 + i, sd * shared.sqrt()), (7 + i, sd * (1.0 - shared).sqrt())];
            all.row(&row, rate[i], error[i]);
        }
        all.solve()
    };
    let over = grid([(0.0, 4.5), (0.0, 1.0)], 60, |[sd, shared]| normal(sd, 0.0, 1.0) + solve(sd, shared).0);
    let areas = DiseaseAreas { error: error.to_vec(), log_rate: rate.to_vec() };
    // With larger steps a chain in a hundred is wholly in the wide part, and leaves out where `sd` is small.
    let chains = sample_closely::<Disease>(&DiseaseData { areas });
    all_known(&chains, &["sd", "shared"], &over.axes());
    known(&chains, "level", over.mixed(|[sd, shared]| solve(sd, shared).1[0]));
    for (i, name) in [(1, "smooth[0]"), (3, "smooth[2]"), (5, "smooth[4]"), (9, "own[2]")] {
        known(&chains, name, over.mixed(|[sd, shared]| solve(sd, shared).1[i]));
    }
}

model! {
    /// A picture with noise, each cell like its neighbours.
    pub Lattice {
        global alpha ~ Beta(4, 2);
        global tau ~ Gamma(4, 4);
        plate cells(16) {
            local s ~ Car(CELLS, alpha, tau);
            observe y ~ Normal(s, 0.5);
        }
    }
}

/// Neighbours in a square of four rows.
const CELLS: [(usize, usize); 24] = {
    let (mut edges, mut at, mut cell) = ([(0, 0); 24], 0, 0);
    while cell < 16 {
        if cell % 4 < 3 {
            edges[at] = (cell, cell + 1);
            at += 1;
        }
        if cell < 12 {
            edges[at] = (cell, cell + 4);
            at += 1;
        }
        cell += 1;
    }
    edges
};

#[test]
fn lattice() {
    let y: Vec<f64> =
        (0..16).map(|i| if i % 4 > 1 && i > 3 { 1.5 } else { -0.2 } + 0.3 * (2.7 * i as f64).sin()).collect();
    let degree = |i: usize| CELLS.iter().filter(|(a, b)| *a == i || *b == i).count() as f64;
    let solve = |alpha: f64, tau: f64| {
        let mut prior = Coefficients::new(16);
        // x' (D - alpha W) x is alpha times the squares of differences, and the rest of those of the cells.
        CELLS.iter().for_each(|&(i, j)| prior.row(&[(i, 1.0), (j, -1.0)], 0.0, (tau * alpha).sqrt().recip()));
        (0..16).for_each(|i| prior.row(&[(i, 1.0)], 0.0, (tau * (1.0 - alpha) * degree(i)).sqrt().recip()));
        let mut all = prior.clone();
        (0..16).for_each(|i| all.row(&[(i, 1.0)], y[i], 0.5));
        let (log, cells) = all.solve();
        (log - prior.solve().0, cells)
    };
    let over = grid([(0.0, 1.0), (0.0, 5.0)], 50, |[alpha, tau]| {
        3.0 * alpha.ln() + (1.0 - alpha).ln() + 3.0 * tau.ln() - 4.0 * tau + solve(alpha, tau).0
    });
    let chains = sample::<Lattice>(&LatticeData { cells: LatticeCells { y: y.clone() } });
    all_known(&chains, &["alpha", "tau"], &over.axes());
    for i in [0, 6, 15] {
        known(&chains, &format!("s[{i}]"), over.mixed(|[alpha, tau]| solve(alpha, tau).1[i]));
    }
}
