//! How far a training is, and the learning rate at that point.

use serde::{Deserialize, Serialize};

/// How far a training is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) step: u64,
    pub(crate) sets: u64,
    /// Share of the budget spent.
    pub(crate) fraction: f64,
    /// Seconds spent before the training was resumed; in a file, before it was saved.
    pub(crate) seconds: f64,
    /// Mean loss since the last validation.
    pub(crate) since: Mean,
    /// Seconds that all threads together have spent since the last validation: on drawing data sets, and on all work on
    /// chunks.
    pub(crate) simulation: f64,
    pub(crate) work: f64,
    /// Validations since the best one.
    pub(crate) stale: usize,
    /// In a training until it has converged: the data sets seen when the learning rate began to fall, and when it will be
    /// zero; and whether it began because more training stopped paying.
    pub(crate) fall: Option<(u64, u64)>,
    pub(crate) converged: bool,
}

/// Returns the learning rate as a share of its peak, when `fraction` of the budget is spent: first it rises linearly, then it
/// falls to 0 as half a cosine.
pub(super) fn schedule(fraction: f64) -> f64 {
    const WARM_UP: f64 = 0.03;
    if fraction < WARM_UP {
        (fraction / WARM_UP).max(0.01)
    } else {
        0.5 * (1.0 + (std::f64::consts::PI * (fraction - WARM_UP) / (1.0 - WARM_UP)).cos())
    }
}

/// Steps in which the learning rate rises to its peak in a training until it has converged, and the least number of them
/// before its end.
const RISE: u64 = 50;
pub(super) const LEAST_STEPS: u64 = 400;
/// A doubling of the training that lowers the validation loss by less, in nats, does not pay.
pub(super) const WORTH: f64 = 0.02;

/// The most data sets that a training can have seen: f64 counts no further.
const MOST: u64 = 1 << 53;

impl State {
    /// Checks what stands in a file of a training with steps of `batch_size` data sets.
    pub(crate) fn check(&self, batch_size: usize) -> Result<(), String> {
        let State { step, sets, fraction, seconds, since, simulation, work, stale, fall, .. } = *self;
        if sets > MOST || step.checked_mul(batch_size as u64) != Some(sets) {
            return Err(format!("its {step} steps of {batch_size} data sets have seen {sets}"));
        }
        if !(0.0..=1.0).contains(&fraction) {
            return Err(format!("the fraction of its budget is {fraction}, it must be 0 to 1"));
        }
        let times = [("seconds", seconds), ("simulation", simulation), ("work", work)];
        if let Some((name, time)) = times.into_iter().find(|(_, time)| !(*time >= 0.0 && time.is_finite())) {
            return Err(format!("its {name} are {time}, they must not be negative"));
        }
        if since.count > step || stale as u64 > step {
            return Err(format!("of its {step} steps {} are since the last validation, {stale} stale", since.count));
        }
        match fall {
            Some((start, end)) if start > sets || end < start || end > MOST => {
                Err(format!("after {sets} data sets, its learning rate falls from {start} to {end}"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the learning rate as a share of its peak in a training until it has converged.
    pub(super) fn plateau(&self) -> f64 {
        match self.fall {
            None => ((self.step + 1) as f64 / RISE as f64).min(1.0),
            Some((start, end)) => {
                let fallen = (self.sets - start) as f64 / (end - start).max(1) as f64;
                0.5 * (1.0 + (std::f64::consts::PI * fallen.min(1.0)).cos())
            }
        }
    }

    /// Returns the share that is spent of a training until it has converged, of `most` data sets at most: up to three quarters
    /// before the learning rate falls.
    pub(super) fn spent(&self, most: u64) -> f64 {
        match self.fall {
            None => 0.75 * (self.sets as f64 / (0.75 * most.max(1) as f64)).min(1.0),
            Some((start, end)) => 0.75 + 0.25 * (self.sets - start) as f64 / (end - start).max(1) as f64,
        }
    }
}

/// The mean of what was added since it was last taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    /// Adds a value.
    pub(super) fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// Returns the mean, and starts from nothing again.
    pub(super) fn take(&mut self) -> f64 {
        let mean = self.sum / self.count.max(1) as f64;
        *self = Mean::default();
        mean
    }
}
