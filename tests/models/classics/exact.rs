//! What posteriors are compared with: sums over grids, and normal posteriors of coefficients.

use hierarch::draws::diagnostics::{mcse_mean, mcse_sd};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

/// Monte Carlo errors that a mean and an sd may be off.
const ERRORS: f64 = 4.5;

/// Asserts that the draws of `name` have this mean and sd, and that there are enough of them to tell.
pub fn known<M: Model>(chains: &Chains<M>, name: &str, (mean, sd): (f64, f64)) {
    let draws = chains.by_chain(name).unwrap();
    let row = chains.summary().rows.into_iter().find(|row| row.name == name).unwrap();
    let (of_mean, of_sd) = (mcse_mean(&draws), mcse_sd(&draws));
    within!((row.mean - mean).abs(), ERRORS * of_mean, "{name}: mean {} +- {of_mean}, exact {mean}", row.mean);
    within!((row.sd - sd).abs(), ERRORS * of_sd, "{name}: sd {} +- {of_sd}, exact {sd}", row.sd);
    within!(of_mean, 0.05 * sd, "{name}: the Monte Carlo error {of_mean} is too large beside the sd {sd}");
}

/// Asserts this of the variables `names`, and that hardly a draw of thousands diverged.
pub fn all_known<M: Model>(chains: &Chains<M>, names: &[&str], exact: &[(f64, f64)]) {
    assert_eq!(names.len(), exact.len());
    names.iter().zip(exact).for_each(|(name, exact)| known(chains, name, *exact));
    within!(chains.divergences() as f64, 10.0, "{:?}", chains.warnings());
}

/// Weighted points of a posterior.
pub struct Grid<const D: usize> {
    points: Vec<([f64; D], f64)>,
}

/// Takes the middles of `cells` cells of each axis, with weights of a density that need not be normalized. For a smooth
/// density that is small at the ends, cells as wide as an sd already make an error of 1e-8.
pub fn grid<const D: usize>(axes: [(f64, f64); D], cells: usize, log_density: impl Fn([f64; D]) -> f64) -> Grid<D> {
    let at = |index: usize, axis: usize| {
        let (low, high) = axes[axis];
        let cell = index / cells.pow(axis as u32) % cells;
        low + (high - low) * (cell as f64 + 0.5) / cells as f64
    };
    let mut points: Vec<_> = (0..cells.pow(D as u32))
        .map(|index| {
            let x = std::array::from_fn(|axis| at(index, axis));
            (x, log_density(x))
        })
        .collect();
    let top = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    points.iter_mut().for_each(|point| point.1 = (point.1 - top).exp());
    Grid { points }
}

impl<const D: usize> Grid<D> {
    /// The mean and the sd of what is known given the point by its own mean and sd.
    pub fn mixed(&self, of: impl Fn([f64; D]) -> (f64, f64)) -> (f64, f64) {
        let (mut n, mut first, mut second) = (0.0, 0.0, 0.0);
        for &(x, weight) in self.points.iter().filter(|point| point.1 > 1e-12) {
            let (mean, sd) = of(x);
            n += weight;
            first += weight * mean;
            second += weight * (mean * mean + sd * sd);
        }
        let mean = first / n;
        (mean, (second / n - mean * mean).sqrt())
    }

    /// The mean and the sd of a function.
    pub fn of(&self, f: impl Fn([f64; D]) -> f64) -> (f64, f64) {
        self.mixed(|x| (f(x), 0.0))
    }

    /// Those of each axis.
    pub fn axes(&self) -> [(f64, f64); D] {
        std::array::from_fn(|axis| self.of(|x| x[axis]))
    }
}

/// The logarithm of the mean of `exp(f(z))` over a standard normal `z`.
pub fn over_normal(f: impl Fn(f64) -> f64) -> f64 {
    const CELLS: i32 = 48;
    let (mut sum, width) = (0.0, 12.0 / f64::from(CELLS));
    // `f` is a log likelihood, and of so few data that its exponential is a number.
    for cell in 0..CELLS {
        let z = -6.0 + width * (f64::from(cell) + 0.5);
        sum += (f(z) - 0.5 * z * z).exp();
    }
    (sum * width / std::f64::consts::TAU.sqrt()).ln()
}

