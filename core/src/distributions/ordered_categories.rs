//! Ordered categories 0, ..., K: where a number eta plus noise falls between K increasing cutpoints c_1 < ... < c_K.
//!
//! Category k has the probability F(c_{k+1} - eta) - F(c_k - eta), with F the cumulative distribution of a logistic or of a normal
//! number, and without the first or the second term for the first and the last category.

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Open01, StandardNormal};

use super::categorical::{at, whole_below};
use super::numeric::{log_difference, not_whole, unless};
use super::{Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// One of K + 1 ordered categories, with logistic noise: ordinal logistic regression, Stan's `ordered_logistic`.
///
/// ```
/// use hierarch_core::distributions::{Distribution, OrderedLogistic};
///
/// // Three answers, of which the odds to be below the last are 3 : 1 and to be the first are 1 : 3.
/// let answer = OrderedLogistic::new(0.0_f64, [-3.0_f64.ln(), 3.0_f64.ln()]);
/// assert!((answer.log_density(0.0).exp() - 0.25).abs() < 1e-12);
/// assert!((answer.log_density(1.0).exp() - 0.5).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OrderedLogistic<T, const K: usize> {
    eta: T,
    cutpoints: [T; K],
}

/// One of K + 1 ordered categories, with normal noise: ordinal probit regression.
///
/// ```
/// use hierarch_core::distributions::{Cdf, Distribution, Normal, OrderedProbit};
///
/// let grade = OrderedProbit::new(0.3_f64, [-1.0, 0.5, 2.0]);
/// let noise = Normal::new(0.3_f64, 1.0);
/// assert!((grade.log_density(1.0).exp() - (noise.cdf(0.5) - noise.cdf(-1.0))).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OrderedProbit<T, const K: usize> {
    eta: T,
    cutpoints: [T; K],
}

/// Where a category lies.
struct Place<T> {
    /// The cutpoints on both sides; any number where there is none.
    low: T,
    high: T,
    /// Whether it is the first, and the last: one or zero.
    first: T,
    last: T,
    /// One where `k` is no category, or the cutpoints do not increase.
    bad: T,
}

#[inline(always)]
fn place<T: Real, const K: usize>(k: T, cutpoints: &[T; K]) -> Place<T> {
    let (no, yes, count) = (T::from(0.0), T::from(1.0), K as f64);
    let mut bad = not_whole(k, T::from(count));
    for pair in cutpoints.windows(2) {
        bad = pair[0].if_lt(pair[1], bad, yes);
    }
    Place {
        low: at(cutpoints, k - 1.0),
        high: at(cutpoints, k),
        first: k.if_lt(T::from(0.5), yes, no),
        last: T::from(count - 0.5).if_lt(k, yes, no),
        bad,
    }
}

/// Returns `value`, or zero where one of `ends` is one.
#[inline(always)]
fn except<T: Real, const N: usize>(ends: [T; N], value: T) -> T {
    let (zero, mut kept) = (T::from(0.0), value);
    for end in ends {
        kept = zero.if_lt(end, zero, kept);
    }
    kept
}

impl<T: Real, const K: usize> OrderedLogistic<T, K> {
    /// Creates OrderedLogistic(eta, cutpoints), with any real eta and increasing cutpoints: a larger eta makes later categories more
    /// likely.
    #[inline(always)]
    pub fn new(eta: T, cutpoints: [T; K]) -> Self {
        Self { eta, cutpoints }
    }
}

impl<T: Real, const K: usize> Distribution<T> for OrderedLogistic<T, K> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        whole_below(K + 1)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        // F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)).
        let Place { low, high, first, last, bad } = place(k, &self.cutpoints);
        let above_low = except([first], (low - self.eta).softplus());
        let below_high = except([last], (self.eta - high).softplus());
        let gap = except([first, last], log_difference(T::from(0.0), low - high));
        unless(bad, gap - above_low - below_high)
    }
}

impl<T: Real, const K: usize> OrderedProbit<T, K> {
    /// Creates OrderedProbit(eta, cutpoints), with any real eta and increasing cutpoints: a larger eta makes later categories more
    /// likely.
    #[inline(always)]
    pub fn new(eta: T, cutpoints: [T; K]) -> Self {
        Self { eta, cutpoints }
    }
}

impl<T: Real, const K: usize> Distribution<T> for OrderedProbit<T, K> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        whole_below(K + 1)
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        let Place { low, high, first, last, bad } = place(k, &self.cutpoints);
        let (zero, a, b) = (T::from(0.0), low - self.eta, high - self.eta);
        // An interval above zero is mirrored below it, where Phi does not cancel.
        let flip = zero.if_lt(last, T::from(1.0), zero.if_lt(first, zero, a + b));
        let upper = zero.if_lt(flip, -a, b).ln_normal_cdf();
        let lower = zero.if_lt(flip, -b, a).ln_normal_cdf();
        let inner = log_difference(upper, lower);
        let log = zero.if_lt(first + last, upper, inner);
        unless(bad, if K == 0 { zero } else { log })
    }
}

fn draw(x: f64, cutpoints: &[f64]) -> f64 {
    if x.is_nan() { f64::NAN } else { cutpoints.iter().filter(|&&cutpoint| cutpoint < x).count() as f64 }
}

fn check<const K: usize>(eta: f64, cutpoints: &[f64; K], name: &'static str) -> Result<(), ParameterError> {
    require(eta.is_finite(), name, "eta", eta, "finite")?;
    let increasing = cutpoints.iter().all(|c| c.is_finite()) && cutpoints.windows(2).all(|pair| pair[0] < pair[1]);
    require(increasing, name, "the vector of cutpoints", cutpoints, "of finite numbers that increase")
}

impl<const K: usize> Draw for OrderedLogistic<f64, K> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let u: f64 = rng.sample(Open01);
        draw(self.eta + (u / (1.0 - u)).ln(), &self.cutpoints)
    }

    fn check(&self) -> Result<(), ParameterError> {
        check(self.eta, &self.cutpoints, "OrderedLogistic")
    }
}

impl<const K: usize> Draw for OrderedProbit<f64, K> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        draw(self.eta + z, &self.cutpoints)
    }

    fn check(&self) -> Result<(), ParameterError> {
        check(self.eta, &self.cutpoints, "OrderedProbit")
    }
}

impl<T: Real, const K: usize> Finite<T> for OrderedLogistic<T, K> {
    #[inline(always)]
    fn categories(&self) -> usize {
        K + 1
    }
}

impl<T: Real, const K: usize> Finite<T> for OrderedProbit<T, K> {
    #[inline(always)]
    fn categories(&self) -> usize {
        K + 1
    }
}
