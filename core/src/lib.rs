//! The foundation of hierarch: scalars with derivatives, distributions, and the instruction set of kernels.
//!
//! It is a crate of its own so that the networks, the lenses and the library itself are compiled in parallel. Users
//! find all of it in `hierarch`.
#![deny(missing_docs)]

/// Makes errors print their message where Rust prints their `Debug` text: at the end of a `main` that returns one, and in
/// `unwrap`.
#[doc(hidden)]
#[macro_export]
macro_rules! debug_as_message {
    ($($error:ty),*) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )*};
}

pub mod autodiff;
pub mod distributions;
pub mod fields;
pub mod files;
pub mod hash;
pub mod linear;
pub mod simd;
pub mod solve;
