//! An observation that a function draws.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ExprCall;
use syn::spanned::Spanned;

use super::lift::Lift;

use crate::kind::Kind;
use crate::names::text;
use crate::tree::Variable;

/// Emits a draw of `v` by the function of `call`; an error names `globals`. The type is written, since a function may draw what it is
/// asked for.
pub fn emit(v: &Variable, call: &ExprCall, lift: &Lift, globals: &[&Ident]) -> TokenStream {
    let (name, ty, function) = (text(&v.name), v.rust(), &call.func);
    let args = call.args.iter().map(|a| lift.expr(a));
    let globals = globals.iter().map(|g| {
        let text = format!("{}: {{:?}}", text(g));
        quote!(::std::format!(#text, #g))
    });
    // A count is a number to what reads it.
    let read = match (v.kind, &v.shape) {
        (Kind::Count, None) => quote!(__drawn as f64),
        (Kind::Count, Some(_)) => quote!(__drawn.map(|x| x as f64)),
        _ => quote!(__drawn),
    };
    // What is wrong with what the function returns is wrong at its name.
    let span = call.func.span().resolved_at(Span::call_site());
    let drawn = quote_spanned!(span=> #function(#(#args,)* &mut *__rng));
    let drawn = quote_spanned!(span=> ::hierarch::__private::output(#name, #drawn, &|| ::std::vec![#(#globals),*])?);
    quote!({
        let __drawn: #ty = #drawn;
        #read
    })
}
