//! A posterior as draws by name, whichever method inferred it.

use std::borrow::Cow;

use super::{Draws, SampleStats, Summary};
use crate::model::{Name, UnknownName};

/// A posterior: Markov chains, weighted draws, the posterior that a neural estimator returns, or your own draws. In
/// scope with the prelude.
///
/// ```
/// use hierarch::draws::{Draws, Inferred};
/// use hierarch::model::UnknownName;
///
/// /// The middle half of any posterior.
/// fn middle_half(posterior: &impl Inferred, name: &str) -> Result<[f64; 2], UnknownName> {
///     Ok([posterior.quantile(name, 0.25)?, posterior.quantile(name, 0.75)?])
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let draws = Draws::new([("mass", vec![1.0, 2.0, 3.0, 4.0, 5.0])]); // or chains, or `estimator.condition(&data)?`
/// assert_eq!(middle_half(&draws, "mass")?, [2.0, 4.0]);
/// # Ok(())
/// # }
/// ```
pub trait Inferred {
    /// Returns the draws from which means, quantiles and tables are computed.
    fn as_draws(&self) -> Cow<'_, Draws>;

    /// Returns `count` draws of the posterior for each name, with the random `seed`; the numbers at the same position
    /// of all names are one draw.
    fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        self.as_draws().sample(count, seed)
    }

    /// Returns at most `count` draws for each name, for a figure or a check.
    fn thinned(&self, count: usize) -> Vec<Vec<f64>> {
        self.as_draws().thinned(count)
    }

    /// Returns warnings: reasons why the posterior may be wrong; empty if there are none.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns a short description of how the posterior was computed; empty if there is none.
    fn about(&self) -> String {
        String::new()
    }

    /// Returns what the sampler says of each draw; `None` for draws that are not those of Markov chains.
    fn stats(&self) -> Option<&SampleStats> {
        None
    }

    /// Returns the names of its numbers: `mass`, `mu[2]` for a component, `slope[17]` for the element of a plate,
    /// `pair[17][1]` for both.
    fn names(&self) -> Vec<String> {
        self.as_draws().names().to_vec()
    }

    /// Returns the mean of the number `name`.
    ///
    /// # Errors
    /// There is no number of that name.
    fn mean(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.as_draws().mean(name)
    }

    /// Returns the standard deviation of the number `name`.
    ///
    /// # Errors
    /// There is no number of that name.
    fn sd(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.as_draws().sd(name)
    }

    /// Returns a quantile of the number `name`, for a `probability` between 0 and 1.
    ///
    /// # Errors
    /// There is no number of that name.
    fn quantile(&self, name: impl Into<Name>, probability: f64) -> Result<f64, UnknownName> {
        self.as_draws().quantile(name, probability)
    }

    /// Returns mean, sd and quantiles of every number; for chains also R-hat and effective sample sizes.
    fn summary(&self) -> Summary {
        self.as_draws().summary()
    }
}

impl Inferred for Draws {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(self)
    }
}
