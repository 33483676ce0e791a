//! What a network says of its targets, as plain values: a family of distributions, probabilities of categories, or ratios.

use serde::{Deserialize, Serialize};

use super::mixture::COMPONENTS;
use super::ratio::Contrast;
use super::spline::BINS;

/// The largest width of a layer, and the most layers of a kind: with more, no memory holds the weights.
pub(super) const WIDEST: usize = 1 << 20;
pub(super) const DEEPEST: usize = 1 << 10;
/// The largest number of other data sets that a data set is told from. Every sample that a loss is taken of has more.
const OTHERS: usize = 63;

/// A family of distributions over the targets.
///
/// KL(exact || learned) in nats after 6 seconds of training on one core, with the sizes of [`Family::maf`] and
/// [`Family::nsf`]; an ignored test in `tests/trainings/families.rs` prints such a table. Standard errors are a tenth of the
/// numbers, a third to a half for those below 0.03. The machine was shared: within a row speeds differ by up to a factor of
/// two.
///
/// | posterior | Gaussian | mixture of 6 | mixture of 16 | MAF | NSF |
/// | --- | --- | --- | --- | --- | --- |
/// | conjugate, 1 number | 0.000 | 0.001 | 0.000 | 0.000 | 0.000 |
/// | conjugate, 2 numbers | 0.000 | 0.000 | 0.000 | 0.001 | 0.000 |
/// | conjugate, 5 numbers | 0.002 | 0.004 | 0.005 | 0.005 | 0.004 |
/// | conjugate, 10 numbers (a mixture of 7 at most) | 0.005 | | 0.009 | 0.018 | 0.015 |
/// | a banana | 0.62 | 0.021 | 0.016 | 0.093 | 0.032 |
/// | two moons | 1.21 | 0.24 | 0.034 | 1.15 | 0.068 |
/// | two modes of one number | 0.43 | 0.007 | 0.004 | 0.43 | 0.006 |
/// | at the edge of a uniform prior | 0.047 | 0.001 | 0.001 | 0.046 | 0.003 |
///
/// On the resonance of the examples, mixtures of 6 and of 16 are equally close after equal times, and flows are farther
/// off. So a mixture of 16 is the default for several numbers. For one number 6 are enough, and a little closer to a
/// Gaussian posterior after long training. A spline flow comes near, and is the one to try for shapes that a few Gaussians
/// cannot cover. A Gaussian is best where the posterior is one. A masked autoregressive flow bends, but its affine maps
/// hardly tear one mode into two, and for one number it is a Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Family {
    /// Independent Gaussians.
    Diagonal,
    /// A Gaussian with any covariance if there are at most 64 numbers; with more, they are independent.
    Gaussian,
    /// A mixture of Gaussians with any covariances.
    Mixture {
        /// The number of Gaussians, 16 at most; there are fewer where there are many targets.
        components: usize,
    },
    /// A masked autoregressive flow behind a Gaussian: for posteriors that are bent, but of one mode.
    Maf {
        /// Autoregressive steps.
        steps: usize,
        /// Width of the networks that say how a number follows those before it.
        width: usize,
    },
    /// A neural spline flow behind a Gaussian.
    Nsf {
        /// Autoregressive steps.
        steps: usize,
        /// Width of the networks that say how a number follows those before it.
        width: usize,
        /// Bins of a spline, 32 at most.
        bins: usize,
    },
}

impl Family {
    /// Returns a masked autoregressive flow of a size that suits a handful of numbers.
    pub fn maf() -> Family {
        Family::Maf { steps: 4, width: 48 }
    }

    /// Returns a neural spline flow of a size that suits a handful of numbers.
    pub fn nsf() -> Family {
        Family::Nsf { steps: 2, width: 48, bins: 10 }
    }
}

/// What a network says of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// A density: a distribution of a family.
    Density(Family),
    /// Probabilities of this number of categories; there is one target, which is one of 0, 1, ....
    Categories(usize),
    /// No distribution, but the ratio of the likelihood to the evidence as a function of the targets: see
    /// [`Network::ratio`](super::Network::ratio).
    Ratio {
        /// How it is learned.
        contrast: Contrast,
        /// How much it costs to be off balance, in nats; with 0 it costs nothing. 100 is usual (Delaunoy et al., arXiv
        /// 2208.13624).
        balance: f32,
        /// Width of the network that judges pairs of data and targets.
        width: usize,
    },
}

impl From<Family> for Output {
    fn from(family: Family) -> Self {
        Output::Density(family)
    }
}

impl Output {
    /// Checks the sizes for a network with `targets` targets; the error says what is wrong.
    pub(super) fn check(self, targets: usize) -> Result<(), String> {
        let sizes: Vec<(&str, usize, usize)> = match self {
            Output::Density(Family::Diagonal | Family::Gaussian) => vec![],
            Output::Density(Family::Mixture { components }) => vec![("components", components, COMPONENTS)],
            Output::Density(Family::Maf { steps, width }) => {
                vec![("steps", steps, DEEPEST), ("width", width, WIDEST)]
            }
            Output::Density(Family::Nsf { steps, width, bins }) => {
                vec![("steps", steps, DEEPEST), ("width", width, WIDEST), ("bins", bins, BINS)]
            }
            Output::Categories(count) => vec![("categories", count, WIDEST)],
            Output::Ratio { contrast: Contrast::Label, width, .. } => vec![("width", width, WIDEST)],
            Output::Ratio { contrast, width, .. } => {
                vec![("width", width, WIDEST), ("others", contrast.others(), OTHERS)]
            }
        };
        let what = if let Output::Density(_) = self { "the family" } else { "the output" };
        for (name, size, most) in sizes {
            if size == 0 {
                return Err(format!("{what} has 0 {name}, it must have at least 1"));
            }
            if size > most {
                return Err(format!("{what} has {size} {name}, it can have at most {most}"));
            }
        }
        match self {
            Output::Categories(_) if targets != 1 => {
                Err(format!("{targets} targets, where probabilities of categories are of one"))
            }
            Output::Ratio { contrast: Contrast::Label, .. } if targets < 2 => {
                Err("one target alone is a label of nothing".to_owned())
            }
            Output::Ratio { contrast: Contrast::WhichIfAny { gamma, .. }, .. }
                if !(gamma > 0.0 && gamma.is_finite()) =>
            {
                Err(format!("the odds gamma are {gamma}, they must be positive"))
            }
            Output::Ratio { balance, .. } if !(balance >= 0.0 && balance.is_finite()) => {
                Err(format!("the cost of being off balance is {balance}, it must not be negative"))
            }
            _ => Ok(()),
        }
    }

    /// Tells whether it is a ratio, not a distribution.
    pub fn is_ratio(self) -> bool {
        matches!(self, Output::Ratio { .. })
    }

    /// Tells whether it is a distribution of numbers. A ratio is not: it is about likelihoods, and what least squares predict
    /// is about posteriors.
    pub(super) fn is_posterior(self) -> bool {
        matches!(self, Output::Density(_))
    }

    /// Returns how many of the targets, at their end, are codes and not numbers to be standardised.
    pub(super) fn codes(self) -> usize {
        match self {
            Output::Categories(_) => 1,
            Output::Ratio { contrast, .. } => contrast.labels(),
            _ => 0,
        }
    }

    /// Returns the least number of data sets that a loss can be taken of.
    pub(super) fn least_sets(self) -> usize {
        match self {
            Output::Ratio { contrast, .. } => 1 + contrast.others(),
            _ => 1,
        }
    }
}
