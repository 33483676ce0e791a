//! A mixture: density w_1 f_1(x) + ... + w_K f_K(x).

use rand::{Rng, RngExt};

use super::numeric::{larger, no_probabilities, pick, require_probabilities, smaller, unless};
use super::{Cdf, Distribution, Draw, ParameterError, Support};
use crate::autodiff::{LogSum, Real};

/// A mixture of K distributions of one type, each with its weight.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Exponential, Mixture};
///
/// // A quarter decays at rate 1, the rest at rate 2.
/// let time = Mixture::new([0.25_f64, 0.75], [Exponential::new(1.0), Exponential::new(2.0)]);
/// let expected = 0.25 * (-3.0_f64).exp() + 0.75 * 2.0 * (-6.0_f64).exp();
/// assert!((time.log_density(3.0).exp() - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mixture<D, T, const K: usize> {
    weights: [T; K],
    components: [D; K],
}

impl<D, T: Real, const K: usize> Mixture<D, T, K> {
    /// Creates Mixture(weights, components), with weights that sum to one.
    #[inline(always)]
    pub fn new(weights: [T; K], components: [D; K]) -> Self {
        Self { weights, components }
    }

    /// Returns ln(w_1 exp(l_1) + ... + w_K exp(l_K)).
    #[inline(always)]
    fn log_mean(&self, log: impl Fn(&D) -> T) -> T {
        let mut sum = LogSum::new();
        for (weight, component) in self.weights.iter().zip(&self.components) {
            sum.push(weight.ln() + log(component));
        }
        sum.finish()
    }
}

impl<T: Real, D: Distribution<T, Value = T>, const K: usize> Distribution<T> for Mixture<D, T, K> {
    type Value = T;

    /// Returns the interval from the lowest bound of a component to the highest.
    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (mut low, mut high, mut whole) = (T::from(f64::INFINITY), T::from(f64::NEG_INFINITY), true);
        for component in &self.components {
            let bounds = component.support().bounds();
            (low, high, whole) = (smaller(low, bounds.0), larger(high, bounds.1), whole && bounds.2);
        }
        Support::between(low, high, whole)
    }

    #[inline(always)]
    fn log_density(&self, x: T) -> T {
        unless(no_probabilities(&self.weights), self.log_mean(|component| component.log_density(x)))
    }
}

impl<T: Real, D: Cdf<T>, const K: usize> Cdf<T> for Mixture<D, T, K> {
    #[inline(always)]
    fn cdf(&self, x: T) -> T {
        self.weights.iter().zip(&self.components).map(|(&weight, component)| weight * component.cdf(x)).sum()
    }

    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        self.log_mean(|component| component.log_between(low, high))
    }
}

impl<D: Draw + Distribution<f64, Value = f64>, const K: usize> Draw for Mixture<D, f64, K> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        pick(&self.weights, rng.random()).map_or(f64::NAN, |k| self.components[k].draw(rng))
    }

    fn check(&self) -> Result<(), ParameterError> {
        require_probabilities(&self.weights, "Mixture", "the vector of weights")?;
        self.components.iter().try_for_each(D::check)
    }
}
