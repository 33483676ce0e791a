//! The params of a model, as values of the scalar that code runs on.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::tree::Tree;

/// Binds the params for code that runs on `scalar`: numbers become that scalar, everything else is borrowed.
pub fn bind_params(tree: &Tree, scalar: &TokenStream) -> TokenStream {
    let bindings = tree.params.iter().map(|p| {
        let (name, ty) = (&p.name, &p.ty);
        let lifted = match ty {
            Type::Array(array) => is_number(&array.elem),
            ty => is_number(ty),
        };
        if lifted {
            quote!(let #name = ::hierarch::__private::Lift::<#scalar>::lift(self.#name);)
        } else {
            quote!(let #name = &self.#name;)
        }
    });
    quote!(#(#bindings)*)
}

fn is_number(ty: &Type) -> bool {
    const NUMBERS: [&str; 7] = ["f64", "bool", "usize", "u64", "i64", "u32", "i32"];
    matches!(ty, Type::Path(path) if path.path.get_ident().is_some_and(|i| NUMBERS.iter().any(|t| i == t)))
}
