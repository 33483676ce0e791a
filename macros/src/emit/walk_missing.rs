//! What a walk makes of observations that may be missing and that others depend on.

use proc_macro2::TokenStream;
use quote::quote;

use super::at_element::{datum, element, place, push_export};
use super::choose::choose;
use super::missing::rank_of;
use super::names::data_path;
use super::sequence;
use super::walk::{Walk, slot};
use crate::definition::Definition;
use crate::names::text;
use crate::tree::{Plate, Variable};

impl Walk<'_> {
    /// Binds the value of an observation that others depend on: that in the data, or an unknown one.
    pub fn inferred(&self, v: &Variable, definition: &Definition, plate: &Plate) -> TokenStream {
        let (name, label, slot, rank, at) = (&v.name, text(&v.name), slot(&v.name), rank_of(&v.name), element(plate));
        let (path, place) = (data_path(self.tree, plate), place(&v.name, Some(plate), element(plate)));
        let value = datum(v, quote!(__data.#path.#name[#at]));
        let (known, unknown) = self.lift(Some(plate), |lift| {
            let known = choose(
                definition,
                lift,
                &|d| quote!(::hierarch::__private::walk::observe(&#place, &#d, __number, __walk);),
            );
            let unknown = choose(definition, lift, &|d| {
                quote!(::hierarch::__private::walk::latent(#label, #slot.at(#rank[#at]), &#d, ::core::option::Option::None, __walk))
            });
            (known, unknown)
        });
        let begins = (v.begins_at > 0).then(|| {
            let (position, begins_at) = (sequence::element(plate), v.begins_at);
            quote!(if #position < #begins_at {
                if __number.is_nan() && __data.is_some() { ::hierarch::__private::walk::no_beginning(&#place, __walk); }
                __number
            } else)
        });
        let export = push_export(Some(plate), name);
        quote! {
            let __number: f64 = #value;
            let #name: f64 = #begins if __number.is_nan() && __data.is_some() {
                #unknown
            } else {
                #known
                __number
            };
            #export
        }
    }
}
