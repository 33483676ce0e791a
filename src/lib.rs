//! hierarch
#![deny(missing_docs)]

// The macro's output names the crate as its users do.
extern crate self as hierarch;

pub mod autodiff;
pub mod distributions;
pub mod inference;
pub mod io;
pub mod model;
pub mod nn;
pub mod plot;
pub mod prelude;
mod progress;
pub mod sampling;
pub mod simulate;

pub use hierarch_macros::model;
#[doc(hidden)]
pub use serde;
