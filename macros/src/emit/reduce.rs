//! Sums over a range, products, means, maxima and minima.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprRange, RangeLimits};

use super::names::hidden;
use crate::sums::Sum;

/// Emits `sum`, whose `body` is lifted, on a scalar.
pub fn emit(sum: &Sum, scalar: &TokenStream, body: &TokenStream) -> TokenStream {
    let position = sum.position;
    let (total, count) = (hidden("total"), hidden("count"));
    let number = |x: f64| quote!(<#scalar as ::core::convert::From<f64>>::from(#x));
    let range = match sum.over {
        Expr::Range(ExprRange { start, limits, end, .. }) => {
            let (start, end) = (start.as_ref().map(|e| end_of(e)), end.as_ref().map(|e| end_of(e)));
            match limits {
                RangeLimits::HalfOpen(_) => quote!(#start..#end),
                RangeLimits::Closed(_) => quote!(#start..=#end),
            }
        }
        // Only a quantity goes through a plate.
        plate => quote!(0..__data.map_or(1usize, |data| data.#plate.len())),
    };
    let (first, next) = match sum.word.to_string().as_str() {
        "product" => (number(1.0), quote!(#total * __one)),
        "max" => {
            let least = quote!(<#scalar as ::core::convert::From<f64>>::from(f64::NEG_INFINITY));
            (least, quote!(::hierarch::autodiff::Real::max(__one, #total)))
        }
        "min" => {
            let most = quote!(<#scalar as ::core::convert::From<f64>>::from(f64::INFINITY));
            (most, quote!(::hierarch::autodiff::Real::min(__one, #total)))
        }
        _ => (number(0.0), quote!(#total + __one)),
    };
    let result = match sum.word == "mean" {
        true => quote!(#total / <#scalar as ::core::convert::From<f64>>::from(#count as f64)),
        false => quote!(#total),
    };
    quote!({
        let (mut #total, mut #count): (#scalar, usize) = (#first, 0);
        for #position in #range {
            let __one: #scalar = #body;
            #total = #next;
            #count += 1;
        }
        #result
    })
}

fn end_of(expr: &Expr) -> TokenStream {
    match expr {
        Expr::Lit(_) => quote!(#expr),
        // A param may be borrowed.
        _ => quote!((#expr).clone()),
    }
}
