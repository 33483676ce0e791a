//! What plates read of other plates by index: worked out before it is read, and what the readers find out about it carried back
//! after.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::layout::size_of;
use super::scope::Scope;
use super::sequence::first_of;
use crate::emit::names::{data_path, hidden};
use crate::split::split;
use crate::tree::{Export, Gather, Plate, Step, all_plates};

/// Names the values of a variable that other plates read by index.
pub fn values_of(name: &Ident) -> Ident {
    hidden(&format!("values_{name}"))
}

/// Names the derivative of the density with respect to the values of `values_of`.
pub fn adjoint_of(name: &Ident) -> Ident {
    hidden(&format!("adjoint_{name}"))
}

/// Lists the latent variables of `plate` that other plates read by index.
fn latent_exports(plate: &Plate) -> impl Iterator<Item = &Export> {
    plate.exports.iter().filter(|e| !e.data)
}

/// Gives the buffers of `export_values` back.
pub fn give_back(plate: &Plate) -> TokenStream {
    latent_exports(plate)
        .map(|e| {
            let (values, adjoint) = (values_of(&e.name), adjoint_of(&e.name));
            quote!(__scratch.give(#values); __scratch.give(#adjoint);)
        })
        .collect()
}

impl Scope<'_> {
    /// Works out what other plates read of `plate`, outside plates.
    pub fn export_values(&self, plate: &Plate) -> TokenStream {
        if latent_exports(plate).next().is_none() {
            return TokenStream::new();
        }
        let mut scope = Scope::element(plate, self).values_only();
        scope.lanes = quote!(__V);
        let (n, lanes, zero) = (size_of(&plate.name.to_string()), &scope.lanes, scope.number(&quote!(0.0)));
        let promotions = scope.promotions(plate, self, &quote!(&[]));
        let (gathers, first) = (scope.gathers(plate), first_of(plate));
        let steps: Vec<&Step> = plate.steps.iter().filter(|s| !matches!(s, Step::Plate(_))).collect();
        let (own, _) = split(&steps);
        let own: TokenStream = own.into_iter().map(|s| scope.step(s)).collect();
        let buffers = latent_exports(plate).map(|e| {
            let (values, adjoint) = (values_of(&e.name), adjoint_of(&e.name));
            let len = e.len.as_ref().map_or(quote!(1usize), |l| quote!((#l)));
            quote! {
                let mut #values = __scratch.take(#len * #n);
                let mut #adjoint = __scratch.take(#len * #n);
            }
        });
        let stores = latent_exports(plate).map(|e| {
            let (name, values) = (&e.name, values_of(&e.name));
            match &e.len {
                None => quote!(__block.store(&mut #values, #name.value);),
                Some(len) => quote!(for __c in 0..#len { __block.store(&mut #values[__c * #n..], #name[__c].value); }),
            }
        });
        quote! {
            #(#buffers)*
            {
                #promotions
                let #first = 0usize;
                let mut __blocks = ::hierarch::__private::Blocks::new(0, #n);
                while let ::core::option::Option::Some(__block) = __blocks.next_block::<#lanes>() {
                    #gathers
                    let mut __lp = #zero;
                    #own
                    if __blocks.diverged::<#lanes>(__block) {
                        continue;
                    }
                    #(#stores)*
                }
            }
        }
    }

    /// Adds what other plates found out about the element's own variables to `__lp`.
    pub fn carried(&self, plate: &Plate) -> TokenStream {
        if !self.gradient {
            return TokenStream::new();
        }
        let (n, lanes) = (size_of(&plate.name.to_string()), &self.lanes);
        latent_exports(plate)
            .map(|e| {
                let (name, adjoint) = (&e.name, adjoint_of(&e.name));
                match &e.len {
                    None => quote!(__lp += #name.carried(__block.load::<#lanes>(&#adjoint));),
                    Some(len) => quote! {
                        for __c in 0..#len {
                            __lp += #name[__c].carried(__block.load::<#lanes>(::hierarch::__private::from(&#adjoint, __c * #n)));
                        }
                    },
                }
            })
            .collect()
    }

    /// Binds what an element of `plate` reads by index.
    pub fn gathers(&self, plate: &Plate) -> TokenStream {
        let path = data_path(self.tree, plate);
        let gather = |g: &Gather| if g.data { self.gather_data(g, &path) } else { self.gather_latent(g, &path) };
        let mut tokens: TokenStream = plate.gathers.iter().map(gather).collect();
        tokens.extend(self.predicted(plate));
        tokens
    }

    /// Binds latent values, where `path` is that of the plate that reads them.
    fn gather_latent(&self, g: &Gather, path: &TokenStream) -> TokenStream {
        let (local, index, from, buffer) = (g.local(), &g.index, size_of(&g.plate), values_of(&g.values));
        let (scalar, lanes, slot) = (self.scalar(), &self.lanes, self.gather_slot(g));
        let one = |c: TokenStream| {
            quote! {
                <#scalar>::variable(
                    __block.gather_by::<#lanes, _>(::hierarch::__private::from(&#buffer, (#c) * #from), &__data.#path.#index, |x| x),
                    #slot + #c,
                )
            }
        };
        match &g.len {
            None => {
                let one = one(quote!(0usize));
                quote!(let #local = #one;)
            }
            Some(len) => {
                let all = self.vector(len, &one(quote!(__c)));
                quote!(let #local = #all;)
            }
        }
    }

    /// Binds values of the data, where `path` is that of the plate that reads them.
    pub fn gather_data(&self, g: &Gather, path: &TokenStream) -> TokenStream {
        let (local, index, values) = (g.local(), &g.index, &g.values);
        let (scalar, lanes) = (self.scalar(), &self.lanes);
        let from = all_plates(&self.tree.root).into_iter().find(|p| p.name == g.plate);
        let Some(plate) = from else { return TokenStream::new() };
        let Some(v) = plate.variables().find(|v| v.name == *values) else { return TokenStream::new() };
        let other = data_path(self.tree, plate);
        let (column, by) = (quote!(&__data.#other.#values), quote!(&__data.#path.#index));
        if v.kind.structural() {
            return match &v.shape {
                None => quote!(let #local = __block.gather_uniform::<#lanes, _>(#column, #by);),
                Some(shape) => {
                    let (len, ty) = (&shape.len, v.kind.rust());
                    quote! {
                        let #local = ::std::array::from_fn::<#ty, { #len }, _>(|__c| {
                            __block.uniform::<#lanes, _, _>(#by, |at| match (#column).get(at) {
                                ::core::option::Option::Some(all) => all[__c],
                                ::core::option::Option::None => <#ty>::default(),
                            })
                        });
                    }
                }
            };
        }
        match &v.shape {
            None => {
                quote!(let #local = <#scalar>::constant(__block.gather_by::<#lanes, _>(#column, #by, |x| x as f64));)
            }
            Some(shape) => {
                let (len, ty) = (&shape.len, v.kind.rust());
                let x = quote!(__block.gather_by::<#lanes, _>(#column, #by, |x: [#ty; #len]| x[__c] as f64));
                let all = self.vector(len, &quote!(<#scalar>::constant(#x)));
                quote!(let #local = #all;)
            }
        }
    }

    /// Adds the derivatives with respect to what an element of `plate` read by index to their places.
    pub fn scatter_gathered(&self, plate: &Plate) -> TokenStream {
        let path = data_path(self.tree, plate);
        plate
            .gathers
            .iter()
            .filter(|g| !g.data)
            .map(|g| {
                let (adjoint, index, from) = (adjoint_of(&g.values), &g.index, size_of(&g.plate));
                let len = g.len.as_ref().map_or(quote!(1usize), |l| quote!(#l));
                let partial = self.partial(&self.gather_slot(g));
                quote! {
                    for __c in 0..#len {
                        ::hierarch::__private::scatter(__block, &mut #adjoint[__c * #from..], &__data.#path.#index, #partial);
                    }
                }
            })
            .collect()
    }
}
