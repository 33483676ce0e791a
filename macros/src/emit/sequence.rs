//! What elements read of those before them, on plain numbers: each value that is read is kept, by the element's position.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names::hidden;
use crate::kind::Kind;
use crate::names::text;
use crate::tree::{Earlier, Lag, Plate};

/// Names the position of the element at hand, from where the sequence begins.
pub fn element(plate: &Plate) -> Ident {
    hidden(&format!("element_of_{}", plate.name))
}

/// Names what is known of a discrete local that depends on its value before.
pub fn filter_of(name: &Ident) -> Ident {
    hidden(&format!("filter_of_{}", text(name)))
}

fn buffer(name: &Ident) -> Ident {
    hidden(&format!("sequence_of_{}", text(name)))
}

/// Binds what is kept of the elements of `plate`, as far as it is `wanted`.
pub fn buffers(plate: &Plate, wanted: &dyn Fn(&Ident) -> bool) -> TokenStream {
    let buffers = plate.read_before().into_iter().filter(|name| wanted(name)).map(buffer);
    quote!(#(let mut #buffers = ::std::vec::Vec::new();)*)
}

/// Keeps the values of the element at hand that are `wanted` and read by elements after it.
pub fn remember(plate: &Plate, wanted: &dyn Fn(&Ident) -> bool) -> TokenStream {
    let (names, element) = (plate.read_before().into_iter().filter(|name| wanted(name)), element(plate));
    let keep = names.map(|name| {
        let buffer = buffer(name);
        quote!(::hierarch::__private::remember(&mut #buffer, #element, #name);)
    });
    quote!(#(#keep)*)
}

/// Emits what the element at hand reads of those before it, or `initial`.
pub fn before(lag: &Lag, plate: &Plate, initial: impl FnOnce() -> TokenStream) -> TokenStream {
    let (element, steps) = (element(plate), lag.steps);
    let Some(of) = lag.of() else { return quote!((#element < #steps)) };
    let (buffer, initial) = (buffer(of), initial());
    quote!(match usize::checked_sub(#element, #steps) {
        ::core::option::Option::Some(__before) => #buffer[__before],
        ::core::option::Option::None => #initial,
    })
}

/// Emits what stands for a value that is not read.
pub fn unread(lag: &Lag) -> TokenStream {
    let (kind, len) = match &lag.earlier {
        Earlier::IsFirst => return quote!(false),
        Earlier::Let { len, .. } => (Kind::Real, len.as_ref()),
        Earlier::Variable(v) => (v.kind, v.shape.as_ref().map(|shape| &shape.len)),
    };
    let one = match kind {
        Kind::Bool => quote!(false),
        Kind::Category => quote!(0usize),
        Kind::Real | Kind::Count | Kind::Pixels => quote!(f64::NAN),
    };
    match len {
        None => one,
        Some(len) => quote!([#one; #len]),
    }
}
