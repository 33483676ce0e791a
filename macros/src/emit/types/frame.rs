//! The generated types as frames, which have no types of their own, and back.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::emit::names::{plate_data, plate_locals};
use crate::names::text;
use crate::tree::{Plate, Tree, Variable};

/// Emits a frame; `name` is empty for that of a whole data set.
pub fn frame(
    name: &str,
    size: &TokenStream,
    offsets: &TokenStream,
    columns: &[TokenStream],
    plates: &[TokenStream],
) -> TokenStream {
    quote! {
        ::hierarch::__private::Frame {
            name: #name,
            size: #size,
            offsets: #offsets,
            columns: vec![#(#columns),*],
            plates: vec![#(#plates),*],
        }
    }
}

/// Emits the columns of a frame.
pub fn columns<'a>(variables: impl IntoIterator<Item = &'a Variable>) -> Vec<TokenStream> {
    let column = |v: &Variable| {
        let (name, text) = (&v.name, text(&v.name));
        quote!(::hierarch::__private::Column::of(#text, &self.#name))
    };
    variables.into_iter().map(column).collect()
}

/// Emits the columns of the variables outside plates.
pub fn outside<'a>(variables: impl IntoIterator<Item = &'a Variable>) -> Vec<TokenStream> {
    let column = |v: &Variable| {
        let (name, text) = (&v.name, text(&v.name));
        match v.open {
            true => quote!(::hierarch::__private::Column::of_vector(#text, &self.#name)),
            false => quote!(::hierarch::__private::Column::of(#text, &self.#name)),
        }
    };
    variables.into_iter().map(column).collect()
}

/// Emits the field of a variable outside plates with its value from a frame.
pub fn read_outside(v: &Variable) -> TokenStream {
    let name = &v.name;
    if v.open { quote!(#name: frame.take_vector()?) } else { read_column(name) }
}

/// Emits the field of a column with its value from a frame.
pub fn read_column(name: &Ident) -> TokenStream {
    quote!(#name: frame.take_column()?)
}

/// Emits the field of the data of `plate` with its value from a frame.
pub fn read_data(tree: &Tree, plate: &Plate) -> TokenStream {
    let (name, ty) = (&plate.name, plate_data(tree, plate));
    quote!(#name: #ty::__read(frame.take_plate()?)?)
}

/// Emits the frames of the locals of some plates. Those of plates that are not in the data have no part in it.
pub fn local_frames<'a>(plates: impl Iterator<Item = &'a Plate>) -> Vec<TokenStream> {
    let frame = |p: &Plate| {
        let name = &p.name;
        quote!(self.#name.__frame())
    };
    plates.filter(|p| p.in_data).map(frame).collect()
}

/// Emits the fields of the locals of some plates with their values from a frame. Those of plates that are not in the data come
/// back empty.
pub fn read_locals<'a>(tree: &Tree, plates: impl Iterator<Item = &'a Plate>) -> Vec<TokenStream> {
    let read = |p: &Plate| {
        let (name, ty) = (&p.name, plate_locals(tree, p));
        if p.in_data {
            quote!(#name: #ty::__read(frame.take_plate()?)?)
        } else {
            quote!(#name: ::core::default::Default::default())
        }
    };
    plates.map(read).collect()
}
