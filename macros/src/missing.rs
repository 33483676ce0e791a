//! Observations of which values may be missing: `observe y: Option ~ Normal(mu, sd);`.
//!
//! Where nothing depends on such an observation, a missing value says nothing and is left out. Where something does, it is unknown
//! and inferred, or summed out if its values are counts, categories or truth values: for the density and the walk the observation is
//! then a local of its plate, most of whose values are known.

use std::collections::BTreeSet;

use proc_macro2::Ident;
use syn::{Error, GenericArgument, PathArguments, Result, Type};

use crate::ast::{Initial, Missing, Role, Size, Statement};
use crate::names::identifiers;
use crate::reads::mark_reads;
use crate::tree::{Earlier, Lag, Plate, Step, Tree, Variable};

/// Finds what is in an `Option`: nothing in the word alone. `None` if `ty` is another type.
pub fn optional(ty: &Type) -> Option<Option<Type>> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inside)) => Some(Some(inside.clone())),
            _ => Some(None),
        },
        _ => Some(None),
    }
}

/// Checks that values of a variable of this `role` may be missing, as its type `written` says.
pub fn may_be_missing(role: Role, name: &Ident, written: &Type) -> Result<Missing> {
    let message = match role {
        Role::Observe => return Ok(Missing::LeftOut),
        Role::Given => format!(
            "a covariate that may be missing needs a distribution, from which what is missing is inferred: write `observe {name}: Option \
             ~ Normal(mu, tau);`, and use it as any other"
        ),
        _ => format!(
            "a `{}` is never in the data, so it cannot be missing: `Option` is for observations, `observe y: Option ~ ..`",
            role.keyword()
        ),
    };
    Err(Error::new_spanned(written, message))
}

/// Marks the observations that others depend on.
pub fn mark(body: &mut [Statement]) {
    let mut read = BTreeSet::new();
    collect(body, &mut read);
    mark_read(body, &read);
}

fn collect(body: &[Statement], read: &mut BTreeSet<String>) {
    for statement in body {
        let names = match statement {
            Statement::Variable(v) => v.definition.as_ref().map_or(Vec::new(), identifiers),
            Statement::Let(l) => identifiers(&l.expr),
            Statement::Factor(expr) => identifiers(expr),
            Statement::Plate(plate) => {
                collect(&plate.body, read);
                match &plate.size {
                    Size::Random(_, size) => identifiers(size),
                    _ => Vec::new(),
                }
            }
            Statement::Lag(lag) => lag.of().cloned().into_iter().chain(beginning(lag)).collect(),
            Statement::Param(_) => Vec::new(),
        };
        read.extend(names.iter().map(Ident::to_string));
    }
}

fn beginning(lag: &crate::ast::Lag) -> Vec<Ident> {
    match &lag.earlier {
        crate::ast::Earlier::Value { initial: Initial::Value(initial), .. } => identifiers(initial),
        _ => Vec::new(),
    }
}

fn mark_read(body: &mut [Statement], read: &BTreeSet<String>) {
    for statement in body {
        match statement {
            Statement::Variable(v) if v.missing != Missing::Never && read.contains(&v.name.to_string()) => {
                v.missing = Missing::Inferred;
            }
            Statement::Plate(plate) => mark_read(&mut plate.body, read),
            _ => {}
        }
    }
}

/// Makes locals of the observations whose missing values are inferred or summed out.
pub fn infer(tree: &Tree) -> Tree {
    let mut root = infer_steps(&tree.root);
    mark_reads(&mut root, &tree.symbols);
    Tree { root, ..tree.clone() }
}

fn infer_steps(steps: &[Step]) -> Vec<Step> {
    let one = |step: &Step| match step {
        Step::Variable(v) => Step::Variable(inferred(v)),
        Step::Plate(plate) => Step::Plate(Plate { steps: infer_steps(&plate.steps), ..plate.clone() }),
        Step::Lag(lag @ Lag { earlier: Earlier::Variable(v), .. }) => {
            Step::Lag(Lag { earlier: Earlier::Variable(inferred(v)), ..lag.clone() })
        }
        other => other.clone(),
    };
    steps.iter().map(one).collect()
}

fn inferred(v: &Variable) -> Variable {
    match v.is_local_where_missing() {
        true => Variable { role: Role::Local, ..v.clone() },
        false => v.clone(),
    }
}

impl Variable {
    /// Tells whether it is summed out where it is missing.
    pub fn is_summed_where_missing(&self) -> bool {
        self.missing == Missing::SummedOut
    }

    /// Tells whether it is an observation that others depend on where it is missing, so that it is a local there.
    pub fn is_local_where_missing(&self) -> bool {
        self.is_inferred() || self.is_summed_where_missing()
    }
}
