//! The space in which a posterior is Gaussian.
//!
//! The unconstrained number of a variable between two bounds is a logit, in which a posterior that reaches a bound with
//! a finite density has a tail like exp(-|q|): far from Gaussian. In z = Phi^-1(x) (probit) such a tail is Gaussian,
//! and a uniform prior is exactly the standard normal. Other unconstrained numbers are centred and scaled by what draws
//! of the prior are like; where these have heavy tails, by Cauchy's distribution.

use std::f64::consts::{PI, SQRT_2};

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc_inv;

use crate::autodiff::Real;
use crate::distributions::LN_SQRT_2_PI;
use crate::draws::diagnostics::quantile;

/// Where the tail of the normal distribution ends in f64.
pub(super) const FURTHEST: f64 = 37.0;
/// The ratio of the widths between the 2 % and the 25 % quantiles and their mirror images above which a prior has heavy
/// tails: it is 3.0 for a normal distribution, 4.6 for Laplace's, 6.0 for Student's with 2 degrees of freedom, and 15.9
/// for Cauchy's.
const HEAVY: f64 = 7.0;
/// The least number of draws that tell.
const ENOUGH: usize = 100;
/// The share of a variable's range next to each of its bounds that a flat link stretches to infinity.
pub(super) const EDGE: f64 = 0.01;
/// The width of a flat link: a uniform prior has the standard deviation 1.
pub(super) const WIDTH: f64 = 3.464_101_615_137_754_6;
/// ln(pi).
pub(super) const LN_PI: f64 = 1.144_729_885_849_400_2;

/// Maps the unconstrained number of a density to the number that a network infers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) shape: LinkShape,
    pub(super) centre: f64,
    pub(super) scale: f64,
    /// Whether it is of a variable between two bounds whose prior is about uniform.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) uniform: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LinkShape {
    /// (q - centre) / scale.
    Linear,
    /// Phi^-1 of the logistic function; centre and scale are 0 and 1.
    Probit,
    /// The logistic function p itself, from -sqrt(3) to sqrt(3), but for its first and last [`EDGE`], which reach to infinity as
    /// logarithms do; centre and scale are 0 and 1.
    Flat,
    /// Phi^-1 of Cauchy's cumulative distribution at (q - centre) / scale: for priors without a mean or a variance.
    Heavy,
}

impl Link {
    /// Fits the link to draws of the prior, which it sorts.
    pub(super) fn fit(bounded: bool, draws: &mut [f64]) -> Self {
        if bounded {
            let probit = Self { shape: LinkShape::Probit, centre: 0.0, scale: 1.0, uniform: false };
            return Self { uniform: is_standard_normal(draws.iter().map(|q| probit.forward(*q))), ..probit };
        }
        let (centre, scale) = spread(draws).unwrap_or((0.0, 1.0));
        let [low, first, third, high] = [0.02, 0.25, 0.75, 0.98].map(|p| quantile(draws, p));
        if draws.len() >= ENOUGH && third > first && high - low > HEAVY * (third - first) {
            return Self { shape: LinkShape::Heavy, centre, scale: 0.5 * (third - first), uniform: false };
        }
        Self { shape: LinkShape::Linear, centre, scale, uniform: false }
    }

    /// Returns the link for a family that can follow an edge: flat where the prior is about uniform.
    pub(super) fn for_flow(self) -> Self {
        if self.uniform { Self { shape: LinkShape::Flat, ..self } } else { self }
    }

    /// Returns whether it can have been fitted to draws of a number that is, or is not, `bounded`.
    pub(super) fn is_valid(&self, bounded: bool) -> bool {
        let numbers = self.centre.is_finite() && self.scale > 0.0 && self.scale.is_finite();
        numbers && bounded == matches!(self.shape, LinkShape::Probit | LinkShape::Flat)
    }

    pub(super) fn forward(self, q: f64) -> f64 {
        let u = (q - self.centre) / self.scale;
        match self.shape {
            LinkShape::Linear => u,
            // Uses the tail on the near side, which keeps its digits.
            LinkShape::Probit => normal_score((-u.abs()).sigmoid(), u),
            LinkShape::Flat => {
                let tail = (-u.abs()).sigmoid();
                let from_middle = if tail > EDGE { 0.5 - tail } else { 0.5 - EDGE + EDGE * (EDGE / tail).ln() };
                (WIDTH * from_middle).copysign(u)
            }
            LinkShape::Heavy => normal_score(1.0.atan2(u.abs()) / PI, u),
        }
    }

