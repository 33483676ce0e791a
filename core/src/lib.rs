//! The foundation of hierarch: scalars with derivatives, distributions, and the instruction set of kernels.
//!
//! It is a crate of its own so that the networks, the lenses and the library itself are compiled in parallel. Users
//! find all of it in `hierarch`.
#![deny(missing_docs)]

pub mod autodiff;
pub mod distributions;
pub mod files;
pub mod hash;
pub mod linear;
pub mod simd;