/// The mean and the sd of `g(z) > 0`, where a standard normal `z` has the log likelihood `f`.
pub fn under_normal(f: impl Fn(f64) -> f64, g: impl Fn(f64) -> f64) -> (f64, f64) {
    let moment = |k: i32| over_normal(|z| f(z) + f64::from(k) * g(z).ln());
    let (none, first, second) = (moment(0), moment(1), moment(2));
    let mean = (first - none).exp();
    (mean, ((second - none).exp() - mean * mean).sqrt())
}

pub fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// The log probability of `k` successes of `n`, without what depends on these alone.
pub fn successes(k: u64, n: u64, logit: f64) -> f64 {
    k as f64 * logit - n as f64 * (logit.exp()).ln_1p()
}

/// The same of a count.
pub fn poisson(k: u64, log_rate: f64) -> f64 {
    k as f64 * log_rate - log_rate.exp()
}

/// The mean and the sd of a beta distribution.
pub fn beta(a: f64, b: f64) -> (f64, f64) {
    let n = a + b;
    (a / n, (a * b / (n * n * (n + 1.0))).sqrt())
}

/// The mean and the sd of a gamma distribution.
pub fn gamma(shape: f64, rate: f64) -> (f64, f64) {
    (shape / rate, shape.sqrt() / rate)
}

/// A normal posterior of coefficients, whose prior is flat until rows are added.
#[derive(Clone)]
pub struct Coefficients {
    precision: Vec<Vec<f64>>,
    shift: Vec<f64>,
    log: f64,
}

impl Coefficients {
    pub fn new(number: usize) -> Self {
        Self { precision: vec![vec![0.0; number]; number], shift: vec![0.0; number], log: 0.0 }
    }

    /// Adds that the sum of `x`, pairs of a coefficient and a factor, is normal around `y`: an observation, or a prior.
    pub fn row(&mut self, x: &[(usize, f64)], y: f64, sd: f64) {
        for &(i, a) in x {
            x.iter().for_each(|&(j, b)| self.precision[i][j] += a * b / (sd * sd));
            self.shift[i] += a * y / (sd * sd);
        }
        self.log += normal(y, 0.0, sd);
    }

    /// The logarithm of the integral over all coefficients, and the mean and sd of each.
    pub fn solve(mut self) -> (f64, Vec<(f64, f64)>) {
        let n = self.shift.len();
        // The Cholesky factor, in place.
        let l = &mut self.precision;
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
                l[i][j] = if i == j { (l[i][i] - sum).sqrt() } else { (l[i][j] - sum) / l[j][j] };
            }
        }
        let forward = |b: &[f64]| {
            let mut x = b.to_vec();
            for i in 0..n {
                x[i] = (x[i] - (0..i).map(|k| l[i][k] * x[k]).sum::<f64>()) / l[i][i];
            }
            x
        };
        let half = forward(&self.shift);
        let of = |i: usize| {
            let unit: Vec<f64> = (0..n).map(|j| f64::from(u8::from(i == j))).collect();
            let column = forward(&unit);
            let mean = column.iter().zip(&half).map(|(a, b)| a * b).sum();
            (mean, column.iter().map(|a| a * a).sum::<f64>().sqrt())
        };
        let log_root: f64 = (0..n).map(|i| l[i][i].ln()).sum();
        let log = self.log + 0.5 * half.iter().map(|x| x * x).sum::<f64>() - log_root
            + 0.5 * n as f64 * std::f64::consts::TAU.ln();
        (log, (0..n).map(of).collect())
    }
}

/// Draws from a posterior that becomes narrow where an sd is small, with small steps.
pub fn sample_closely<M: Likelihood + Default>(data: &M::Data) -> Chains<M> {
    M::default().nuts(data).seed(seed(1)).draws(2000).target_accept(0.99).run().unwrap()
}

/// Draws from a posterior.
pub fn sample<M: Likelihood + Default>(data: &M::Data) -> Chains<M> {
    M::default().nuts(data).seed(seed(1)).draws(2000).target_accept(0.9).run().unwrap()
}
