//! Fields of the model that data tell: lengths, and what is worked out of columns.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Expr;

use super::data_lets;
use crate::ast::{Param, Size};
use crate::emit::names::{Names, data_path};
use crate::emit::open::bind_size;
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

/// Emits `for_data`, unless no field of the model is known of data.
pub fn emit(tree: &Tree) -> TokenStream {
    let sizes: Vec<(&Param, Vec<Teller>)> =
        tree.params.iter().filter(|p| p.is_size).map(|p| (p, tellers(tree, p))).collect();
    if sizes.iter().all(|(_, tellers)| tellers.is_empty()) && !data_lets::any(tree) {
        return TokenStream::new();
    }
    let (vis, name, data) = (&tree.visibility, &tree.name, Names::new(tree).data);
    let told = |p: &Param| sizes.iter().find(|(size, _)| size.name == p.name).and_then(|(_, all)| all.first());
    let is_argument = |p: &&Param| told(p).is_none() && p.default.is_none() && p.of_data.is_none();
    let arguments = tree.params.iter().filter(is_argument).map(|p| {
        let (name, ty) = (&p.name, &p.ty);
        quote!(#name: #ty)
    });
    let columns = data_lets::columns(tree);
    let fields = tree.params.iter().map(|p| {
        let (name, ty, size) = (&p.name, &p.ty, text(&p.name));
        if let Some(expr) = &p.of_data {
            return data_lets::value(tree, p, expr);
        }
        let otherwise = match (p.is_size, &p.default) {
            (true, Some(default)) => quote!(::core::option::Option::Some(#default)),
            _ => quote!(::core::option::Option::None),
        };
        let value = match (told(p), &p.default) {
            (None, None) => return TokenStream::new(),
            (None, Some(default)) => quote!(#default),
            (Some(Teller::Column(plate, v)), _) => {
                let (path, column, variable) = (data_path(tree, plate), &v.name, text(&v.name));
                quote!(::hierarch::__private::told(#size, #variable, __data.#path.#column.width(), #otherwise)?)
            }
            (Some(Teller::Vector(v)), _) => {
                let v = &v.name;
                quote!(__data.#v.len())
            }
            (Some(Teller::Elements(plate)), _) => {
                let path = data_path(tree, plate);
                quote!(__data.#path.len())
            }
        };
        if p.is_size { bind_size(name, &value) } else { quote!(let #name: #ty = #value;) }
    });
    let names = tree.params.iter().map(|p| &p.name);
    quote! {
        #[automatically_derived]
        #[allow(non_snake_case)]
        impl #name {
            /// Makes the model whose sizes, and what else it keeps of data, are those of `data`; its other params have their defaults.
            ///
            /// # Errors
            /// The data have no element that tells a size, or do not fit the model.
            #vis fn for_data(data: &#data, #(#arguments),*) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                let __data = data;
                #columns
                #(#fields)*
                let __model = Self { #(#names),* };
                ::hierarch::model::check(&__model, __data)?;
                ::core::result::Result::Ok(__model)
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
        if p.of_data.is_some() {
            // Nothing of what a table is read by depends on it.
            return quote!(#name: ::core::default::Default::default());
        }
        if !p.is_size {
            return quote!(#name: #default);
        }
        at += 1;
        let at = at - 1;
        quote!(#name: sizes[#at])
    });
    // With what the model keeps of data.
    let check = match data_lets::any(tree) {
        true => quote!(::core::option::Option::Some(&|data: &Self| #name::for_data(data).map(|_| ()))),
        false => quote!(::core::option::Option::None),
    };
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
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
                    #check,
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
