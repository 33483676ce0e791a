//! A distribution of the library that the scope of a model has another of the name of: that is an error, and no silent choice.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprPath};

use crate::builtin;
use crate::definition::Definition;
use crate::quantity;
use crate::tree::{Step, Tree};

/// Emits an import of each distribution that the model names, which is ambiguous where the scope has another of that name.
pub fn emit(tree: &Tree) -> TokenStream {
    let mut named = Named::default();
    named.visit_steps(tree, &tree.root);
    let names = named.0.values();
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use ::hierarch::distributions::*;
            #(#[allow(unused_imports)] use #names as _;)*
        };
    }
}

/// The library's distributions that are named, each where it first is.
#[derive(Default)]
struct Named(BTreeMap<&'static str, ExprPath>);

impl Named {
    fn visit_steps(&mut self, tree: &Tree, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Variable(variable) => {
                    let calls = variable.definition.iter().flat_map(Definition::calls);
                    calls.for_each(|call| self.visit_expr_call(call));
                }
                Step::Plate(plate) => self.visit_steps(tree, &plate.steps),
                Step::Let { pat, expr } if quantity::is_drawn(tree, pat) => {
                    let calls = Definition::read(expr).ok();
                    calls.iter().flat_map(Definition::calls).for_each(|call| self.visit_expr_call(call));
                }
                Step::Let { .. } | Step::Factor(_) | Step::Lag(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Named {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let (Some(known), Expr::Path(name)) = (builtin::of(call), &*call.func) {
            self.0.entry(known.name).or_insert_with(|| name.clone());
        }
        visit::visit_expr_call(self, call);
    }
}
