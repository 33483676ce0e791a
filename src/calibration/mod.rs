//! Whether to believe an inference: confidence sets that cover what they promise.

mod neyman;
mod quantiles;

pub use neyman::{Coverage, Neyman, NeymanError};
