//! What a walk makes of observations that are summed out where they are missing.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::at_element::{datum, element, place};
use super::choose::{categories, choose, log_density};
use super::names::data_path;
use super::reads;
use super::sequence;
use super::values::seen;
use super::walk::Walk;
use crate::definition::Definition;
use crate::tree::{Plate, Step, Variable};

impl Walk<'_> {
    /// Emits the code `rest`, that of `steps`, for the value of the observation `v`, or for each that it may have had where it is
    /// missing.
    pub fn recorded(
        &self,
        v: &Variable,
        definition: &Definition,
        (rest, steps): (&TokenStream, &[&Step]),
        plate: &Plate,
    ) -> TokenStream {
        let (name, at, path) = (&v.name, element(plate), data_path(self.tree, plate));
        let place = place(name, Some(plate), element(plate));
        let (number, value) = (datum(v, quote!(__data.#path.#name[#at])), seen(v, quote!(__x)));
        let (categories, term, observe) = self.lift(Some(plate), |lift| {
            let observe = choose(
                definition,
                lift,
                &|d| quote!(::hierarch::__private::walk::observe(&#place, &#d, __number, __walk);),
            );
            (categories(definition, lift), log_density(definition, lift, &quote!(__k as f64)), observe)
        });
        let filter = plate.chain().filter(|chain| chain.name == *name).map(|_| sequence::filter_of(name));
        let states = filter.as_ref().map(|filter| quote!(#filter.set_states(__categories);));
        let note = filter.as_ref().map(|filter| quote!(#filter.note(__k, __walk.branch());));
        // What a chain notes of an element is what is visited inside of the sum.
        let (outside, inside) = if filter.is_some() { (None, Some(&observe)) } else { (Some(&observe), None) };
        let summed = |name: &Ident| self.tree.symbols.get(&name.to_string()).is_some_and(|s| s.summed);
        let sum_out = if reads::any(self.tree, steps, &summed) { quote!(sum_out_all) } else { quote!(sum_out) };
        quote! {
            let __number: f64 = #number;
            let __of_value: &mut dyn ::core::ops::FnMut(&mut dyn ::hierarch::__private::Walk, f64) = &mut |__walk, __x| {
                let #name = #value;
                #rest
            };
            let __categories: usize = #categories;
            #states
            if __number.is_nan() && __data.is_some() {
                __walk.#sum_out(__categories, &mut |__walk: &mut dyn ::hierarch::__private::Walk, __k: usize| {
                    let __term: f64 = #term;
                    __walk.discrete_value(&#place, __k, __term);
                    __of_value(__walk, __k as f64);
                    #note
                });
            } else {
                #outside
                __walk.sum_out(1, &mut |__walk: &mut dyn ::hierarch::__private::Walk, _: usize| {
                    let __k = __number as usize;
                    __walk.recorded(&#place, __k, __categories);
                    #inside
                    __of_value(__walk, __number);
                    #note
                });
            }
        }
    }
}
