//! Constants of a model's names, which the compiler checks: `Resonance::MASS`.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::names::text;
use crate::quantity;
use crate::tree::{Step, Tree};

/// Emits a constant for each plate and variable; of two whose names differ by their case alone, for the first.
pub fn emit(tree: &Tree) -> TokenStream {
    let mut names = Vec::new();
    collect(tree, &tree.root, &mut names);
    let mut taken = BTreeSet::new();
    let constants = names.iter().filter(|(name, _)| taken.insert(name.to_uppercase())).map(|(name, what)| {
        let (constant, doc) = (format_ident!("{}", name.to_uppercase()), format!("The {what} `{name}`."));
        quote! {
            #[doc = #doc]
            pub const #constant: ::hierarch::__private::Name = ::hierarch::__private::Name::new(#name);
        }
    });
    let name = &tree.name;
    quote! {
        #[automatically_derived]
        #[allow(dead_code, non_upper_case_globals)]
        impl #name { #(#constants)* }
    }
}

fn collect(tree: &Tree, steps: &[Step], names: &mut Vec<(String, &'static str)>) {
    for step in steps {
        match step {
            Step::Variable(variable) => names.push((text(&variable.name), "variable")),
            Step::Plate(plate) => {
                names.push((text(&plate.name), "plate"));
                collect(tree, &plate.steps, names);
            }
            Step::Let { pat, .. } => names.extend(quantity::named(tree, pat).map(|name| (text(name), "quantity"))),
            Step::Factor(_) | Step::Lag(_) => {}
        }
    }
}
