//! What the tests share: models, faulty posteriors, derivatives by finite differences, seeds and margins.

#![allow(missing_docs)]

pub mod faulty;
pub mod models;
pub mod properties;
mod slope;

pub use hierarch_margins::{assert_below, seed, within};
pub use slope::slope;
