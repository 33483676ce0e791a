//! Scalars that carry derivatives.
//!
//! A density is written once, generic over a scalar `T:` [`Real`]. On `f64` it returns a number. On [`Dual`] it returns
//! a number and its partial derivatives with respect to a few variables, for several elements of a plate at a time when
//! the dual's numbers are themselves [`Lanes`] of a vector register. No tape is kept and nothing is allocated.
//!
//! ```
//! use hierarch_core::autodiff::{Dual, Real};
//!
//! /// The log density of a normal number with mean zero, without its constant.
//! fn log_density<T: Real>(x: T, sd: T) -> T {
//!     (x / sd).square() * -0.5 - sd.ln()
//! }
//!
//! // x has slot 0 and sd slot 1. The derivatives are -x / sd^2 and x^2 / sd^3 - 1 / sd.
//! let log = log_density(Dual::<f64, 2>::variable(3.0, 0), Dual::variable(2.0, 1));
//! assert_eq!(log.value, log_density(3.0_f64, 2.0));
//! assert_eq!(log.partials, [-0.75, 0.625]);
//! ```
//!
//! Work of your own runs on vector registers by [`with_lanes`]:
//!
//! ```
//! use hierarch_core::autodiff::{Lanes, WithLanes, with_lanes};
//!
//! struct SumOfSquares<'a>(&'a [f64]);
//!
//! impl WithLanes for SumOfSquares<'_> {
//!     type Output = f64;
//!
//!     #[inline(always)]
//!     fn run<V: Lanes>(self) -> f64 {
//!         let registers = self.0.chunks_exact(V::WIDTH);
//!         let rest: f64 = registers.remainder().iter().map(|x| x * x).sum();
//!         let mut sum = V::splat(0.0);
//!         for numbers in registers {
//!             let x = V::load(numbers);
//!             sum = x.mul_add(x, sum);
//!         }
//!         sum.sum() + rest
//!     }
//! }
//!
//! let numbers: Vec<f64> = (1..=10).map(f64::from).collect();
//! assert_eq!(with_lanes(SumOfSquares(&numbers)), 385.0);
//! ```

mod before;
mod beside;
mod bessel;
mod bessel_sum;
mod blocks;
mod chain;
mod dual;
mod functions;
mod gamma;
mod incomplete;
mod kept;
mod lanes;
mod log_sum;
mod matrix;
mod mean_exp;
mod missing;
mod mixed;
mod normal;
mod parts;
mod promote;
mod real;
mod remembered;
mod special;
mod taped;

#[doc(hidden)]
pub use blocks::{Block, Blocks, Structural, absorb, from, scatter, slots};
/// What the code that `model!` makes calls.
#[doc(hidden)]
pub use chain::Chain;
pub use dual::Dual;
#[doc(hidden)]
pub use kept::Kept;
pub(crate) use lanes::MOST_LANES;
pub use lanes::{Lanes, WithLanes, with_lanes};
pub use log_sum::{LogSum, log_sum_exp};
pub use matrix::Matrix;
#[doc(hidden)]
pub use matrix::{AsMatrix, OpenDiagonal, open_diag, open_matvec};
pub use mixed::mixed;
#[doc(hidden)]
pub use parts::Parts;
#[doc(hidden)]
pub use promote::Cast;
pub use promote::{Lift, Promote};
pub use real::Beside;
pub use real::{Diagonal, Real, diag, dot, in_one_row, in_rows, matvec, open_dot};
#[doc(hidden)]
pub use taped::Taped;
