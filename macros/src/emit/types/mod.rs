//! The typed parameters and data: a column for each variable, offsets for plates inside plates.

mod data_lets;
mod fields;
mod frame;
mod plate;
mod sizes;

use proc_macro2::TokenStream;
use quote::quote;

use super::names::Names;
use super::values::{number, seen, stored};
use crate::names::text;
use crate::tree::{Plate, Tree, Variable, all_plates, plates, variables};
use fields::{data_field, derive, locals_field, scalar_field, undocumented};
use frame::{frame, local_frames, outside, read_data, read_locals, read_outside};

pub fn emit(tree: &Tree) -> TokenStream {
    let (model, globals, locals, data) = (model(tree), globals(tree), locals(tree), data(tree));
    let sizes = sizes::emit(tree);
    let (local_set, data_set, csv) = (local_set(tree), data_set(tree), csv(tree));
    let plates = all_plates(&tree.root).into_iter().map(|p| plate::emit(tree, p));
    quote! {
        #model
        #sizes
        #globals
        #locals
        #data
        #local_set
        #data_set
        #csv
        #(#plates)*
    }
}

/// Emits the struct of the params.
fn model(tree: &Tree) -> TokenStream {
    let (derive, attributes, vis, name) = (derive(), &tree.attributes, &tree.visibility, &tree.name);
    let missing = undocumented(attributes, "A hierarchical model.");
    let params = tree.params.iter().map(|p| {
        let (docs, name, ty) = (&p.attributes, &p.name, &p.ty);
        let missing = undocumented(docs, &format!("The param `{name}`."));
        quote!(#missing #(#docs)* pub #name: #ty)
    });
    let default = has_default(tree).then(|| {
        let fields = tree.params.iter().map(|p| {
            let (name, default) = (&p.name, &p.default);
            quote!(#name: #default)
        });
        quote! {
            #[automatically_derived]
            impl ::core::default::Default for #name {
                fn default() -> Self {
                    Self { #(#fields),* }
                }
            }
        }
    });
    quote! {
        #derive
        #missing
        #(#attributes)*
        #vis struct #name { #(#params),* }
        #default
    }
}

/// Tells whether every param has a default.
fn has_default(tree: &Tree) -> bool {
    tree.params.iter().all(|p| p.default.is_some())
}

/// Emits the struct of the globals, and how it becomes a row of numbers and back.
fn globals(tree: &Tree) -> TokenStream {
    let (derive, vis, ty) = (derive(), &tree.visibility, Names::new(tree).globals);
    let doc = format!("The global variables of [`{}`].", tree.name);
    let globals: Vec<&Variable> = variables(&tree.root).filter(|v| v.is_global()).collect();
    let fields = globals.iter().map(|v| scalar_field(v));
    let pushes = globals.iter().map(|v| {
        let name = &v.name;
        match (&v.shape, &v.matrix) {
            (None, _) => {
                let value = number(v, quote!(self.#name));
                quote!(numbers.push(#value);)
            }
            (_, None) => quote!(numbers.extend_from_slice(&self.#name);),
            (_, Some(_)) if v.open => quote!(numbers.extend_from_slice(self.#name.as_flat());),
            (_, Some(_)) => quote!(numbers.extend_from_slice(self.#name.as_flattened());),
        }
    });
    let reads = globals.iter().map(|v| {
        let name = &v.name;
        let next = quote!(numbers.next().unwrap_or(f64::NAN));
        match (&v.shape, &v.matrix) {
            (None, _) => {
                let value = stored(v, seen(v, next));
                quote!(#name: #value)
            }
            (_, Some(_)) if v.open => quote! {
                #name: {
                    let __rows = __lengths.next().unwrap_or(__rest.isqrt());
                    let __columns = __lengths.next().unwrap_or(__rest.isqrt());
                    let __all = (0..__rows * __columns).map(|_| #next).collect();
                    ::hierarch::__private::Matrix::new(__columns, __all).into()
                }
            },
            _ if v.open => quote!(#name: (0..__lengths.next().unwrap_or(__rest)).map(|_| #next).collect()),
            (_, None) => quote!(#name: ::std::array::from_fn(|_| #next)),
            (_, Some(_)) => quote!(#name: ::std::array::from_fn(|_| ::std::array::from_fn(|_| #next))),
        }
    });
    let (from, open) = match globals.iter().any(|v| v.open) {
        false => {
            let from = quote! {
                fn from_numbers(numbers: &[f64]) -> Self {
                    let mut numbers = numbers.iter().copied();
                    Self { #(#reads),* }
                }
            };
            (from, None)
        }
        true => {
            let lengths = globals.iter().filter(|v| v.open).map(|v| {
                let (name, text) = (&v.name, text(&v.name));
                match &v.matrix {
                    Some(_) => quote!((#text, self.#name.len()), (#text, self.#name.width())),
                    None => quote!((#text, self.#name.len())),
                }
            });
            let closed = globals.iter().filter(|v| !v.open).map(|v| v.len());
            let count = globals.iter().filter(|v| v.open).count();
            let from = quote! {
                fn from_numbers(numbers: &[f64]) -> Self {
                    Self::from_lengths(numbers, &[])
                }
                fn from_lengths(numbers: &[f64], lengths: &[usize]) -> Self {
                    let __rest = numbers.len().saturating_sub(0 #(+ #closed)*) / #count;
                    let (mut numbers, mut __lengths) = (numbers.iter().copied(), lengths.iter().copied());
                    Self { #(#reads),* }
                }
            };
            let open = globals.iter().filter(|v| v.open).map(|v| {
                let (text, dimensions) = (text(&v.name), 1 + usize::from(v.matrix.is_some()));
                quote!((#text, #dimensions))
            });
            let lengths = quote! {
                fn open() -> &'static [(&'static str, usize)] {
                    &[#(#open),*]
                }
                fn lengths(&self) -> ::std::vec::Vec<(&'static str, usize)> {
                    ::std::vec![#(#lengths),*]
                }
            };
            (from, Some(lengths))
        }
    };
    quote! {
        #derive
        #[doc = #doc]
        #vis struct #ty { #(#fields),* }

        #[automatically_derived]
        impl ::hierarch::__private::AsNumbers for #ty {
            fn to_numbers(&self) -> ::std::vec::Vec<f64> {
                let mut numbers = ::std::vec::Vec::new();
                #(#pushes)*
                numbers
            }
            #from
            #open
        }
    }
}

fn locals(tree: &Tree) -> TokenStream {
    let (derive, vis, ty) = (derive(), &tree.visibility, Names::new(tree).locals);
    let doc = format!("The local variables of [`{}`], plate by plate.", tree.name);
    let fields = plates(&tree.root).map(|p| locals_field(tree, p, ""));
    quote! {
        #derive
        #[derive(Default)]
        #[doc = #doc]
        #vis struct #ty { #(#fields),* }
    }
}

fn data(tree: &Tree) -> TokenStream {
    let (derive, vis, ty) = (derive(), &tree.visibility, Names::new(tree).data);
    let doc = format!("A data set of [`{}`]: what is observed and given.", tree.name);
    let own = own_data(tree).map(scalar_field);
    let plates = data_plates(tree).map(|p| data_field(tree, p, ""));
    quote! {
        #derive
        #[doc = #doc]
        #vis struct #ty { #(#own,)* #(#plates),* }
    }
}

/// Lists the data outside plates.
fn own_data(tree: &Tree) -> impl Iterator<Item = &Variable> {
    variables(&tree.root).filter(|v| v.in_data())
}

/// Lists the outermost plates that are in the data.
fn data_plates(tree: &Tree) -> impl Iterator<Item = &Plate> {
    plates(&tree.root).filter(|p| p.in_data)
}

fn local_set(tree: &Tree) -> TokenStream {
    let ty = Names::new(tree).locals;
    let frame = frame("", &quote!(1), &quote!(::core::option::Option::None), &[], &local_frames(plates(&tree.root)));
    let reads = read_locals(tree, plates(&tree.root));
    quote! {
        #[automatically_derived]
        impl ::hierarch::__private::LocalSet for #ty {
            fn frame(&self) -> ::hierarch::__private::Frame<'_> {
                #frame
            }
            fn from_frame(mut frame: ::hierarch::__private::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }
        }
    }
}

fn data_set(tree: &Tree) -> TokenStream {
    let (name, ty) = (&tree.name, Names::new(tree).data);
    let frames: Vec<TokenStream> = data_plates(tree)
        .map(|p| {
            let name = &p.name;
            quote!(self.#name.__frame(::core::option::Option::None))
        })
        .collect();
    let frame = frame("", &quote!(1), &quote!(::core::option::Option::None), &outside(own_data(tree)), &frames);
    let reads = own_data(tree).map(read_outside);
    let plate_reads = data_plates(tree).map(|p| read_data(tree, p));
    quote! {
        #[automatically_derived]
        impl ::hierarch::__private::DataSet for #ty {
            type Model = #name;
            fn frame(&self) -> ::hierarch::__private::Frame<'_> {
                #frame
            }
            fn from_frame(mut frame: ::hierarch::__private::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                ::core::result::Result::Ok(Self { #(#reads,)* #(#plate_reads),* })
            }
        }
    }
}

fn csv(tree: &Tree) -> TokenStream {
    let (vis, name, ty) = (&tree.visibility, &tree.name, Names::new(tree).data);
    let is_told = |p: &crate::ast::Param| p.is_size || p.of_data.is_some();
    if tree.params.iter().any(is_told) && tree.params.iter().all(|p| is_told(p) || p.default.is_some()) {
        return sizes::csv(tree);
    }
    // A model with a param that has no default is handed over: what data may be depends on it.
    let (argument, model) = if has_default(tree) {
        (None, quote!(&<#name as ::core::default::Default>::default()))
    } else {
        (Some(quote!(model: &#name,)), quote!(model))
    };
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #ty {
            /// Reads a table with a row for each element of the innermost plate, or a folder with a table for each plate.
            ///
            /// # Errors
            /// The first place that cannot be read, or that the model does not allow.
            #vis fn from_csv(#argument path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<Self, ::hierarch::__private::DataError> {
                ::hierarch::__private::read_csv(#model, path.as_ref(), &[])
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
