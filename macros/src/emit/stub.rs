//! What stands in for a model with a mistake: its types, so that the mistake is one error and not one for each use of the model.

use proc_macro2::TokenStream;
use quote::quote;

use super::names::Names;
use super::{handles, types};
use crate::ast::Missing;
use crate::kind::Kind;
use crate::tree::{Step, Tree};

/// Emits the types of a model, with traits that are never called, since the program does not compile.
pub fn emit(mut tree: Tree) -> TokenStream {
    mend(&mut tree.root);
    let tree = &tree;
    let (types, handles, name) = (types::emit(tree), handles::emit(tree), &tree.name);
    let Names { globals, locals, data } = Names::new(tree);
    quote! {
        #types

        #handles

        #[automatically_derived]
        #[allow(unused_variables)]
        impl ::hierarch::model::Model for #name {
            type Globals = #globals;
            type Locals = #locals;
            type Data = #data;
            fn specification(&self) -> ::hierarch::model::Specification {
                ::core::unreachable!()
            }
            fn draw(
                &self,
                plan: &::hierarch::__private::Plan<'_, Self>,
                rng: &mut ::hierarch::__private::Stream,
            ) -> ::core::result::Result<::hierarch::__private::Simulation<Self>, ::hierarch::__private::SimulateError> {
                ::core::unreachable!()
            }
            fn walk(
                &self,
                data: ::core::option::Option<&Self::Data>,
                globals: ::core::option::Option<&Self::Globals>,
                locals: ::core::option::Option<&Self::Locals>,
                walk: &mut dyn ::hierarch::__private::Walk,
            ) {
                ::core::unreachable!()
            }
            fn dimension(&self, data: &Self::Data) -> usize {
                ::core::unreachable!()
            }
        }

        #[automatically_derived]
        #[allow(unused_variables)]
        impl ::hierarch::model::Explicit for #name {
            fn log_density_lanes<V: ::hierarch::__private::Lanes>(
                &self,
                data: &Self::Data,
                q: &[f64],
                gradient: &mut [f64],
                prepared: &::hierarch::__private::Prepared,
                scratch: &mut ::hierarch::__private::Scratch,
                part: ::hierarch::model::DensityPart,
            ) -> f64 {
                ::core::unreachable!()
            }
        }

        #[automatically_derived]
        impl ::hierarch::model::Likelihood for #name {}

        #[automatically_derived]
        impl ::hierarch::model::Simulable for #name {}

        #[automatically_derived]
        impl ::hierarch::model::Generative for #name {}
    }
}

/// Makes real numbers of the variables that have no type: vectors of discrete globals, and images that no function draws.
fn mend(steps: &mut [Step]) {
    for step in steps {
        match step {
            Step::Variable(variable) => {
                let drawn = variable.is_implicit();
                if drawn || variable.open {
                    variable.missing = Missing::Never;
                }
                let image = variable.matrix.is_some() && !variable.is_global();
                if (variable.is_global() && variable.shape.is_some()) || (image && !drawn) {
                    variable.kind = Kind::Real;
                }
                if image && !drawn && variable.matrix.take().is_some() {
                    variable.shape = None;
                }
            }
            Step::Plate(plate) => mend(&mut plate.steps),
            Step::Let { .. } | Step::Factor(_) | Step::Lag(_) => {}
        }
    }
}
