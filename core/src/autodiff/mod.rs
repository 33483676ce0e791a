//! Scalars that carry derivatives.
//!
//! A density is written once, generic over a scalar `T:` [`Real`]. On `f64` it returns a number. On [`Dual`] it returns
//! a number and its partial derivatives with respect to a few variables, for several elements of a plate at a time when
//! the dual's numbers are themselves [`Lanes`] of a vector register. No tape is kept and nothing is allocated.

mod blocks;
mod dual;
mod erf;
mod lanes;
mod log_sum;
mod mean_exp;
mod promote;
mod real;
mod special;

pub use blocks::{Block, Blocks, Structural, absorb, gather, scatter, slots};
pub use dual::Dual;
pub use lanes::{Lanes, WithLanes, with_lanes};
pub use log_sum::{LogSum, log_sum_exp};
pub use promote::{Lift, Promote};
pub use real::Real;
