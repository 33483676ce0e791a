//! A value of a variable: as it is drawn, as the rest of the model sees it, as it stands in a column, and as numbers.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::kind::Kind;
use crate::tree::{Tree, Variable, variables};

/// Emits what the rest of the model sees of what is `drawn`, a number or a vector of numbers: `bool` and `usize` to branch on
/// and index with, and numbers otherwise.
pub fn seen(variable: &Variable, drawn: TokenStream) -> TokenStream {
    let one = |x: TokenStream| match variable.kind {
        Kind::Bool => quote!((#x) != 0.0),
        Kind::Category => quote!((#x) as usize),
        Kind::Real | Kind::Count | Kind::Pixels => x,
    };
    if variable.shape.is_some() && variable.kind.structural() {
        let inner = one(quote!(x));
        if variable.open {
            return quote!((#drawn).iter().map(|&x: &f64| #inner).collect::<::std::vec::Vec<_>>());
        }
        return quote!((#drawn).map(|x: f64| #inner));
    }
    one(drawn)
}

/// Emits the struct `ty` of the globals; `value` emits one of them by its name.
pub fn globals(tree: &Tree, ty: &Ident, value: &dyn Fn(&Ident) -> TokenStream) -> TokenStream {
    let fields = variables(&tree.root).filter(|v| v.is_global()).map(|v| {
        let (name, value) = (&v.name, stored(v, value(&v.name)));
        quote!(#name: #value)
    });
    quote!(#ty { #(#fields),* })
}

/// Emits what is `seen` as it stands in a column.
pub fn stored(variable: &Variable, seen: TokenStream) -> TokenStream {
    let some = quote!(::core::option::Option::Some);
    match (variable.is_optional(), &variable.shape) {
        (false, _) => plainly_stored(variable, seen),
        (true, None) => {
            let value = plainly_stored(variable, seen);
            quote!(#some(#value))
        }
        (true, Some(_)) => {
            let values = plainly_stored(variable, seen);
            quote!((#values).map(#some))
        }
    }
}

fn plainly_stored(variable: &Variable, seen: TokenStream) -> TokenStream {
    match (variable.kind, &variable.shape) {
        (Kind::Count, Some(_)) if variable.open => {
            quote!((#seen).iter().map(|&x: &f64| x as u64).collect::<::std::vec::Vec<_>>())
        }
        _ if variable.open && variable.matrix.is_some() => quote!(::hierarch::model::Vectors::from(#seen)),
        _ if variable.open => quote!((#seen).to_vec()),
        (Kind::Count, None) => quote!((#seen) as u64),
        (Kind::Count, Some(_)) => quote!((#seen).map(|x: f64| x as u64)),
        _ => seen,
    }
}

/// Emits what is `stored` in a column as a number, or a vector of numbers; what is missing is NaN.
pub fn number(variable: &Variable, stored: TokenStream) -> TokenStream {
    let one = |x: TokenStream| match variable.kind {
        Kind::Real => x,
        Kind::Count | Kind::Category | Kind::Pixels => quote!((#x) as f64),
        Kind::Bool => quote!((#x) as u8 as f64),
    };
    if variable.is_optional() {
        let (ty, inner) = (variable.kind.rust(), one(quote!(x)));
        let ty = quote!(::core::option::Option<#ty>);
        let number = |x: TokenStream| quote!(#x.map_or(f64::NAN, |x| #inner));
        let of_each = number(quote!(x));
        return match &variable.shape {
            None => number(quote!((#stored))),
            Some(_) => quote!((#stored).map(|x: #ty| #of_each)),
        };
    }
    match (variable.kind, &variable.shape) {
        (_, Some(_)) if variable.open && variable.matrix.is_some() => quote!((#stored).as_flat().to_vec()),
        (kind, Some(_)) if variable.open => {
            let (ty, inner) = (kind.rust(), one(quote!(x)));
            quote!((#stored).iter().map(|&x: &#ty| #inner).collect::<::std::vec::Vec<f64>>())
        }
        (Kind::Real, _) | (_, None) => one(stored),
        (kind, Some(_)) => {
            let ty = kind.rust();
            let inner = one(quote!(x));
            quote!((#stored).map(|x: #ty| #inner))
        }
    }
}

/// Emits a matrix of which each row is drawn, or worked out, as `one`.
pub fn by_row(variable: &Variable, zero: &TokenStream, one: &TokenStream) -> TokenStream {
    let Some((rows, columns)) = variable.rows() else { return TokenStream::new() };
    let row = variable.row();
    quote!({
        let mut __rows = [[#zero; #columns]; #rows];
        for #row in 0..#rows {
            __rows[#row] = #one;
        }
        __rows
    })
}
