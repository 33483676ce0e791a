//! Long vectors of globals: where each number of a vector is drawn on its own, and the density reads the vector only by an index or
//! in inner products, it is a plate with a local variable. Its numbers then carry a handful of derivatives each, and not those
//! with respect to all the others: the work grows with the length of the vector, and not with its square.

use std::collections::BTreeMap;

use proc_macro2::Ident;
use quote::format_ident;
use syn::{Expr, Lit};

use crate::ast::{Role, Size};
use crate::definition::Definition;
use crate::emit::index::picked;
use crate::field::Field;
use crate::names::{identifiers, plain_indices};
use crate::predictor::{Sum, Unknown};
use crate::tree::{Export, Plate, Step, Symbol, Tree, Variable, plates, plates_mut};

/// Vectors up to this length stay in the registers of the code outside plates.
const SHORT: usize = 32;

/// Makes plates of the long vectors among the steps outside plates.
pub fn unfold(tree: &Tree, root: &mut [Step], symbols: &mut BTreeMap<String, Symbol>) {
    for at in 0..root.len() {
        let Step::Variable(v) = &root[at] else { continue };
        if !is_long(tree, v) || !root.iter().all(|step| allows(tree, step, &v.name)) {
            continue;
        }
        let plate = plate_of(v);
        if let Some(symbol) = symbols.get_mut(&v.name.to_string()) {
            (symbol.plate, symbol.shape, symbol.role) = (Some(plate.name.to_string()), None, Some(Role::Local));
        }
        for other in plates_mut(root) {
            gather_picked(other, &plate);
        }
        root[at] = Step::Plate(plate);
    }
}

fn is_long(tree: &Tree, v: &Variable) -> bool {
    let Some(shape) = v.shape.as_ref().filter(|shape| shape.position.is_none()) else { return false };
    let short = match &shape.len {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(len) => len.base10_parse::<usize>().is_ok_and(|len| len <= SHORT),
            _ => false,
        },
        _ => false,
    };
    let summed = |name: &Ident| tree.symbols.get(&name.to_string()).is_some_and(|s| s.summed);
    if v.definition.iter().flat_map(Definition::mentions).any(|name| summed(&name)) {
        return false;
    }
    let drawn_alone = !v.vector && matches!(v.definition, Some(Definition::Distribution(_)));
    v.is_global() && v.matrix.is_none() && v.continuous_latent() && drawn_alone && !short
}

/// Tells whether `step` reads the vector `name` only by an index or in inner products, if at all.
fn allows(tree: &Tree, step: &Step, name: &Ident) -> bool {
    let silent = |expr: &Expr| !identifiers(expr).contains(name);
    match step {
        Step::Variable(v) => !v.mentions().contains(name),
        Step::Let { expr, .. } | Step::Factor(expr) => silent(expr),
        Step::Lag(lag) => lag.initial().is_none_or(silent),
        Step::Plate(plate) => {
            let by_index = |expr: &Expr| {
                let all = identifiers(expr).iter().filter(|i| *i == name).count();
                let picks = plain_indices(expr);
                all == picks
                    .iter()
                    .filter(|(values, at)| values == name && picked(tree, plate, values, at).is_some())
                    .count()
            };
            let of_sum = |sum: &Sum| {
                sum.terms.iter().all(|term| match &term.unknown {
                    Unknown::Number(expr) => silent(expr),
                    Unknown::Vector { values, .. } => silent(values) || matches!(values, Expr::Path(_)),
                    Unknown::Gathered { .. } | Unknown::Picked { .. } | Unknown::Around { .. } => true,
                })
            };
            let steps = plate.steps.iter().all(|step| match step {
                Step::Variable(v) => {
                    v.definition.iter().flat_map(Definition::expressions).all(by_index)
                        && v.field.iter().flat_map(Field::expressions).all(|expr| silent(&expr))
                }
                Step::Let { expr, .. } | Step::Factor(expr) => by_index(expr),
                Step::Lag(lag) => lag.initial().is_none_or(by_index),
                Step::Plate(_) => allows(tree, step, name),
            });
            let sums =
                plate.predictors.iter().map(|p| &p.sum).chain(plate.fits.iter().map(|fit| &fit.mean)).all(of_sum);
            let sds = plate.fits.iter().filter_map(|fit| fit.shared_sd.as_ref()).all(silent);
            let size = match &plate.size {
                Size::Random(_, size) => silent(size),
                _ => true,
            };
            steps && sums && sds && size
        }
    }
}

fn plate_of(v: &Variable) -> Plate {
    let len = v.shape.as_ref().map(|shape| shape.len.clone());
    let local = Variable { role: Role::Local, shape: None, open: false, ..v.clone() };
    Plate {
        docs: Vec::new(),
        name: format_ident!("__numbers_of_{}", v.name.to_string().replace("r#", "")),
        size: Size::Fixed(len.clone().unwrap_or_else(|| syn::parse_quote!(1))),
        size_source: String::new(),
        steps: vec![Step::Variable(local)],
        in_data: true,
        has_columns: false,
        outer: Vec::new(),
        exports: vec![Export { name: v.name.clone(), len: None, data: false }],
        gathers: Vec::new(),
        scatters: true,
        predictors: Vec::new(),
        fits: Vec::new(),
        vector: len,
    }
}

/// Reads what normal observations pick of the vector as a column of `of`.
fn gather_picked(plate: &mut Plate, of: &Plate) {
    let terms = plate.fits.iter_mut().flat_map(|fit| &mut fit.mean.terms);
    for term in terms {
        if let Unknown::Picked { values, index } = &term.unknown
            && of.exports.iter().any(|e| e.name == *values)
        {
            let (values, index, plate) = (values.clone(), index.clone(), of.name.to_string());
            term.unknown = Unknown::Gathered { values, index, plate };
        }
    }
    plates_mut(&mut plate.steps).for_each(|inner| gather_picked(inner, of));
}

/// Finds the plate that the vector `values` has become, if it has.
pub fn vector_plate<'a>(tree: &'a Tree, values: &Expr) -> Option<&'a Ident> {
    let Expr::Path(path) = values else { return None };
    let name = path.path.get_ident()?;
    let plate = plates(&tree.root).find(|p| p.vector.is_some() && p.exports.iter().any(|e| e.name == *name))?;
    plate.exports.first().map(|e| &e.name)
}
