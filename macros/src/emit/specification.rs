//! The model as data.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::ast::{Role, Size};
use crate::rewrite::{bound, identifiers};
use crate::tree::{Definition, Kind, Plate, Step, Tree, Variable, mentions, source};

pub fn emit(tree: &Tree) -> TokenStream {
    let name = tree.name.to_string();
    let params = tree.params.iter().map(|p| {
        let (field, text) = (&p.name, p.name.to_string());
        quote!((#text, &self.#field as &dyn ::core::fmt::Debug))
    });
    let variables = variables(tree, &tree.root);
    let plates = plates(tree, &tree.root);
    // Sizes may mention params by their names.
    let used = tree.params.iter().map(|p| {
        let name = &p.name;
        quote!(let #name = &self.#name;)
    });
    let sizes = super::all_plates(&tree.root).into_iter().map(size_values);
    quote! {
        fn specification(&self) -> ::hierarch::model::Specification {
            #(#used)*
            #(#sizes)*
            ::hierarch::model::Specification::declared(#name, &[#(#params),*], [#(#variables),*].into(), [#(#plates),*].into())
        }
    }
}

/// The names of a plate's smallest and largest size where the code of a trait method has bound them.
pub fn size_names(plate: &Plate) -> (Ident, Ident) {
    (super::hidden(&format!("low_{}", plate.name)), super::hidden(&format!("high_{}", plate.name)))
}

/// Binds a plate's smallest and largest size; a random size has none.
pub fn size_values(plate: &Plate) -> TokenStream {
    let (low, high) = size_names(plate);
    let usize_of = |e: &syn::Expr| match e {
        syn::Expr::Lit(_) => quote!(#e),
        _ => quote!((#e).clone()),
    };
    match &plate.size {
        Size::Fixed(size) => {
            let size = usize_of(size);
            quote!(let #low: usize = #size; let #high: usize = #low;)
        }
        Size::Range(a, b) => {
            let (a, b) = (usize_of(a), usize_of(b));
            quote!(let #low: usize = #a; let #high: usize = #b;)
        }
        Size::Random(..) => TokenStream::new(),
    }
}

fn parents(tree: &Tree, mentioned: &[Ident]) -> TokenStream {
    let mut seen: Vec<String> = Vec::new();
    for name in mentioned {
        let text = name.to_string();
        let variable = tree.symbols.contains_key(&text) && !tree.params.iter().any(|p| p.name == text);
        if variable && !seen.contains(&text) {
            seen.push(text);
        }
    }
    quote!(&[#(#seen),*])
}

fn plates(tree: &Tree, steps: &[Step]) -> Vec<TokenStream> {
    crate::tree::plates(steps)
        .map(|p| {
            let name = p.name.to_string();
            let (low, high) = size_names(p);
            let size = match &p.size {
                Size::Fixed(_) => quote!(::hierarch::model::PlateSize::Fixed(#low)),
                Size::Range(..) => quote!(::hierarch::model::PlateSize::Range(#low, #high)),
                Size::Random(count, distribution) => {
                    let (count, text) = (count.to_string(), source(distribution));
                    let from = Definition::read(distribution).map(|d| mentions(&d)).unwrap_or_default();
                    let parents = parents(tree, &from);
                    quote! {
                        ::hierarch::model::PlateSize::declared(#count, #text, #parents)
                    }
                }
            };
            let variables = variables(tree, &p.steps);
            let plates = plates(tree, &p.steps);
            quote! {
                ::hierarch::model::Plate::declared(#name, #size, [#(#variables),*].into(), [#(#plates),*].into())
            }
        })
        .collect()
}

fn variables(tree: &Tree, steps: &[Step]) -> Vec<TokenStream> {
    let entry = |name: String, role: TokenStream, kind: Kind, shape: TokenStream, source: String, from: &[Ident]| {
        let kind = match kind {
            Kind::Real => quote!(Real),
            Kind::Count => quote!(Count),
            Kind::Bool => quote!(Bool),
            Kind::Category => quote!(Category),
            Kind::Pixels => quote!(Pixels),
        };
        let parents = parents(tree, from);
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
    };
    let mut entries = Vec::new();
    for step in steps {
        match step {
            Step::Variable(v) => {
                let Variable { role, name, kind, shape, image, index_of, definition, source, .. } = v;
                let shape = match (image, shape) {
                    (Some((rows, columns)), _) => quote!(&[#rows, #columns]),
                    (None, Some(crate::ast::Shape { len, .. })) => quote!(&[#len]),
                    (None, None) => quote!(&[]),
                };
                let source = index_of.as_ref().map_or(source.clone(), |p| format!("index({p})"));
                let from = definition.as_ref().map(mentions).unwrap_or_default();
                let implicit = definition.as_ref().is_some_and(Definition::is_implicit) && *role == Role::Observe;
                let role = match (role, index_of) {
                    (_, Some(_)) => quote!(Index),
                    (Role::Global, _) => quote!(Global),
                    (Role::Nuisance, _) => quote!(Nuisance),
                    (Role::Local, _) => quote!(Local),
                    (Role::Observe, _) => quote!(Observed),
                    (Role::Given, _) => quote!(Given),
                };
                let declared = entry(name.to_string(), role, *kind, shape, source, &from);
                entries.push(match index_of {
                    Some(plate) => {
                        let plate = plate.to_string();
                        quote!(#declared.naming_elements_of(#plate))
                    }
                    None if implicit => quote!(#declared.drawn_by_a_function()),
                    None => declared,
                });
            }
            Step::Let { pat, expr } => {
                for name in bound(pat) {
                    let from = identifiers(expr);
                    entries.push(entry(
                        name.to_string(),
                        quote!(Derived),
                        Kind::Real,
                        quote!(&[]),
                        source(expr),
                        &from,
                    ));
                }
            }
            Step::Plate(_) => {}
        }
    }
    entries
}
