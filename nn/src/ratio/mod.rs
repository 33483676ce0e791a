//! Likelihood-to-evidence ratios: how much more probable data are at some targets than on average over the prior.
//!
//! The network learns
//!
//! ```text
//! f(x, theta) = ln p(x | theta) / p(x) = ln p(theta | x) / p(theta)
//! ```
//!
//! by telling pairs that belong together from pairs that do not: the data of each set with its own targets, and with those
//! of other sets of the same chunk. The outputs of the outlet are one Gaussian, which whitens the targets by
//! z = L (theta - m), and an offset a. Together they are the ratio of a linear model. A small network adds what is not
//! Gaussian:
//!
//! ```text
//! f = a + ln |L| - z^2 / 2 + W3 gelu(W2 gelu(U context + V [theta, asinh z] + b) + c) + d
//! ```
//!
//! In z the network sees targets on the scale on which the ratio varies, however narrow that is. Where no targets were seen,
//! the ratio falls off as a likelihood does.
//!
//! If a label is learned, such as whether data come from beside a hypothesis or from the hypothesis itself, the sum of
//! ln cosh z stands in the place of ln |L| - z^2 / 2: the log odds of a Gaussian measurement with one alternative on either side.

mod contrast;
mod function;
mod head;

pub use contrast::Contrast;
pub use function::{Ratio, RatioScratch};
pub(super) use head::RatioHead;
