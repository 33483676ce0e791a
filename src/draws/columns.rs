//! Draws of several variables by name, with optional weights.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Summary, diagnostics, summary};
use crate::model::{Name, Stream, UnknownName};
use crate::model::{Purpose, stream_for};

/// Draws of a posterior: one column of numbers for each name. The numbers at the same position of all columns are one
/// draw.
///
/// ```
/// use hierarch::draws::Draws;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let draws = Draws::new([("mass", vec![90.1, 91.4, 90.8]), ("width", vec![2.1, 2.6, 2.4])]);
/// assert_eq!(draws.quantile("mass", 0.5)?, 90.8);
/// println!("{}", draws.summary());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Draws {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    /// The weight of each draw; they sum to 1. Empty if all draws have the same weight.
    weights: Vec<f64>,
    /// The number of Markov chains, which have the same length and follow each other; 0 for independent draws.
    chains: usize,
}

/// Draws as read from a file, not yet checked.
#[derive(Deserialize)]
struct Unchecked {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    weights: Vec<f64>,
    chains: usize,
}

impl TryFrom<Unchecked> for Draws {
    type Error = String;

    fn try_from(Unchecked { names, columns, weights, chains }: Unchecked) -> Result<Self, String> {
        let draws = columns.first().map_or(0, Vec::len);
        if names.len() != columns.len() {
            return Err(format!("draws have {} names and {} columns", names.len(), columns.len()));
        }
        if let Some(at) = columns.iter().position(|column| column.len() != draws) {
            let (name, found) = (&names[at], columns[at].len());
            return Err(format!("there are {found} draws of `{name}`, and {draws} of `{}`", names[0]));
        }
        if let Some(weight) = weights.iter().find(|weight| !(**weight >= 0.0 && weight.is_finite())) {
            return Err(format!("a weight is {weight}, it must not be negative"));
        }
        if !weights.is_empty() && (weights.len() != draws || (weights.iter().sum::<f64>() - 1.0).abs() > 1e-6) {
            return Err(format!("{draws} draws have {} weights, which must sum to 1", weights.len()));
        }
        if chains > 0 && (!draws.is_multiple_of(chains) || !weights.is_empty()) {
            return Err(format!("{draws} draws with {} weights are not of {chains} chains", weights.len()));
        }
        Ok(Self { names, columns, weights, chains })
    }
}

impl Draws {
    /// Makes independent draws from names and their columns.
    pub fn new<N: Into<String>>(columns: impl IntoIterator<Item = (N, Vec<f64>)>) -> Self {
        let (names, columns) = columns.into_iter().map(|(name, column)| (name.into(), column)).unzip();
        Self { names, columns, weights: Vec::new(), chains: 0 }
    }

    /// Gives each draw a weight; these sum to 1.
    pub(crate) fn weighted(self, weights: Vec<f64>) -> Self {
        Self { weights, ..self }
    }

    /// Marks the draws as those of `chains` Markov chains, one after the other.
    pub(crate) fn of_chains(self, chains: usize) -> Self {
        Self { chains, ..self }
    }

    /// Returns the number of Markov chains; 0 for independent draws.
    pub(crate) fn chains(&self) -> usize {
        self.chains
    }

    /// Returns the names, in the order of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the draws of each name.
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    /// Returns the weights of the draws, which sum to 1; empty if all draws have the same weight.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Returns the draws of the number `name`.
    ///
    /// # Errors
    /// There is no number of that name.
    pub fn get(&self, name: impl Into<Name>) -> Result<&[f64], UnknownName> {
        UnknownName::find("number", name.into().as_str(), &self.names).map(|at| self.columns[at].as_slice())
    }

    /// Returns the mean of the number `name`.
    ///
    /// # Errors
    /// There is no number of that name.
    pub fn mean(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.get(name).map(|column| summary::mean(column, &self.weights))
    }

    /// Returns the standard deviation of the number `name`.
    ///
    /// # Errors
    /// There is no number of that name.
    pub fn sd(&self, name: impl Into<Name>) -> Result<f64, UnknownName> {
        self.get(name).map(|column| summary::sd(column, &self.weights))
    }

    /// Returns a quantile of the number `name`, for a `probability` between 0 and 1.
    ///
    /// # Errors
    /// There is no number of that name.
    pub fn quantile(&self, name: impl Into<Name>, probability: f64) -> Result<f64, UnknownName> {
        let column = self.get(name)?;
        if self.is_weighted() {
            return Ok(summary::quantiles(column, &self.weights, [probability])[0]);
        }
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        Ok(diagnostics::quantile(&sorted, probability))
    }

