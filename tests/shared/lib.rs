//! What the tests share: models, faulty posteriors, derivatives by finite differences, seeds and margins.

#![allow(missing_docs)]

pub mod faulty;
pub mod models;
mod slope;

pub use slope::slope;
