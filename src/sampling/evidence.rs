//! The evidence of a model, and what it says of two models of the same data.

use std::fmt;

/// The natural logarithm of the evidence, the probability (density) of the data under a model, with its standard error.
///
/// ```
/// use hierarch::prelude::*;
/// use hierarch::sampling::{BayesFactor, Evidence};
///
/// model! {
///     pub Coins {
///         param a: f64 = 1.0;
///         global bias ~ Beta(a, a);
///         plate tosses(1..=100) {
///             observe heads ~ Bernoulli(bias);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = CoinsData { tosses: CoinsTosses { heads: (0..50).map(|i| i % 2 == 0).collect() } };
/// let evidence = |a: f64| -> Result<Evidence, SampleError> {
///     let model = Coins { a };
///     model.bridge(&data, &model.nuts(&data).run()?, 1)
/// };
/// // Half of them heads: a coin that is known to be nearly fair expects that more.
/// let factor: BayesFactor = evidence(20.0)?.against(&evidence(1.0)?);
/// assert!(factor.value() > 2.0 && factor.error < 0.1, "{factor}");
/// println!("{factor}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The natural logarithm of the evidence.
    pub log: f64,
    /// Its standard error.
    pub error: f64,
}

impl Evidence {
    /// Compares this model with another of the same data: returns how many times more probable the data are under this one. The data
    /// must be the same to the last row, and the priors must be proper.
    pub fn against(&self, other: &Self) -> BayesFactor {
        BayesFactor { log: self.log - other.log, error: self.error.hypot(other.error) }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log evidence {:.3} +- {:.3}", self.log, self.error)
    }
}

/// The Bayes factor of two models: the ratio of their evidences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BayesFactor {
    /// Its natural logarithm.
    pub log: f64,
    /// The standard error of the logarithm, from those of both evidences, which are independent.
    pub error: f64,
}

impl BayesFactor {
    /// Returns the Bayes factor itself; its relative error is about `error`, where that is small.
    pub fn value(&self) -> f64 {
        self.log.exp()
    }

    /// Returns the posterior probability of the first model, where it had the `prior` probability and the other the rest.
    pub fn probability(&self, prior: f64) -> f64 {
        let log_odds = self.log + (prior / (1.0 - prior)).ln();
        1.0 / (1.0 + (-log_odds).exp())
    }
}

impl fmt::Display for BayesFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bayes factor {:.3e}, its logarithm {:.3} +- {:.3}", self.value(), self.log, self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_have_odds_and_errors() {
        let factor = Evidence { log: -10.0, error: 0.3 }.against(&Evidence { log: -12.0, error: 0.4 });
        assert_eq!((factor.log, factor.error), (2.0, 0.5));
        assert!((factor.probability(0.5) - 1.0 / (1.0 + (-2.0_f64).exp())).abs() < 1e-12);
        assert!((factor.probability(0.1) - 1.0 / (1.0 + 9.0 * (-2.0_f64).exp())).abs() < 1e-12);
        assert_eq!(factor.to_string(), "Bayes factor 7.389e0, its logarithm 2.000 +- 0.500");
        assert_eq!(Evidence { log: -10.0, error: 0.3 }.to_string(), "log evidence -10.000 +- 0.300");
    }
}
