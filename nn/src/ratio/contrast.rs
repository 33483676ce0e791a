//! How a ratio is learned: which pairs of data and targets are told from which, and what it costs to be wrong.

use serde::{Deserialize, Serialize};

use crate::kernels::Number;
use crate::mixture::log_sum_exp;

/// How a ratio is learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Contrast {
    /// A data set is paired with its own targets and with those of `others` other data sets, and the network tells which of
    /// these pairs is the own one (NRE-B; Durkan et al., arXiv 2002.03712). The ratio is learned up to a factor that
    /// depends on the data.
    Which {
        /// The number of other data sets, 63 at most.
        others: usize,
    },
    /// The network tells which pair is the own one, and also whether any of them is, which is so with odds `gamma` to 1
    /// (NRE-C; Miller et al., arXiv 2210.06170). The ratio is learned as it is. With one other data set and even odds this
    /// is NRE-A, logistic regression.
    WhichIfAny {
        /// The number of other data sets, 63 at most.
        others: usize,
        /// The odds.
        gamma: f32,
    },
    /// The last target is a label, 0 or 1, and f the logarithm of the odds of 1, given the data and the other targets.
    Label,
}

impl Contrast {
    /// Returns the number of other data sets whose targets a data set is paired with.
    pub(crate) fn others(self) -> usize {
        match self {
            Contrast::Which { others } | Contrast::WhichIfAny { others, .. } => others,
            Contrast::Label => 0,
        }
    }

    /// Returns the number of targets that are labels.
    pub(crate) fn labels(self) -> usize {
        usize::from(self == Contrast::Label)
    }

    /// Computes f for a Gaussian measurement, from whitened targets `z` and `log_slope` = ln |L|.
    pub(super) fn gaussian<E: Number>(self, z: &[E], log_slope: E) -> E {
        match self {
            Contrast::Label => z.iter().map(|z| log_cosh(*z)).sum(),
            _ => log_slope - E::number(0.5) * z.iter().map(|z| *z * *z).sum::<E>(),
        }
    }

    /// Computes the derivatives of [`gaussian`](Contrast::gaussian) by one of the z, and by ln |L|.
    pub(super) fn by_gaussian<E: Number>(self, z: E) -> (E, E) {
        match self {
            Contrast::Label => (z.tanh(), E::zero()),
            _ => (-z, E::one()),
        }
    }

    /// Returns the loss of a data set, from the f of its own targets and then those of the others' targets, and turns these
    /// into their gradient.
    pub(super) fn loss<E: Number>(self, f: &mut [E], scratch: &mut Vec<E>) -> E {
        match self {
            Contrast::Which { .. } => {
                let (own, normaliser) = (f[0], log_sum_exp(f));
                f.iter_mut().for_each(|f| *f = (*f - normaliser).exp());
                f[0] -= E::one();
                normaliser - own
            }
            Contrast::WhichIfAny { gamma, .. } => {
                // Either one pair is the own one and the rest are others, or all are others; `count` pairs in both cases.
                let count = f.len() - 1;
                let (none, log_gamma) = (E::number(count as f32).ln(), E::number(gamma).ln());
                let share = E::number(gamma / (1.0 + gamma));
                let own = f[0];
                let mut normaliser = |f: &[E]| {
                    scratch.clear();
                    scratch.push(none);
                    scratch.extend(f.iter().map(|f| *f + log_gamma));
                    log_sum_exp(scratch)
                };
                let (any, no) = (normaliser(&f[..count]), normaliser(&f[1..]));
                for (place, f) in f.iter_mut().enumerate() {
                    let mut gradient = E::zero();
                    if place < count {
                        gradient += share * (*f + log_gamma - any).exp();
                    }
                    if place > 0 {
                        gradient += (E::one() - share) * (*f + log_gamma - no).exp();
                    }
                    *f = gradient;
                }
                f[0] -= share;
                share * (any - log_gamma - own) + (E::one() - share) * (no - none)
            }
            Contrast::Label => E::zero(),
        }
    }
}

/// Computes ln(1 + e^x).
pub(super) fn softplus<E: Number>(x: E) -> E {
    x.max(E::zero()) + (-x.abs()).exp().ln_1p()
}

/// Computes ln cosh x.
fn log_cosh<E: Number>(x: E) -> E {
    let far = x.abs();
    far + (-(far + far)).exp().ln_1p() - E::number(std::f32::consts::LN_2)
}

/// Computes 1 / (1 + e^-x).
pub(super) fn sigmoid<E: Number>(x: E) -> E {
    E::one() / (E::one() + (-x).exp())
}
