//! Observations that are summed out where they are missing: where a value is there, the sum has its term alone.

use proc_macro2::TokenStream;
use quote::quote;

use super::scope::Scope;
use crate::emit::names::{data_path, hidden};
use crate::tree::Variable;

impl Scope<'_> {
    /// Reads in which lanes `v` may have the value `__k`: where it is missing, and where it has that value. The name that is bound goes
    /// with it; `None` if `v` is no observation.
    pub fn may_be(&self, v: &Variable) -> Option<(TokenStream, TokenStream)> {
        let plate = self.plate.filter(|_| v.is_summed_where_missing())?;
        let (may, name, lanes) = (hidden(&format!("may_be_{}", v.name)), &v.name, &self.lanes);
        let (path, ty) = (data_path(self.tree, plate), v.number());
        let read = quote! {
            let #may: #lanes = __block.load_by::<#lanes, _>(&__data.#path.#name, |x: #ty| match x {
                ::core::option::Option::Some(x) => (x as usize == __k) as u8 as f64,
                ::core::option::Option::None => 1.0,
            });
        };
        Some((read, quote!(#may)))
    }

    /// Emits the `term` of a value in the lanes where it may be, and minus infinity elsewhere.
    pub fn where_it_may_be(&self, may: &TokenStream, term: &TokenStream) -> TokenStream {
        let impossible = self.number(&quote!(f64::NEG_INFINITY));
        quote!(::hierarch::__private::Dual::where_there(#term, #may, #impossible))
    }
}
