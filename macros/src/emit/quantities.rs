//! What the walk shows of a draw beside its variables: quantities, and `let`s that depend on latent variables.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Expr, Pat};

use super::at_element::{datum, element, push_export};
use super::choose::choose;
use super::names::{all_of, data_path};
use super::sequence;
use super::values::seen;
use super::walk::Walk;
use crate::definition::Definition;
use crate::names::text;
use crate::quantity;
use crate::tree::{Plate, Variable, plates};

impl Walk<'_> {
    /// Binds a quantity, and shows it.
    pub fn quantity(&self, pat: &Pat, expr: &Expr, plate: Option<&Plate>) -> TokenStream {
        let Some(name) = quantity::named(self.tree, pat) else { return TokenStream::new() };
        let value = match Definition::read(expr) {
            Ok(definition) if quantity::is_drawn(self.tree, pat) => self
                .lift(plate, |lift| choose(&definition, lift, &|d| quote!(::hierarch::__private::random(&#d, __walk)))),
            _ => self.lift(plate, |lift| lift.expr(expr)),
        };
        let (text, element) = (text(name), at(plate));
        let export = push_export(plate, name);
        let remember = plate.map(|p| sequence::remember(p, &|other| other == name));
        quote! {
            let #name = #value;
            ::hierarch::__private::Quantity::numbers(&#name, &mut |__numbers: &[f64]| {
                __walk.derived(#text, #element, __numbers)
            });
            #export
            #remember
        }
    }

    /// Emits what a quantity reads as `values[at]` of an element of a plate that it goes through; `None` if it is another index.
    pub fn of_element(&self, values: &Ident, at: &Ident) -> Option<TokenStream> {
        let plate = self.tree.elements.get(&at.to_string())?;
        let plate = plates(&self.tree.root).find(|p| p.name == *plate)?;
        if let Some(v) = plate.variables().find(|v| v.in_data() && !v.is_local_where_missing() && v.name == *values) {
            let path = data_path(self.tree, plate);
            return Some(seen(v, datum(v, quote!(__data.#path.#values[#at]))));
        }
        let all = all_of(values);
        Some(quote!(#all[#at]))
    }

    /// Shows the visitor a named function of latent variables, where it is a number or a vector: outside plates, and in
    /// plates with continuous locals, of which there are draws for each element anyway.
    pub fn derived(&self, pat: &Pat, plate: Option<&Plate>) -> TokenStream {
        let Pat::Ident(pat) = pat else { return TokenStream::new() };
        let (name, text): (&Ident, String) = (&pat.ident, text(&pat.ident));
        let depends = self.tree.symbols.get(&name.to_string()).is_some_and(|s| !s.latents.is_empty() && !s.of_discrete);
        if !depends || plate.is_some_and(|p| !p.variables().any(Variable::continuous_latent)) {
            return TokenStream::new();
        }
        let element = at(plate);
        quote! {
            {
                use ::hierarch::model::{DerivedNumbers as _, DerivedOther as _};
                (&&::hierarch::__private::Derived(&#name)).show(&mut |__numbers: &[f64]| {
                    __walk.derived(#text, #element, __numbers)
                });
            }
        }
    }
}

/// Emits the element at hand, if there is one.
fn at(plate: Option<&Plate>) -> TokenStream {
    match plate {
        None => quote!(::core::option::Option::None),
        Some(p) => {
            let at = element(p);
            quote!(::core::option::Option::Some(#at))
        }
    }
}
