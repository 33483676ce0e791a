//! Parts of a whole, numbers in their order, and numbers that sum to zero.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Open01};

use crate::autodiff::Real;
use crate::distributions::normal::{LN_SQRT_2_PI, Normal};
use crate::distributions::numeric::{PARTS_TOLERANCE, lost, no_part, unless};
use crate::distributions::{Distribution, Draw, ParameterError, Support, is_positive, require};

/// See [`Dirichlet`](crate::distributions::Dirichlet).
#[derive(Clone, Debug)]
pub struct Dirichlet<T> {
    concentration: Vec<T>,
}

impl<T: Real> Dirichlet<T> {
    /// Creates Dirichlet(concentration), with positive numbers.
    pub fn new(concentration: impl AsRef<[T]>) -> Self {
        Self { concentration: concentration.as_ref().to_vec() }
    }
}

impl<T: Real> Distribution<T> for Dirichlet<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::Simplex
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let (zero, one, n) = (T::from(0.0), T::from(1.0), x.len() as f64);
        let (mut sum, mut total, mut log, mut bad) = (zero, zero, zero, zero);
        for (x, &a) in x.into_iter().zip(&self.concentration) {
            sum += x;
            total += a;
            log += (a - 1.0) * x.ln() - a.ln_gamma();
            bad = x.if_le(zero, one, bad);
        }
        bad = T::from(PARTS_TOLERANCE).if_lt((sum - 1.0).abs(), one, bad);
        // The density at the numbers over their sum, whose logarithm is the first term of its series.
        log -= (total - n) * (sum - 1.0);
        unless(bad, log + total.ln_gamma())
    }
}

impl Draw for Dirichlet<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        // As of the one over arrays: gamma numbers over their sum, by their logarithms.
        let mut log = |a: &f64| match rand_distr::Gamma::new(a + 1.0, 1.0) {
            Ok(gamma) if *a > 0.0 => gamma.sample(rng).ln() + rng.sample::<f64, _>(Open01).ln() / a,
            _ => f64::NAN,
        };
        let mut parts: Vec<f64> = self.concentration.iter().map(&mut log).collect();
        let largest = parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        parts.iter_mut().for_each(|part| *part = (*part - largest).exp());
        let sum: f64 = parts.iter().sum();
        parts.iter_mut().for_each(|part| *part /= sum);
        parts
    }

    fn check(&self) -> Result<(), ParameterError> {
        let positive = !self.concentration.is_empty() && self.concentration.iter().all(|&a| is_positive(a));
        require(positive, "Dirichlet", "the concentration", &self.concentration, "of positive and finite numbers")
    }

    fn impossible(&self, x: &Vec<f64>) -> Option<(&'static str, f64, String)> {
        no_part(x)
    }
}

/// See [`Ordered`](crate::distributions::Ordered).
#[derive(Clone, Debug)]
pub struct Ordered<D> {
    inner: D,
    len: usize,
}

impl<D> Ordered<D> {
    /// Creates Ordered(inner) of `len` numbers.
    pub fn new(inner: D, len: usize) -> Self {
        Self { inner, len }
    }
}

impl<T: Real, D: Distribution<T, Value = T>> Distribution<T> for Ordered<D> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        let (low, high, _) = self.inner.support().bounds();
        Support::Ordered(low, high)
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let (mut log, mut bad) = (T::from((1..=x.len()).map(|k| (k as f64).ln()).sum::<f64>()), zero);
        for k in 0..x.len() {
            log += self.inner.log_density(x[k]);
            if k > 0 {
                bad = x[k - 1].if_lt(x[k], bad, one);
            }
        }
        unless(bad, log)
    }
}

impl<D: Draw + Distribution<f64, Value = f64>> Draw for Ordered<D> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut x: Vec<f64> = (0..self.len).map(|_| self.inner.draw(rng)).collect();
        x.sort_by(f64::total_cmp);
        // Draws that agree to the last digit are no two numbers.
        for k in 1..x.len() {
            x[k] = x[k].max(x[k - 1].next_up());
        }
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        let whole = matches!(self.inner.support(), Support::Whole(..));
        require(!whole, "Ordered", "the distribution", self.inner.support(), "continuous")
    }
}

/// See [`ZeroSumNormal`](crate::distributions::ZeroSumNormal).
#[derive(Clone, Debug)]
pub struct ZeroSumNormal<T> {
    sd: T,
    len: usize,
}

impl<T: Real> ZeroSumNormal<T> {
    /// Creates ZeroSumNormal(sd) of `len` numbers.
    pub fn new(sd: T, len: usize) -> Self {
        Self { sd, len }
    }
}

impl<T: Real> Distribution<T> for ZeroSumNormal<T> {
    type Value = Vec<T>;

    fn support(&self) -> Support<T> {
        Support::ZeroSum
    }

    fn log_density(&self, x: Vec<T>) -> T {
        let (mut sum, mut squares, mut size) = (T::from(0.0), T::from(0.0), T::from(1.0));
        let precision = self.sd.recip();
        for &x in &x {
            sum += x;
            size += x.abs();
            squares += (x * precision).square();
        }
        let log = -squares * 0.5 - (self.sd.ln() + LN_SQRT_2_PI) * (x.len() as f64 - 1.0);
        (size * 1e-8).if_lt(sum.abs(), lost(), log)
    }
}

impl Draw for ZeroSumNormal<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let one = Normal::new(0.0, self.sd);
        let mut x: Vec<f64> = (0..self.len).map(|_| one.draw(rng)).collect();
        let mean = x.iter().sum::<f64>() / self.len as f64;
        x.iter_mut().for_each(|x| *x -= mean);
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.sd), "ZeroSumNormal", "the sd", self.sd, "positive and finite")
    }
}
