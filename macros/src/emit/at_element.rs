//! What stands for the element at hand of a plate, on plain numbers.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names::{data_path, hidden};
use super::open;
use super::values::number;
use crate::names::text;
use crate::tree::{Plate, Tree, Variable};

/// Emits a value of a column as a number, or a vector of numbers; NaN where there is no data set.
pub fn datum(variable: &Variable, column: TokenStream) -> TokenStream {
    let number = number(variable, column);
    let unknown = match &variable.shape {
        None => quote!(f64::NAN),
        Some(shape) => {
            let len = &shape.len;
            if variable.open {
                return quote!(match __data {
                    ::core::option::Option::Some(__data) => #number,
                    ::core::option::Option::None => ::std::vec![f64::NAN; #len],
                });
            }
            quote!([f64::NAN; #len])
        }
    };
    quote!(match __data {
        ::core::option::Option::Some(__data) => #number,
        ::core::option::Option::None => #unknown,
    })
}

/// Emits the place of a variable in errors.
pub fn place(variable: &Ident, plate: Option<&Plate>, element: TokenStream) -> TokenStream {
    let name = text(variable);
    let plate = match plate {
        None => quote!(::core::option::Option::None),
        Some(p) => {
            let name = text(&p.name);
            quote!(::core::option::Option::Some((#name, #element)))
        }
    };
    quote!(::hierarch::__private::Place { variable: #name, plate: #plate })
}

/// Emits the position of the element at hand in the columns of `plate`.
pub fn element(plate: &Plate) -> TokenStream {
    let at = hidden(&format!("at_{}", plate.name));
    quote!(#at)
}

/// Keeps the value of a variable that other plates read by index.
pub fn push_export(plate: Option<&Plate>, name: &Ident) -> Option<TokenStream> {
    let plate = plate?;
    plate.exports.iter().find(|e| e.name == *name && !e.data)?;
    Some(open::push(plate, name))
}

/// Emits the value of a latent variable, if the walk was given values.
pub fn known_latent(tree: &Tree, v: &Variable, plate: Option<&Plate>, element: &TokenStream) -> TokenStream {
    let (name, is_matrix) = (&v.name, v.matrix.is_some());
    match plate {
        None if v.open && is_matrix => quote!(__globals.map(|g| g.#name.as_flat())),
        None if v.open => quote!(__globals.map(|g| g.#name.as_slice())),
        Some(p) if v.open => {
            let path = data_path(tree, p);
            quote!(__locals.map(|l| &l.#path.#name[#element]))
        }
        None if is_matrix => quote!(__globals.map(|g| ::hierarch::__private::in_one_row(g.#name))),
        None => quote!(__globals.map(|g| g.#name)),
        Some(p) => {
            let path = data_path(tree, p);
            quote!(__locals.map(|l| l.#path.#name[#element]))
        }
    }
}
