//! What kind of value a name or an expression has, as far as names tell.

use syn::{GenericArgument, PathArguments, Type};

use crate::kind::Kind;

/// What kind of value an expression has.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Value {
    /// A number that carries derivatives where code has any.
    Real,
    /// Of whole literals alone: a number if it stands where one does.
    Literal,
    /// An array, or a `Vec`, which is no array of the compiler's.
    Array {
        of: Box<Value>,
        fixed: bool,
    },
    Tuple(Vec<Value>),
    /// Something else, or unknown.
    #[default]
    Other,
}

use Value::{Array, Other, Real, Tuple};

impl Value {
    /// Finds the value that a param of type `ty` has.
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Array(array) => Self::array(Self::of(&array.elem), true),
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else { return Other };
                match &last.arguments {
                    PathArguments::None if last.ident == "f64" => Real,
                    PathArguments::AngleBracketed(arguments) if last.ident == "Vec" => match arguments.args.first() {
                        Some(GenericArgument::Type(elem)) => Self::array(Self::of(elem), false),
                        _ => Other,
                    },
                    _ => Other,
                }
            }
            _ => Other,
        }
    }

    /// Finds the value of a variable of this `kind`, a vector or not.
    pub fn of_variable(kind: Kind, vector: bool) -> Self {
        match (kind, vector) {
            (Kind::Bool | Kind::Category, _) => Other,
            (Kind::Real | Kind::Count | Kind::Pixels, false) => Real,
            (Kind::Real | Kind::Count | Kind::Pixels, true) => Self::array(Real, true),
        }
    }

    pub fn array(of: Self, fixed: bool) -> Self {
        Array { of: Box::new(of), fixed }
    }

    /// Tells whether it is a number, or an array of numbers whose length the compiler knows.
    pub fn is_fixed(&self) -> bool {
        match self {
            Real => true,
            Array { of, fixed } => *fixed && of.is_fixed(),
            _ => false,
        }
    }

    /// Finds the value of an element, of an element of that, and so on, `depth` times.
    pub fn at_depth(&self, depth: usize) -> &Self {
        match self {
            Array { of, .. } if depth > 0 => of.at_depth(depth - 1),
            _ if depth > 0 => &Other,
            value => value,
        }
    }

    /// Finds what a place has into which both may be put.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (Real, _) | (_, Real) => Real,
            (Array { of: a, fixed }, Array { of: b, .. }) => Self::array(a.join(*b), fixed),
            (Tuple(a), Tuple(b)) if a.len() == b.len() => Tuple(a.into_iter().zip(b).map(|(a, b)| a.join(b)).collect()),
            (a, b) if a == b => a,
            _ => Other,
        }
    }
}
