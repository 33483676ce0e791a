//! The sums over several discrete locals of an element, by what depends on each other.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::scope::Scope;
use crate::eliminate::Part;
use crate::emit::names::hidden;
use crate::tree::Step;

/// Names the sums that are kept of what is inside the local `name`.
fn kept_of(name: &Ident) -> Ident {
    hidden(&format!("kept_{name}"))
}

/// Names the position of the value at hand of the local `name`.
fn position_of(name: &Ident) -> Ident {
    hidden(&format!("position_{name}"))
}

impl Scope<'_> {
    /// Adds the logarithms of the sums over the locals of `parts` to `__lp`; `steps` are all that they are made of.
    pub fn sum_of_parts(&self, parts: &[Part], steps: &[&Step]) -> TokenStream {
        let loads = self.loads(steps);
        let (kept, sums) = (parts.iter().map(|part| self.kept(part)), self.add_parts(parts));
        quote! {
            {
                #loads
                #(#kept)*
                #sums
            }
        }
    }

    /// Makes room for the sums that are kept.
    fn kept(&self, part: &Part) -> TokenStream {
        let (name, scalar) = (kept_of(&part.local.name), self.scalar());
        let own =
            (!part.kept_by.is_empty()).then(|| quote!(let mut #name = ::hierarch::__private::Kept::<#scalar>::new();));
        let inside = part.parts.iter().map(|part| self.kept(part));
        quote!(#own #(#inside)*)
    }

    fn add_parts(&self, parts: &[Part]) -> TokenStream {
        parts
            .iter()
            .map(|part| {
                let sum = self.part(part);
                quote! {
                    let __of_part = #sum;
                    __lp += __of_part;
                }
            })
            .collect()
    }

    /// Emits the logarithm of a sum.
    fn part(&self, part: &Part) -> TokenStream {
        let Some(definition) = &part.local.definition else { return self.number(&quote!(0.0)) };
        let (scalar, zero, position) = (self.scalar(), self.number(&quote!(0.0)), position_of(&part.local.name));
        let steps = part.steps.iter().map(|step| self.loaded_step(step));
        let inside = self.add_parts(&part.parts);
        let each = quote! {
            let #position: usize = __k;
            #(#steps)*
            #inside
            __sum.push(__lp);
        };
        let values = self.path_of_each(part.local, definition, &each);
        let sum = quote!({
            let mut __sum = ::hierarch::__private::LogSum::<#scalar>::new();
            {
                let mut __lp = #zero;
                #values
            }
            __sum.finish()
        });
        let place = match part.kept_by.as_slice() {
            [] => return sum,
            [one] => {
                let one = position_of(one);
                quote!(#one)
            }
            [one, other, ..] => {
                let (one, other) = (position_of(one), position_of(other));
                quote!(::hierarch::__private::Kept::<#scalar>::pair(#one, #other))
            }
        };
        let kept = kept_of(&part.local.name);
        quote!(match #kept.get(#place) {
            ::core::option::Option::Some(__known) => __known,
            ::core::option::Option::None => {
                let __found = #sum;
                #kept.set(#place, __found);
                __found
            }
        })
    }
}
