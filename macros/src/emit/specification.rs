//! The model as data.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::open;
use super::sizes::{size_names, size_values};
use crate::ast::{Missing, Role, Shape, Size};
use crate::definition::Definition;
use crate::kind::Kind;
use crate::names::{bound, identifiers, text};
use crate::source::source;
use crate::tree::{self, Plate, Step, Tree, Variable, all_plates};

pub fn emit(tree: &Tree) -> TokenStream {
    let name = tree.name.to_string();
    let params = tree.params.iter().map(|p| {
        let (field, text) = (&p.name, text(&p.name));
        quote!((#text, &self.#field as &dyn ::core::fmt::Debug))
    });
    let variables = variables(tree, &tree.root);
    let plates = plates(tree, &tree.root);
    // Sizes may mention params by their names.
    let used = tree.params.iter().map(|p| {
        let name = &p.name;
        if p.is_size { open::size(name) } else { quote!(let #name = &self.#name;) }
    });
    let sizes = all_plates(&tree.root).into_iter().map(size_values);
    quote! {
        fn specification(&self) -> ::hierarch::model::Specification {
            #(#used)*
            #(#sizes)*
            ::hierarch::model::Specification::declared(#name, &[#(#params),*], [#(#variables),*].into(), [#(#plates),*].into())
        }
    }
}

/// Emits the names of the variables among `mentioned`, each once.
fn parents(tree: &Tree, mentioned: &[Ident]) -> TokenStream {
    let mut seen: Vec<String> = Vec::new();
    for name in mentioned {
        let variable = tree.symbols.contains_key(&name.to_string()) && !tree.params.iter().any(|p| p.name == *name);
        let text = text(name);
        if variable && !seen.contains(&text) {
            seen.push(text);
        }
    }
    quote!(&[#(#seen),*])
}

/// Emits an entry for each plate among `steps`, with those inside it.
fn plates(tree: &Tree, steps: &[Step]) -> Vec<TokenStream> {
    tree::plates(steps)
        .map(|p| {
            let (name, size) = (text(&p.name), size(tree, p));
            let variables = variables(tree, &p.steps);
            let plates = plates(tree, &p.steps);
            quote! {
                ::hierarch::model::Plate::declared(#name, #size, [#(#variables),*].into(), [#(#plates),*].into())
            }
        })
        .collect()
}

fn size(tree: &Tree, plate: &Plate) -> TokenStream {
    let (low, high) = size_names(plate);
    match &plate.size {
        Size::Fixed(_) => quote!(::hierarch::model::PlateSize::Fixed(#low)),
        Size::Range(..) => quote!(::hierarch::model::PlateSize::Range(#low, #high)),
        Size::Random(count, distribution) => {
            let (count, text) = (text(count), &plate.size_source);
            let from = Definition::read(distribution).map(|d| d.mentions()).unwrap_or_default();
            let parents = parents(tree, &from);
            quote! {
                ::hierarch::model::PlateSize::declared(#count, #text, #parents)
            }
        }
    }
}

/// Emits an entry for each variable and each name of a `let` among `steps`, without those in plates.
fn variables(tree: &Tree, steps: &[Step]) -> Vec<TokenStream> {
    let mut entries = Vec::new();
    for step in steps {
        match step {
            Step::Variable(v) => entries.push(variable(tree, v)),
            Step::Let { pat, expr } => {
                let (source, parents) = (source(expr), parents(tree, &identifiers(expr)));
                let derived =
                    |name: &Ident| entry(&text(name), &quote!(Derived), Kind::Real, &quote!(&[]), &source, &parents);
                entries.extend(bound(pat).iter().map(derived));
            }
            Step::Factor(expr) => {
                let (source, parents) = (source(expr), parents(tree, &identifiers(expr)));
                entries.push(entry("factor", &quote!(Factor), Kind::Real, &quote!(&[]), &source, &parents));
            }
            Step::Plate(_) | Step::Lag(_) => {}
        }
    }
    entries
}

fn variable(tree: &Tree, v: &Variable) -> TokenStream {
    let Variable { role, name, kind, shape, matrix, index_of, source, missing, mechanism_source, .. } = v;
    let role = match (role, index_of) {
        (_, Some(_)) => quote!(Index),
        (Role::Global, _) => quote!(Global),
        (Role::Nuisance, _) => quote!(Nuisance),
        (Role::Local, _) => quote!(Local),
        (Role::Observe, _) => quote!(Observed),
        (Role::Given, _) => quote!(Given),
    };
    let shape = match (matrix, shape) {
        (Some((rows, columns)), _) => quote!(&[#rows, #columns]),
        (None, Some(Shape { len, .. })) => quote!(&[#len]),
        (None, None) => quote!(&[]),
    };
    let source = index_of.as_ref().map_or(source.clone(), |p| format!("index({})", text(p)));
    let declared = entry(&text(name), &role, *kind, &shape, &source, &parents(tree, &v.mentions()));
    let declared = match missing {
        Missing::Never => declared,
        Missing::LeftOut => {
            quote!(#declared.that_may_be_missing(::hierarch::model::Missing::LeftOut, #mechanism_source))
        }
        Missing::Inferred => {
            quote!(#declared.that_may_be_missing(::hierarch::model::Missing::Inferred, #mechanism_source))
        }
        Missing::SummedOut => {
            quote!(#declared.that_may_be_missing(::hierarch::model::Missing::SummedOut, #mechanism_source))
        }
    };
    match index_of {
        Some(plate) => {
            let plate = text(plate);
            quote!(#declared.naming_elements_of(#plate))
        }
        None if v.is_implicit() && v.role == Role::Observe => quote!(#declared.drawn_by_a_function()),
        None => declared,
    }
}

fn entry(
    name: &str,
    role: &TokenStream,
    kind: Kind,
    shape: &TokenStream,
    source: &str,
    parents: &TokenStream,
) -> TokenStream {
    let kind = match kind {
        Kind::Real => quote!(Real),
        Kind::Count => quote!(Count),
        Kind::Bool => quote!(Bool),
        Kind::Category => quote!(Category),
        Kind::Pixels => quote!(Pixels),
    };
    quote! {
        ::hierarch::model::Variable::declared(
            #name,
            ::hierarch::model::Role::#role,
            ::hierarch::model::Kind::#kind,
            #shape,
            #source,
            #parents,
        )
    }
}
