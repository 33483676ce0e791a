//! What the tests share: models, faulty posteriors, derivatives by finite differences, seeds and margins.

#![allow(missing_docs)]

pub mod faulty;
#[path = "../../src/margins.rs"]
mod margins;
pub mod models;
pub mod properties;
mod slope;

pub use margins::{assert_below, seed};
pub use slope::slope;
