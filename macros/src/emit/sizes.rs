//! The sizes of a plate that are known before anything is drawn.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Expr;

use super::names::hidden;
use crate::ast::Size;
use crate::tree::Plate;

/// Names the smallest and the largest size of `plate`, which `size_values` binds.
pub fn size_names(plate: &Plate) -> (Ident, Ident) {
    (hidden(&format!("low_{}", plate.name)), hidden(&format!("high_{}", plate.name)))
}

/// Binds the smallest and the largest size of `plate`; a random size has none.
pub fn size_values(plate: &Plate) -> TokenStream {
    let (low, high) = size_names(plate);
    let usize_of = |e: &Expr| match e {
        Expr::Lit(_) => quote!(#e),
        _ => quote!((#e).clone()),
    };
    match &plate.size {
        Size::Fixed(size) => {
            let size = usize_of(size);
            quote!(let #low: usize = #size; let #high: usize = #low;)
        }
        Size::Range(a, b) => {
            let (a, b) = (usize_of(a), usize_of(b));
            quote!(let #low: usize = #a; let #high: usize = #b;)
        }
        Size::Random(..) => TokenStream::new(),
    }
}
