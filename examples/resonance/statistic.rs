//! The same events when nothing is kept of each but one number: the statistic of an optimal classifier.
//!
//! Between a resonance Normal(1, sd = sqrt(variance)) and the background Normal(0, 1) it is twice the log of the likelihood
//! ratio, without its constant:
//!
//! ```text
//! s(x) = x^2 - (x - 1)^2 / variance = v + a (x - v)^2,    a = 1 - 1 / variance,    v = 1 / (1 - variance)
//! ```
//!
//! a parabola whose vertex is at x = v, where s = v too. All but the vertex have two roots x = v +- r, r^2 = (s - v) / a, and
//! the density of s is the sum of the densities of x at both, over the slope of the parabola there: p(s) =
//! (p(v + r) + p(v - r)) / (2 |a| r).

use hierarch::autodiff::LogSum;
use hierarch::distributions::{Distribution, Draw, Normal, ParameterError, Support};
use hierarch::prelude::*;
use hierarch::rand::Rng;

/// The variance of a resonance of the nominal mass, 1, and of one whose mass is spread as in its prior, Normal(1, 2).
pub const NOMINAL: f64 = 0.1 * 0.1;
pub const MARGINAL: f64 = 0.1 * 0.1 + 2.0 * 2.0;

model! {
    /// A narrow resonance on a smooth background, seen through a classifier trained for a resonance of some variance.
    pub Classified {
        param width: f64 = 0.1;
        /// The variance of the resonance that the classifier was trained for; not 1.
        param variance: f64 = NOMINAL;

        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);

        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, width) } else { (0.0, 1.0) };
            observe s ~ Statistic(mean, sd, variance);
        }
    }
}

/// The distribution of s(x) for x ~ Normal(mean, sd).
pub struct Statistic<T> {
    x: Normal<T>,
    /// v, both the place and the value of the vertex.
    vertex: f64,
    /// a: the parabola opens upwards if it is positive, downwards if negative.
    curvature: f64,
}

impl<T: Real> Statistic<T> {
    /// For a classifier trained for a resonance of a variance that is positive and not 1; a constant, no unknown.
    #[inline(always)]
    pub fn new(mean: T, sd: T, variance: T) -> Self {
        let variance = variance.value();
        Self { x: Normal::new(mean, sd), vertex: 1.0 / (1.0 - variance), curvature: 1.0 - 1.0 / variance }
    }

    /// s(x).
    #[inline(always)]
    pub fn of(&self, x: T) -> T {
        (x - self.vertex).square() * self.curvature + self.vertex
    }

    /// The roots v + r and v - r, and r.
    ///
    /// A number s is known to its rounding alone, and so r^2 to no less than that over |a|. A datum that is rounded to the very
    /// vertex, where the density is infinite, gets the density of that r.
    #[inline(always)]
    pub fn roots(&self, s: T) -> ([T; 2], T) {
        let rounding = (self.vertex / self.curvature).abs() * f64::EPSILON;
        let r = ((s - self.vertex) / self.curvature).max(T::from(rounding)).sqrt();
        ([r + self.vertex, -r + self.vertex], r)
    }
}

impl<T: Real> Distribution<T> for Statistic<T> {
    type Value = T;

    #[inline(always)]
    fn support(&self) -> Support<T> {
        let vertex = T::from(self.vertex);
        if self.curvature > 0.0 { Support::Above(vertex) } else { Support::Below(vertex) }
    }

    // Inlined to the last, with no closure: so it runs on vector registers, several events at a time.
    #[inline(always)]
    fn log_density(&self, s: T) -> T {
        let ([high, low], r) = self.roots(s);
        let mut sum = LogSum::new();
        sum.push(self.x.log_density(high));
        sum.push(self.x.log_density(low));
        let log_density = sum.finish() - (r * (2.0 * self.curvature.abs())).ln();
        // Beyond the vertex there is nothing.
        ((s - self.vertex) / self.curvature).if_lt(T::from(0.0), T::from(f64::NEG_INFINITY), log_density)
    }
}

impl Draw for Statistic<f64> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.of(self.x.draw(rng))
    }

    fn check(&self) -> std::result::Result<(), ParameterError> {
        self.x.check()?;
        if self.curvature.is_finite() && self.curvature != 0.0 && self.vertex.is_finite() {
            return Ok(());
        }
        let (parameter, value) = ("the variance", format!("{:?}", (1.0 - self.curvature).recip()));
        Err(ParameterError { distribution: "Statistic", parameter, value, requirement: "positive, finite and not 1" })
    }
}
