//! A posterior as draws by name, whatever it was inferred with.

use std::borrow::Cow;

use super::{Draws, Summary};
use crate::model::{Name, UnknownName};

/// A posterior: chains, weighted draws, what a neural estimator says of data, or draws of your own. In scope with the prelude.
pub trait Inferred {
    /// Returns the draws that means, quantiles and tables are taken of.
    fn as_draws(&self) -> Cow<'_, Draws>;

    /// Returns draws of the posterior, for each name `count`, from a seed; those at one position of all names are one draw.
    fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        self.as_draws().sample(count, seed)
    }

    /// Returns at most `count` draws for each name, for a figure or a check.
    fn thinned(&self, count: usize) -> Vec<Vec<f64>> {
        self.as_draws().thinned(count)
    }

    /// Returns why the posterior may be wrong, in words; empty where nothing speaks against it.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns in words how the posterior came about; empty where there is nothing to say.
    fn about(&self) -> String {
        String::new()
    }

    /// Returns the names of its numbers: `mass`, `mu[2]` for a component, `slope[17]` for the element of a plate, `pair[1][17]`
    /// for both.
    fn names(&self) -> Vec<String> {
        self.as_draws().names().to_vec()
    }

    /// Returns the mean of a number.
    ///
    /// # Errors
    /// There is none of that name.
    fn mean(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.as_draws().mean(name)
    }

    /// Returns the standard deviation of a number.
    ///
    /// # Errors
    /// There is none of that name.
    fn sd(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.as_draws().sd(name)
    }

    /// Returns a quantile of a number, for a probability between 0 and 1.
    ///
    /// # Errors
    /// There is no number of that name.
    fn quantile(&self, name: impl Into<Name>, probability: f64) -> Result<f64, UnknownName> {
        self.as_draws().quantile(name, probability)
    }

    /// Returns mean, sd and quantiles of every number, and of chains R-hat and effective sample sizes.
    fn summary(&self) -> Summary {
        self.as_draws().summary()
    }
}

impl Inferred for Draws {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(self)
    }
}
