//! What needs no network: the language, densities, samplers, files, and checks of posteriors that are known.

#![allow(missing_docs)]

mod calibrated_sequences;
mod calibration;
mod checkpoint;
mod checks;
mod covariances;
mod density;
mod discrete;
mod edges;
mod eliminated;
mod external;
mod factor;
mod field;
mod grouped;
mod hidden_counts;
mod importance;
mod likelihood_ratio;
mod missing;
mod neyman;
mod nuts;
mod power;
mod properties;
mod quantities;
mod refine;
mod resonance;
mod sequences;
mod shards;
mod skellam;
mod solvers;
mod typicality;
mod vectors;