    pub(super) fn inverse(self, z: f64) -> f64 {
        self.inverse_with_log_slope(z).0
    }

    /// Returns the inverse at `z`, and ln(dz / dq) there.
    pub(super) fn inverse_with_log_slope(self, z: f64) -> (f64, f64) {
        let (u, log_slope) = match self.shape {
            LinkShape::Linear => (z, 0.0),
            LinkShape::Probit => {
                // du/dz = phi(z) / (Phi(z) Phi(-z)).
                let (below, above) = (z.ln_normal_cdf(), (-z).ln_normal_cdf());
                (below - above, below + above + 0.5 * z * z + LN_SQRT_2_PI)
            }
            LinkShape::Flat => {
                let beyond = z.abs() / WIDTH - (0.5 - EDGE);
                // Its logarithm, since the tail itself may be too small for a number.
                let ln_tail = if beyond < 0.0 { (EDGE - beyond).ln() } else { EDGE.ln() - beyond / EDGE };
                let u = ((-ln_tail.exp()).ln_1p() - ln_tail).copysign(z);
                (u, log_slope_of_flat(ln_tail))
            }
            LinkShape::Heavy => {
                let u = (PI * (-z.abs()).normal_cdf()).tan().recip().copysign(z);
                (u, log_slope_of_heavy(u, z))
            }
        };
        (self.centre + self.scale * u, log_slope - self.scale.ln())
    }

    /// Returns ln(dz / dq) at `q`.
    pub(super) fn log_slope(self, q: f64) -> f64 {
        let (u, z) = ((q - self.centre) / self.scale, self.forward(q));
        let log_slope = match self.shape {
            LinkShape::Linear => 0.0,
            LinkShape::Probit => {
                let a = -u.abs();
                a - 2.0 * a.exp().ln_1p() + 0.5 * z * z + LN_SQRT_2_PI
            }
            // ln of the logistic function of -|u|.
            LinkShape::Flat => log_slope_of_flat(-u.abs() - (-u.abs()).exp().ln_1p()),
            LinkShape::Heavy => log_slope_of_heavy(u, z),
        };
        log_slope - self.scale.ln()
    }
}

