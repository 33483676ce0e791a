//! What kind of value a variable has: by its type, or by what its distribution draws.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Type};

use crate::builtin::Draws;
use crate::definition::Definition;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Real,
    Count,
    Bool,
    Category,
    Pixels,
}

impl Kind {
    /// Finds the kind of a variable from its type `ty` if it has one, else from its `definition`.
    pub fn of(ty: Option<&Type>, definition: Option<&Definition>) -> Self {
        if let Some(ty) = ty {
            return match number(ty).to_token_stream().to_string().as_str() {
                "bool" => Self::Bool,
                "usize" => Self::Category,
                "u64" | "u32" => Self::Count,
                "f32" => Self::Pixels,
                _ => Self::Real,
            };
        }
        match definition.and_then(Definition::draws) {
            Some(Draws::Bool) => Self::Bool,
            Some(Draws::Category) => Self::Category,
            Some(Draws::FiniteCount | Draws::Count | Draws::CountVector) => Self::Count,
            Some(
                Draws::Real
                | Draws::Whole
                | Draws::RealVector
                | Draws::Simplex
                | Draws::ZeroSum
                | Draws::Matrix
                | Draws::CorrelationFactor
                | Draws::Covariance
                | Draws::Plate
                | Draws::Kernel,
            )
            | None => Self::Real,
        }
    }

    /// Tells whether code branches on it or indexes with it.
    pub fn structural(self) -> bool {
        matches!(self, Self::Bool | Self::Category)
    }

    /// Emits the type of one number in a column.
    pub fn rust(self) -> TokenStream {
        match self {
            Self::Real => quote!(f64),
            Self::Count => quote!(u64),
            Self::Bool => quote!(bool),
            Self::Category => quote!(usize),
            Self::Pixels => quote!(f32),
        }
    }
}

/// Finds the type of the numbers in an array, or in an array of arrays.
pub fn number(ty: &Type) -> &Type {
    match ty {
        Type::Array(array) => number(&array.elem),
        ty => ty,
    }
}

/// Finds the rows and columns of an array of arrays; `None` if `ty` is no such array.
pub fn image(ty: &Type) -> Option<(&Expr, &Expr)> {
    match ty {
        Type::Array(rows) => match &*rows.elem {
            Type::Array(columns) => Some((&rows.len, &columns.len)),
            _ => None,
        },
        _ => None,
    }
}

/// Tells whether a param of type `ty` becomes one of the scalar that code runs on: a number or an array of numbers.
pub fn is_lifted(ty: &Type) -> bool {
    const NUMBERS: [&str; 7] = ["f64", "bool", "usize", "u64", "i64", "u32", "i32"];
    let number = match ty {
        Type::Array(array) => &array.elem,
        ty => ty,
    };
    matches!(number, Type::Path(path) if path.path.get_ident().is_some_and(|i| NUMBERS.iter().any(|t| i == t)))
}

/// How many of the numbers of a vector are free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Free {
    All,
    OneLess,
    /// Those below the diagonal of a matrix.
    LowerTriangle,
    /// These and the diagonal.
    WithDiagonal,
}
