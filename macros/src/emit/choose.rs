//! Code for a distribution, or behind the same choice for each that may be chosen.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ExprCall;

use super::lift::Lift;
use crate::builtin;
use crate::definition::{Definition, pattern};
use crate::names::{bound, is_capital};

/// Emits what `f` makes of the distribution; where `definition` is a choice, what it makes of each, behind the same choice.
pub fn choose(definition: &Definition, lift: &Lift, f: &dyn Fn(TokenStream) -> TokenStream) -> TokenStream {
    match definition {
        Definition::Distribution(call) | Definition::Implicit(call) => f(lift.construct(call)),
        Definition::If { condition, yes, no } => {
            let condition = lift.expr(condition);
            let (yes, no) = (choose(yes, lift, f), choose(no, lift, f));
            quote!(if #condition { #yes } else { #no })
        }
        Definition::Match { value, arms } => {
            let value = lift.expr(value);
            let arms = arms.iter().map(|(arm, definition)| {
                let (pat, guard) = pattern(arm);
                let guard = guard.map(|g| {
                    let guard = lift.expr(g);
                    quote!(if #guard)
                });
                let body = choose(definition, lift, f);
                quote!(#pat #guard => { #body })
            });
            quote!(match #value { #(#arms)* })
        }
    }
}

/// Emits what `f` makes of every distribution that may be chosen; empty if one of them needs what a pattern binds.
pub fn each(definition: &Definition, lift: &Lift, f: &dyn Fn(TokenStream) -> TokenStream) -> Vec<TokenStream> {
    fn calls(definition: &Definition) -> Option<Vec<&ExprCall>> {
        match definition {
            Definition::Distribution(call) | Definition::Implicit(call) => Some(vec![call]),
            Definition::If { yes, no, .. } => Some([calls(yes)?, calls(no)?].concat()),
            Definition::Match { arms, .. } => {
                let arms =
                    arms.iter().map(|(arm, d)| bound(pattern(arm).0).iter().all(is_capital).then(|| calls(d))?);
                Some(arms.collect::<Option<Vec<_>>>()?.concat())
            }
        }
    }
    calls(definition).unwrap_or_default().into_iter().map(|call| f(lift.construct(call))).collect()
}

/// Emits the log density at `x` of the distribution, or of the one that is chosen.
pub fn log_density(definition: &Definition, lift: &Lift, x: &TokenStream) -> TokenStream {
    let scalar = lift.scalar;
    choose(definition, lift, &|d| quote!(::hierarch::distributions::Distribution::<#scalar>::log_density(&#d, #x)))
}

/// Tells whether the distribution has a term -ln x! that no parameter changes, so that it is added once for a data set.
pub fn has_factorial(definition: &Definition) -> bool {
    let Definition::Distribution(call) = definition else { return false };
    builtin::of(call)
        .is_some_and(|b| ["Poisson", "PoissonLog", "NegativeBinomial", "NegativeBinomialLog"].contains(&b.name))
}

/// Emits the log density at `x` without the term of [`has_factorial`].
pub fn log_kernel(definition: &Definition, lift: &Lift, x: &TokenStream) -> TokenStream {
    if !has_factorial(definition) {
        return log_density(definition, lift, x);
    }
    choose(definition, lift, &|d| quote!((#d).log_kernel(#x)))
}

/// Emits what the log densities of all values of a finite distribution share, and the rest of that at `x`.
pub fn log_terms(definition: &Definition, lift: &Lift, x: &TokenStream) -> (TokenStream, TokenStream) {
    let scalar = lift.scalar;
    let total = choose(definition, lift, &|d| quote!(::hierarch::distributions::Finite::<#scalar>::log_total(&#d)));
    let term = choose(definition, lift, &|d| quote!(::hierarch::distributions::Finite::<#scalar>::log_term(&#d, #x)));
    (total, term)
}

/// Emits the number of values of the distribution, or of the one that is chosen.
pub fn categories(definition: &Definition, lift: &Lift) -> TokenStream {
    let scalar = lift.scalar;
    choose(definition, lift, &|d| quote!(::hierarch::distributions::Finite::<#scalar>::categories(&#d)))
}
