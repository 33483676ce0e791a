//! Values of observations that may be missing: a lane where one is missing has no term, or a number that is inferred.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::layout::{size_of, start_of};
use super::scope::Scope;
use super::sequence::{first_of, support, support_of};
use crate::definition::Definition;
use crate::emit::choose::{choose, log_density};
use crate::emit::missing::{flat, inferred};
use crate::emit::names::{data_path, hidden, position};
use crate::kind::Kind;
use crate::tree::{Lag, Plate, Tree, Variable};

/// Names the unconstrained numbers of all elements; those of what is there are not read.
fn column_of(name: &Ident) -> Ident {
    hidden(&format!("missing_{name}"))
}

/// Names the derivatives with respect to the numbers of `column_of`.
pub fn adjoint_of(name: &Ident) -> Ident {
    hidden(&format!("missing_adjoint_{name}"))
}

/// Names which values of an observation are there.
fn there_of(v: &Variable) -> Ident {
    hidden(&format!("there_{}", v.name))
}

/// Spreads the numbers of what is missing over all elements, outside plates.
pub fn forward(tree: &Tree) -> TokenStream {
    inferred(tree)
        .map(|(plate, v)| {
            let (n, start, path, name) =
                (size_of(&plate.name.to_string()), start_of(&v.name), data_path(tree, plate), &v.name);
            let (column, adjoint, len) = (column_of(name), adjoint_of(name), v.len());
            let values = flat(v, &quote!(__data.#path.#name));
            quote! {
                let (mut #column, mut #adjoint) = (__scratch.take(#len * #n), __scratch.take(#len * #n));
                ::hierarch::__private::spread(#values, #len, &__q[#start..], &mut #column);
            }
        })
        .collect()
}

/// Adds the derivatives with respect to what is missing to the gradient, and gives the buffers back.
pub fn back(tree: &Tree) -> TokenStream {
    inferred(tree)
        .map(|(plate, v)| {
            let (start, path, name) = (start_of(&v.name), data_path(tree, plate), &v.name);
            let (column, adjoint, len) = (column_of(name), adjoint_of(name), v.len());
            let values = flat(v, &quote!(__data.#path.#name));
            quote! {
                ::hierarch::__private::gather(#values, #len, &#adjoint, &mut __gradient[#start..]);
                __scratch.give(#column);
                __scratch.give(#adjoint);
            }
        })
        .collect()
}

impl Scope<'_> {
    /// Emits an observation that may be missing as numbers on the scalar here. What stands for one that is missing is inside of
    /// most supports, so that nothing more costly than its term is worked out in vain.
    pub fn optional_column(&self, v: &Variable) -> TokenStream {
        let (name, scalar, lanes) = (&v.name, self.scalar(), &self.lanes);
        let (ty, stand_in) = (v.number(), if v.kind == Kind::Real { quote!(0.5) } else { quote!(0.0) });
        let cast = if v.kind == Kind::Bool { quote!(x as u8 as f64) } else { quote!(x as f64) };
        let of = |x: TokenStream| quote!(match #x { ::core::option::Option::Some(x) => #cast, ::core::option::Option::None => #stand_in });
        match (self.plate, &v.shape) {
            (None, None) => self.number(&of(quote!(__data.#name))),
            (None, Some(_)) => {
                let number = self.number(&of(quote!(x)));
                quote!(__data.#name.map(|x: #ty| #number))
            }
            (Some(plate), None) => {
                let (path, x) = (data_path(self.tree, plate), of(quote!(x)));
                quote!(<#scalar>::constant(__block.load_by::<#lanes, _>(&__data.#path.#name, |x: #ty| #x)))
            }
            (Some(plate), Some(shape)) => {
                let (path, len, x) = (data_path(self.tree, plate), &shape.len, of(quote!(x[__c])));
                let x = quote!(__block.load_by::<#lanes, _>(&__data.#path.#name, |x: [#ty; #len]| #x));
                self.vector(len, &quote!(<#scalar>::constant(#x)))
            }
        }
    }

    /// Reads which values of `v` are there, one and zero; empty if none may be missing.
    pub fn load_there(&self, v: &Variable) -> TokenStream {
        if !v.is_optional() {
            return TokenStream::new();
        }
        let (there, name, lanes, ty) = (there_of(v), &v.name, &self.lanes, v.number());
        let load = |of: TokenStream, x: TokenStream| match self.plate {
            None => quote!({ let x: #of = __data.#name; x #x.is_some() as u8 as f64 }),
            Some(plate) => {
                let path = data_path(self.tree, plate);
                quote!(__block.load_by::<#lanes, _>(&__data.#path.#name, |x: #of| x #x.is_some() as u8 as f64))
            }
        };
        match &v.shape {
            Some(shape) if !v.vector => {
                let len = &shape.len;
                let one = load(quote!([#ty; #len]), quote!([__c]));
                quote! {
                    let mut #there = [<#lanes as ::hierarch::__private::Lanes>::splat(0.0); #len];
                    for __c in 0..#len { #there[__c] = #one; }
                }
            }
            Some(shape) => {
                let len = &shape.len;
                let one = load(quote!([#ty; #len]), quote!([0]));
                quote!(let #there: #lanes = #one;)
            }
            None => {
                let one = load(quote!(#ty), TokenStream::new());
                quote!(let #there: #lanes = #one;)
            }
        }
    }

    /// Emits the `term` of `v`, or of its component at `position`, where it is there, and zero elsewhere.
    pub fn where_there(&self, v: &Variable, term: TokenStream, position: Option<&Ident>) -> TokenStream {
        if !v.is_optional() {
            return term;
        }
        let (there, zero) = (there_of(v), self.number(&quote!(0.0)));
        let component = position.map(|position| quote!([#position]));
        quote!(::hierarch::__private::Dual::where_there(#term, #there #component, #zero))
    }

    /// Binds an element's own value, which is that in the data or a number that is inferred, and adds its term to `__lp`.
    pub fn inferred(&self, v: &Variable) -> TokenStream {
        let (Some(plate), Some(definition)) = (self.plate, &v.definition) else { return TokenStream::new() };
        let (seen, load_there, there) = (self.optional_column(v), self.load_there(v), there_of(v));
        let (name, scalar, zero) = (&v.name, self.scalar(), self.number(&quote!(0.0)));
        match &v.shape {
            None => {
                let (raw, pair) =
                    (self.missing_number(v, plate, None), self.seen_or_inferred(definition, &quote!(#there)));
                let begins = (v.begins_at > 0).then(|| {
                    let (first, begins_at, lanes) = (first_of(plate), v.begins_at, &self.lanes);
                    quote!(if __block.is_among_first::<#lanes>(#first, #begins_at) { __seen } else)
                });
                quote! {
                    let __seen: #scalar = #seen;
                    #load_there
                    let #name: #scalar = #begins {
                        let __raw = #raw;
                        let (__x, __term) = #pair;
                        __lp += __term;
                        __x
                    };
                }
            }
            Some(shape) if !v.vector => {
                let (len, position) = (&shape.len, position(shape));
                let raw = self.missing_number(v, plate, Some(&position));
                let pair = self.seen_or_inferred(definition, &quote!(#there[#position]));
                quote! {
                    let #name: [#scalar; #len] = {
                        let __all_seen: [#scalar; #len] = #seen;
                        #load_there
                        let mut __all = [#zero; #len];
                        for #position in 0..#len {
                            let __seen = __all_seen[#position];
                            let __raw = #raw;
                            let (__x, __term) = #pair;
                            __all[#position] = __x;
                            __lp += __term;
                        }
                        __all
                    };
                }
            }
            Some(shape) => {
                let (len, position) = (&shape.len, hidden("position"));
                let raw = self.missing_number(v, plate, Some(&position));
                let term = self.lift(|lift| log_density(definition, lift, &quote!(__x)));
                quote! {
                    let #name: [#scalar; #len] = {
                        let __all_seen: [#scalar; #len] = #seen;
                        #load_there
                        let mut __x = [#zero; #len];
                        for #position in 0..#len {
                            __x[#position] = __all_seen[#position].where_there(#there, #raw);
                        }
                        __lp += #term;
                        __x
                    };
                }
            }
        }
    }

    /// Emits the number of an element where it is missing, of a vector that at `position`.
    fn missing_number(&self, v: &Variable, plate: &Plate, position: Option<&Ident>) -> TokenStream {
        let (scalar, lanes, column, slot) = (self.scalar(), &self.lanes, column_of(&v.name), self.slot(&v.name));
        match position {
            None => quote!(<#scalar>::variable(__block.load::<#lanes>(&#column), #slot)),
            Some(position) => {
                let n = size_of(&plate.name.to_string());
                quote! {
                    <#scalar>::variable(
                        __block.load::<#lanes>(::hierarch::__private::from(&#column, #position * #n)),
                        #slot + #position,
                    )
                }
            }
        }
    }

    /// Emits the value `__seen` with its term where it is `there`, and that at `__raw` elsewhere.
    fn seen_or_inferred(&self, definition: &Definition, there: &TokenStream) -> TokenStream {
        let scalar = self.scalar();
        self.lift(|lift| {
            choose(definition, lift, &|d| {
                quote!({
                    let __d = #d;
                    let (__x, __term) = ::hierarch::distributions::Distribution::<#scalar>::at_unconstrained(&__d, __raw);
                    let __of_seen = ::hierarch::distributions::Distribution::<#scalar>::log_density(&__d, __seen);
                    (__seen.where_there(#there, __x), __of_seen.where_there(#there, __term))
                })
            })
        })
    }

    /// Emits what an element reads of those before it: a value in the data, or a number that is inferred.
    pub fn missing_before(&self, lag: &Lag, v: &Variable, plate: &Plate) -> TokenStream {
        let (name, path, scalar, lanes) = (&v.name, data_path(self.tree, plate), self.scalar(), &self.lanes);
        let (first, steps, slot, column) = (first_of(plate), lag.steps, self.slot(&lag.local), column_of(name));
        let (ty, unknown) = (v.number(), quote!(::core::option::Option::None));
        let constrained = match support(v) {
            Some(support) => {
                let support = support_of(support, &scalar);
                quote!(#support.constrain(__raw).0)
            }
            None => quote!(__raw),
        };
        self.numbers_before(lag, None, &|_| {
            quote!({
                let __raw = <#scalar>::variable(__block.before::<#lanes>(&#column, #first, #steps), #slot);
                let __seen = <#scalar>::constant(__block.before_by::<#lanes, _>(&__data.#path.#name, #first, #steps, |x: #ty| match x {
                    ::core::option::Option::Some(x) => x,
                    #unknown => 0.5,
                }));
                let __there: #lanes = __block.before_by::<#lanes, _>(&__data.#path.#name, #first, #steps, |x: #ty| x.is_some() as u8 as f64);
                __seen.where_there(__there, #constrained)
            })
        })
    }
}
