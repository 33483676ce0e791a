//! The fields of the generated types, each with its documentation.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;

use crate::ast::Role;
use crate::emit::names::{plate_data, plate_locals};
use crate::kind::Kind;
use crate::tree::{Plate, Tree, Variable};

/// Emits what every type derives.
pub fn derive() -> TokenStream {
    quote! {
        #[derive(Clone, Debug, PartialEq, ::hierarch::__private::serde::Serialize, ::hierarch::__private::serde::Deserialize)]
        #[serde(crate = "::hierarch::__private::serde")]
        #[allow(non_snake_case)]
    }
}

/// Emits `text` as documentation; `None` if the user has written some in `docs`.
pub fn undocumented(docs: &[Attribute], text: &str) -> Option<TokenStream> {
    (!docs.iter().any(|a| a.path().is_ident("doc"))).then(|| quote!(#[doc = #text]))
}

/// Emits a field with one value of `v`.
pub fn scalar_field(v: &Variable) -> TokenStream {
    let (docs, name, ty) = (&v.docs, &v.name, v.rust());
    let missing = undocumented(docs, &format!("The {} `{name}`.", word(v.role)));
    let serde = match (&v.matrix, &v.shape) {
        _ if v.open => quote!(),
        (Some(_), _) => quote!(#[serde(with = "::hierarch::__private::image")]),
        (None, Some(_)) => quote!(#[serde(with = "::hierarch::__private::array")]),
        (None, None) if v.kind == Kind::Bool && v.is_optional() => {
            quote!(#[serde(deserialize_with = "::hierarch::__private::truth::one_or_none")])
        }
        (None, None) if v.kind == Kind::Bool => {
            quote!(#[serde(deserialize_with = "::hierarch::__private::truth::one")])
        }
        (None, None) => quote!(),
    };
    quote!(#missing #(#docs)* #serde pub #name: #ty)
}

/// Emits a field with a value of `v` for each element.
pub fn column_field(v: &Variable) -> TokenStream {
    let (docs, name, ty) = (&v.docs, &v.name, v.column());
    let missing = undocumented(docs, &format!("The {} `{name}` of each element.", word(v.role)));
    let serde = match (&v.matrix, &v.shape) {
        _ if v.open => quote!(),
        (Some(_), _) => quote!(#[serde(with = "::hierarch::__private::images")]),
        (None, Some(_)) => quote!(#[serde(with = "::hierarch::__private::arrays")]),
        (None, None) if v.kind == Kind::Bool && v.is_optional() => {
            quote!(#[serde(deserialize_with = "::hierarch::__private::truth::column_with_gaps")])
        }
        (None, None) if v.kind == Kind::Bool => {
            quote!(#[serde(deserialize_with = "::hierarch::__private::truth::column")])
        }
        (None, None) => quote!(),
    };
    quote!(#missing #(#docs)* #serde pub #name: #ty)
}

/// Emits a field with the data of `plate`; `whose` says in the documentation whose elements they are.
pub fn data_field(tree: &Tree, plate: &Plate, whose: &str) -> TokenStream {
    let (docs, name, ty) = (&plate.docs, &plate.name, plate_data(tree, plate));
    let missing = undocumented(docs, &format!("The elements of the plate `{name}`{whose}."));
    quote!(#missing #(#docs)* pub #name: #ty)
}

/// Emits a field with the locals of `plate`; `whose` says in the documentation whose elements they are of.
pub fn locals_field(tree: &Tree, plate: &Plate, whose: &str) -> TokenStream {
    let (name, ty) = (&plate.name, plate_locals(tree, plate));
    let doc = format!("The locals of the plate `{name}`{whose}.");
    quote!(#[doc = #doc] pub #name: #ty)
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Global => "global",
        Role::Nuisance => "nuisance parameter",
        Role::Local => "local",
        Role::Observe => "observation",
        Role::Given => "covariate",
    }
}
