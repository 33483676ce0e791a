//! The distribution of Lewandowski, Kurowicka & Joe over correlation matrices R, by their Cholesky factor L, R = L L'.
//!
//! Density c L_22^(K - 2 + 2 (eta - 1)) ... L_KK^(2 (eta - 1)), with respect to the numbers below the diagonal; that of R is
//! c det(R)^(eta - 1) (Journal of Multivariate Analysis 2009).

use rand::Rng;
use rand_distr::{Beta, Distribution as _, StandardNormal};

use super::numeric::LN_PI;
use super::{Distribution, Draw, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// The lower factor of a correlation matrix of K numbers: with eta = 1 all such matrices are equally likely, with more those near
/// the identity are likelier.
///
/// ```
/// use hierarch_core::distributions::{Distribution, LkjCholesky};
///
/// // Two numbers: their correlation r has the density 3/4 (1 - r^2) for eta = 2, and L_22^2 = 1 - r^2.
/// let (r, rest) = (0.6_f64, 0.8);
/// let factor = LkjCholesky::new(2.0);
/// assert!((factor.log_density([[1.0, 0.0], [r, rest]]).exp() - 0.75 * (1.0 - r * r)).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LkjCholesky<T, const K: usize> {
    eta: T,
}

impl<T: Real, const K: usize> LkjCholesky<T, K> {
    /// Creates LkjCholesky(eta) of K numbers, with a positive eta.
    #[inline(always)]
    pub fn new(eta: T) -> Self {
        Self { eta }
    }

    /// Returns the logarithm of the constant c.
    #[inline(always)]
    fn log_constant(&self) -> T {
        let mut log = T::from(0.0);
        if K > 1 {
            log += (self.eta + 0.5 * (K - 1) as f64).ln_gamma() * (K - 1) as f64;
        }
        for k in 1..K {
            log -= (self.eta + 0.5 * (K - 1 - k) as f64).ln_gamma() + 0.5 * LN_PI * k as f64;
        }
        log
    }
}

impl<T: Real, const K: usize> Distribution<T> for LkjCholesky<T, K> {
    type Value = [[T; K]; K];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::CorrelationFactor
    }

    #[inline(always)]
    fn log_density(&self, x: [[T; K]; K]) -> T {
        let mut log = self.log_constant();
        for (i, row) in x.iter().enumerate().skip(1) {
            log += ((self.eta - 1.0) * 2.0 + (K - 1 - i) as f64) * row[i].ln();
        }
        log
    }
}

impl<const K: usize> Draw for LkjCholesky<f64, K> {
    /// Draws row by row: the direction of what is below the diagonal is uniform, and its squared length has a beta distribution.
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [[f64; K]; K] {
        let mut x = [[0.0; K]; K];
        for (i, row) in x.iter_mut().enumerate() {
            row[i] = 1.0;
            if i == 0 {
                continue;
            }
            let Ok(beta) = Beta::new(0.5 * i as f64, self.eta + 0.5 * (K - 1 - i) as f64) else {
                row.fill(f64::NAN);
                continue;
            };
            let square: f64 = beta.sample(rng);
            row[..i].iter_mut().for_each(|x| *x = StandardNormal.sample(rng));
            let length = row[..i].iter().map(|x| x * x).sum::<f64>().sqrt();
            row[..i].iter_mut().for_each(|x| *x *= square.sqrt() / length);
            // A factor without a number on its diagonal is of no matrix with an inverse.
            row[i] = (1.0 - square).sqrt().max(f64::MIN_POSITIVE);
        }
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.eta), "LkjCholesky", "eta", self.eta, "positive and finite")
    }
}
