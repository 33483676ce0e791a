//! What a model needs in scope: `use hierarch::prelude::*;`.

pub use crate::autodiff::Real;
pub use crate::distributions::*;
pub use crate::io::{DataError, DataSet};
pub use crate::model;
pub use crate::model::{Likelihood, Model};
