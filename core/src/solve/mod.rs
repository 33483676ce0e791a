//! Differential equations, roots and integrals, with derivatives.
//!
//! A solver is generic over the scalar, as the function is that it is handed: it runs on plain numbers in a simulator and on
//! numbers with derivatives in a density, and its steps are those of the function's own numbers. No sensitivity equations are
//! written down. Steps are short enough for the value and for each derivative, in all lanes of a register.
//!
//! ```
//! use hierarch_core::autodiff::{Dual, Real};
//! use hierarch_core::solve::{Tolerance, ode};
//!
//! /// Hares and lynxes.
//! fn lotka<T: Real>(_: T, [hares, lynxes]: [T; 2], [birth, death]: [T; 2]) -> [T; 2] {
//!     [(birth - lynxes) * hares, (hares - death) * lynxes]
//! }
//!
//! // Both numbers of each of three times, from hares 1 and lynxes 0.5 at time zero.
//! let states = ode(lotka, [1.0, 0.5], [1.0, 2.0, 4.0], [1.1, 0.8], Tolerance::default());
//! assert!(states[2][1] > states[0][1]);
//!
//! // The same with the derivative with respect to the birth rate.
//! let theta = [Dual::<f64, 1>::variable(1.1, 0), Dual::from(0.8)];
//! let times = [1.0, 2.0, 4.0].map(Dual::from);
//! let with_slope = ode(lotka, [1.0, 0.5].map(Dual::from), times, theta, Tolerance::default());
//! assert!((with_slope[2][1].value - states[2][1]).abs() < 1e-6);
//! assert!(with_slope[0][0].partials[0] > 0.0);
//! ```
//!
//! They are our own: of the solvers for Rust the best, diffsol, runs on vectors of faer or nalgebra over `f64` and takes the right-hand
//! side, its Jacobian and its derivatives by parameters as functions of their own, where a function here is written once for any `T: Real`,
//! lanes included, and borrows nothing. It brings faer and nalgebra to be compiled, too.

mod error;
mod explicit;
mod failure;
mod integral;
mod lu;
mod ode;
mod root;
mod stiff;
mod stretch;
mod times;
mod tolerance;

#[doc(hidden)]
pub use failure::take_failure;
pub use integral::integral;
pub use ode::{ode, ode_stiff};
pub use root::root;
pub use times::{Initial, Times};
pub use tolerance::Tolerance;

#[cfg(test)]
mod tests;
