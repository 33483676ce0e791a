//! Distributions of vectors and categories that are counted when the program runs. Each has the name, the density and the draws of
//! the one over arrays beside it.

mod categories;
mod counts;
mod grouped;
mod matrix_normal;
mod normal;
mod student_t;
mod unit_vector;
mod vectors;
mod wishart;

pub use categories::{Categorical, CategoricalLogit, OrderedLogistic, OrderedProbit};
pub use counts::{DirichletMultinomial, Multinomial};
pub use grouped::Grouped;
pub use matrix_normal::MatrixNormal;
pub use normal::{LkjCholesky, MvNormal, MvNormalCholesky};
pub use student_t::MvStudentT;
pub use unit_vector::{UnitVector, VonMisesFisher};
pub use vectors::{Dirichlet, Ordered, ZeroSumNormal};
pub use wishart::{InverseWishart, InverseWishartCholesky, Wishart, WishartCholesky};
