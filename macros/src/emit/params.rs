//! The params of a model, as values of the scalar that code runs on.

use proc_macro2::TokenStream;
use quote::quote;

use super::open;
use crate::kind::is_lifted;
use crate::tree::Tree;

/// Binds the params for code that runs on `scalar`: numbers become that scalar, everything else is borrowed.
pub fn bind_params(tree: &Tree, scalar: &TokenStream) -> TokenStream {
    let bindings = tree.params.iter().map(|p| {
        let (name, ty) = (&p.name, &p.ty);
        if p.is_size {
            open::size(name)
        } else if is_lifted(ty) {
            quote!(let #name = ::hierarch::__private::Lift::<#scalar>::lift(self.#name);)
        } else {
            quote!(let #name = &self.#name;)
        }
    });
    quote!(#(#bindings)*)
}
