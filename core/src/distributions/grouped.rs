//! The interval between cutpoints in which a value falls. With F the cumulative distribution of the value and c_1 <= ... <= c_K the
//! cutpoints, category k = 0, ..., K has the probability F(c_{k+1}) - F(c_k), with 0 in the place of F(c_0) and 1 in that of
//! F(c_{K+1}): the likelihood of interval-censored data (Sun, The Statistical Analysis of Interval-censored Failure Time Data, 2006).

use rand::Rng;

use super::numeric::{is_unbounded_above, is_unbounded_below, lost, not_whole, unless};
use super::{Cdf, Distribution, Draw, Finite, ParameterError, Support, require};
use crate::autodiff::Real;

/// Returns the logarithm of the probability of category `k`.
#[inline(always)]
pub(crate) fn log_probability<T: Real>(inner: &impl Cdf<T>, cutpoints: &[T], k: T) -> T {
    let yes = T::from(1.0);
    let (mut first, mut last) = (0, cutpoints.len());
    let mut bad = not_whole(k, T::from(last as f64));
    for pair in cutpoints.windows(2) {
        bad = pair[0].if_le(pair[1], bad, yes);
    }
    // Beyond a cutpoint that is infinite there is nothing. They are mostly alike over the elements of a plate, where categories are not.
    while first < last && is_unbounded_above(cutpoints[last - 1]) {
        last -= 1;
    }
    while first < last && is_unbounded_below(cutpoints[first]) {
        first += 1;
    }
    bad = k.if_lt(T::from(first as f64), yes, T::from(last as f64).if_lt(k, yes, bad));
    if first == last {
        return unless(bad, T::from(0.0));
    }
    // Both ends of the interval. Where there is none, a cutpoint stands for it, and what is made of that is not taken.
    let (mut low, mut high) = (cutpoints[first], cutpoints[first]);
    for (j, &cutpoint) in cutpoints.iter().enumerate().take(last).skip(first + 1) {
        let reached = T::from(j as f64);
        low = reached.if_lt(k, cutpoint, low);
        high = reached.if_le(k, cutpoint, high);
    }
    let below = inner.log_between(lost(), high);
    let above = inner.log_between(low, T::from(f64::INFINITY));
    let inside = inner.log_between(low, high);
    let log = k.if_lt(T::from(first as f64 + 0.5), below, T::from(last as f64 - 0.5).if_lt(k, above, inside));
    // Of parameters without sense a density is no number, but the probability of a tail may look like one.
    let density = inner.log_density(cutpoints[first]);
    let log = density.if_le(T::from(f64::INFINITY), log, density);
    unless(bad, log)
}

/// Returns the category of `x`.
pub(crate) fn category(x: f64, cutpoints: &[f64]) -> f64 {
    if x.is_nan() { x } else { cutpoints.iter().filter(|&&cutpoint| cutpoint < x).count() as f64 }
}

pub(crate) fn check(cutpoints: &[f64]) -> Result<(), ParameterError> {
    let in_order = cutpoints.windows(2).all(|pair| pair[0] <= pair[1]) && !cutpoints.iter().any(|c| c.is_nan());
    require(in_order, "Grouped", "the vector of cutpoints", cutpoints, "of numbers from the smallest to the largest")
}

/// The interval in which a value falls, of those between K cutpoints: 0 not above the first, k above the k-th and not above the next,
/// and K above the last. So it is with the time of an event that was seen by one visit and not by the visit before, and with an income
/// of which the class alone was asked. (JAGS's `dinterval`.)
///
/// Cutpoints may be data of each element, and may be infinite. Of two that are equal nothing lies between, so that an element with fewer
/// of them repeats the last.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Exponential, Grouped};
///
/// // Lifetimes of rate 2, looked at after 1 and after 3.
/// let seen = Grouped::new(Exponential::new(2.0_f64), [1.0, 3.0]);
/// let alive = |time: f64| (-2.0 * time).exp();
/// assert!((seen.log_density(0.0).exp() - (1.0 - alive(1.0))).abs() < 1e-12);
/// assert!((seen.log_density(1.0).exp() - (alive(1.0) - alive(3.0))).abs() < 1e-12);
/// assert!((seen.log_density(2.0) + 2.0 * 3.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Grouped<D, T, const K: usize> {
    inner: D,
    cutpoints: [T; K],
}

impl<D, T: Real, const K: usize> Grouped<D, T, K> {
    /// Creates Grouped(distribution, cutpoints), with cutpoints that do not decrease.
    #[inline(always)]
    pub fn new(distribution: D, cutpoints: [T; K]) -> Self {
        Self { inner: distribution, cutpoints }
    }
}

impl<T: Real, D: Cdf<T>, const K: usize> Distribution<T> for Grouped<D, T, K> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::Whole(T::from(0.0), T::from(K as f64))
    }

    #[inline(always)]
    fn log_density(&self, k: T) -> T {
        log_probability(&self.inner, &self.cutpoints, k)
    }
}

impl<T: Real, D: Cdf<T>, const K: usize> Finite<T> for Grouped<D, T, K> {
    #[inline(always)]
    fn categories(&self) -> usize {
        K + 1
    }
}

impl<D: Draw + Cdf<f64>, const K: usize> Draw for Grouped<D, f64, K> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        category(self.inner.draw(rng), &self.cutpoints)
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        check(&self.cutpoints)
    }
}
