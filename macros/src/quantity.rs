//! Quantities: what is worked out, or drawn, at each draw of a posterior, and has no part in the density. Each is a `let` that only
//! the walk over draws runs.

use proc_macro2::Ident;
use syn::Pat;

use crate::ast::{Quantity, Statement};
use crate::names::plain_indices;
use crate::tree::{Export, Step, Tree, plates_mut};

/// Tells whether there is a quantity in `body` or in a plate of it.
pub fn any(body: &[Statement]) -> bool {
    body.iter().any(|statement| match statement {
        Statement::Let(l) => l.quantity.is_some(),
        Statement::Plate(plate) => any(&plate.body),
        _ => false,
    })
}

/// Leaves the quantities of `body` and of its plates out.
pub fn leave_out(body: &mut Vec<Statement>) {
    body.retain(|statement| !matches!(statement, Statement::Let(l) if l.quantity.is_some()));
    for statement in body {
        if let Statement::Plate(plate) = statement {
            leave_out(&mut plate.body);
        }
    }
}

/// Returns the name that `pat` binds, if it is that of a quantity of `tree`.
pub fn named<'a>(tree: &Tree, pat: &'a Pat) -> Option<&'a Ident> {
    let Pat::Ident(pat) = pat else { return None };
    tree.quantities.contains_key(&pat.ident.to_string()).then_some(&pat.ident)
}

/// Marks in `tree` what quantities read of all elements of a plate, so that it is kept.
pub fn keep_elements(tree: &mut Tree) {
    let mut reads = Vec::new();
    collect(&tree.root, &mut reads);
    for plate in plates_mut(&mut tree.root) {
        for (values, at) in &reads {
            let symbol = tree.symbols.get(&values.to_string());
            let of = symbol.and_then(|symbol| symbol.plate.as_ref());
            let here = tree.elements.get(&at.to_string()).is_some_and(|of| *of == plate.name);
            let is_data = plate.variables().any(|v| v.in_data() && v.name == *values);
            let known = plate.exports.iter().any(|export| export.name == *values);
            if here && of.is_some_and(|of| plate.name == of) && !is_data && !known {
                plate.exports.push(Export { name: values.clone(), len: None, data: false });
            }
        }
    }
}

/// Lists what quantities read by index.
fn collect(steps: &[Step], reads: &mut Vec<(Ident, Ident)>) {
    for step in steps {
        match step {
            Step::Let { expr, .. } => reads.extend(plain_indices(expr)),
            Step::Plate(plate) => collect(&plate.steps, reads),
            _ => {}
        }
    }
}

/// Tells whether `pat` binds a quantity of `tree` that is drawn.
pub fn is_drawn(tree: &Tree, pat: &Pat) -> bool {
    named(tree, pat).is_some_and(|name| tree.quantities.get(&name.to_string()) == Some(&Quantity::Drawn))
}
