//! The typed parameters and data: a column for each variable, offsets for plates inside plates.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Names, all_plates, is_global, plate_data, plate_locals};
use crate::tree::{Plate, Tree, Variable, plates, variables};

pub fn emit(tree: &Tree) -> TokenStream {
    let derive = quote! {
        #[derive(Clone, Debug, PartialEq, ::hierarch::serde::Serialize, ::hierarch::serde::Deserialize)]
        #[serde(crate = "::hierarch::serde")]
    };
    let names = Names::new(tree);
    let (globals, locals, data) = (&names.globals, &names.locals, &names.data);
    let (attributes, vis, name) = (&tree.attributes, &tree.visibility, &tree.name);

    let params = tree.params.iter().map(|p| {
        let (docs, name, ty) = (&p.attributes, &p.name, &p.ty);
        let missing = undocumented(docs, &format!("The param `{name}`."));
        quote!(#missing #(#docs)* pub #name: #ty)
    });
    let default = tree.params.iter().all(|p| p.default.is_some()).then(|| {
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
    // A model with a param that has no default is handed over: what data may be depends on it.
    let from_csv = if default.is_some() {
        quote! {
            /// Reads a table with a row for each element of the innermost plate, or a folder with a table for each plate.
            ///
            /// # Errors
            /// The first place that cannot be read, or that the model does not allow.
            #vis fn from_csv(path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<Self, ::hierarch::io::DataError> {
                ::hierarch::io::read_csv(&<#name as ::core::default::Default>::default(), path.as_ref(), &[])
            }
        }
    } else {
        quote! {
            /// Reads a table with a row for each element of the innermost plate, or a folder with a table for each plate.
            ///
            /// # Errors
            /// The first place that cannot be read, or that the model does not allow.
            #vis fn from_csv(model: &#name, path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<Self, ::hierarch::io::DataError> {
                ::hierarch::io::read_csv(model, path.as_ref(), &[])
            }
        }
    };
    let undocumented_model = undocumented(attributes, "A hierarchical model.");

    let global_fields: Vec<&Variable> = variables(&tree.root).filter(|v| is_global(v)).collect();
    let record = record(globals, &global_fields);
    let global_fields = global_fields.into_iter().map(scalar_field);
    let local_plates = plates(&tree.root).map(|p| {
        let (name, ty) = (&p.name, plate_locals(tree, p));
        let doc = format!("The locals of the plate `{name}`.");
        quote!(#[doc = #doc] pub #name: #ty)
    });
    let globals_doc = format!("The global variables of [`{name}`].");
    let locals_doc = format!("The local variables of [`{name}`], plate by plate.");
    let data_doc = format!("A data set of [`{name}`]: what is observed and given.");

    let own: Vec<&Variable> = variables(&tree.root).filter(|v| v.in_data()).collect();
    let data_fields = own.iter().map(|v| scalar_field(v));
    let data_plates: Vec<&Plate> = plates(&tree.root).filter(|p| p.in_data).collect();
    let plate_fields = data_plates.iter().map(|p| {
        let (docs, name, ty) = (&p.docs, &p.name, plate_data(tree, p));
        let missing = undocumented(docs, &format!("The elements of the plate `{name}`."));
        quote!(#missing #(#docs)* pub #name: #ty)
    });
    let views = own.iter().map(|v| {
        let (name, text) = (&v.name, v.name.to_string());
        quote!(::hierarch::io::Column::of(#text, &self.#name))
    });
    let frames = data_plates.iter().map(|p| {
        let name = &p.name;
        quote!(self.#name.__frame(::core::option::Option::None))
    });
    let reads = own.iter().map(|v| {
        let name = &v.name;
        quote!(#name: frame.take_column()?)
    });
    let plate_reads = data_plates.iter().map(|p| {
        let (name, ty) = (&p.name, plate_data(tree, p));
        quote!(#name: #ty::__read(frame.take_plate()?)?)
    });
    let (local_frames, local_reads) = inner_locals(tree, plates(&tree.root));
    let plate_types = all_plates(&tree.root).into_iter().map(|p| plate_types(tree, p, &derive));

    quote! {
        #derive
        #undocumented_model
        #(#attributes)*
        #vis struct #name { #(#params),* }
        #default

        #derive
        #[doc = #globals_doc]
        #vis struct #globals { #(#global_fields),* }
        #record

        #derive
        #[derive(Default)]
        #[doc = #locals_doc]
        #vis struct #locals { #(#local_plates),* }

        #derive
        #[doc = #data_doc]
        #vis struct #data { #(#data_fields,)* #(#plate_fields),* }

        #[automatically_derived]
        impl ::hierarch::io::LocalSet for #locals {
            fn frame(&self) -> ::hierarch::io::Frame<'_> {
                ::hierarch::io::Frame {
                    name: "",
                    size: 1,
                    offsets: ::core::option::Option::None,
                    columns: vec![],
                    plates: vec![#(#local_frames),*],
                }
            }
            fn from_frame(mut frame: ::hierarch::io::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::io::DataError> {
                ::core::result::Result::Ok(Self { #(#local_reads),* })
            }
        }

        #[automatically_derived]
        impl ::hierarch::io::DataSet for #data {
            type Model = #name;
            fn frame(&self) -> ::hierarch::io::Frame<'_> {
                ::hierarch::io::Frame {
                    name: "",
                    size: 1,
                    offsets: ::core::option::Option::None,
                    columns: vec![#(#views),*],
                    plates: vec![#(#frames),*],
                }
            }
            fn from_frame(mut frame: ::hierarch::io::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::io::DataError> {
                ::core::result::Result::Ok(Self { #(#reads,)* #(#plate_reads),* })
            }
        }

        #[automatically_derived]
        impl #data {
            #from_csv

            /// Writes a table with a row for each element of the innermost plate to a file that ends in `.csv`, or else a folder
            /// with a table for each plate.
            ///
            /// # Errors
            /// The file that cannot be written.
            #vis fn to_csv(&self, path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<(), ::hierarch::io::DataError> {
                ::hierarch::io::write_csv(self, path.as_ref())
            }
        }

        #(#plate_types)*
    }
}

fn undocumented(docs: &[syn::Attribute], text: &str) -> Option<TokenStream> {
    (!docs.iter().any(|a| a.path().is_ident("doc"))).then(|| quote!(#[doc = #text]))
}

fn scalar_field(v: &Variable) -> TokenStream {
    let (docs, name, ty) = (&v.docs, &v.name, v.rust());
    let missing = undocumented(docs, &format!("The {} `{name}`.", word(v)));
    let serde = match (&v.image, &v.shape) {
        (Some(_), _) => quote!(#[serde(with = "::hierarch::io::image")]),
        (None, Some(_)) => quote!(#[serde(with = "::hierarch::io::array")]),
        (None, None) => quote!(),
    };
    quote!(#missing #(#docs)* #serde pub #name: #ty)
}

fn column_field(v: &Variable) -> TokenStream {
    let (docs, name, ty) = (&v.docs, &v.name, v.rust());
    let missing = undocumented(docs, &format!("The {} `{name}` of each element.", word(v)));
    let serde = match (&v.image, &v.shape) {
        (Some(_), _) => quote!(#[serde(with = "::hierarch::io::images")]),
        (None, Some(_)) => quote!(#[serde(with = "::hierarch::io::arrays")]),
        (None, None) => quote!(),
    };
    quote!(#missing #(#docs)* #serde pub #name: ::std::vec::Vec<#ty>)
}

fn word(v: &Variable) -> &'static str {
    use crate::ast::Role;
    match v.role {
        Role::Global => "global",
        Role::Nuisance => "nuisance parameter",
        Role::Local => "local",
        Role::Observe => "observation",
        Role::Given => "covariate",
    }
}

/// The globals as a row of numbers and back.
fn record(ty: &Ident, fields: &[&Variable]) -> TokenStream {
    let pushes = fields.iter().map(|v| {
        let name = &v.name;
        match v.shape {
            None => quote!(numbers.push(self.#name);),
            Some(_) => quote!(numbers.extend_from_slice(&self.#name);),
        }
    });
    let reads = fields.iter().map(|v| {
        let name = &v.name;
        match v.shape {
            None => quote!(#name: numbers.next().unwrap_or(f64::NAN)),
            Some(_) => quote!(#name: ::std::array::from_fn(|_| numbers.next().unwrap_or(f64::NAN))),
        }
    });
    quote! {
        #[automatically_derived]
        impl ::hierarch::model::AsNumbers for #ty {
            fn to_numbers(&self) -> ::std::vec::Vec<f64> {
                let mut numbers = ::std::vec::Vec::new();
                #(#pushes)*
                numbers
            }
            fn from_numbers(numbers: &[f64]) -> Self {
                let mut numbers = numbers.iter().copied();
                Self { #(#reads),* }
            }
        }
    }
}

/// What stands for the locals of some plates in a frame, and how they are read from one. Plates that are not in the data
/// have no part in it and come back empty.
fn inner_locals<'a>(tree: &Tree, plates: impl Iterator<Item = &'a Plate>) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let (mut frames, mut reads) = (Vec::new(), Vec::new());
    for p in plates {
        let (name, ty) = (&p.name, plate_locals(tree, p));
        if p.in_data {
            frames.push(quote!(self.#name.__frame()));
            reads.push(quote!(#name: #ty::__read(frame.take_plate()?)?));
        } else {
            reads.push(quote!(#name: ::core::default::Default::default()));
        }
    }
    (frames, reads)
}

fn plate_types(tree: &Tree, plate: &Plate, derive: &TokenStream) -> TokenStream {
    let vis = &tree.visibility;
    let nested = !plates(&tree.root).any(|p| p.name == plate.name);
    let locals = plate_locals(tree, plate);
    let latent = plate.variables().filter(|v| v.latent()).map(column_field);
    let latent_plates = plate.plates().map(|p| {
        let (name, ty) = (&p.name, plate_locals(tree, p));
        let doc = format!("The locals of the plate `{name}`, of all elements one after the other.");
        quote!(#[doc = #doc] pub #name: #ty)
    });
    let locals_doc = format!("The locals of the plate `{}`, a column for each.", plate.name);
    let offsets = nested.then(|| {
        quote! {
            /// Where the elements of each outer element begin, and after the last where they end.
            pub offsets: ::std::vec::Vec<usize>,
        }
    });
    // Those of a plate in the data stand there.
    let local_offsets = if plate.in_data { None } else { offsets.clone() };
    let locals_type = quote! {
        #derive
        #[derive(Default)]
        #[doc = #locals_doc]
        #vis struct #locals { #local_offsets #(#latent,)* #(#latent_plates),* }
    };
    if !plate.in_data {
        return locals_type;
    }
    let text = plate.name.to_string();
    let latent: Vec<&Ident> = plate.variables().filter(|v| v.latent()).map(|v| &v.name).collect();
    let local_size = latent.first().map_or(quote!(0), |name| quote!(self.#name.len()));
    let local_views = latent.iter().map(|name| {
        let text = name.to_string();
        quote!(::hierarch::io::Column::of(#text, &self.#name))
    });
    let (local_frames, local_reads) = inner_locals(tree, plate.plates());
    let locals_frame = quote! {
        #[automatically_derived]
        impl #locals {
            fn __frame(&self) -> ::hierarch::io::Frame<'_> {
                ::hierarch::io::Frame {
                    name: #text,
                    size: #local_size,
                    offsets: ::core::option::Option::None,
                    columns: vec![#(#local_views),*],
                    plates: vec![#(#local_frames),*],
                }
            }

            fn __read(mut frame: ::hierarch::io::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::io::DataError> {
                ::core::result::Result::Ok(Self { #(#latent: frame.take_column()?,)* #(#local_reads),* })
            }
        }
    };

    let data = plate_data(tree, plate);
    let doc = format!("The elements of the plate `{}` in the data, a column for each variable.", plate.name);
    let own: Vec<&Variable> = plate.variables().filter(|v| v.in_data()).collect();
    let inner: Vec<&Plate> = plate.plates().filter(|p| p.in_data).collect();
    let columns = own.iter().map(|v| column_field(v));
    let inner_fields = inner.iter().map(|p| {
        let (docs, name, ty) = (&p.docs, &p.name, plate_data(tree, p));
        let missing =
            undocumented(docs, &format!("The elements of the plate `{name}`, of all elements one after the other."));
        quote!(#missing #(#docs)* pub #name: #ty)
    });
    // The number of elements is the length of a column; without one, what an inner plate or the plate itself says.
    let size_field = (own.is_empty() && inner.is_empty() && !nested).then(|| {
        quote! {
            /// How many elements there are.
            pub size: usize,
        }
    });
    let len = if let Some(v) = own.first() {
        let name = &v.name;
        quote!(self.#name.len())
    } else if let Some(p) = inner.first() {
        let name = &p.name;
        quote!(self.#name.offsets.len().saturating_sub(1))
    } else if nested {
        quote!(self.offsets.last().copied().unwrap_or(0))
    } else {
        quote!(self.size)
    };
    let views = own.iter().map(|v| {
        let (name, text) = (&v.name, v.name.to_string());
        quote!(::hierarch::io::Column::of(#text, &self.#name))
    });
    let frames = inner.iter().map(|p| {
        let name = &p.name;
        quote!(self.#name.__frame(::core::option::Option::Some(&self.#name.offsets)))
    });
    let mut reads: Vec<TokenStream> = Vec::new();
    if nested {
        reads.push(quote!(offsets: frame.take_offsets()));
    }
    if size_field.is_some() {
        reads.push(quote!(size: frame.size));
    }
    reads.extend(own.iter().map(|v| {
        let name = &v.name;
        quote!(#name: frame.take_column()?)
    }));
    reads.extend(inner.iter().map(|p| {
        let (name, ty) = (&p.name, plate_data(tree, p));
        quote!(#name: #ty::__read(frame.take_plate()?)?)
    }));
    let row = rows(tree, plate, &own, derive);
    quote! {
        #locals_type
        #locals_frame

        #derive
        #[derive(Default)]
        #[doc = #doc]
        #vis struct #data { #offsets #size_field #(#columns,)* #(#inner_fields),* }

        #[automatically_derived]
        impl #data {
            /// How many elements there are.
            #vis fn len(&self) -> usize {
                #len
            }

            /// Whether there are no elements.
            #vis fn is_empty(&self) -> bool {
                self.len() == 0
            }

            fn __frame<'a>(&'a self, offsets: ::core::option::Option<&'a [usize]>) -> ::hierarch::io::Frame<'a> {
                ::hierarch::io::Frame {
                    name: #text,
                    size: self.len(),
                    offsets: offsets.map(::std::borrow::Cow::Borrowed),
                    columns: vec![#(#views),*],
                    plates: vec![#(#frames),*],
                }
            }

            fn __read(mut frame: ::hierarch::io::Frame<'_>) -> ::core::result::Result<Self, ::hierarch::io::DataError> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }
        }
        #row
    }
}

/// A row type and the iterator over rows, for a plate with columns.
fn rows(tree: &Tree, plate: &Plate, own: &[&Variable], derive: &TokenStream) -> Option<TokenStream> {
    if own.is_empty() {
        return None;
    }
    let vis = &tree.visibility;
    let data = plate_data(tree, plate);
    let row = format_ident!("{data}Row");
    let doc = format!("One element of the plate `{}` in the data.", plate.name);
    let fields = own.iter().map(|v| scalar_field(v));
    let names: Vec<&Ident> = own.iter().map(|v| &v.name).collect();
    Some(quote! {
        #derive
        #[doc = #doc]
        #vis struct #row { #(#fields),* }

        #[automatically_derived]
        impl #data {
            /// The elements, one by one.
            #vis fn rows(&self) -> impl ::core::iter::Iterator<Item = #row> + '_ {
                (0..self.len()).map(|i| #row { #(#names: self.#names[i].clone()),* })
            }
        }
    })
}
