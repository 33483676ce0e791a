//! The types of one plate: its locals, its data, and a row of its data.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::fields::{column_field, data_field, derive, locals_field, scalar_field};
use super::frame::{columns, frame, local_frames, read_column, read_data, read_locals};
use crate::emit::names::{plate_data, plate_locals};
use crate::names::text;
use crate::tree::{Plate, Tree, Variable};

pub fn emit(tree: &Tree, plate: &Plate) -> TokenStream {
    let locals = locals(tree, plate);
    if !plate.in_data {
        return locals;
    }
    let frames = locals_frame(tree, plate);
    let data = data(tree, plate);
    let methods = data_methods(tree, plate);
    let rows = rows(tree, plate);
    quote!(#locals #frames #data #methods #rows)
}

fn locals(tree: &Tree, plate: &Plate) -> TokenStream {
    let (derive, vis, ty) = (derive(), &tree.visibility, plate_locals(tree, plate));
    let doc = format!("The locals of the plate `{}`, a column for each.", plate.name);
    // The offsets of a plate in the data stand there.
    let offsets = if plate.in_data { None } else { offsets(tree, plate) };
    let own = plate.variables().filter(|v| v.latent()).map(column_field);
    let inner = plate.plates().map(|p| locals_field(tree, p, ", of all elements one after the other"));
    quote! {
        #derive
        #[derive(Default)]
        #[doc = #doc]
        #vis struct #ty { #offsets #(#own,)* #(#inner),* }
    }
}

/// Emits the field of the offsets; `None` if the plate is in no other.
fn offsets(tree: &Tree, plate: &Plate) -> Option<TokenStream> {
    tree.is_nested(plate).then(|| {
        quote! {
            /// Where the elements of each outer element begin, and after the last where they end.
            pub offsets: ::std::vec::Vec<usize>,
        }
    })
}

fn locals_frame(tree: &Tree, plate: &Plate) -> TokenStream {
    let ty = plate_locals(tree, plate);
    let latent: Vec<&Variable> = plate.variables().filter(|v| v.latent()).collect();
    let size = latent.first().map_or(quote!(0), |v| {
        let name = &v.name;
        quote!(self.#name.len())
    });
    let none = quote!(::core::option::Option::None);
    let reads = latent.iter().map(|v| read_column(&v.name));
    let frame =
        frame(&text(&plate.name), &size, &none, &columns(latent.iter().copied()), &local_frames(plate.plates()));
    let inner_reads = read_locals(tree, plate.plates());
    quote! {
        #[automatically_derived]
        impl #ty {
            fn __frame(&self) -> ::hierarch::__private::Frame<'_> {
                #frame
            }

            fn __read(mut frame: ::hierarch::__private::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                ::core::result::Result::Ok(Self { #(#reads,)* #(#inner_reads),* })
            }
        }
    }
}

/// Lists the variables of `plate` that are data.
fn own_data(plate: &Plate) -> impl Iterator<Item = &Variable> {
    plate.variables().filter(|v| v.in_data())
}

/// Lists the plates in `plate` that are in the data.
fn data_plates(plate: &Plate) -> impl Iterator<Item = &Plate> {
    plate.plates().filter(|p| p.in_data)
}

/// Tells whether the number of elements is a field: neither a column, nor a plate inside, nor offsets say it.
fn has_size(tree: &Tree, plate: &Plate) -> bool {
    !plate.has_columns && data_plates(plate).next().is_none() && !tree.is_nested(plate)
}

fn data(tree: &Tree, plate: &Plate) -> TokenStream {
    let (derive, vis, ty) = (derive(), &tree.visibility, plate_data(tree, plate));
    let doc = format!("The elements of the plate `{}` in the data, a column for each variable.", plate.name);
    let offsets = offsets(tree, plate);
    let size = has_size(tree, plate).then(|| {
        quote! {
            /// How many elements there are.
            pub size: usize,
        }
    });
    let columns = own_data(plate).map(column_field);
    let inner = data_plates(plate).map(|p| data_field(tree, p, ", of all elements one after the other"));
    quote! {
        #derive
        #[derive(Default)]
        #[doc = #doc]
        #vis struct #ty { #offsets #size #(#columns,)* #(#inner),* }
    }
}

fn data_methods(tree: &Tree, plate: &Plate) -> TokenStream {
    let (vis, ty, len) = (&tree.visibility, plate_data(tree, plate), len(tree, plate));
    let frames: Vec<TokenStream> = data_plates(plate)
        .map(|p| {
            let name = &p.name;
            quote!(self.#name.__frame(::core::option::Option::Some(&self.#name.offsets)))
        })
        .collect();
    let offsets = quote!(offsets.map(::std::borrow::Cow::Borrowed));
    let frame = frame(&text(&plate.name), &quote!(self.len()), &offsets, &columns(own_data(plate)), &frames);
    let offsets = tree.is_nested(plate).then(|| quote!(offsets: frame.take_offsets()));
    let size = has_size(tree, plate).then(|| quote!(size: frame.size));
    let columns = own_data(plate).map(|v| read_column(&v.name));
    let reads = offsets.into_iter().chain(size).chain(columns).chain(data_plates(plate).map(|p| read_data(tree, p)));
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #ty {
            /// How many elements there are.
            #vis fn len(&self) -> usize {
                #len
            }

            /// Whether there are no elements.
            #vis fn is_empty(&self) -> bool {
                self.len() == 0
            }

            fn __frame<'a>(&'a self, offsets: ::core::option::Option<&'a [usize]>) -> ::hierarch::__private::Frame<'a> {
                #frame
            }

            fn __read(mut frame: ::hierarch::__private::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }
        }
    }
}

/// Emits the number of elements: the length of a column; without one, what an inner plate or the plate itself says.
fn len(tree: &Tree, plate: &Plate) -> TokenStream {
    if let Some(v) = own_data(plate).next() {
        let name = &v.name;
        quote!(self.#name.len())
    } else if let Some(p) = data_plates(plate).next() {
        let name = &p.name;
        quote!(self.#name.offsets.len().saturating_sub(1))
    } else if tree.is_nested(plate) {
        quote!(self.offsets.last().copied().unwrap_or(0))
    } else {
        quote!(self.size)
    }
}

/// Emits a type for a row and an iterator over rows; `None` if the plate has no columns.
fn rows(tree: &Tree, plate: &Plate) -> Option<TokenStream> {
    if !plate.has_columns {
        return None;
    }
    let (derive, vis, data) = (derive(), &tree.visibility, plate_data(tree, plate));
    let row = format_ident!("{data}Row");
    let doc = format!("One element of the plate `{}` in the data.", plate.name);
    let fields = own_data(plate).map(scalar_field);
    let values = own_data(plate).map(|v| {
        let name = &v.name;
        let value = if v.open { quote!(self.#name[i].to_vec()) } else { quote!(self.#name[i].clone()) };
        quote!(#name: #value)
    });
    Some(quote! {
        #derive
        #[allow(dead_code)]
        #[doc = #doc]
        #vis struct #row { #(#fields),* }

        #[automatically_derived]
        #[allow(dead_code)]
        impl #data {
            /// The elements, one by one.
            #vis fn rows(&self) -> impl ::core::iter::Iterator<Item = #row> + '_ {
                (0..self.len()).map(|i| #row { #(#values),* })
            }
        }
    })
}
