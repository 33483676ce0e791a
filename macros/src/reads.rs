//! What the elements of a plate read from outside it, and what others read of them.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Error, Expr};

use crate::ast::{Role, Size};
use crate::chain::chain;
use crate::definition::Definition;
use crate::names::{identifiers, parts_of_indices, plain_indices};
use crate::tree::{Export, Gather, Plate, Step, Symbol, Variable, all_plates, plates_mut};
use crate::value::Value;

/// Marks each plate with what its elements take from outside, and with what others read of them.
pub fn mark_reads(root: &mut [Step], symbols: &BTreeMap<String, Symbol>) {
    let gathers = mark_taken(root, symbols, &[]);
    for plate in plates_mut(root) {
        if plate.vector.is_none() {
            plate.exports.clear();
        }
        for gather in gathers.iter().filter(|g| plate.name == g.plate) {
            if !plate.exports.iter().any(|e| e.name == gather.values) {
                let Gather { values, len, data, .. } = gather.clone();
                plate.exports.push(Export { name: values, len, data });
            }
        }
    }
}

/// Marks each plate with what its elements take from outside, and from the plates `around`; gives back all that is read by index.
fn mark_taken(steps: &mut [Step], symbols: &BTreeMap<String, Symbol>, around: &[String]) -> Vec<Gather> {
    let mut all = Vec::new();
    for plate in plates_mut(steps) {
        let with_this = [around, &[plate.name.to_string()]].concat();
        all.extend(mark_taken(&mut plate.steps, symbols, &with_this));
        plate.gathers = gathers(plate, symbols, &with_this);
        plate.outer = outer(plate, symbols).into_iter().collect();
        plate.scatters = plate.variables().any(Variable::continuous_latent)
            || plate.lags().any(|lag| lag.latent().is_some())
            || plate.gathers.iter().any(|g| !g.data)
            || !plate.predictors.is_empty()
            || plate.plates().any(|p| p.scatters);
        all.extend(plate.gathers.clone());
    }
    all
}

/// Lists what an element of `plate` itself computes, without the plates inside.
fn expressions(plate: &Plate) -> impl Iterator<Item = &Expr> {
    plate.steps.iter().flat_map(of_step)
}

fn of_step(step: &Step) -> Vec<&Expr> {
    match step {
        Step::Variable(v) => {
            v.definition.iter().flat_map(Definition::expressions).chain(v.mechanism.as_ref()).collect()
        }
        Step::Let { expr, .. } | Step::Factor(expr) => vec![expr],
        Step::Lag(lag) => lag.initial().into_iter().collect(),
        Step::Plate(_) => Vec::new(),
    }
}

/// Lists what `plate` reads of other plates than those `around` by an index of its own, each once: of a vector of a plate around, a
/// category picks a number.
fn gathers(plate: &Plate, symbols: &BTreeMap<String, Symbol>, around: &[String]) -> Vec<Gather> {
    let mut gathers: Vec<Gather> = Vec::new();
    for (values, index) in expressions(plate).flat_map(plain_indices) {
        let (Some(of), Some(at)) = (symbols.get(&values.to_string()), symbols.get(&index.to_string())) else {
            continue;
        };
        let Some(from) = of.plate.as_ref().filter(|from| !around.contains(from)) else { continue };
        let here = at.plate.as_deref() == Some(&plate.name.to_string());
        let known = gathers.iter().any(|g| g.values == values && g.index == index);
        if here && !known {
            let data = matches!(of.role, Some(Role::Observe | Role::Given));
            let len = of.listed.clone().or_else(|| syn::parse2(of.shape.clone()?).ok());
            gathers.push(Gather { values, index, plate: from.clone(), len, data });
        }
    }
    gathers
}

/// Reports what is read by index and has several numbers whose count is not written out.
pub fn several_numbers(root: &[Step], symbols: &BTreeMap<String, Symbol>) -> Vec<Error> {
    let several = all_plates(root).into_iter().flat_map(|plate| {
        let parts: Vec<_> = expressions(plate).flat_map(parts_of_indices).collect();
        plate.gathers.iter().filter(|g| g.len.is_none()).filter(move |g| {
            let let_bound = symbols.get(&g.values.to_string()).filter(|symbol| symbol.role.is_none());
            let_bound.is_some_and(|symbol| {
                matches!(symbol.value, Value::Array { .. } | Value::Tuple(_))
                    || parts.iter().any(|(values, index)| *values == g.values && *index == g.index)
            })
        })
    });
    let mistake = |g: &Gather| {
        let Gather { values, index, .. } = g;
        let message = format!(
            "`{values}[{index}]` is read in another plate, and is no number or `[..]` of numbers: bind each number of `{values}` by a \
             `let` of its own, or make it a local, `local {values}[2] ~ ..`"
        );
        Error::new(values.span(), message)
    };
    several.map(mistake).collect()
}

/// Lists the variables of the code around `plate` whose derivatives its elements carry. What it reads by index and the plates
/// inside it must be marked before.
fn outer(plate: &Plate, symbols: &BTreeMap<String, Symbol>) -> BTreeSet<String> {
    let read: BTreeSet<String> = plate.gathers.iter().map(|g| g.values.to_string()).collect();
    let variables = plate.variables().map(|v| &v.name);
    let own: BTreeSet<String> =
        variables.chain(plate.lags().map(|lag| &lag.local)).map(|name| name.to_string()).collect();
    let size = match &plate.size {
        Size::Random(_, size) => Some(size),
        _ => None,
    };
    // What of a chain is the same for all elements is worked out outside of them.
    let chain = chain(symbols, plate);
    let inside = |step: &&Step| !chain.as_ref().is_some_and(|chain| chain.is_outside(step));
    let own_expressions = plate.steps.iter().filter(inside).flat_map(of_step);
    let mentioned = own_expressions.chain(size).flat_map(identifiers).map(|name| name.to_string());
    let mut outer: BTreeSet<String> = mentioned
        .filter(|name| !read.contains(name))
        .filter_map(|name| symbols.get(&name))
        .flat_map(|s| s.latents.clone())
        .collect();
    outer.extend(plate.plates().flat_map(|p| p.outer.clone()));
    // What an own variable read by index depends on belongs to the plate it was read from.
    let gathered: BTreeSet<String> = plate
        .gathers
        .iter()
        .flat_map(|g| symbols[&g.values.to_string()].latents.clone())
        .filter(|name| symbols[name].plate.is_some())
        .collect();
    outer.retain(|name| !own.contains(name) && !gathered.contains(name));
    outer
}
