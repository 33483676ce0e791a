//! Elements that are alike: where all data of a plate are counts, categories, indices and answers of yes or no, elements with the same data
//! are run once, with a weight.

use proc_macro2::TokenStream;
use quote::quote;

use super::scope::Scope;
use crate::ast::Size;
use crate::emit::names::data_path;
use crate::kind::Kind;
use crate::names::text;
use crate::tree::{Plate, Tree, Variable, all_plates};

/// Lists the plates whose elements may be alike.
fn compacted(tree: &Tree) -> impl Iterator<Item = &Plate> {
    let indexed: Vec<String> = all_plates(&tree.root)
        .into_iter()
        .flat_map(Plate::variables)
        .filter_map(|v| v.index_of.as_ref().map(ToString::to_string))
        .collect();
    all_plates(&tree.root).into_iter().filter(move |p| {
        let discrete = |kind: Kind| matches!(kind, Kind::Bool | Kind::Category | Kind::Count);
        let alike = p.variables().filter(|v| is_in_column(v)).all(|v| discrete(v.kind) && v.shape.is_none());
        let own = p.variables().any(|v| v.continuous_latent()) || p.plates().next().is_some();
        let read = indexed.contains(&p.name.to_string()) || !p.exports.is_empty() || p.lags().next().is_some();
        p.has_columns && p.vector.is_none() && alike && !own && !read && !matches!(p.size, Size::Random(..))
    })
}

/// Emits the method of `Explicit` that finds the elements that are alike.
pub fn compact(tree: &Tree) -> TokenStream {
    let all: Vec<TokenStream> = compacted(tree)
        .map(|plate| {
            let (path, name) = (data_path(tree, plate), text(&plate.name));
            let columns: Vec<_> = plate.variables().filter(|v| is_in_column(v)).map(|v| &v.name).collect();
            let numbers = plate.variables().filter(|v| is_in_column(v)).map(|v| {
                let name = &v.name;
                match v.is_optional() {
                    true => quote!(__data.#path.#name[__i].map_or(u64::MAX, |x| x as u64)),
                    false => quote!(__data.#path.#name[__i] as u64),
                }
            });
            // Those of two outer elements are not alike.
            let nested = tree.is_nested(plate);
            let outer =
                nested.then(|| quote!(let __outer = ::hierarch::__private::outer_elements(&__data.#path.offsets);));
            let outer_of = nested.then(|| quote!(__row.push(__outer[__i] as u64);));
            let offsets = nested.then(|| {
                let begin = quote!(__rows.partition_point(|__row| __row < __begin));
                quote!(__compact.#path.offsets = __data.#path.offsets.iter().map(|__begin| #begin).collect();)
            });
            quote! {
                #outer
                let __weights = match ::hierarch::__private::distinct(
                    __data.#path.len(),
                    &mut |__i: usize, __row: &mut ::std::vec::Vec<u64>| { #outer_of #(__row.push(#numbers);)* },
                ) {
                    ::core::option::Option::None => ::std::vec::Vec::new(),
                    ::core::option::Option::Some((__rows, __weights)) => {
                        let __compact = __compact.get_or_insert_with(|| __data.clone());
                        #offsets
                        #(__compact.#path.#columns = __rows.iter().map(|__i| __data.#path.#columns[*__i]).collect();)*
                        __weights
                    }
                };
                __all.push((#name, __weights));
            }
        })
        .collect();
    if all.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn compact(
            &self,
            __data: &Self::Data,
        ) -> (::core::option::Option<Self::Data>, ::std::vec::Vec<(&'static str, ::std::vec::Vec<f64>)>) {
            let mut __compact: ::core::option::Option<Self::Data> = ::core::option::Option::None;
            let mut __all = ::std::vec::Vec::new();
            #(#all)*
            (__compact, __all)
        }
    }
}

impl Scope<'_> {
    /// Multiplies what the elements of `plate` say of the density by how many there are of each.
    pub fn weigh(&self, plate: &Plate) -> TokenStream {
        let (at, lanes) = (compacted(self.tree).position(|p| p.name == plate.name), &self.lanes);
        at.map_or(
            TokenStream::new(),
            |at| quote!(let __lp = __lp.weighed(__block.weights::<#lanes>(__prepared.weights(#at)));),
        )
    }
}

/// Tells whether the data have a column of `v`, which may be a local where it is missing.
fn is_in_column(v: &Variable) -> bool {
    v.in_data() || v.is_summed_where_missing()
}
