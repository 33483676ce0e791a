//! A variable of the data: its value, and what it says of the density if it is observed.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use super::mentions::mentioned_plainly;
use super::scope::Scope;
use super::sequence::first_of;
use crate::ast::Role;
use crate::definition::Definition;
use crate::emit::choose::{log_density, log_kernel};
use crate::emit::names::{data_path, hidden, position};
use crate::emit::open;
use crate::emit::own;
use crate::kind::Kind;
use crate::tree::Variable;

/// Names the numbers of a variable of the data.
fn numbers_of(v: &Variable) -> Ident {
    hidden(&format!("numbers_{}", v.name))
}

impl Scope<'_> {
    /// Binds a variable of the data, and adds its term to `__lp` if it is observed.
    pub fn data(&self, v: &Variable) -> TokenStream {
        if v.role == Role::Given && self.plate.is_some_and(|plate| !plate.mentions(&v.name)) {
            return TokenStream::new();
        }
        let (load, loaded) = (self.load(v), self.loaded(v));
        quote!(#load #loaded)
    }

    /// Reads the numbers of a variable of the data.
    pub fn load(&self, v: &Variable) -> TokenStream {
        let (name, numbers, there) = (numbers_of(v), self.column(v), self.load_there(v));
        quote!(let #name = #numbers; #there)
    }

    /// Emits a vector whose component `c` is `x`: by a loop, since a closure is inlined by chance, and otherwise is not compiled for
    /// the registers that it runs on.
    pub fn vector(&self, len: &impl ToTokens, x: &TokenStream) -> TokenStream {
        let zero = self.number(&quote!(0.0));
        quote!({
            let mut __all = [#zero; #len];
            for __c in 0..#len { __all[__c] = #x; }
            __all
        })
    }

    /// Does what is left of [`Scope::data`] when the numbers have been read.
    pub fn loaded(&self, v: &Variable) -> TokenStream {
        let (name, numbers) = (&v.name, numbers_of(v));
        let observe = match &v.definition {
            Some(definition) if v.role == Role::Observe => self.where_it_begins(v, self.observe(v, definition)),
            _ => TokenStream::new(),
        };
        let visible = match (v.kind.structural(), v.open) {
            // Nothing depends on it.
            _ if v.is_optional() => TokenStream::new(),
            (true, _) => self.structural(v),
            (false, true) => quote!(let #name = #numbers.as_slice();),
            (false, false) => quote!(let #name = #numbers;),
        };
        quote!(#observe #visible)
    }

    /// Binds a variable of the data of a plate, as code outside of the density's loop reads it.
    pub fn visible(&self, v: &Variable) -> TokenStream {
        let (name, numbers) = (&v.name, self.column(v));
        let Some(path) = self.plate.map(|plate| data_path(self.tree, plate)) else { return TokenStream::new() };
        match (v.open, v.kind.structural() && !v.is_optional()) {
            (true, true) => quote!(let #name = &__data.#path.#name[__i];),
            (true, false) => open::bind(v, &numbers),
            (false, true) => quote!(let #name = __data.#path.#name[__i];),
            (false, false) => quote!(let #name = #numbers;),
        }
    }

    /// Leaves `observe` out in the elements that `v` is conditioned on in.
    fn where_it_begins(&self, v: &Variable, observe: TokenStream) -> TokenStream {
        let (Some(plate), begins_at @ 1..) = (self.plate, v.begins_at) else { return observe };
        let (first, lanes) = (first_of(plate), &self.lanes);
        quote!(if !__block.is_among_first::<#lanes>(#first, #begins_at) { #observe })
    }

    fn observe(&self, v: &Variable, definition: &Definition) -> TokenStream {
        let numbers = numbers_of(v);
        // What the data of plates alone say is added outside of the loop over elements.
        let term = if self.plate.is_some() { log_kernel } else { log_density };
        self.lift(|lift| match &v.shape {
            Some(_) if v.own => {
                let term = own::log_density(v, definition, lift, &quote!(#numbers));
                quote!(__lp += #term;)
            }
            Some(shape) if !v.vector => {
                let (len, position) = (&shape.len, position(shape));
                let term = self.where_there(v, term(definition, lift, &quote!(#numbers[#position])), Some(&position));
                quote!(for #position in 0..#len { __lp += #term; })
            }
            _ => {
                let whole = if v.open { quote!(#numbers.clone()) } else { quote!(#numbers) };
                let term = self.where_there(v, term(definition, lift, &whole), None);
                quote!(__lp += #term;)
            }
        })
    }

    /// Emits a variable of the data as numbers on the scalar here.
    fn column(&self, v: &Variable) -> TokenStream {
        let (name, scalar, lanes) = (&v.name, self.scalar(), &self.lanes);
        if v.is_optional() {
            return self.optional_column(v);
        }
        let cast = |x: TokenStream| match v.kind {
            Kind::Real => x,
            Kind::Bool => quote!(#x as u8 as f64),
            Kind::Count | Kind::Category | Kind::Pixels => quote!(#x as f64),
        };
        if v.open {
            let number = self.number(&cast(quote!((*x))));
            let column = match self.plate {
                None => quote!(__data.#name),
                Some(plate) => {
                    let path = data_path(self.tree, plate);
                    quote!(__data.#path.#name[__block.first])
                }
            };
            return quote!(#column.iter().map(|x| #number).collect::<::std::vec::Vec<_>>());
        }
        match (self.plate, &v.shape) {
            (None, None) => self.number(&cast(quote!(__data.#name))),
            (None, Some(_)) => {
                let x = self.number(&cast(quote!(x)));
                quote!(__data.#name.map(|x| #x))
            }
            (Some(plate), None) => {
                let path = data_path(self.tree, plate);
                if v.kind == Kind::Real {
                    return quote!(<#scalar>::constant(__block.load::<#lanes>(&__data.#path.#name)));
                }
                let (x, ty) = (cast(quote!(x)), v.kind.rust());
                quote!(<#scalar>::constant(__block.load_by::<#lanes, _>(&__data.#path.#name, |x: #ty| #x)))
            }
            (Some(plate), Some(shape)) => {
                let (path, len) = (data_path(self.tree, plate), &shape.len);
                let (x, ty) = (cast(quote!(x[__c])), v.kind.rust());
                let x = quote!(__block.load_by::<#lanes, _>(&__data.#path.#name, |x: [#ty; #len]| #x));
                self.vector(len, &quote!(<#scalar>::constant(#x)))
            }
        }
    }

    /// Binds a variable that code branches on or indexes with, if it does so other than by a gather: such a variable must
    /// be the same in every lane.
    fn structural(&self, v: &Variable) -> TokenStream {
        let name = &v.name;
        let Some(plate) = self.plate else {
            let reference = v.open.then(|| quote!(&));
            return quote!(let #name = #reference __data.#name;);
        };
        if !mentioned_plainly(self.tree, plate, name) {
            return TokenStream::new();
        }
        let (path, lanes) = (data_path(self.tree, plate), &self.lanes);
        if v.open {
            return quote!(let #name = &__data.#path.#name[__block.first];);
        }
        match &v.shape {
            None => quote!(let #name = __block.uniform::<#lanes, _, _>(&__data.#path.#name, |x| x);),
            Some(shape) => {
                let (len, ty) = (&shape.len, v.kind.rust());
                quote! {
                    let #name = ::std::array::from_fn::<#ty, { #len }, _>(|__c| {
                        __block.uniform::<#lanes, _, _>(&__data.#path.#name, |x: [#ty; #len]| x[__c])
                    });
                }
            }
        }
    }
}
