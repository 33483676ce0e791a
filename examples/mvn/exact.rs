//! The exact posterior of the means of normal draws with known variances, under a normal prior.

use hierarch::distributions::{Draw, Normal};
use hierarch::simulate::stream;

use crate::{DRAWS, MvnElements, MvnGlobals, PRIOR_SD, VARIANCES};

/// Independent normal posteriors of the three means.
pub struct Exact {
    pub mean: [f64; 3],
    pub sd: [f64; 3],
}

impl Exact {
    /// Given all draws: the precisions of prior and data add up.
    pub fn new(elements: &MvnElements) -> Exact {
        let draws = &elements.draws.x;
        let sd = sd(draws.len() / DRAWS);
        let mean = |k: usize| draws.iter().map(|x| x[k]).sum::<f64>() / VARIANCES[k] * sd[k].powi(2);
        Exact { mean: std::array::from_fn(mean), sd }
    }

    /// Draws of each mean, by name.
    pub fn sample(&self, count: usize, seed: u64) -> Vec<(String, Vec<f64>)> {
        let mut rng = stream(seed, 0);
        let mut draws = |k: usize| (0..count).map(|_| Normal::new(self.mean[k], self.sd[k]).draw(&mut rng)).collect();
        (0..3).map(|k| (format!("theta[{k}]"), draws(k))).collect()
    }

    /// The log density of the means at so many sd from their posterior means.
    fn log_density(&self, z: [f64; 3]) -> f64 {
        let of = |k: usize| -0.5 * (z[k] * z[k] + std::f64::consts::TAU.ln()) - self.sd[k].ln();
        (0..3).map(of).sum()
    }

    /// KL(exact || q), by Gauss-Hermite quadrature in each dimension: exact where ln q is a polynomial of degree 15.
    pub fn divergence(&self, log_q: impl Fn(&MvnGlobals) -> f64) -> f64 {
        let sum = |sum: f64, (i, j, k): (usize, usize, usize)| {
            let z = [NODES[i].0, NODES[j].0, NODES[k].0];
            let theta = std::array::from_fn(|k| self.mean[k] + self.sd[k] * z[k]);
            let weight = NODES[i].1 * NODES[j].1 * NODES[k].1;
            sum + weight * (self.log_density(z) - log_q(&MvnGlobals { theta }))
        };
        let all = 0..NODES.len();
        let pairs = all.clone().flat_map(|i| all.clone().map(move |j| (i, j)));
        pairs.flat_map(|(i, j)| all.clone().map(move |k| (i, j, k))).fold(0.0, sum)
    }
}

/// Nodes and weights of Gauss-Hermite quadrature, for means over a standard normal number.
const NODES: [(f64, f64); 8] = [
    (-4.144_547_186_1, 0.000_112_614_5),
    (-2.802_485_861_3, 0.009_635_220_1),
    (-1.636_519_042_4, 0.117_239_907_7),
    (-0.539_079_811_4, 0.373_012_257_7),
    (0.539_079_811_4, 0.373_012_257_7),
    (1.636_519_042_4, 0.117_239_907_7),
    (2.802_485_861_3, 0.009_635_220_1),
    (4.144_547_186_1, 0.000_112_614_5),
];

/// The posterior sd of each mean, which depends on how many elements there are alone.
pub fn sd(elements: usize) -> [f64; 3] {
    VARIANCES.map(|variance| ((DRAWS * elements) as f64 / variance + PRIOR_SD.powi(-2)).sqrt().recip())
}
