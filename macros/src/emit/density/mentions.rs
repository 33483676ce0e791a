//! Which names the code of a plate uses, and their values on its scalar.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Expr;

use super::scope::Scope;
use crate::ast::{Role, Size};
use crate::definition::Definition;
use crate::emit::index::{gathered, picked};
use crate::names::{bound, identifiers, plain_indices};
use crate::tree::{Plate, Step, Tree, all_plates};

/// Lists the expressions of a step that the density runs, without those of the steps inside a plate. A covariate's distribution
/// is for the simulator alone.
fn step_expressions(step: &Step) -> Vec<&Expr> {
    match step {
        Step::Variable(v) if v.role == Role::Given => Vec::new(),
        Step::Variable(v) => v.definition.as_ref().map_or(Vec::new(), Definition::expressions),
        Step::Let { expr, .. } | Step::Factor(expr) => vec![expr],
        Step::Lag(lag) => lag.initial().into_iter().collect(),
        Step::Plate(p) => match &p.size {
            Size::Random(_, size) => vec![size],
            _ => Vec::new(),
        },
    }
}

/// Lists the expressions of a plate and of all plates inside it that are in the data.
fn plate_expressions(plate: &Plate) -> Vec<&Expr> {
    let inner = plate.plates().filter(|p| p.in_data).flat_map(plate_expressions);
    plate.steps.iter().flat_map(step_expressions).chain(inner).collect()
}

/// Lists the names in `exprs` that are declared outside plates, or in a plate that is `visible`, each once.
fn visible_names<'e>(
    tree: &Tree,
    exprs: impl IntoIterator<Item = &'e Expr>,
    visible: impl Fn(&String) -> bool,
) -> Vec<Ident> {
    let mut names: Vec<Ident> = Vec::new();
    for name in exprs.into_iter().flat_map(identifiers) {
        let symbol = tree.symbols.get(&name.to_string());
        if symbol.is_some_and(|s| s.plate.as_ref().is_none_or(&visible)) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Lists the names declared outside plates that the elements of `plate`, and of those inside it, use.
pub fn names_from_outside(tree: &Tree, plate: &Plate) -> Vec<Ident> {
    visible_names(tree, plate_expressions(plate), |_| false)
}

fn bound_names(step: &Step) -> Vec<Ident> {
    match step {
        Step::Variable(v) => vec![v.name.clone()],
        Step::Let { pat, .. } => bound(pat),
        Step::Lag(lag) => vec![lag.local.clone()],
        Step::Factor(_) | Step::Plate(_) => Vec::new(),
    }
}

/// Tells whether the elements of `plate`, or of one inside it, use the variable `name` other than to read by it as an index.
pub fn mentioned_plainly(tree: &Tree, plate: &Plate, name: &Ident) -> bool {
    let plainly = |expr: &Expr| {
        let is_read =
            |values: &Ident| gathered(plate, values, name).is_some() || picked(tree, plate, values, name).is_some();
        let all = identifiers(expr).iter().filter(|i| *i == name).count();
        let by_index = plain_indices(expr).iter().filter(|(values, at)| at == name && is_read(values)).count();
        all > by_index
    };
    plate.steps.iter().flat_map(step_expressions).any(plainly)
        || plate.plates().any(|p| mentioned_plainly(tree, p, name))
}

impl Scope<'_> {
    /// Binds the names from outside that the elements of `plate` use, as values of the scalar here, which is that of an element.
    /// `slots` are those of the code around, of the scope `outer`.
    pub fn promotions(&self, plate: &Plate, outer: &Scope, slots: &TokenStream) -> TokenStream {
        let inside: Vec<String> =
            std::iter::once(plate).chain(all_plates(&plate.steps)).map(|p| p.name.to_string()).collect();
        let visible = |p: &String| outer.path.contains(p) && !inside.contains(p);
        self.promote(&visible_names(self.tree, plate_expressions(plate), visible), slots)
    }

    /// Binds the names that the `steps` to be summed over use and do not bind themselves, as values of the scalar here.
    pub fn promotions_of_summed(&self, steps: &[&Step]) -> TokenStream {
        let exprs = steps.iter().flat_map(|s| match s {
            Step::Plate(p) => plate_expressions(p),
            other => step_expressions(other),
        });
        let mut names = visible_names(self.tree, exprs, |p| self.path.contains(p));
        // What is bound among the steps, and data bound there, is bound again in each pass.
        let bound: Vec<Ident> = steps.iter().flat_map(|s| bound_names(s)).collect();
        names.retain(|n| !bound.contains(n));
        if let Some(plate) = self.plate {
            names.retain(|n| {
                let own = plate.variables().find(|v| v.name == *n);
                own.is_none_or(|v| !v.in_data() || !v.kind.structural() || mentioned_plainly(self.tree, plate, n))
            });
        }
        self.promote(&names, &quote!(&[]))
    }

    fn promote(&self, names: &[Ident], slots: &TokenStream) -> TokenStream {
        let scalar = self.scalar();
        names
            .iter()
            .map(|name| quote!(let #name = ::hierarch::__private::Promote::<#scalar>::promote(&#name, #slots);))
            .collect()
    }
}
