//! What the tests share: models, faulty posteriors, programs that are killed, derivatives by finite differences, seeds and margins.

#![allow(missing_docs)]

mod agrees;
pub mod density;
pub mod faulty;
pub mod kills;
pub mod models;
pub mod properties;
pub mod random;
mod slope;

pub use agrees::agrees;
pub use hierarch_margins::{assert_below, seed, within};
pub use slope::slope;
