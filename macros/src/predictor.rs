//! What is taken out of the elements of a plate: linear predictors, and normal observations. See `linear`.

use proc_macro2::{Ident, TokenStream};
use syn::Expr;

/// A linear predictor of the elements of a plate.
#[derive(Clone)]
pub struct Predictor {
    /// What stands for it in the elements' expressions.
    pub name: Ident,
    pub sum: Sum,
}

/// A normal observation of the elements of a plate.
#[derive(Clone)]
pub struct Fit {
    pub y: Ident,
    pub mean: Sum,
    /// The factors of the sd.
    pub shared_sd: Option<Expr>,
    pub data_sd: Option<Expr>,
    /// Whether the logarithm of `y` is normal.
    pub log: bool,
}

/// A sum of terms.
#[derive(Clone, Default)]
pub struct Sum {
    /// What no unknown is in.
    pub offset: Vec<Expr>,
    pub terms: Vec<Term>,
    /// What is no product of data and an unknown.
    pub rest: Vec<Expr>,
    /// Whether data decide which terms there are.
    pub branches: bool,
}

/// A product of data and an unknown.
#[derive(Clone)]
pub struct Term {
    /// Of data.
    pub scale: Expr,
    pub unknown: Unknown,
}

#[derive(Clone)]
pub enum Unknown {
    /// The same number for every element.
    Number(Expr),
    /// The product of a vector of the data and a vector that is the same for every element.
    Vector { data: Expr, values: Expr, len: TokenStream },
    /// One of a column of another plate, by an index of the element.
    Gathered { values: Ident, index: Ident, plate: String },
    /// That of the element of the plate around.
    Around { values: Ident },
    /// One of a vector declared outside plates, by an index of the element.
    Picked { values: Ident, index: Ident },
}
