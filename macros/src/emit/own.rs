//! Vectors of a distribution of the user's. Whether a vector is one draw, or has one for each number, is in the type of the draws,
//! which the compiler knows and the macro does not. What does not fit is an error at the distribution's name.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use super::choose::choose;
use super::lift::Lift;
use crate::definition::Definition;
use crate::names::text;
use crate::tree::Variable;

fn span(distribution: &TokenStream) -> Span {
    distribution.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span())
}

/// Emits a draw of the vector.
pub fn draw(v: &Variable, definition: &Definition, lift: &Lift) -> TokenStream {
    let (name, len, is_latent) = (text(&v.name), v.len(), v.latent());
    choose(definition, lift, &|d| {
        let span = span(&d);
        match v.open {
            true => quote_spanned!(span=> ::hierarch::__private::draw_own_open(#name, &#d, #len, #is_latent, __rng)?),
            false => {
                quote_spanned!(span=> ::hierarch::__private::draw_own::<_, { #len }>(#name, &#d, #is_latent, __rng)?)
            }
        }
    })
}

/// Emits the vector at the unconstrained numbers `__raw`, and its term of the log density.
pub fn constrained(v: &Variable, definition: &Definition, lift: &Lift) -> TokenStream {
    choose(definition, lift, &|d| {
        let span = span(&d);
        match v.open {
            true => quote_spanned!(span=> ::hierarch::__private::own_at_unconstrained_open(&#d, &__raw)),
            false => quote_spanned!(span=> ::hierarch::__private::own_at_unconstrained(&#d, __raw)),
        }
    })
}

/// Emits the number at the unconstrained number `__raw` of a vector that has become a plate, and its term of the log density.
pub fn number(definition: &Definition, lift: &Lift) -> TokenStream {
    choose(definition, lift, &|d| quote_spanned!(span(&d)=> ::hierarch::__private::own_number(&#d, __raw)))
}

/// Emits the log density at the vector `x`.
pub fn log_density(v: &Variable, definition: &Definition, lift: &Lift, x: &TokenStream) -> TokenStream {
    choose(definition, lift, &|d| {
        let span = span(&d);
        match v.open {
            true => quote_spanned!(span=> ::hierarch::__private::own_log_density_open(&#d, &#x)),
            false => quote_spanned!(span=> ::hierarch::__private::own_log_density(&#d, #x)),
        }
    })
}

/// Emits a visit to a latent vector in the place `slot`, whose value is `known` if the walk was given values.
pub fn latent(
    v: &Variable,
    definition: &Definition,
    lift: &Lift,
    slot: &TokenStream,
    known: &TokenStream,
) -> TokenStream {
    let (name, len) = (text(&v.name), v.len());
    choose(definition, lift, &|d| {
        let span = span(&d);
        match v.open {
            true => {
                quote_spanned!(span=> ::hierarch::__private::latent_own_open(#name, #slot, (&#d, #len), #known, __walk))
            }
            false => quote_spanned!(span=> ::hierarch::__private::latent_own(#name, #slot, &#d, #known, __walk)),
        }
    })
}

/// Emits a visit to what is observed, which is `__number`.
pub fn observe(v: &Variable, definition: &Definition, lift: &Lift, place: &TokenStream) -> TokenStream {
    choose(definition, lift, &|d| {
        let span = span(&d);
        let of = match v.open {
            true => quote_spanned!(span=> ::hierarch::__private::observe_own_open(&#place, &#d, &__number, __walk)),
            false => quote_spanned!(span=> ::hierarch::__private::observe_own(&#place, &#d, __number, __walk)),
        };
        quote!(#of;)
    })
}