    /// Returns mean, sd and quantiles of every number; for chains also R-hat and effective sample sizes.
    pub fn summary(&self) -> Summary {
        let named = self.names.iter().map(String::as_str).zip(self.columns.iter().map(Vec::as_slice));
        if self.is_weighted() {
            return Summary::from_weighted(named, &self.weights);
        }
        if self.chains == 0 {
            return Summary::from_draws(named);
        }
        let chains: Vec<Vec<&[f64]>> = self.columns.iter().map(|column| self.split(column)).collect();
        Summary::from_chains(self.names.iter().map(String::as_str).zip(chains.iter().map(Vec::as_slice)))
    }

    /// Returns `count` draws of the posterior for each name, with the random `seed`. They are resampled by weight from
    /// these draws, with replacement, so they repeat if `count` is large.
    pub fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let drawn = self.resample(count, seed);
        self.columns.iter().map(|column| drawn.iter().map(|&i| column[i]).collect()).collect()
    }

    /// Returns at most `count` draws for each name: every k-th draw if all weights are equal, else draws resampled by
    /// weight.
    pub(crate) fn thinned(&self, count: usize) -> Vec<Vec<f64>> {
        if self.is_weighted() {
            return self.sample(count, 0);
        }
        let most = self.columns.iter().map(Vec::len).max().unwrap_or(0);
        let step = most.div_ceil(count.max(1)).max(1);
        self.columns.iter().map(|column| column.iter().step_by(step).copied().collect()).collect()
    }

    /// Returns the positions of `count` draws, chosen independently by weight.
    pub(crate) fn resample(&self, count: usize, seed: u64) -> Vec<usize> {
        let mut rng = stream_for(Purpose::Posterior, seed, 0, 0);
        if !self.is_weighted() {
            let draws = self.columns.first().map_or(0, Vec::len);
            return if draws == 0 { Vec::new() } else { (0..count).map(|_| rng.random_range(0..draws)).collect() };
        }
        let below = cumulative(&self.weights);
        (0..count).map(|_| pick(&below, &mut rng)).collect()
    }

    /// Returns the numbers of draw `at`.
    pub(crate) fn row(&self, at: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[at]).collect()
    }

    /// Returns the chains of a column.
    pub(crate) fn split<'a>(&self, column: &'a [f64]) -> Vec<&'a [f64]> {
        column.chunks((column.len() / self.chains.max(1)).max(1)).collect()
    }

    fn is_weighted(&self) -> bool {
        !self.weights.is_empty()
    }
}

/// Returns the cumulative sums of the weights.
pub(crate) fn cumulative(weights: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |w: &f64| {
        sum += w;
        sum
    };
    weights.iter().map(add).collect()
}

/// Draws a position with a probability proportional to its weight.
pub(crate) fn pick(cumulative: &[f64], rng: &mut Stream) -> usize {
    let total = cumulative.last().copied().unwrap_or(0.0);
    let u = (total * rng.random::<f64>()).min(total.next_down());
    // The first position whose cumulative sum exceeds the number, so never one with weight zero.
    cumulative.partition_point(|sum| *sum <= u)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_that_do_not_belong_together_are_not_read() {
        let text = |columns: &str, weights: &str, chains: usize| {
            format!(r#"{{"names": ["a", "b"], "columns": {columns}, "weights": {weights}, "chains": {chains}}}"#)
        };
        let read = |columns, weights, chains| serde_json::from_str::<Draws>(&text(columns, weights, chains));
        let whole = "[[1.0, 2.0], [3.0, 4.0]]";
        assert_eq!(read(whole, "[]", 2).unwrap().columns(), [[1.0, 2.0], [3.0, 4.0]]);
        assert!(read(whole, "[0.25, 0.75]", 0).is_ok());
        for (columns, weights, chains, said) in [
            ("[[1.0]]", "[]", 0, "2 names and 1 columns"),
            ("[[1.0, 2.0], [3.0]]", "[]", 0, "1 draws of `b`, and 2 of `a`"),
            (whole, "[1.0]", 0, "2 draws have 1 weights"),
            (whole, "[0.5, 0.6]", 0, "must sum to 1"),
            (whole, "[1.5, -0.5]", 0, "a weight is -0.5"),
            (whole, "[]", 3, "not of 3 chains"),
        ] {
            let error = read(columns, weights, chains).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
