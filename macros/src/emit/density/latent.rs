//! A latent variable: its value from its unconstrained numbers, and what it says of the density.

use proc_macro2::TokenStream;
use quote::quote;

use super::layout::{size_of, start_of};
use super::scope::Scope;
use crate::ast::Shape;
use crate::definition::Definition;
use crate::emit::choose::{choose, log_density};
use crate::emit::lift::Lift;
use crate::emit::names::position;
use crate::tree::Variable;

impl Scope<'_> {
    /// Binds a latent variable and adds its term to `__lp`.
    pub fn latent(&self, v: &Variable) -> TokenStream {
        let Some(definition) = &v.definition else { return TokenStream::new() };
        self.lift(|lift| match &v.shape {
            None => self.latent_number(v, definition, lift),
            Some(shape) if !v.vector => self.latent_numbers(v, shape, definition, lift),
            Some(shape) => self.latent_vector(v, shape, definition, lift),
        })
    }

    fn latent_number(&self, v: &Variable, definition: &Definition, lift: &Lift) -> TokenStream {
        let (name, raw, pair) = (&v.name, self.raw(v, &quote!(0usize)), constrained(definition, lift));
        quote! {
            let __raw = #raw;
            let (#name, __term) = #pair;
            __lp += __term;
        }
    }

    /// Emits a vector with a draw for each of its numbers.
    fn latent_numbers(&self, v: &Variable, shape: &Shape, definition: &Definition, lift: &Lift) -> TokenStream {
        let (name, len, position, zero) = (&v.name, &shape.len, position(shape), self.number(&quote!(0.0)));
        let (raw, pair) = (self.raw(v, &quote!(#position)), constrained(definition, lift));
        quote! {
            let #name = {
                let mut __all = [#zero; #len];
                for #position in 0..#len {
                    let __raw = #raw;
                    let (__x, __term) = #pair;
                    __all[#position] = __x;
                    __lp += __term;
                }
                __all
            };
        }
    }

    /// Emits a vector that is one draw.
    fn latent_vector(&self, v: &Variable, shape: &Shape, definition: &Definition, lift: &Lift) -> TokenStream {
        let (name, len, zero) = (&v.name, &shape.len, self.number(&quote!(0.0)));
        let (raw, term) = (self.raw(v, &quote!(c)), log_density(definition, lift, &quote!(__x)));
        let constrained = if v.simplex {
            let free = self.vector(len, &quote!(if c + 1 < #len { #raw } else { #zero }));
            quote! {
                let __raw = #free;
                let (__x, __log_slope) = ::hierarch::distributions::constrain_simplex(__raw);
                __lp += __log_slope;
            }
        } else {
            let all = self.vector(len, &raw);
            quote!(let __x = #all;)
        };
        quote!(let #name = { #constrained __lp += #term; __x };)
    }

    /// Emits the unconstrained number of the component `c`.
    fn raw(&self, v: &Variable, c: &TokenStream) -> TokenStream {
        let (at, slot, scalar) = (start_of(&v.name), self.slot(&v.name), self.scalar());
        let number = match self.plate {
            None => quote!(__q[#at + #c]),
            Some(plate) => {
                let (n, lanes) = (size_of(&plate.name.to_string()), &self.lanes);
                quote!(__block.load::<#lanes>(::hierarch::__private::from(__q, #at + (#c) * #n)))
            }
        };
        quote!(<#scalar>::variable(#number, #slot + #c))
    }
}

/// Emits the value at the unconstrained number `__raw`, and its term of the log density.
fn constrained(definition: &Definition, lift: &Lift) -> TokenStream {
    let scalar = lift.scalar;
    choose(definition, lift, &|d| {
        quote!({
            let __d = #d;
            ::hierarch::distributions::Distribution::<#scalar>::at_unconstrained(&__d, __raw)
        })
    })
}
