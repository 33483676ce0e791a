//! Markov chains over a model's exact density, and what they are worth.

mod chains;
pub mod diagnostics;
mod nuts;
mod summary;

pub use chains::Chains;
pub use nuts::{Nuts, SampleError};
pub use summary::{Summary, SummaryRow};
