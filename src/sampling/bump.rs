//! Where the locals of a group of elements are, as a distribution that has a density and quantiles.

use crate::linear::Cholesky;

/// A distribution around the mode of a group's locals, by the second derivatives there: independent Student t numbers in the
/// directions of the root of these. With four degrees of freedom their tails are heavy, and their quantiles have a closed form (Shaw,
/// *Sampling Student's T distribution*, Journal of Computational Finance 2006).
#[derive(Clone)]
pub(super) struct Bump {
    pub mode: Vec<f64>,
    /// The root of the matrix of second derivatives of minus the log density.
    pub root: Cholesky,
    /// The log density at the mode.
    highest: f64,
}

impl Bump {
    /// Makes that with a mode, and the root of the matrix of second derivatives of minus the log density there.
    pub fn new(mode: Vec<f64>, root: Cholesky) -> Self {
        let highest = mode.len() as f64 * 0.375_f64.ln() + root.log_determinant();
        Self { mode, root, highest }
    }

    /// Returns the point below which these shares of the distribution lie, direction by direction.
    pub fn at(&self, shares: &[f64]) -> Vec<f64> {
        let mut z: Vec<f64> = shares.iter().map(|share| quantile(*share)).collect();
        self.root.backward(&mut z);
        z.iter_mut().zip(&self.mode).for_each(|(z, mode)| *z += mode);
        z
    }

    /// Returns the shares of the distribution that lie below a point, direction by direction.
    pub fn shares(&self, x: &[f64]) -> Vec<f64> {
        self.directions(x).into_iter().map(share_below).collect()
    }

    /// Returns the log density at `x`.
    pub fn log_density(&self, x: &[f64]) -> f64 {
        self.highest - 2.5 * self.directions(x).iter().map(|t| (0.25 * t * t).ln_1p()).sum::<f64>()
    }

    fn directions(&self, x: &[f64]) -> Vec<f64> {
        let mut t: Vec<f64> = x.iter().zip(&self.mode).map(|(x, mode)| x - mode).collect();
        self.root.transposed_times(&mut t);
        t
    }
}

/// Returns the quantile of a Student t distribution with four degrees of freedom.
fn quantile(p: f64) -> f64 {
    // Neither end has a quantile.
    let p = p.clamp(1e-15, 1.0 - 1e-15);
    let root = (4.0 * p * (1.0 - p)).sqrt().min(1.0);
    let x = 2.0 * ((root.acos() / 3.0).cos() / root - 1.0).max(0.0).sqrt();
    if p < 0.5 { -x } else { x }
}

/// Returns the share of that distribution below `t`.
fn share_below(t: f64) -> f64 {
    let square = 1.0 + 0.25 * t * t;
    0.5 + 0.375 * t / square.sqrt() * (1.0 - t * t / (12.0 * square))
}

#[cfg(test)]
mod tests {
    use super::{Bump, quantile, share_below};
    use crate::distributions::{Distribution, StudentT};
    use crate::linear::Cholesky;

    #[test]
    fn shares_quantiles_and_densities_belong_together() {
        let exact = StudentT::new(4.0, 0.0, 1.0);
        for i in 1..200 {
            let p = f64::from(i) / 200.0;
            let t = quantile(p);
            assert!((share_below(t) - p).abs() < 1e-7, "{p} {t}");
            let slope = (share_below(t + 1e-5) - share_below(t - 1e-5)) / 2e-5;
            assert!((slope - exact.log_density(t).exp()).abs() < 1e-8, "{p} {slope}");
        }
        let root = |a: &[f64]| Cholesky::new(a.to_vec(), 2).unwrap();
        let bump = Bump::new(vec![1.0, -2.0], root(&[4.0, 0.0, 1.0, 3.0]));
        let x = bump.at(&[0.2, 0.7]);
        assert!(bump.shares(&x).iter().zip([0.2, 0.7]).all(|(a, b)| (a - b).abs() < 1e-7));
        // The log determinant of the root of [[4, 1], [1, 3]] is half of ln 11.
        let own = [0.2, 0.7].map(|p| exact.log_density(quantile(p)));
        assert!((bump.log_density(&x) - (own[0] + own[1] + 0.5 * 11.0_f64.ln())).abs() < 1e-9);
    }
}
