//! Distributions of vectors and categories that are counted when the program runs. Each has the name, the density and the draws of
//! the one over arrays beside it.

mod categories;
mod counts;
mod normal;
mod vectors;

pub use categories::{Categorical, CategoricalLogit, OrderedLogistic};
pub use counts::Multinomial;
pub use normal::{LkjCholesky, MvNormal, MvNormalCholesky};
pub use vectors::{Dirichlet, Ordered, ZeroSumNormal};
