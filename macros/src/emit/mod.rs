//! From the lowered model to Rust: its types, and the implementations of the library's traits for them.

mod at_element;
mod choose;
mod clash;
mod density;
mod draw;
mod draw_by_function;
mod draw_missing;
mod field;
mod handles;
pub mod index;
mod lift;
mod missing;
pub mod names;
mod open;
mod own;
mod params;
mod quantities;
pub mod reads;
mod reduce;
mod sequence;
mod sizes;
mod specification;
pub mod stub;
mod types;
mod values;
mod walk;
mod walk_before;
mod walk_missing;
mod walk_recorded;
mod walk_summed;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::explicit::explicit;
use crate::generative;
use crate::missing::infer;
use crate::quantity;
use crate::tree::Tree;
use names::Names;

/// Emits everything that one `model!` stands for; `shown` is `tree` with its quantities.
pub fn emit(tree: &Tree, shown: &Tree) -> TokenStream {
    let (types, handles, clash) = (types::emit(tree), handles::emit(shown), clash::emit(shown));
    let name = &tree.name;
    let names = Names::new(tree);
    let (globals, locals, data) = (&names.globals, &names.locals, &names.data);
    let specification = specification::emit(shown);
    let draw = draw::emit(tree);
    let inferred = infer(tree);
    let mut shown = infer(shown);
    quantity::keep_elements(&mut shown);
    let walk = walk::emit(&shown);
    let (dimension, lengths) = (density::dimension(&inferred), open::lengths(tree));
    let (density, generative) = (density(tree), generative::emit(tree));
    quote! {
        #types

        #handles

        #clash

        #[automatically_derived]
        #[allow(unused_variables, unused_mut, unused_parens, unused_braces, non_snake_case, clippy::all)]
        impl ::hierarch::model::Model for #name {
            type Globals = #globals;
            type Locals = #locals;
            type Data = #data;
            #specification
            #draw
            #walk
            #dimension
            #lengths
        }

        #density

        #generative
    }
}

/// Emits the implementations of `Explicit`, and of `Likelihood` where nothing is left out of it.
fn density(tree: &Tree) -> TokenStream {
    let name = &tree.name;
    let explicit = match if tree.implicit { explicit(tree) } else { Ok(tree.clone()) } {
        Ok(tree) => density::emit(&infer(&tree)),
        Err(why) => return no_density(name, &why),
    };
    let likelihood = (!tree.implicit).then(|| {
        quote! {
            #[automatically_derived]
            impl ::hierarch::model::Likelihood for #name {}
        }
    });
    quote! {
        #[automatically_derived]
        #[allow(
            unused_variables,
            unused_mut,
            unused_parens,
            unused_braces,
            non_snake_case,
            non_upper_case_globals,
            clippy::all
        )]
        impl ::hierarch::model::Explicit for #name {
            const DEBUG_BUILD: bool = cfg!(debug_assertions);
            #explicit
        }

        #likelihood
    }
}

/// Tells whoever asks for a density why there is none: `Explicit` hangs on a trait of the model's own that nothing implements
/// and whose message is the reason. A bound that never holds is an error where it stands unless a lifetime is left open in
/// it, and the compiler gives its message only where the type is not that of `Explicit`: hence a tuple.
fn no_density(name: &Ident, why: &str) -> TokenStream {
    quote! {
        const _: () = {
            #[doc(hidden)]
            #[diagnostic::on_unimplemented(message = #why, label = "no such density")]
            pub trait Density {
                fn log_density(&self) -> f64;
            }

            #[automatically_derived]
            impl ::hierarch::model::Explicit for #name
            where
                for<'a> (&'a #name,): Density,
            {
                fn log_density_lanes<V: ::hierarch::__private::Lanes>(
                    &self,
                    _: &Self::Data,
                    _: &[f64],
                    _: &mut [f64],
                    _: &::hierarch::__private::Prepared,
                    _: &mut ::hierarch::__private::Scratch,
                    _: ::hierarch::model::DensityPart,
                ) -> f64 {
                    (self,).log_density()
                }
            }
        };
    }
}
