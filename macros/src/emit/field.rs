//! What makes a density over all elements of a plate at once, for the simulator, the density and the walk.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::Expr;

use super::names::{data_path, hidden};
use super::values::number;
use crate::field::{Field, Of};
use crate::names::{identifiers, text};
use crate::tree::{Plate, Tree, Variable};

/// Names the values of all elements.
pub fn column_of(name: &Ident) -> Ident {
    hidden(&format!("column_{name}"))
}

/// The covariate that says where each element is, if there is one.
pub struct Column<'a>(Option<&'a Variable>);

/// Finds the covariate that the density reads; `None` if an error says that there is none.
pub fn column<'a>(plate: &'a Plate, field: &Field) -> Option<Column<'a>> {
    match &field.of {
        Of::Places(x, _) => plate.variables().find(|v| v.name == *x).map(|v| Column(Some(v))),
        Of::Elements(_) | Of::Map(..) => Some(Column(None)),
    }
}

impl Column<'_> {
    pub fn is_read(&self) -> bool {
        self.0.is_some()
    }

    /// Emits the place of the element `at`, of the columns in `of`.
    pub fn number(&self, of: &TokenStream, at: &TokenStream) -> TokenStream {
        let Some(v) = self.0 else { return TokenStream::new() };
        let name = &v.name;
        let x = number(v, quote!(#of.#name[#at]));
        if v.shape.is_some() { x } else { quote!([#x]) }
    }

    /// Emits a place that is not known.
    pub fn unknown(&self) -> TokenStream {
        let len = self.0.map_or(quote!(1usize), Variable::len);
        quote!([f64::NAN; #len])
    }
}

/// Emits the numbers that a density depends on, as an array of `f64`.
pub fn numbers(field: &Field, lift: &mut dyn FnMut(&Expr) -> TokenStream) -> TokenStream {
    let (count, numbers) = (field.arguments.len(), field.arguments.iter().map(lift));
    quote!({
        let __numbers: [f64; #count] = [#(::hierarch::__private::Cast::<f64>::cast(#numbers)),*];
        __numbers
    })
}

/// Emits what makes the density of `n` elements, at `places` if it reads where they are.
pub fn construct(tree: &Tree, field: &Field, n: &TokenStream, places: &TokenStream) -> TokenStream {
    match &field.of {
        Of::Elements(constructor) => quote!(::hierarch::fields::#constructor(#n)),
        Of::Map(constructor, edges) => {
            let is_param = identifiers(edges).iter().any(|name| tree.params.iter().any(|param| param.name == *name));
            let edges = if is_param { quote!(self.#edges) } else { edges.to_token_stream() };
            quote!(::hierarch::fields::#constructor(&(#edges)[..], #n))
        }
        Of::Places(_, kernel) => quote!(::hierarch::fields::GaussianProcess::new(#places, #kernel)),
    }
}

/// Emits the value of the covariate `v` of an element in the columns `store`.
pub fn entry(store: &Ident, v: &Variable, at: &Ident) -> TokenStream {
    let name = &v.name;
    let value = quote!(#store.#name[#at]);
    // What is stored in the columns stays there.
    if v.shape.is_some() { quote!(#value.clone()) } else { value }
}

/// Names the position of the first element of `plate` that is drawn or shown at once.
pub fn first_of(plate: &Plate) -> Ident {
    hidden(&format!("first_{}", plate.name))
}

/// Emits what draws the values of `v` for `__size` elements of `plate` from `__from` on; it is number `index` of the model, and its data
/// are in `store`.
pub fn drawn(
    tree: &Tree,
    plate: &Plate,
    v: &Variable,
    arguments: &TokenStream,
    index: usize,
    store: &Ident,
) -> Option<TokenStream> {
    let field = v.field.as_ref()?;
    let (text, all, column) = (text(&v.name), column_of(&v.name), column(plate, field)?);
    let number = column.number(&quote!(#store), &quote!(__i));
    let places = column
        .is_read()
        .then(|| quote!(let __places: ::std::vec::Vec<_> = (__from..__from + __size).map(|__i| #number).collect();));
    let made = construct(tree, field, &quote!(__size), &quote!(&__places));
    Some(quote! {
        let #all: ::std::vec::Vec<f64> = {
            #places
            let __kept = |__i: usize| __plan.kept::<1>(#index, #text, __i);
            let __known: ::std::vec::Vec<f64> = (__from..__from + __size).map_while(__kept).flatten().collect();
            ::hierarch::__private::draw_of_plate(#text, &#made, &#arguments, &__known, __rng)?
        };
    })
}

/// Emits what shows a visitor the values of `v` for the elements of `plate` in `__range`, whose numbers are at `slot`.
pub fn walked(tree: &Tree, plate: &Plate, v: &Variable, arguments: &TokenStream, slot: &Ident) -> Option<TokenStream> {
    let field = v.field.as_ref()?;
    let (name, variable, of_plate) = (&v.name, text(&v.name), text(&plate.name));
    let (path, all, column) = (data_path(tree, plate), column_of(&v.name), column(plate, field)?);
    let number = column.number(&quote!(data.#path), &quote!(__i));
    let places = column.is_read().then(|| {
        let unknown = column.unknown();
        quote! {
            let __places: ::std::vec::Vec<_> = match __data {
                ::core::option::Option::Some(data) => __range.clone().map(|__i| #number).collect(),
                ::core::option::Option::None => ::std::vec![#unknown; __range.len()],
            };
        }
    });
    let made = construct(tree, field, &quote!(__range.len()), &quote!(&__places));
    Some(quote! {
        let #all = {
            #places
            ::hierarch::__private::walk::latent_of_plate(
                ::hierarch::__private::Place {
                    variable: #variable,
                    plate: ::core::option::Option::Some((#of_plate, __range.len())),
                },
                #slot.at(__range.start),
                &::hierarch::__private::walk::Whole(&#made, &#arguments),
                (__data.is_some(), __locals.map(|l| &l.#path.#name[__range.clone()])),
                __walk,
            )
        };
    })
}