/// Returns the median of numbers and their scale, the sd of a normal distribution with the same quartiles (or, if these
/// are equal, with the same quantiles further out); sorts the numbers. `None` if there are none.
fn spread(values: &mut [f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let centre = quantile(values, 0.5);
    let widths = [(0.25, 1.349), (0.05, 3.29), (0.005, 5.15), (0.0, 6.0)];
    let scales = widths.map(|(p, normal)| (quantile(values, 1.0 - p) - quantile(values, p)) / normal);
    Some((centre, scales.into_iter().find(|scale| *scale > 0.0 && scale.is_finite()).unwrap_or(1.0)))
}

/// Returns the number of the standard normal distribution with the probability `tail` beyond it, on the side of `sign`. A
/// draw may be rounded to a bound, where there is no tail. NaN stays NaN.
fn normal_score(tail: f64, sign: f64) -> f64 {
    (SQRT_2 * erfc_inv(2.0 * tail)).clamp(0.0, FURTHEST).copysign(sign)
}

/// Returns ln(dz / du) of a flat link at the logistic function of -|u|, whose logarithm is given.
fn log_slope_of_flat(ln_tail: f64) -> f64 {
    WIDTH.ln() + ln_tail.max(EDGE.ln()) + (-ln_tail.exp()).ln_1p()
}

/// Returns whether numbers are about like draws of the standard normal distribution.
fn is_standard_normal(draws: impl Iterator<Item = f64> + Clone) -> bool {
    let n = draws.clone().count();
    let moment = |power| draws.clone().map(|z| z.powi(power)).sum::<f64>() / n as f64;
    n >= ENOUGH && moment(1).abs() < 0.3 && (moment(2) - 1.0).abs() < 0.4 && (moment(4) - 3.0).abs() < 2.0
}

/// Returns ln(dz / du) where Phi(z) is Cauchy's cumulative distribution at `u`.
fn log_slope_of_heavy(u: f64, z: f64) -> f64 {
    0.5 * z * z + LN_SQRT_2_PI - LN_PI - (u * u).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [Link; 5] = [
        Link { shape: LinkShape::Linear, centre: 0.0, scale: 1.0, uniform: false },
        Link { shape: LinkShape::Linear, centre: -3.0, scale: 7.0, uniform: false },
        Link { shape: LinkShape::Probit, centre: 0.0, scale: 1.0, uniform: false },
        Link { shape: LinkShape::Flat, centre: 0.0, scale: 1.0, uniform: true },
        Link { shape: LinkShape::Heavy, centre: 2.0, scale: 0.3, uniform: false },
    ];

    #[test]
    fn there_and_back_with_its_slope() {
        for link in LINKS {
            assert!(link.forward(f64::NAN).is_nan());
            for i in -120..=120 {
                let q = f64::from(i) / 4.0 + 0.1;
                assert!((link.inverse(link.forward(q)) - q).abs() < 1e-7 * q.abs().max(1.0), "{link:?} {q}");
                let (back, log_slope) = link.inverse_with_log_slope(link.forward(q));
                assert!((back - link.inverse(link.forward(q))).abs() < 1e-12 * q.abs().max(1.0), "{link:?} {q}");
                assert!((log_slope - link.log_slope(q)).abs() < 1e-6 * q.abs().max(1.0), "{link:?} {q}");
                let slope = (link.forward(q + 1e-4) - link.forward(q - 1e-4)) / 2e-4;
                assert!((link.log_slope(q) - slope.ln()).abs() < 1e-6, "{link:?} {q}");
            }
        }
    }

    #[test]
    fn a_flow_reads_uniform_variables_as_they_are() {
        let logit = |p: f64| (p / (1.0 - p)).ln();
        let middles = || (0..256).map(|i| (f64::from(i) + 0.5) / 256.0);
        let uniform = Link::fit(true, &mut middles().map(logit).collect::<Vec<_>>()).for_flow();
        assert_eq!(uniform.shape, LinkShape::Flat);
        for p in [0.02, 0.3, 0.9] {
            assert!((uniform.forward(logit(p)) - 12f64.sqrt() * (p - 0.5)).abs() < 1e-12);
        }
        // Of one that may be anything between 1e-9 and 1, what is small would be lost.
        let other = |like: fn(f64) -> f64| Link::fit(true, &mut middles().map(like).map(logit).collect::<Vec<_>>());
        for like in [|p: f64| 1e-9_f64.powf(1.0 - p), |p: f64| 0.4 + 0.2 * p, |p: f64| p.powi(3)] {
            assert_eq!(other(like).for_flow().shape, LinkShape::Probit);
        }
        // Draws far beyond the edge are at the bound, and stay numbers.
        let (far, log_slope) = uniform.inverse_with_log_slope(9.0);
        assert!(far > 100.0 && far.is_finite() && log_slope.is_finite());
    }

    #[test]
    fn heavy_tails_are_found_and_become_normal() {
        let n = 400;
        let middles = || (0..n).map(|i| (f64::from(i) + 0.5) / f64::from(n));
        let cauchy = Link::fit(false, &mut middles().map(|p| 1e7 + 3.0 * (PI * (p - 0.5)).tan()).collect::<Vec<_>>());
        assert!(cauchy.shape == LinkShape::Heavy && (cauchy.scale - 3.0).abs() < 0.1, "{cauchy:?}");
        let square = middles().map(|p| cauchy.forward(1e7 + 3.0 * (PI * (p - 0.5)).tan()).powi(2)).sum::<f64>();
        assert!((square / f64::from(n) - 1.0).abs() < 0.02, "{square}");
        let laplace = |p: f64| if p < 0.5 { (2.0 * p).ln() } else { -(2.0 - 2.0 * p).ln() };
        for like in [laplace, |p: f64| (p / (1.0 - p)).ln(), |p: f64| p] {
            let link = Link::fit(false, &mut middles().map(like).collect::<Vec<_>>());
            assert_eq!(link.shape, LinkShape::Linear);
        }
        // Most draws are the same, or all of them.
        let mut spike = [[0.0; 40], std::array::from_fn(|i| if i < 4 { i as f64 } else { 0.0 })].concat();
        assert!(Link::fit(false, &mut spike).is_valid(false));
        assert!(Link::fit(false, &mut [5.0; 9]).is_valid(false) && Link::fit(false, &mut []).is_valid(false));
    }
}
