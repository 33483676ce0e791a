//! Draws by name, which every method of inference returns, and their diagnostics.

mod columns;
pub mod diagnostics;
mod inferred;
mod summary;

pub use columns::Draws;
pub(crate) use columns::{cumulative, pick};
pub use inferred::Inferred;
pub(crate) use summary::to_scale;
pub use summary::{Summary, SummaryRow};
