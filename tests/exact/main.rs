//! What needs no network: the language, densities, samplers, files, and checks of posteriors that are known.

#![allow(missing_docs)]

mod bad_input;
mod calibrated_sequences;
mod calibration;
mod checkpoint;
mod checks;
mod covariances;
mod csv;
mod data_let;
mod density;
mod discrete;
mod distributions;
mod edges;
mod eliminated;
mod explicit;
mod external;
mod factor;
mod field;
mod grouped;
mod hidden_counts;
mod importance;
mod least_squares;
mod likelihood_ratio;
mod linear;
mod locals;
mod missing;
mod named;
mod neyman;
mod nuts;
mod own;
mod plain_rust;
mod power;
mod predict;
mod properties;
mod quantities;
mod refine;
mod resonance;
mod sequences;
mod shards;
mod simulate;
mod sizes;
mod solvers;
mod sums;
mod typicality;
mod vectors;
