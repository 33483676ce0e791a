//! How a training goes: what it tells after every step, and what it notes at every validation.

use serde::{Deserialize, Serialize};

/// One evaluation on the validation sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Steps done.
    pub step: u64,
    /// Data sets seen.
    pub sets: u64,
    /// Seconds since training began.
    pub seconds: f64,
    /// Mean of -ln q(targets | data) over the data sets seen since the last record, under the weights of the moment, in
    /// nats. With [`Encoder::Causal`](super::Encoder::Causal), the mean is over data sets and beginnings of them.
    pub loss: f64,
    /// The same mean over the validation sample, under the averaged weights, in nats.
    pub validation: f64,
    /// The share of the steps' work since the last record that went into drawing data sets.
    pub simulation: f64,
}

/// How far training has come; given to the callback after every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingProgress {
    /// Steps done.
    pub step: u64,
    /// Data sets seen.
    pub sets: u64,
    /// Seconds since training began.
    pub seconds: f64,
    /// Share of the budget spent, 0 to 1.
    pub fraction: f64,
    /// Mean of -ln q(targets | data) over the data sets of this step, in nats.
    pub loss: f64,
    /// The loss of the latest validation, `None` if there was none: see [`TrainingRecord::validation`].
    pub validation: Option<f64>,
}
