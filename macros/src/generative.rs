//! What of a model can be drawn. A flat prior, a weight and a `factor` say what the density is, and not how anything comes about.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ExprCall;
use syn::visit::{self, Visit};

use crate::builtin;
use crate::definition::Definition;
use crate::tree::{Step, Tree};

/// Emits the implementations of `Simulable` and `Generative`, as far as they hold.
pub fn emit(tree: &Tree) -> TokenStream {
    let name = &tree.name;
    let (outside, with_data) = tree.by_data();
    let simulable = drawn(&with_data).then(|| {
        quote! {
            #[automatically_derived]
            impl ::hierarch::model::Simulable for #name {}
        }
    });
    let generative = (simulable.is_some() && drawn(&outside)).then(|| {
        quote! {
            #[automatically_derived]
            impl ::hierarch::model::Generative for #name {}
        }
    });
    quote!(#simulable #generative)
}

/// Tells whether all that `steps` say can be drawn.
fn drawn(steps: &[&Step]) -> bool {
    steps.iter().all(|step| match step {
        Step::Variable(v) => v.begins_at == 0 && !v.definition.iter().flat_map(Definition::calls).any(is_undrawn),
        Step::Let { .. } | Step::Lag(_) => true,
        Step::Factor(_) => false,
        Step::Plate(p) => drawn(&p.steps.iter().collect::<Vec<_>>()),
    })
}

/// Tells whether a distribution, or one inside it, cannot be drawn from.
fn is_undrawn(call: &ExprCall) -> bool {
    struct Found(bool);
    impl<'ast> Visit<'ast> for Found {
        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            self.0 |= builtin::of(call).is_some_and(|b| ["Flat", "Weighted"].contains(&b.name));
            visit::visit_expr_call(self, call);
        }
    }
    let mut found = Found(false);
    found.visit_expr_call(call);
    found.0
}
