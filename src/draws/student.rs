//! Student t distributions of several numbers, as proposals: their tails are heavier than those of a posterior.

use rand_distr::{ChiSquared, Distribution as _, StandardNormal};
use statrs::function::gamma::ln_gamma;

use crate::linear::Cholesky;
use crate::simulate::Stream;

/// The most numbers whose covariances are used; of more, only their variances are.
const CORRELATED: usize = 60;

/// A Student t distribution of several numbers.
#[derive(Clone)]
pub(crate) struct StudentT {
    freedom: f64,
    mean: Vec<f64>,
    root: Cholesky,
    /// The log density at the mean.
    highest: f64,
}

impl StudentT {
    /// Makes that with a mean, the root of a scale matrix and degrees of freedom.
    pub fn new(mean: Vec<f64>, root: Cholesky, freedom: f64) -> Self {
        let size = mean.len() as f64;
        let highest = ln_gamma((freedom + size) / 2.0)
            - ln_gamma(freedom / 2.0)
            - size / 2.0 * (freedom * std::f64::consts::PI).ln()
            - root.log_determinant();
        Self { freedom, mean, root, highest }
    }

    /// Returns that with the mean and the covariance of these `numbers` of each draw.
    pub fn of(draws: &[Vec<f64>], numbers: &[usize], freedom: f64) -> Self {
        let each = draws.iter().map(|q| numbers.iter().map(|at| q[*at]).collect());
        let draws: Vec<Vec<f64>> = each.collect();
        Self::weighted(&draws, &vec![(draws.len() as f64).recip(); draws.len()], numbers.len(), freedom)
    }

    /// Returns that with the mean and the covariance of draws of `size` numbers, whose weights sum to 1.
    pub fn weighted<D: AsRef<[f64]>>(draws: &[D], weights: &[f64], size: usize, freedom: f64) -> Self {
        let mut mean = vec![0.0; size];
        for (draw, weight) in draws.iter().zip(weights) {
            mean.iter_mut().zip(draw.as_ref()).for_each(|(mean, x)| *mean += weight * x);
        }
        let mut covariance = vec![0.0; size * size];
        for (draw, weight) in draws.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            let centred: Vec<f64> = draw.as_ref().iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            for i in 0..size {
                let from = if size > CORRELATED { i } else { 0 };
                (from..=i).for_each(|j| covariance[i * size + j] += weight * centred[i] * centred[j]);
            }
        }
        let diagonal = |scale: &dyn Fn(f64) -> f64| {
            let mut diagonal = vec![0.0; size * size];
            (0..size).for_each(|i| diagonal[i * size + i] = scale(covariance[i * size + i]));
            Cholesky::new(diagonal, size)
        };
        let root = Cholesky::new(covariance.clone(), size);
        // Fewer draws than numbers; or draws that are all the same.
        let root = root.or_else(|| diagonal(&|x| x)).or_else(|| diagonal(&|_| 1.0));
        Self::new(mean, root.unwrap_or_else(|| unreachable!("the unit matrix has a root")), freedom)
    }

    /// Returns that of the same scales around another mean.
    pub fn around(&self, mean: Vec<f64>) -> Self {
        Self { mean, ..self.clone() }
    }

    /// Returns a draw and its log density.
    pub fn draw(&self, rng: &mut Stream) -> (Vec<f64>, f64) {
        let z: Vec<f64> = self.mean.iter().map(|_| StandardNormal.sample(rng)).collect();
        let chi_squared: f64 = ChiSquared::new(self.freedom).map_or(self.freedom, |of| of.sample(rng));
        let scale = (self.freedom / chi_squared).sqrt();
        let square: f64 = z.iter().map(|z| (scale * z).powi(2)).sum();
        let values = self.root.times(&z).iter().zip(&self.mean).map(|(x, mean)| mean + scale * x).collect();
        (values, self.at_distance(square))
    }

    /// Returns the log density at `x`.
    pub fn log_density(&self, x: &[f64]) -> f64 {
        let mut z: Vec<f64> = x.iter().zip(&self.mean).map(|(x, mean)| x - mean).collect();
        self.root.forward(&mut z);
        self.at_distance(z.iter().map(|z| z * z).sum())
    }

    fn at_distance(&self, square: f64) -> f64 {
        self.highest - (self.freedom + self.mean.len() as f64) / 2.0 * (square / self.freedom).ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::StudentT;
    use crate::distributions::{Distribution, StudentT as Scalar};
    use crate::linear::Cholesky;
    use crate::model::{Purpose, stream_for};

    #[test]
    fn the_density_is_that_of_one_number_and_that_of_its_draws() {
        let one = StudentT::new(vec![0.3], Cholesky::new(vec![4.0], 1).unwrap(), 5.0);
        let exact = Scalar::new(5.0, 0.3, 2.0).log_density(-1.7);
        assert!((one.log_density(&[-1.7]) - exact).abs() < 1e-12, "{exact}");
        let two = StudentT::new(vec![0.3, -1.0], Cholesky::new(vec![4.0, 0.0, 1.5, 2.0], 2).unwrap(), 5.0);
        for seed in 0..20 {
            let (x, log_density) = two.draw(&mut stream_for(Purpose::Importance, seed, 0, 0));
            assert!((two.log_density(&x) - log_density).abs() < 1e-10);
        }
    }
}
