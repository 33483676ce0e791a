//! The sum over the values of an element's discrete locals.

use proc_macro2::TokenStream;
use quote::quote;

use super::scope::Scope;
use crate::builtin::Draws;
use crate::definition::Definition;
use crate::eliminate::parts;
use crate::emit::choose::{categories, log_density, log_terms};
use crate::emit::names::hidden;
use crate::emit::values::seen;
use crate::tree::{Step, Variable};

impl Scope<'_> {
    /// Adds the logarithm of a sum to `__lp`: over the values of the discrete locals among `summed`, of the density of these steps
    /// and of the plates `inner`.
    pub fn sum(&self, summed: &[&Step], inner: &[&Step]) -> TokenStream {
        if summed.is_empty() && inner.is_empty() {
            return TokenStream::new();
        }
        if self.gradient && inner.iter().any(|s| matches!(s, Step::Plate(p) if p.scatters)) {
            return self.sum_in_two_passes(summed, inner);
        }
        if self.plate.is_some()
            && let Some(parts) = parts(&[summed, inner].concat(), true)
        {
            return self.sum_of_parts(&parts, summed);
        }
        let (scalar, zero) = (self.scalar(), self.number(&quote!(0.0)));
        let inner = self.steps(inner);
        let (loads, paths) = (self.loads(summed), self.paths(summed, &quote!(#inner __sum.push(__lp);)));
        quote! {
            let mut __sum = ::hierarch::__private::LogSum::<#scalar>::new();
            {
                let mut __lp = #zero;
                #loads
                #paths
            }
            __lp += __sum.finish();
        }
    }

    /// Reads the data among `steps`, once for all values of the discrete locals.
    pub fn loads(&self, steps: &[&Step]) -> TokenStream {
        let load = |step: &&Step| match step {
            Step::Variable(v) if v.in_data() => Some(self.load(v)),
            _ => None,
        };
        steps.iter().filter_map(load).collect()
    }

    /// Emits the `steps` that depend on discrete locals, once for each combination of their values, with `leaf` after each.
    fn paths(&self, steps: &[&Step], leaf: &TokenStream) -> TokenStream {
        let Some((step, rest)) = steps.split_first() else { return leaf.clone() };
        let rest = self.paths(rest, leaf);
        if let Step::Variable(v) = step
            && v.discrete_latent()
            && let Some(definition) = &v.definition
        {
            return self.path_of_each(v, definition, &rest);
        }
        let first = self.loaded_step(step);
        quote!(#first #rest)
    }

    /// Emits a step whose data have been read.
    pub fn loaded_step(&self, step: &Step) -> TokenStream {
        match step {
            Step::Variable(v) if v.in_data() => self.loaded(v),
            step => self.step(step),
        }
    }

    /// Emits the `rest` once for each value of the discrete local `v`.
    pub fn path_of_each(&self, v: &Variable, definition: &Definition, rest: &TokenStream) -> TokenStream {
        let (name, k) = (&v.name, self.number(&quote!(__k as f64)));
        let value = if v.kind.structural() { seen(v, quote!(__k as f64)) } else { k.clone() };
        let may = self.may_be(v);
        let read = may.as_ref().map(|(read, _)| read);
        let one = |term: TokenStream| {
            let term = may.as_ref().map_or(term.clone(), |(_, may)| self.where_it_may_be(may, &term));
            quote! {
                let mut __lp = __lp + #term;
                let #name = #value;
                #rest
            }
        };
        // The one yes-or-no of an element is written out, so that what depends on globals alone, its probabilities
        // among it, is worked out before the loop over elements. Several would multiply the code, and so would a plate
        // inside.
        if definition.draws() == Some(Draws::Bool) && self.has_one_discrete_local() {
            let one = one(self.lift(|lift| log_density(definition, lift, &k)));
            return quote! {
                { let __k = 0usize; #read #one }
                { let __k = 1usize; #read #one }
            };
        }
        let categories = self.lift(|lift| categories(definition, lift));
        let (shared, term) = self.lift(|lift| log_terms(definition, lift, &k));
        let one = one(quote!(#term - __shared));
        // What no element at hand can be is left out.
        let one = match &may {
            Some((read, may)) => quote!(#read if ::hierarch::__private::Lanes::sum(#may) > 0.0 { #one }),
            None => one,
        };
        quote! {
            let __categories: usize = #categories;
            let __shared = #shared;
            for __k in 0..__categories { #one }
        }
    }

    /// Sums where the plates `inner` add to the gradient themselves, so that the probability of each combination has to be known
    /// before: the first pass works it out, the second adds to the gradient by it.
    fn sum_in_two_passes(&self, summed: &[&Step], inner: &[&Step]) -> TokenStream {
        let values = self.values_only();
        let (zero, plain_zero) = (self.number(&quote!(0.0)), values.number(&quote!(0.0)));
        let mut promotions = values.promotions_of_summed(&[summed, inner].concat());
        promotions.extend(self.plate.map(|plate| values.gathers(plate)));
        let inner_values = values.steps(inner);
        let (first_loads, second_loads) = (values.loads(summed), self.loads(summed));
        let first = values.paths(summed, &quote!(#inner_values __paths.push(__lp.value);));
        // Named after the plate: inside a plate within, the shares of both are in use.
        let share = hidden(&format!("share_{}", self.plate.map_or(String::new(), |p| p.name.to_string())));
        let weighted = self.weighed_by(&share);
        let inner_gradient = weighted.steps(inner);
        let second = weighted.paths(
            summed,
            &quote! {
                let #share: f64 = (__paths[__path] - __log_sum).exp();
                __path += 1;
                if #share > 0.0 {
                    #inner_gradient
                    __mixed += __lp * #share;
                }
            },
        );
        quote! {
            let mut __paths = __scratch.take(0);
            {
                #promotions
                let mut __lp = #plain_zero;
                #first_loads
                #first
            }
            let __log_sum: f64 = ::hierarch::__private::log_sum_exp(&__paths);
            let mut __mixed = #zero;
            {
                let mut __path = 0usize;
                let mut __lp = #zero;
                #second_loads
                #second
            }
            __scratch.give(__paths);
            __mixed.value = __log_sum;
            __lp += __mixed;
        }
    }
}
