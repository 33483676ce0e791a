//! The longer proofs of what needs no network: constructs of the language against quadrature, closed forms, filters and densities
//! written by hand, likelihood ratios, and what a test of calibration finds. Not built by `cargo test --workspace`.

#![allow(missing_docs)]

mod calibrated_sequences;
mod covariances;
mod discrete;
mod edges;
mod eliminated;
mod factor;
mod field;
mod grouped;
mod hidden_counts;
mod likelihood_ratio;
mod missing;
mod power;
mod quantities;
mod sequences;
mod skellam;
mod solvers;
mod tolerance;
mod vectors;
