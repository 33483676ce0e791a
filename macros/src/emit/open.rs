//! Vectors whose length is known only when the program runs. Their numbers lie in a `Vec`, and expressions see a slice of it, which
//! they may copy as they copy an array.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names::{all_of, hidden};
use crate::tree::{Plate, Tree, Variable, all_plates, variables};

/// Binds the variable to `value`, as the rest of the model sees it.
pub fn bind(v: &Variable, value: &TokenStream) -> TokenStream {
    let name = &v.name;
    if !v.open {
        return quote!(let #name = #value;);
    }
    let own = hidden(&format!("own_{name}"));
    if let Some((_, columns)) = &v.matrix {
        return quote! {
            let #own = ::hierarch::__private::Matrix::new(#columns, #value);
            let #name = &#own;
        };
    }
    quote! {
        let #own = #value;
        let #name = #own.as_slice();
    }
}

/// Emits a vector of numbers of which the one at `position` is `one`.
pub fn collect(v: &Variable, position: &Ident, bind: &TokenStream, one: &TokenStream) -> TokenStream {
    let len = v.shape.as_ref().map(|shape| &shape.len);
    if v.open {
        return quote!({
            let mut __all = ::std::vec![0.0f64; #len];
            for #position in 0..#len {
                #bind
                __all[#position] = #one;
            }
            __all
        });
    }
    v.in_rows(quote!({
        let mut __all = [0.0f64; #len];
        for #position in 0..#len {
            #bind
            __all[#position] = #one;
        }
        __all
    }))
}

/// Binds the lengths that are fields of the model.
pub fn sizes(tree: &Tree) -> TokenStream {
    let sizes = tree.params.iter().filter(|p| p.is_size).map(|p| size(&p.name));
    quote!(#(#sizes)*)
}

/// Binds the length `name` to that of the model.
pub fn size(name: &Ident) -> TokenStream {
    bind_size(name, &quote!(self.#name))
}

/// Binds the length `name`, also where a constant beside the model has that name: a `let` may hide a function, and no constant.
pub fn bind_size(name: &Ident, value: &TokenStream) -> TokenStream {
    quote! {
        #[allow(dead_code)]
        fn #name() {}
        let #name: usize = #value;
    }
}

/// Emits the method of `Model` that tells how long the vectors of globals are.
pub fn lengths(tree: &Tree) -> Option<TokenStream> {
    let open = variables(&tree.root).filter(|v| v.is_global() && v.open);
    let open: Vec<TokenStream> = open
        .map(|v| match &v.matrix {
            Some((rows, columns)) => quote!(#rows, #columns),
            None => v.len(),
        })
        .collect();
    let sizes = sizes(tree);
    (!open.is_empty()).then(|| {
        quote! {
            fn lengths(&self) -> ::std::vec::Vec<usize> {
                #sizes
                ::std::vec![#(#open),*]
            }
        }
    })
}

/// Tells whether `name` is that of a vector whose length is known only when the program runs.
pub fn is_open(tree: &Tree, name: &Ident) -> bool {
    let all = variables(&tree.root).chain(all_plates(&tree.root).into_iter().flat_map(Plate::variables));
    all.into_iter().any(|v| v.name == *name && v.open)
}

/// Keeps the value of a variable or `let` of `plate` that other plates read by index.
pub fn push(plate: &Plate, name: &Ident) -> TokenStream {
    let all = all_of(name);
    match plate.variables().any(|v| v.name == *name && v.open) {
        true => quote!(#all.push(#name.to_vec());),
        false => quote!(#all.push(#name);),
    }
}
