//! Normal observations of a plate in another, whose means read what is the same for all elements of one outer element: the outer
//! plate works that out as a column, as if the inner elements read it by index.

use std::collections::BTreeMap;

use proc_macro2::Ident;
use quote::format_ident;
use syn::{Expr, Pat, parse_quote};

use crate::names::identifiers;
use crate::predictor::Unknown;
use crate::tree::{Export, Plate, Step, Symbol, Variable, plates};
use crate::value::Value;

/// Tells whether a column can be made of what elements of `plate` know, before they run: nothing in it depends on elements before,
/// or on what is summed over.
pub fn has_columns(symbols: &BTreeMap<String, Symbol>, plate: &Plate) -> bool {
    let depends = |v: &Variable| v.discrete_latent() || v.is_optional() || v.field.is_some();
    let is_summed = |name: &Ident| symbols.get(&name.to_string()).is_some_and(|symbol| symbol.summed);
    plate.lags().next().is_none()
        && !plate.variables().any(depends)
        && !plate.steps.iter().flat_map(Step::mentions).any(|name| is_summed(&name))
}

/// Tells whether `expr` mentions what belongs to the elements of `plate`.
pub fn mentions(symbols: &BTreeMap<String, Symbol>, plate: &Plate, expr: &Expr) -> bool {
    let of = |name: &Ident| symbols.get(&name.to_string()).and_then(|symbol| symbol.plate.as_ref());
    identifiers(expr).iter().any(|name| of(name).is_some_and(|of| plate.name == of))
}

/// Binds, in the elements of `plate`, what the normal observations of the plates in it read.
pub fn bind(plate: &mut Plate, symbols: &mut BTreeMap<String, Symbol>) {
    let outer = plate.clone();
    let mut count = 0;
    let mut steps = Vec::new();
    for mut step in std::mem::take(&mut plate.steps) {
        let fits = if let Step::Plate(inner) = &mut step { &mut inner.fits[..] } else { &mut [] };
        for term in fits.iter_mut().flat_map(|fit| &mut fit.mean.terms) {
            let Unknown::Number(expr) = &term.unknown else { continue };
            if !mentions(symbols, &outer, expr) {
                continue;
            }
            let values = named(&outer, expr).unwrap_or_else(|| {
                let name = format_ident!("__of_{}_{count}", outer.name.to_string().replace("r#", ""));
                count += 1;
                let of = Some(outer.name.to_string());
                symbols.insert(name.to_string(), Symbol { plate: of, value: Value::Real, ..Symbol::default() });
                steps.push(Step::Let { pat: parse_quote!(#name), expr: expr.clone() });
                name
            });
            if !plate.exports.iter().any(|export| export.name == values) {
                plate.exports.push(Export { name: values.clone(), len: None, data: false });
            }
            term.unknown = Unknown::Around { values };
        }
        steps.push(step);
    }
    plate.steps = steps;
}

/// Finds the latent variable, or the `let`, of an element of `plate` that `expr` is.
fn named(plate: &Plate, expr: &Expr) -> Option<Ident> {
    let Expr::Path(path) = expr else { return None };
    let name = path.path.get_ident()?;
    let is = |step: &Step| match step {
        Step::Variable(v) => v.name == *name && v.continuous_latent(),
        Step::Let { pat: Pat::Ident(pat), .. } => pat.ident == *name,
        _ => false,
    };
    plate.steps.iter().any(is).then(|| name.clone())
}

/// Lists what the normal observations of the plates in `plate` read of its elements, with its name.
pub fn reads(plate: &Plate) -> impl Iterator<Item = (Ident, String)> {
    let terms = plates(&plate.steps).flat_map(|inner| &inner.fits).flat_map(|fit| &fit.mean.terms);
    terms.filter_map(|term| match &term.unknown {
        Unknown::Around { values } => Some((values.clone(), plate.name.to_string())),
        _ => None,
    })
}
