//! Where the numbers of each variable stand among the unconstrained ones: the globals first, then the locals plate by plate,
//! and then what is missing.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::emit::missing::{flat, inferred};
use crate::emit::names::{data_path, hidden};
use crate::emit::open;
use crate::tree::{Plate, Step, Tree, Variable, all_plates, variables};

/// Names where the unconstrained numbers of the variable `name` begin.
pub fn start_of(name: &Ident) -> Ident {
    hidden(&format!("at_{name}"))
}

/// Names the number of elements of `plate` in the data.
pub fn size_of(plate: &str) -> Ident {
    hidden(&format!("n_{plate}"))
}

/// Emits the method of `Model` that counts the unconstrained numbers for a data set.
pub fn dimension(tree: &Tree) -> TokenStream {
    let globals = variables(&tree.root).filter(|v| v.is_global()).map(Variable::free);
    let locals = all_plates(&tree.root).into_iter().filter(|p| p.in_data).flat_map(|p| {
        let path = data_path(tree, p);
        let of_variable = |v: &Variable| {
            let (free, name) = (v.free(), &v.name);
            match v.is_inferred() {
                true => {
                    let column = flat(v, &quote!(__data.#path.#name));
                    quote!(::hierarch::__private::missing(#column))
                }
                false => quote!(#free * __data.#path.len()),
            }
        };
        p.variables().filter(|v| v.continuous_latent()).map(of_variable).collect::<Vec<_>>()
    });
    let sizes = open::sizes(tree);
    quote! {
        fn dimension(&self, __data: &Self::Data) -> usize {
            #sizes
            0 #(+ #globals)* #(+ #locals)*
        }
    }
}

/// Binds the names of `start_of` and `size_of`.
pub fn cursors(tree: &Tree) -> TokenStream {
    let mut tokens = quote!(let mut __at = 0usize;);
    for step in &tree.root {
        match step {
            Step::Variable(v) if v.is_global() => {
                let (at, free) = (start_of(&v.name), v.free());
                tokens.extend(quote!(let #at = __at; __at += #free;));
            }
            Step::Plate(Plate { name, vector: Some(len), exports, .. }) => {
                let n = size_of(&name.to_string());
                tokens.extend(quote!(let #n: usize = #len;));
                let starts = exports.iter().map(|e| start_of(&e.name));
                tokens.extend(quote!(#(let #starts = __at; __at += #n;)*));
            }
            _ => {}
        }
    }
    for plate in all_plates(&tree.root).into_iter().filter(|p| p.in_data && p.vector.is_none()) {
        let (n, path) = (size_of(&plate.name.to_string()), data_path(tree, plate));
        tokens.extend(quote!(let #n = __data.#path.len();));
        for v in plate.variables().filter(|v| v.continuous_latent() && !v.is_inferred()) {
            let (at, free) = (start_of(&v.name), v.free());
            tokens.extend(quote!(let #at = __at; __at += #free * #n;));
        }
    }
    for (plate, v) in inferred(tree) {
        let (at, path, name) = (start_of(&v.name), data_path(tree, plate), &v.name);
        let column = flat(v, &quote!(__data.#path.#name));
        tokens.extend(quote!(let #at = __at; __at += ::hierarch::__private::missing(#column);));
    }
    tokens
}
