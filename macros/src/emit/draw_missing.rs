//! What becomes missing in simulations, by a mechanism of the model.

use proc_macro2::TokenStream;
use quote::quote;

use super::choose::choose;
use super::draw::{Draw, count, draw, store};
use super::missing;
use crate::definition::Definition;
use crate::names::text;
use crate::tree::{Plate, Variable};

impl Draw<'_> {
    /// Emits what becomes missing of the element at hand, by a mechanism of the model.
    pub fn gaps(&self, plate: &Plate) -> TokenStream {
        let (index, store, count) = (self.index(&plate.name), store(plate, true), count(&plate.name));
        let of = |v: &Variable| {
            let (name, gone) = (&v.name, self.is_gone(v, Some(plate))?);
            let entry = quote!(#store.#name[#count]);
            let all = missing::take(v, &entry, &gone);
            Some(quote!(if __plan.has_mechanisms(::core::option::Option::Some(#index)) { #all }))
        };
        plate.variables().filter_map(of).collect()
    }

    /// Emits a draw of whether a value of `v` is missing; `None` if no mechanism says so.
    fn is_gone(&self, v: &Variable, plate: Option<&Plate>) -> Option<TokenStream> {
        let (name, mechanism) = (text(&v.name), Definition::read(v.mechanism.as_ref()?).ok()?);
        let drawn = self.lift(plate, |lift| choose(&mechanism, lift, &|d| draw(&name, &d)));
        Some(quote!((#drawn) != 0.0))
    }

    /// Emits the `value` of a variable of `plate` that was drawn, as it is added to its column, or that it is missing.
    pub fn in_plate(&self, v: &Variable, plate: &Plate, value: TokenStream) -> TokenStream {
        if v.open {
            return quote!(&#value);
        }
        missing::drawn(self.tree, v, Some((plate, self.index(&plate.name), count(&plate.name))), value)
    }

    /// Emits the `value` of an observation outside plates that was drawn, or that it is missing.
    pub fn outside(&self, v: &Variable, value: TokenStream) -> TokenStream {
        let value = missing::drawn(self.tree, v, None, value);
        let Some(gone) = self.is_gone(v, None) else { return value };
        let take = missing::take(v, &quote!(__entry), &gone);
        quote!({
            let mut __entry = #value;
            if __plan.has_mechanisms(::core::option::Option::None) { #take }
            __entry
        })
    }
}
