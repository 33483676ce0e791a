//! A latent variable: its value from its unconstrained numbers, and what it says of the density.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Expr;

use super::layout::{size_of, start_of};
use super::scope::Scope;
use crate::ast::Shape;
use crate::definition::Definition;
use crate::emit::choose::{choose, log_density};
use crate::emit::lift::Lift;
use crate::emit::names::position;
use crate::emit::open;
use crate::emit::own;
use crate::emit::values::by_row;
use crate::tree::Variable;

impl Scope<'_> {
    /// Binds a latent variable and adds its term to `__lp`.
    pub fn latent(&self, v: &Variable) -> TokenStream {
        if v.field.is_some() {
            return self.of_field(v);
        }
        if v.is_inferred() {
            return self.inferred(v);
        }
        let Some(definition) = &v.definition else { return TokenStream::new() };
        self.lift(|lift| match &v.shape {
            None => self.latent_number(v, definition, lift),
            Some(_) if v.own => self.latent_own(v, definition, lift),
            Some(shape) if !v.vector => self.latent_numbers(v, shape, definition, lift),
            Some(shape) => self.latent_vector(v, shape, definition, lift),
        })
    }

    fn latent_number(&self, v: &Variable, definition: &Definition, lift: &Lift) -> TokenStream {
        let (name, raw) = (&v.name, self.raw(v, &quote!(0usize)));
        let pair = if v.own { own::number(definition, lift) } else { constrained(definition, lift) };
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
        let (bind, all) = (v.bind_row_and_column(&position), v.in_rows(quote!(__all)));
        if v.open {
            return open::bind(
                v,
                &quote!({
                    let mut __all = ::std::vec![#zero; #len];
                    for #position in 0..#len {
                        #bind
                        let __raw = #raw;
                        let (__x, __term) = #pair;
                        __all[#position] = __x;
                        __lp += __term;
                    }
                    __all
                }),
            );
        }
        quote! {
            let #name = {
                let mut __all = [#zero; #len];
                for #position in 0..#len {
                    #bind
                    let __raw = #raw;
                    let (__x, __term) = #pair;
                    __all[#position] = __x;
                    __lp += __term;
                }
                #all
            };
        }
    }

    /// Emits a vector that is one draw, or a matrix of which each row is one.
    fn latent_vector(&self, v: &Variable, shape: &Shape, definition: &Definition, lift: &Lift) -> TokenStream {
        if v.open {
            return self.latent_open(v, definition, lift);
        }
        let name = &v.name;
        let value = match v.rows() {
            None => self.one_draw(v, &shape.len, &v.free(), &quote!(__c), definition, lift),
            Some((rows, columns)) => {
                let (row, free) = (v.row(), v.free());
                let free = quote!((#free / (#rows)));
                let one = self.one_draw(v, columns, &free, &quote!(#row * #free + __c), definition, lift);
                by_row(v, &self.number(&quote!(0.0)), &one)
            }
        };
        quote!(let #name = #value;)
    }

    /// Emits one draw of a vector: its `free` unconstrained numbers `c` are those at `place` of the variable.
    fn one_draw(
        &self,
        v: &Variable,
        len: &Expr,
        free: &TokenStream,
        place: &TokenStream,
        definition: &Definition,
        lift: &Lift,
    ) -> TokenStream {
        let raw = self.vector(free, &self.raw(v, place));
        if !v.mapped {
            let term = log_density(definition, lift, &quote!(__x));
            return quote!({ let __x = #raw; __lp += #term; __x });
        }
        let (scalar, zero) = (self.scalar(), self.number(&quote!(0.0)));
        let rows = if v.by_row { quote!(__x) } else { v.in_rows(quote!(__x)) };
        let pair = choose(definition, lift, &|d| {
            quote!({
                let __d = #d;
                let mut __x = [#zero; #len];
                let __log_slope = ::hierarch::distributions::Distribution::<#scalar>::support(&__d).constrain_vector(&__raw, &mut __x);
                let __x = #rows;
                (__x, __log_slope + ::hierarch::distributions::Distribution::<#scalar>::log_density(&__d, __x))
            })
        });
        quote!({
            let __raw = #raw;
            let (__x, __term) = #pair;
            __lp += __term;
            __x
        })
    }

    /// Emits a vector of a distribution of the user's.
    fn latent_own(&self, v: &Variable, definition: &Definition, lift: &Lift) -> TokenStream {
        let (raw, free, scalar) = (self.raw(v, &quote!(__c)), v.free(), self.scalar());
        let all = match v.open {
            true => quote!((0..#free).map(|__c| #raw).collect::<::std::vec::Vec<#scalar>>()),
            false => self.vector(&free, &raw),
        };
        let pair = own::constrained(v, definition, lift);
        let value = quote!({
            let __raw = #all;
            let (__x, __term) = #pair;
            __lp += __term;
            __x
        });
        open::bind(v, &value)
    }

    /// Emits a vector that is one draw and whose length is known only when the program runs.
    fn latent_open(&self, v: &Variable, definition: &Definition, lift: &Lift) -> TokenStream {
        let (len, free, scalar, zero) = (v.len(), v.free(), self.scalar(), self.number(&quote!(0.0)));
        let raw = self.raw(v, &quote!(__c));
        let pair = choose(definition, lift, &|d| {
            quote!({
                let __d = #d;
                let mut __x = ::std::vec![#zero; #len];
                let __log_slope = ::hierarch::distributions::Distribution::<#scalar>::support(&__d).constrain_vector(&__raw, &mut __x);
                let __term = ::hierarch::distributions::Distribution::<#scalar>::log_density(&__d, __x.clone());
                (__x, __log_slope + __term)
            })
        });
        open::bind(
            v,
            &quote!({
                let __raw: ::std::vec::Vec<#scalar> = (0..#free).map(|__c| #raw).collect();
                let (__x, __term) = #pair;
                __lp += __term;
                __x
            }),
        )
    }

    /// Emits the unconstrained number of the component `c`.
    fn raw(&self, v: &Variable, c: &TokenStream) -> TokenStream {
        let (at, slot, scalar) = (start_of(&v.name), self.slot(&v.name), self.scalar());
        if self.tape.is_some() {
            let place = match self.plate {
                None => quote!(#at + (#c)),
                Some(plate) => {
                    let n = size_of(&plate.name.to_string());
                    quote!(#at + (#c) * #n + __block.first)
                }
            };
            return quote!({ let __place = #place; <#scalar>::variable(__q[__place], __place) });
        }
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
