//! What needs no network: densities, samplers, files, programs of other languages, and checks of posteriors that are known. The
//! longer half is in `tests/proofs/`.

#![allow(missing_docs)]

mod calibration;
mod checkpoint;
mod checks;
mod density;
mod external;
mod importance;
mod neyman;
mod nuts;
mod properties;
mod refine;
mod resonance;
mod shards;
mod typicality;
