//! Which steps of an element run for each value of its discrete locals.

use std::collections::BTreeSet;

use proc_macro2::Ident;

use crate::ast::Size;
use crate::names::{bound, identifiers};
use crate::tree::Step;

/// Splits the steps of an element into those that no discrete local of the element touches, to be worked out once, and those
/// to be summed over.
pub fn split<'a>(steps: &[&'a Step]) -> (Vec<&'a Step>, Vec<&'a Step>) {
    // What a step that is summed over binds is bound anew for each value, so whatever mentions it is summed over too.
    let mut inside: BTreeSet<String> = BTreeSet::new();
    let (mut own, mut over) = (Vec::new(), Vec::new());
    for step in steps {
        if touches(step, &|name| inside.contains(&name.to_string())) {
            match step {
                Step::Variable(v) => {
                    inside.insert(v.name.to_string());
                }
                Step::Let { pat, .. } => inside.extend(bound(pat).iter().map(Ident::to_string)),
                Step::Lag(lag) => {
                    inside.insert(lag.local.to_string());
                }
                Step::Factor(_) | Step::Plate(_) => {}
            }
            over.push(*step);
        } else {
            own.push(*step);
        }
    }
    (own, over)
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
