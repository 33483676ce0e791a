//! What a walk makes of discrete locals: a sum over their values, and where several of an element have nothing in common, one for each.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::at_element::{element, place};
use super::choose::{categories, each, log_density};
use super::reads;
use super::sequence;
use super::values::seen;
use super::walk::{Walk, slot};
use crate::builtin::Draws;
use crate::eliminate::Part;
use crate::names::text;
use crate::tree::{Plate, Step, Variable};

impl Walk<'_> {
    /// Emits the sums over the locals of `parts`, one after the other.
    pub fn parts(&self, parts: &[Part], plate: &Plate) -> TokenStream {
        let one = |part: &Part| {
            let (steps, inside) = (self.steps(&part.steps, Some(plate)), self.parts(&part.parts, plate));
            let all: Vec<&Step> = part.steps.iter().copied().chain(part.parts.iter().flat_map(steps_of)).collect();
            self.summed(part.local, &quote!(#steps #inside), &all, Some(plate))
        };
        parts.iter().map(one).collect()
    }

    /// Emits the code `rest`, that of `steps`, for each value of the discrete local `v`.
    pub fn summed(&self, v: &Variable, rest: &TokenStream, steps: &[&Step], plate: Option<&Plate>) -> TokenStream {
        let (name, Some(definition)) = (&v.name, &v.definition) else { return TokenStream::new() };
        if let (true, Some(plate)) = (v.is_summed_where_missing(), plate) {
            return self.recorded(v, definition, (rest, steps), plate);
        }
        let text = text(name);
        let supports = self.lift(plate, |lift| {
            each(definition, lift, &|d| quote!(::hierarch::distributions::Distribution::<f64>::support(&#d)))
        });
        let shown = quote! {
            if __data.is_none() {
                __walk.discrete(#text, &[#(#supports),*]);
            }
        };
        let finite = !matches!(definition.draws(), Some(Draws::Count));
        if !finite || definition.draws().is_none() && self.tree.implicit {
            // Only an implicit model has such a local; nothing is known of it.
            let unknown = seen(v, quote!(f64::NAN));
            return quote!(#shown let #name = #unknown; #rest);
        }
        let k = quote!(__k as f64);
        let (categories, term) =
            self.lift(plate, |lift| (categories(definition, lift), log_density(definition, lift, &k)));
        let value = seen(v, k);
        let filter =
            plate.filter(|p| p.chain().is_some_and(|chain| chain.name == *name)).map(|_| sequence::filter_of(name));
        let states = filter.as_ref().map(|filter| quote!(#filter.set_states(__categories);));
        let note = filter.as_ref().map(|filter| quote!(#filter.note(__k, __walk.branch());));
        let place = place(name, plate, plate.map_or(quote!(0usize), element));
        let summed = |name: &Ident| self.tree.symbols.get(&name.to_string()).is_some_and(|s| s.summed);
        let (sum_out, slot) = match (v.is_global(), reads::any(self.tree, steps, &summed)) {
            (true, _) => {
                let slot = slot(name);
                (quote!(sum_out_global), Some(quote!(#slot,)))
            }
            (false, true) => (quote!(sum_out_all), None),
            (false, false) => (quote!(sum_out), None),
        };
        quote! {
            #shown
            let __categories = #categories;
            #states
            __walk.#sum_out(#slot __categories, &mut |__walk: &mut dyn ::hierarch::__private::Walk, __k: usize| {
                let __term: f64 = #term;
                __walk.discrete_value(&#place, __k, __term);
                let #name = #value;
                #rest
                #note
            });
        }
    }
}

/// Lists the steps that `part` is made of.
fn steps_of<'a>(part: &Part<'a>) -> Vec<&'a Step> {
    let own = std::iter::once(part.declared).chain(part.steps.iter().copied());
    own.chain(part.parts.iter().flat_map(steps_of)).collect()
}
