//! An observation that a function draws.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ExprCall;

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
    quote!({
        let __drawn: #ty = ::hierarch::__private::output(
            #name,
            #function(#(#args,)* &mut *__rng),
            &|| ::std::vec![#(#globals),*],
        )?;
        #read
    })
}
