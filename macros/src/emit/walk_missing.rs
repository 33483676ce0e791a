//! What a walk makes of observations that may be missing and that others depend on.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::at_element::{datum, element, place, push_export};
use super::choose::choose;
use super::missing::rank_of;
use super::names::{data_path, position};
use super::sequence;
use super::walk::{Walk, slot};
use crate::definition::Definition;
use crate::names::text;
use crate::tree::{Plate, Variable};

impl Walk<'_> {
    /// Binds the value of an observation that others depend on: that in the data, or an unknown one.
    pub fn inferred(&self, v: &Variable, definition: &Definition, plate: &Plate) -> TokenStream {
        let (name, at) = (&v.name, element(plate));
        let path = data_path(self.tree, plate);
        let value = datum(v, quote!(__data.#path.#name[#at]));
        let export = push_export(Some(plate), name);
        let bind = match &v.shape {
            None => {
                let place = place(name, Some(plate), element(plate));
                let begins = (v.begins_at > 0).then(|| {
                    let (position, begins_at) = (sequence::element(plate), v.begins_at);
                    quote!(if #position < #begins_at {
                        if __number.is_nan() && __data.is_some() { ::hierarch::__private::walk::no_beginning(&#place, __walk); }
                        __number
                    } else)
                });
                let one = self.number_or_unknown(v, definition, plate, &quote!(#at));
                quote! {
                    let __number: f64 = #value;
                    let #name: f64 = #begins #one;
                }
            }
            Some(shape) if !v.vector => {
                let (len, position) = (&shape.len, position(shape));
                let one = self.number_or_unknown(v, definition, plate, &quote!(#at * (#len) + #position));
                quote! {
                    let __numbers: [f64; #len] = #value;
                    let mut #name = __numbers;
                    for #position in 0..#len {
                        let __number = __numbers[#position];
                        #name[#position] = #one;
                    }
                }
            }
            Some(shape) => {
                let len = &shape.len;
                let whole = self.vector_or_unknown(v, definition, plate, &quote!(#at * (#len)));
                quote! {
                    let __numbers: [f64; #len] = #value;
                    let #name: [f64; #len] = #whole;
                }
            }
        };
        quote!(#bind #export)
    }

    /// Emits `__number`, or an unknown one where it is missing: that at `position` of all numbers of `v`.
    fn number_or_unknown(
        &self,
        v: &Variable,
        definition: &Definition,
        plate: &Plate,
        position: &TokenStream,
    ) -> TokenStream {
        let missing = quote!(__number.is_nan() && __data.is_some());
        self.value_or_unknown(v, definition, plate, position, &missing, ["__number", "observe", "latent"])
    }

    /// Emits the vector `__numbers`, which is one draw, or an unknown one where it is missing: those from `position` of all numbers
    /// of `v` on.
    fn vector_or_unknown(
        &self,
        v: &Variable,
        definition: &Definition,
        plate: &Plate,
        position: &TokenStream,
    ) -> TokenStream {
        let place = place(&v.name, Some(plate), element(plate));
        let missing = quote!(__data.is_some() && !::hierarch::__private::walk::is_whole(&#place, &__numbers, __walk));
        let words = ["__numbers", "observe_vector", "latent_vector"];
        self.value_or_unknown(v, definition, plate, position, &missing, words)
    }

    /// Emits a value that is visited as an observation, or where it is `missing` as a latent variable: the names of the value and of
    /// the two visits.
    fn value_or_unknown(
        &self,
        v: &Variable,
        definition: &Definition,
        plate: &Plate,
        position: &TokenStream,
        missing: &TokenStream,
        words: [&str; 3],
    ) -> TokenStream {
        let (label, slot, rank) = (text(&v.name), slot(&v.name), rank_of(&v.name));
        let place = place(&v.name, Some(plate), element(plate));
        let [value, observe, latent] = words.map(|word| format_ident!("{word}"));
        let visit =
            |emit: &dyn Fn(TokenStream) -> TokenStream| self.lift(Some(plate), |lift| choose(definition, lift, emit));
        let known = visit(&|d| quote!(::hierarch::__private::walk::#observe(&#place, &#d, #value, __walk);));
        let unknown = visit(
            &|d| quote!(::hierarch::__private::walk::#latent(#label, #slot.at(#rank[#position]), &#d, ::core::option::Option::None, __walk)),
        );
        quote! {
            if #missing {
                #unknown
            } else {
                #known
                #value
            }
        }
    }
}
