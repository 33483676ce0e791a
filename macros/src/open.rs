//! Vectors whose length is a size of the model, and so known only when the program runs: which of them need more than the code of
//! linear predictors, and what they cannot do.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Error, Expr, ExprCall};

use crate::ast::Role;
use crate::definition::Definition;
use crate::field::Of;
use crate::linear::extract;
use crate::names::{is_dot, text};
use crate::solvers;
use crate::tree::{Plate, Step, Tree, Variable, all_plates, variables};

/// Finds a vector that an element of the density reads whole, or that is no plate of numbers, in the tree with linear predictors
/// taken out; `None` if lengths matter to these alone.
pub fn whole(tree: &Tree) -> Option<&Ident> {
    let global = variables(&tree.root).find(|v| v.open);
    let read = |plate: &'_ Plate, v: &Variable| v.latent() || v.role == Role::Observe || plate.mentions(&v.name);
    let of_plate = |plate| {
        let open = |v: &&Variable| v.open && read(plate, v);
        Plate::variables(plate).find(open)
    };
    global.or_else(|| all_plates(&tree.root).into_iter().filter(|p| p.in_data).find_map(of_plate)).map(|v| &v.name)
}

/// Lists what vectors whose length is a size of the model cannot do, in a model without other mistakes.
pub fn mistakes(tree: &Tree) -> Vec<Error> {
    if !tree.params.iter().any(|p| p.is_size) {
        return Vec::new();
    }
    let mut found = Vec::new();
    found.extend(variables(&tree.root).filter_map(drawn_by_function));
    found.extend(variables(&tree.root).filter(|v| v.open && v.by_row).map(|v| {
        let message = format!(
            "a matrix of which each row is a draw has lengths that the compiler knows: put `{}` into a plate of its own, a row in each element",
            text(&v.name)
        );
        Error::new(v.name.span(), message)
    }));
    for plate in all_plates(&tree.root) {
        found.extend(plate.variables().filter_map(|v| of_variable(plate, v)));
        for gather in plate.gathers.iter().filter(|g| g.data && is_open(tree, &g.values)) {
            let message = format!(
                "`{0}` has a length that is known only when the program runs, and then it cannot be read of another plate: read what is \
                 computed from it, `let s = dot({0}, ..);` there and `s[{1}]` here",
                text(&gather.values),
                text(&gather.index)
            );
            found.push(Error::new(gather.values.span(), message));
        }
    }
    each_expression(&tree.root, &mut |expr| Products { tree, found: &mut found }.visit_expr(expr));
    if found.is_empty()
        && let Some(name) = whole(&extract(tree))
    {
        on_tape(&tree.root, name, &mut found);
    }
    found
}

fn is_open(tree: &Tree, name: &Ident) -> bool {
    all_plates(&tree.root).into_iter().flat_map(Plate::variables).any(|v| v.open && v.name == *name)
}

fn drawn_by_function(v: &Variable) -> Option<Error> {
    let message = "what a function draws has a length that the compiler knows: a constant, and no `size`";
    (v.open && v.is_implicit()).then(|| Error::new(v.name.span(), message))
}

fn of_variable(plate: &Plate, v: &Variable) -> Option<Error> {
    if let Some(error) = drawn_by_function(v) {
        return Some(error);
    }
    let Of::Places(x, _) = &v.field.as_ref()?.of else { return None };
    plate.variables().find(|place| place.open && place.name == *x)?;
    let message = format!(
        "the places of a Gaussian process have as many numbers as the compiler knows: give `{x}` a constant length"
    );
    Some(Error::new(x.span(), message))
}

/// Calls `f` with every expression of `steps`, those in plates among them.
fn each_expression(steps: &[Step], f: &mut dyn FnMut(&Expr)) {
    for step in steps {
        match step {
            Step::Variable(v) => v.definition.iter().flat_map(Definition::expressions).for_each(&mut *f),
            Step::Let { expr, .. } | Step::Factor(expr) => f(expr),
            Step::Plate(p) => each_expression(&p.steps, f),
            Step::Lag(lag) => lag.initial().into_iter().for_each(&mut *f),
        }
    }
}

/// Reports inner products of vectors of different lengths.
struct Products<'a> {
    tree: &'a Tree,
    found: &'a mut Vec<Error>,
}

impl<'ast> Visit<'ast> for Products<'_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let len = |expr: &Expr| match expr {
            Expr::Path(path) => {
                let name = path.path.get_ident()?;
                Some((name.clone(), self.tree.symbols.get(&name.to_string())?.shape.clone()?.to_string()))
            }
            _ => None,
        };
        if is_dot(call)
            && let (Some((a, m)), Some((b, n))) = (len(&call.args[0]), len(&call.args[1]))
            && m != n
        {
            let message =
                format!("`{a}` has {m} numbers and `{b}` has {n}: an inner product is of vectors of one length");
            self.found.push(Error::new_spanned(&call.args[1], message));
        }
        visit::visit_expr_call(self, call);
    }
}

/// Reports what the density of a model on a tape cannot do, where the vector `name` is the reason for that.
fn on_tape(steps: &[Step], name: &Ident, found: &mut Vec<Error>) {
    let message = |what: &str| {
        format!(
            "`{name}` has a length that is known only when the program runs and is more than an unknown of `dot(..)`, and then there can \
             be no {what}: give `{name}` a constant length",
            name = text(name)
        )
    };
    for step in steps {
        match step {
            Step::Variable(v) if v.is_global() && v.discrete_latent() => {
                found.push(Error::new(v.name.span(), message("discrete global")));
            }
            Step::Variable(v) if v.is_optional() => {
                found.push(Error::new(v.name.span(), message("observation that may be missing")));
            }
            Step::Variable(v) if v.field.is_some() => {
                found.push(Error::new(v.name.span(), message("density over all elements of a plate at once")));
            }
            Step::Lag(lag) => {
                let span = lag.of().map_or(lag.local.span(), Ident::span);
                found.push(Error::new(span, message("sequence")));
            }
            Step::Plate(p) => on_tape(&p.steps, name, found),
            _ => {}
        }
    }
    let own = steps.iter().filter(|step| !matches!(step, Step::Plate(_))).cloned().collect::<Vec<_>>();
    each_expression(&own, &mut |expr| {
        let mut calls = Solvers(Vec::new());
        calls.visit_expr(expr);
        found.extend(calls.0.iter().map(|at| Error::new_spanned(at, message("solver"))));
    });
}

/// The calls of solvers in an expression.
struct Solvers(Vec<proc_macro2::TokenStream>);

impl<'ast> Visit<'ast> for Solvers {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if solvers::of(call).is_some() {
            self.0.push(call.func.to_token_stream());
        }
        visit::visit_expr_call(self, call);
    }
}
