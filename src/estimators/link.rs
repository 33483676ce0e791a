//! The space in which a posterior is Gaussian.
//!
//! The unconstrained number of a variable between two bounds is a logit, in which a posterior that reaches a bound with
//! a finite density has a tail like exp(-|q|): far from Gaussian. In z = Phi^-1(x) (probit) such a tail is Gaussian,
//! and a uniform prior is exactly the standard normal. Other unconstrained numbers are taken as they are.

use statrs::function::erf::erfc_inv;

use crate::autodiff::Real;
use crate::distributions::LN_SQRT_2_PI;
use crate::model::GlobalSlot;

/// Where the tail of the normal distribution ends in f64.
const FURTHEST: f64 = 37.0;

/// Maps the unconstrained number of a density to the number that a network infers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Identity,
    /// Phi^-1 of the logistic function.
    Probit,
}

impl Link {
    pub(super) fn of(bounded: bool) -> Self {
        if bounded { Self::Probit } else { Self::Identity }
    }

    pub(super) fn forward(self, q: f64) -> f64 {
        match self {
            Self::Identity => q,
            Self::Probit => {
                // Uses the tail on the near side, which keeps its digits.
                let tail = (-q.abs()).sigmoid();
                // A draw may be rounded to the bound itself. NaN stays NaN.
                (std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail)).clamp(0.0, FURTHEST).copysign(q)
            }
        }
    }

    pub(super) fn inverse(self, z: f64) -> f64 {
        match self {
            Self::Identity => z,
            Self::Probit => z.ln_normal_cdf() - (-z).ln_normal_cdf(),
        }
    }

    /// Returns the inverse at `z`, and ln(dz / dq) there.
    pub(super) fn inverse_with_log_slope(self, z: f64) -> (f64, f64) {
        match self {
            Self::Identity => (z, 0.0),
            Self::Probit => {
                // dq/dz = phi(z) / (Phi(z) Phi(-z)).
                let (below, above) = (z.ln_normal_cdf(), (-z).ln_normal_cdf());
                (below - above, below + above + 0.5 * z * z + LN_SQRT_2_PI)
            }
        }
    }

    /// Returns ln(dz / dq) at `q`.
    pub(super) fn log_slope(self, q: f64) -> f64 {
        match self {
            Self::Identity => 0.0,
            Self::Probit => {
                let z = self.forward(q);
                let a = -q.abs();
                a - 2.0 * a.exp().ln_1p() + 0.5 * z * z + LN_SQRT_2_PI
            }
        }
    }
}

/// Returns the positions of the unconstrained numbers of the globals `targets`, and their links.
pub(super) fn places(targets: &[GlobalSlot]) -> impl Iterator<Item = (usize, Link)> + '_ {
    targets.iter().flat_map(|target| target.free.clone().map(|at| (at, Link::of(target.bounded))))
}

/// Adds the numbers that a network infers of the globals `targets`; `q` are all unconstrained numbers of a data set's
/// globals.
pub(super) fn push_targets(q: &[f64], targets: &[GlobalSlot], to: &mut Vec<f32>) {
    for target in targets {
        let link = Link::of(target.bounded);
        to.extend(q[target.free.clone()].iter().map(|&q| link.forward(q) as f32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_with_its_slope() {
        for link in [Link::Identity, Link::Probit] {
            assert!(link.forward(f64::NAN).is_nan());
            for i in -120..=120 {
                let q = f64::from(i) / 4.0 + 0.1;
                assert!((link.inverse(link.forward(q)) - q).abs() < 1e-7 * q.abs().max(1.0), "{link:?} {q}");
                let (back, log_slope) = link.inverse_with_log_slope(link.forward(q));
                assert!((back - link.inverse(link.forward(q))).abs() < 1e-12 * q.abs().max(1.0), "{link:?} {q}");
                assert!((log_slope - link.log_slope(q)).abs() < 1e-7 * q.abs().max(1.0), "{link:?} {q}");
                let slope = (link.forward(q + 1e-4) - link.forward(q - 1e-4)) / 2e-4;
                assert!((link.log_slope(q) - slope.ln()).abs() < 1e-6, "{link:?} {q}");
            }
        }
    }
}
