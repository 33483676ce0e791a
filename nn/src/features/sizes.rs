//! How the sizes of plates are read, where they vary.

use serde::{Deserialize, Serialize};

use crate::checks::{finite, positive};

/// How the size of a plate is read, where it varies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sizes {
    /// sqrt(n) is measured in units of its root mean square.
    pub(super) root: f32,
    /// The combinations of logarithms that the network reads by themselves.
    pub(super) logarithms: Orthonormal,
    /// The combinations of shares that moments are multiplied by; the first is 1.
    pub(super) factors: Orthonormal,
}

impl Sizes {
    /// Returns 1 and ln(n + k) for some k, where n is the `size`. A prior that is worth k rows and n rows of data are worth
    /// n + k rows together. Sums of these logarithms follow a power of n where n is large, also beyond the sizes of the
    /// pilot sample.
    pub(super) fn logarithms(size: usize) -> [f64; 5] {
        let [a, b, c, d] = Self::OFFSETS.map(|k| (size as f64 + k).ln());
        [1.0, a, b, c, d]
    }

    /// Returns 1 and n / (n + k) for some k, where n is the `size`: the share of the data if the prior is worth k rows. For a
    /// Gaussian with a Gaussian prior, the posterior's mean is the mean of the data, shrunk by such a share.
    pub(super) fn shares(size: usize) -> [f64; 5] {
        let n = size as f64;
        let [a, b, c, d] = Self::HALF_SHARES.map(|k| n / (n + k));
        [1.0, a, b, c, d]
    }

    /// Checks the numbers of a file; `place` is where they stand.
    pub(super) fn check(&self, place: &str) -> Result<(), String> {
        positive(&format!("{place}.sizes.root"), self.root)?;
        let weights = self.logarithms.weights.iter().chain(&self.factors.weights);
        finite(&format!("{place}.sizes"), &weights.flatten().copied().collect::<Vec<f64>>())
    }

    /// The k of [`logarithms`](Sizes::logarithms), and those of [`shares`](Sizes::shares).
    pub(super) const OFFSETS: [f64; 4] = [0.1, 1.0, 8.0, 64.0];
    pub(super) const HALF_SHARES: [f64; 4] = [0.5, 2.0, 8.0, 32.0];

    /// How many functions of the size the network reads.
    pub(super) const WIDTH: usize = 4;
    /// How often the network reads the moments, each time with another factor.
    pub(super) const FACTORS: usize = 5;

    /// Fits to the sizes of the plates of a pilot sample; `None` if all are equal.
    pub(super) fn fit(offsets: &[usize]) -> Option<Sizes> {
        let sizes = || offsets.windows(2).map(|pair| pair[1] - pair[0]);
        let first = sizes().next()?;
        if sizes().all(|size| size == first) {
            return None;
        }
        let count = (offsets.len() - 1) as f64;
        Some(Sizes {
            root: (offsets.last().map_or(0, |rows| *rows) as f64 / count).sqrt() as f32,
            logarithms: Orthonormal::fit(sizes().map(Sizes::logarithms)),
            factors: Orthonormal::fit(sizes().map(Sizes::shares)),
        })
    }
}

/// Linear combinations of five functions that are nearly the same. Over the pilot sample each has mean square 1, and the
/// mean of the product of any two is 0 (Gram and Schmidt). A network learns the weights of all of them equally fast; of the
/// functions themselves it would hardly learn the differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Orthonormal {
    /// The weights of each combination; all are 0 if its function says nothing that those before it do not say.
    pub(super) weights: [[f64; 5]; 5],
}

impl Orthonormal {
    /// The least root mean square that the new part of a function has to have.
    const NEW: f64 = 1e-3;

    /// Fits to the values of the functions over a pilot sample.
    fn fit(values: impl Iterator<Item = [f64; 5]>) -> Orthonormal {
        let (mut products, mut count) = ([[0.0; 5]; 5], 0.0);
        for values in values {
            for (row, a) in products.iter_mut().zip(values) {
                row.iter_mut().zip(values).for_each(|(sum, b)| *sum += a * b);
            }
            count += 1.0;
        }
        let product = |a: &[f64; 5], b: &[f64; 5]| -> f64 {
            let row = |row: &[f64; 5]| row.iter().zip(b).map(|(p, b)| p * b).sum::<f64>();
            a.iter().zip(&products).map(|(a, products)| a * row(products)).sum::<f64>() / count
        };
        let mut weights = [[0.0; 5]; 5];
        for i in 0..5 {
            let mut own = [0.0; 5];
            own[i] = 1.0;
            // Twice, to recover the digits that are lost the first time.
            for other in (0..i).chain(0..i) {
                let share = product(&own, &weights[other]);
                own.iter_mut().zip(weights[other]).for_each(|(own, other)| *own -= share * other);
            }
            let norm = product(&own, &own).max(0.0).sqrt();
            if norm > Self::NEW {
                weights[i] = own.map(|weight| weight / norm);
            }
        }
        Orthonormal { weights }
    }

    /// Returns the combinations of the values of the functions.
    pub(super) fn of(&self, values: [f64; 5]) -> [f32; 5] {
        self.weights.map(|row| row.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>() as f32)
    }
}
