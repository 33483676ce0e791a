//! Lengths that are fields of the model, as data tell them.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Expr;

use crate::ast::{Param, Size};
use crate::emit::names::{Names, data_path};
use crate::names::text;
use crate::tree::{Plate, Tree, Variable, all_plates, variables};

/// What in the data has the length `size`.
enum Teller<'a> {
    /// The vectors of a plate.
    Column(&'a Plate, &'a Variable),
    /// A vector outside plates.
    Vector(&'a Variable),
    /// The number of elements of a plate.
    Elements(&'a Plate),
}

fn is(expr: &Expr, name: &Ident) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident(name))
}

/// Lists what tells the length `size`.
fn tellers<'a>(tree: &'a Tree, size: &'a Param) -> Vec<Teller<'a>> {
    let of = |v: &&Variable| v.in_data() && v.shape.as_ref().is_some_and(|shape| is(&shape.len, &size.name));
    let mut all: Vec<Teller> = variables(&tree.root).filter(of).map(Teller::Vector).collect();
    for plate in all_plates(&tree.root).into_iter().filter(|p| p.in_data) {
        all.extend(plate.variables().filter(of).map(|v| Teller::Column(plate, v)));
        match &plate.size {
            Size::Fixed(len) if is(len, &size.name) && !tree.is_nested(plate) => all.push(Teller::Elements(plate)),
            _ => {}
        }
    }
    all
}

/// Emits `for_data`, unless there is no size that data have.
pub fn emit(tree: &Tree) -> TokenStream {
    let sizes: Vec<(&Param, Vec<Teller>)> =
        tree.params.iter().filter(|p| p.is_size).map(|p| (p, tellers(tree, p))).collect();
    if sizes.iter().all(|(_, tellers)| tellers.is_empty()) {
        return TokenStream::new();
    }
    let (vis, name, data) = (&tree.visibility, &tree.name, Names::new(tree).data);
    let told = |p: &Param| sizes.iter().find(|(size, _)| size.name == p.name).and_then(|(_, all)| all.first());
    let arguments = tree.params.iter().filter(|p| told(p).is_none() && p.default.is_none()).map(|p| {
        let (name, ty) = (&p.name, &p.ty);
        quote!(#name: #ty)
    });
    let fields = tree.params.iter().map(|p| {
        let (name, size) = (&p.name, text(&p.name));
        let default = p.default.as_ref().map_or(quote!(#name), |default| quote!(#default));
        let otherwise = match (p.is_size, &p.default) {
            (true, Some(default)) => quote!(::core::option::Option::Some(#default)),
            _ => quote!(::core::option::Option::None),
        };
        match told(p) {
            None => quote!(#name: #default),
            Some(Teller::Column(plate, v)) => {
                let (path, column, variable) = (data_path(tree, plate), &v.name, text(&v.name));
                quote!(#name: ::hierarch::__private::told(#size, #variable, data.#path.#column.width(), #otherwise)?)
            }
            Some(Teller::Vector(v)) => {
                let v = &v.name;
                quote!(#name: data.#v.len())
            }
            Some(Teller::Elements(plate)) => {
                let path = data_path(tree, plate);
                quote!(#name: data.#path.len())
            }
        }
    });
    quote! {
        #[automatically_derived]
        #[allow(non_snake_case)]
        impl #name {
            /// Makes the model whose sizes are those of `data`; its other params have their defaults.
            ///
            /// # Errors
            /// The data have no element that tells a size, or do not fit the model.
            #vis fn for_data(data: &#data, #(#arguments),*) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                let model = Self { #(#fields),* };
                ::hierarch::model::check(&model, data)?;
                ::core::result::Result::Ok(model)
            }
        }
    }
}

/// Emits how data are read from and written to tables, where a table says how long vectors are.
pub fn csv(tree: &Tree) -> TokenStream {
    let (vis, name, ty) = (&tree.visibility, &tree.name, Names::new(tree).data);
    let sizes = tree.params.iter().filter(|p| p.is_size).map(|p| {
        let size = text(&p.name);
        let of = tellers(tree, p).into_iter().filter_map(|teller| match teller {
            Teller::Column(plate, v) => Some((text(&plate.name), text(&v.name))),
            Teller::Vector(v) => Some((String::new(), text(&v.name))),
            Teller::Elements(_) => None,
        });
        let of = of.map(|(plate, v)| quote!((#plate, #v)));
        let default = p
            .default
            .as_ref()
            .map_or(quote!(::core::option::Option::None), |default| quote!(::core::option::Option::Some(#default)));
        quote!((#size, &[#(#of),*], #default))
    });
    let mut at = 0usize;
    let fields = tree.params.iter().map(|p| {
        let (name, default) = (&p.name, &p.default);
        if !p.is_size {
            return quote!(#name: #default);
        }
        at += 1;
        let at = at - 1;
        quote!(#name: sizes[#at])
    });
    quote! {
        #[automatically_derived]
        impl #ty {
            /// Reads a table with a row for each element of the innermost plate, or a folder with a table for each plate. A vector
            /// whose length is a size of the model has as many numbers as the table has columns for it: `x[0]`, `x[1]`, ..
            ///
            /// # Errors
            /// The first place that cannot be read, or that the model does not allow.
            #vis fn from_csv(path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                Self::from_csv_columns(path, &[])
            }

            /// Reads a table whose columns have other names: `columns` holds pairs of a variable or plate of the model and its column.
            /// The columns of a vector are named one after the other, `&[("x", "age"), ("x", "sex"), ("y", "wage")]`.
            ///
            /// # Errors
            /// The first place that cannot be read, or that the model does not allow.
            #vis fn from_csv_columns(
                path: impl ::core::convert::AsRef<::std::path::Path>,
                columns: &[(&str, &str)],
            ) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                ::hierarch::__private::read_csv_of_any_size(
                    path.as_ref(),
                    columns,
                    &[#(#sizes),*],
                    &|sizes: &[usize]| #name { #(#fields),* },
                )
            }

            /// Writes a table with a row for each element of the innermost plate to a file that ends in `.csv`, or else a folder
            /// with a table for each plate.
            ///
            /// # Errors
            /// The file that cannot be written.
            #vis fn to_csv(&self, path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<(), ::hierarch::__private::DataError> {
                ::hierarch::__private::write_csv(self, path.as_ref())
            }
        }
    }
}
