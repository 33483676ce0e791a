//! How to train, as plain values: for how long, what sizes of network, on how many data sets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, Encoder};
use super::shape::Shape;

/// How long to train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Budget {
    /// Until this much time has passed. What is learned then depends on the machine.
    Time(Duration),
    /// Until this many data sets have been seen, rounded up to whole steps. The result is the same on every run.
    Simulations(u64),
    /// Until more training stops paying, or this many data sets have been seen. See [`Budget::until_converged`].
    UntilConverged(u64),
}

impl Budget {
    /// Returns a budget of time; it is 0 if `minutes` is negative or not a number.
    pub fn minutes(minutes: f64) -> Budget {
        Budget::seconds(60.0 * minutes)
    }

    /// Returns a budget of time; it is 0 if `seconds` is negative or not a number.
    pub fn seconds(seconds: f64) -> Budget {
        let time = Duration::try_from_secs_f64(seconds.max(0.0));
        Budget::Time(time.unwrap_or(Duration::MAX))
    }

    /// Returns a budget of `simulations` data sets.
    pub fn simulations(simulations: u64) -> Budget {
        Budget::Simulations(simulations)
    }

    /// Returns a budget that ends when more training stops paying, at the latest after `most` data sets. The learning rate
    /// stays at its peak until a doubling of the data sets seen brings less than 0.02 nats on the validation sample, at least
    /// 400 steps; it then falls to zero within a third of what was seen. The decision depends on counts of data sets and not on
    /// time, so that a seed gives the same network again.
    pub fn until_converged(most: u64) -> Budget {
        Budget::UntilConverged(most)
    }

    /// Returns the share of the budget that is spent after `sets` data sets and `seconds` seconds.
    pub(super) fn spent(self, sets: u64, seconds: f64) -> f64 {
        match self {
            Budget::Time(budget) => seconds / budget.as_secs_f64().max(1e-9),
            Budget::Simulations(budget) | Budget::UntilConverged(budget) => sets as f64 / budget.max(1) as f64,
        }
    }
}

/// Writes a budget in words: `60 s`, `1000000 data sets`.
impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Budget::Time(time) => write!(f, "{:.0} s", time.as_secs_f64()),
            Budget::Simulations(sets) => write!(f, "{sets} data sets"),
            Budget::UntilConverged(most) => write!(f, "until converged, {most} data sets at most"),
        }
    }
}

/// How to train. The default suits models from one global and a hundred events upwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// When to stop.
    pub budget: Budget,
    /// Sizes of the network.
    pub architecture: Architecture,
    /// Data sets in a step.
    pub batch_size: usize,
    /// The least number of chunks of a step. A chunk is the work of one thread, so that this many threads can share a step.
    /// There are more chunks if the numbers that belong to one would not fit in cache.
    pub chunks: usize,
    /// The learning rate at its peak.
    pub learning_rate: f64,
    /// The share of each weight that is taken off in a step, in units of the learning rate. 0 where every simulation is
    /// fresh and there is nothing to overfit to.
    pub weight_decay: f64,
    /// After this many validations in a row that were not the best one, training stops and returns the weights of the best.
    /// With `None` it never stops early, and returns the last weights. For simulations that are seen more than once.
    pub patience: Option<usize>,
    /// Data sets in the pilot sample, to which everything is fitted that is not learned step by step. There are fewer if
    /// they are large. More than 2048 are drawn only as long as they are at most an eighth of a budget of data sets, or
    /// take at most a fiftieth of a budget of time.
    pub pilot: usize,
    /// Data sets in the validation sample; there are fewer if they are large.
    pub validation: usize,
    /// Seed of the initial weights.
    pub seed: u64,
}

impl Settings {
    /// Returns the default settings with a budget.
    pub fn new(budget: Budget) -> Settings {
        Settings {
            budget,
            architecture: Architecture::default(),
            batch_size: 256,
            chunks: 8,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            patience: None,
            pilot: 1 << 14,
            validation: 2048,
            seed: 0,
        }
    }

    /// Checks the settings for data of `shape`; the error says what is wrong.
    pub(super) fn check(&self, shape: &Shape) -> Result<(), String> {
        let sizes = [
            ("batch_size", self.batch_size),
            ("chunks", self.chunks),
            ("pilot", self.pilot),
            ("validation", self.validation),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(format!("{name} is 0, it must be at least 1"));
        }
        self.architecture.check(shape)?;
        let Architecture { encoder, output, .. } = &self.architecture;
        if self.batch_size < self.chunks {
            return Err(format!("{} sets in a step cannot be split into {} chunks", self.batch_size, self.chunks));
        }
        let least = output.least_sets();
        if self.batch_size / self.chunks < least || self.validation < least {
            return Err(format!(
                "{least} data sets are needed to tell one from the others, where a chunk of a step has {} and the validation \
                 sample {}: have more sets or fewer chunks in a step, or tell from fewer",
                self.batch_size / self.chunks,
                self.validation
            ));
        }
        if least > 1 && matches!(encoder, Encoder::Causal { .. }) {
            return Err("a ratio cannot be learned from beginnings of data sets".to_owned());
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(format!("the weight decay is {}, it must be zero or positive", self.weight_decay));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(format!("the learning rate is {}, it must be positive", self.learning_rate));
        }
        Ok(())
    }
}
