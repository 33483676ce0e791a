//! Which steps of an element run for each value of its discrete locals.

use std::collections::BTreeSet;

use proc_macro2::Ident;
use syn::Expr;

use crate::ast::Size;
use crate::names::{bound, identifiers};
use crate::tree::{Plate, Step};

/// Splits the steps of an element into those that no discrete local of the element touches, to be worked out once, and those
/// to be summed over.
pub fn split<'a>(steps: &[&'a Step]) -> (Vec<&'a Step>, Vec<&'a Step>) {
    // What a step that is summed over binds is bound anew for each value, so whatever mentions it is summed over too.
    let mut inside: BTreeSet<String> = BTreeSet::new();
    // Quantities, and nothing else, go through the elements of a plate before them.
    let mut in_plates: BTreeSet<String> = BTreeSet::new();
    let (mut own, mut over) = (Vec::new(), Vec::new());
    for step in steps {
        let reads = |name: &Ident| inside.contains(&name.to_string());
        let goes_through = |expr: &Expr| identifiers(expr).iter().any(|name| in_plates.contains(&name.to_string()));
        if touches(step, &reads) || matches!(step, Step::Let { expr, .. } if goes_through(expr)) {
            match step {
                Step::Variable(v) => {
                    inside.insert(v.name.to_string());
                }
                Step::Let { pat, .. } => inside.extend(bound(pat).iter().map(Ident::to_string)),
                Step::Lag(lag) => {
                    inside.insert(lag.local.to_string());
                }
                Step::Plate(plate) => in_plates.extend(names_in(plate)),
                Step::Factor(_) => {}
            }
            over.push(*step);
        } else {
            own.push(*step);
        }
    }
    (own, over)
}

/// Lists the names that the elements of `plate` bind.
fn names_in(plate: &Plate) -> Vec<String> {
    let of_step = |step: &Step| match step {
        Step::Variable(v) => vec![v.name.to_string()],
        Step::Let { pat, .. } => bound(pat).iter().map(Ident::to_string).collect(),
        Step::Factor(_) | Step::Lag(_) | Step::Plate(_) => Vec::new(),
    };
    plate.steps.iter().flat_map(of_step).collect()
}

/// Tells whether `step` is a discrete local, or mentions what is `summed` over.
fn touches(step: &Step, summed: &dyn Fn(&Ident) -> bool) -> bool {
    match step {
        Step::Variable(v) => {
            v.discrete_latent() || v.definition.as_ref().is_some_and(|d| d.mentions().iter().any(summed))
        }
        Step::Let { expr, .. } | Step::Factor(expr) => identifiers(expr).iter().any(summed),
        Step::Lag(lag) => {
            lag.summed().is_some() || lag.initial().is_some_and(|expr| identifiers(expr).iter().any(summed))
        }
        Step::Plate(p) => {
            let size = match &p.size {
                Size::Random(_, size) => identifiers(size).iter().any(summed),
                _ => false,
            };
            size || p.steps.iter().any(|s| match s {
                // A discrete local of the inner plate itself is summed out there.
                Step::Variable(v) => v.definition.as_ref().is_some_and(|d| d.mentions().iter().any(summed)),
                Step::Lag(lag) => lag.initial().is_some_and(|expr| identifiers(expr).iter().any(summed)),
                other => touches(other, summed),
            })
        }
    }
}
