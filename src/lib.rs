//! hierarch
#![deny(missing_docs)]
pub mod autodiff;
pub mod distributions;
