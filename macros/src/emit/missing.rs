//! Values of observations that may be missing, on plain numbers.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use super::names::{data_path, hidden};
use crate::names::text;
use crate::tree::{Plate, Tree, Variable, all_plates, variables};

/// Lists the observations whose missing values are inferred, with their plates.
pub fn inferred(tree: &Tree) -> impl Iterator<Item = (&Plate, &Variable)> {
    let plates = all_plates(&tree.root).into_iter();
    plates.flat_map(|plate| plate.variables().filter(|v| v.is_inferred()).map(move |v| (plate, v)))
}

/// Emits all numbers of the `column` of `v`, one after the other.
pub fn flat(v: &Variable, column: &TokenStream) -> TokenStream {
    if v.shape.is_some() { quote!(#column.as_flattened()) } else { quote!(#column.as_slice()) }
}

/// Names the share of the values of `name` that are missing in a simulation.
fn share_of(name: &Ident) -> Ident {
    hidden(&format!("share_of_{}", text(name)))
}

/// Names how many numbers of `name` are missing before each.
pub fn rank_of(name: &Ident) -> Ident {
    hidden(&format!("rank_of_{}", text(name)))
}

/// Draws what share of each observation is missing.
pub fn shares(tree: &Tree) -> TokenStream {
    let all = variables(&tree.root).chain(all_plates(&tree.root).into_iter().flat_map(Plate::variables));
    let shares = all.filter(|v| v.is_optional() && v.mechanism.is_none()).map(|v| share_of(&v.name));
    quote!(#(let #shares = __plan.share_missing(__rng);)*)
}

/// Emits what leaves an `Option` of `data` empty where `stored` there, a value of `v`, is missing.
pub fn where_there(v: &Variable, stored: &TokenStream) -> Option<TokenStream> {
    let there = match &v.shape {
        None => quote!(#stored.is_some()),
        Some(_) => quote!(#stored.iter().all(::core::option::Option::is_some)),
    };
    v.is_optional().then(|| quote!(.filter(|data| #there)))
}

/// Leaves `observe` out where a value of `v` is missing.
pub fn if_there(v: &Variable, there: TokenStream, observe: TokenStream) -> TokenStream {
    if v.is_optional() { quote!(if #there { #observe }) } else { observe }
}

/// Emits the `value` of `v` that was drawn, or that it is missing. The element `at` hand is in a plate with its position among all,
/// and with how many elements have been drawn.
pub fn drawn(tree: &Tree, v: &Variable, at: Option<(&Plate, usize, Ident)>, value: TokenStream) -> TokenStream {
    if !v.is_optional() {
        return value;
    }
    let name = &v.name;
    let share = match v.mechanism {
        Some(_) => quote!(::core::option::Option::None),
        None => share_of(name).into_token_stream(),
    };
    let (plate, known) = match at {
        None => (quote!(::core::option::Option::None), quote!(data.#name)),
        Some((plate, index, count)) => {
            let path = data_path(tree, plate);
            (quote!(::core::option::Option::Some(#index)), quote!(data.#path.#name[#count]))
        }
    };
    let there = |known: TokenStream| quote!(__plan.is_there(#plate, |data| #known, #share, __rng));
    match &v.shape {
        None => {
            let there = there(quote!(#known.is_some()));
            quote!((#value).filter(|_| #there))
        }
        Some(shape) if v.vector => {
            let (len, there) = (&shape.len, there(quote!(#known[0].is_some())));
            quote!(if #there { #value } else { [::core::option::Option::None; #len] })
        }
        Some(shape) => {
            let (len, there) = (&shape.len, there(quote!(#known[__c].is_some())));
            quote!({
                let mut all = #value;
                for __c in 0..#len {
                    if !#there { all[__c] = ::core::option::Option::None; }
                }
                all
            })
        }
    }
}

/// Makes `entry`, a value of `v`, missing where it is `gone`, which is drawn for each number that is a draw of its own.
pub fn take(v: &Variable, entry: &TokenStream, gone: &TokenStream) -> TokenStream {
    let none = quote!(::core::option::Option::None);
    match &v.shape {
        None => quote!(if #gone { #entry = #none; }),
        Some(shape) if v.vector => {
            let len = &shape.len;
            quote!(if #gone { #entry = [#none; #len]; })
        }
        Some(shape) => {
            let len = &shape.len;
            quote!(for __c in 0..#len { if #gone { #entry[__c] = #none; } })
        }
    }
}

/// Binds how many numbers are missing before each.
pub fn ranks(tree: &Tree) -> TokenStream {
    inferred(tree)
        .map(|(plate, v)| {
            let (rank, path, name) = (rank_of(&v.name), data_path(tree, plate), &v.name);
            let column = flat(v, &quote!(data.#path.#name));
            quote!(let #rank = __data.map_or(::std::vec::Vec::new(), |data| ::hierarch::__private::ranks(#column));)
        })
        .collect()
}
