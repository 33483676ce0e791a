//! The exact posterior of the means of normal draws with known variances, under a normal prior.

use statrs::function::erf::erf_inv;

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

    /// The log density of the means at so many sd from their posterior means.
    fn log_density(&self, z: [f64; 3]) -> f64 {
        let of = |k: usize| -0.5 * (z[k] * z[k] + std::f64::consts::TAU.ln()) - self.sd[k].ln();
        (0..3).map(of).sum()
    }

    /// KL(exact || q): the mean of ln p - ln q over the points of a lattice that are as dense as the exact posterior, each with
    /// its mirror image.
    pub fn divergence(&self, log_q: impl Fn(&MvnGlobals) -> f64) -> f64 {
        const POINTS: usize = 200;
        // Powers of the root of x^4 = x + 1: steps that fill a cube evenly.
        const STEPS: [f64; 3] = [0.819_172_513_4, 0.671_043_606_7, 0.549_700_477_9];
        let mut sum = 0.0;
        for point in 0..POINTS {
            let z =
                STEPS.map(|step| std::f64::consts::SQRT_2 * erf_inv(2.0 * (0.5 + point as f64 * step).fract() - 1.0));
            for z in [z, z.map(|z| -z)] {
                let theta = std::array::from_fn(|k| self.mean[k] + self.sd[k] * z[k]);
                sum += self.log_density(z) - log_q(&MvnGlobals { theta });
            }
        }
        sum / (2 * POINTS) as f64
    }
}

/// The posterior sd of each mean, which depends on how many elements there are alone.
pub fn sd(elements: usize) -> [f64; 3] {
    VARIANCES.map(|variance| ((DRAWS * elements) as f64 / variance + PRIOR_SD.powi(-2)).sqrt().recip())
}
